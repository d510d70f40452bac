import json

import numpy as np

from rove_teleop.handover.disagreement import Disagreement

GROUPS = {"arm": np.array([0, 1]), "hand": np.array([2])}


def test_rms_per_group_of_the_joints_that_the_person_drives_and_both_speak_of():
    both = Disagreement(GROUPS, 0.004)
    assert both.summary() is None
    both.add(np.array([True, True, False]), np.array([0.3, 0.0, 9.0]), np.array([0.0, 0.4, 0.0]))
    both.add(np.array([True, True, True]), np.array([np.nan, 0.0, 1.0]), np.array([0.0, 0.0, np.nan]))
    assert both.rms_rad == {"arm": np.sqrt((0.09 + 0.16 + 0.0) / 3)}
    said = json.loads(both.summary())
    assert said == {"seconds": 0.008, "rms_rad": both.rms_rad}
    both.begin()
    assert both.rms_rad == {}
