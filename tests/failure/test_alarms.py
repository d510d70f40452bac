import json

from rove_teleop.failure.alarms import Advice, Alarms
from rove_teleop.failure.no_progress import NoProgress


def made(now_s=0.0):
    alarms = Alarms(NoProgress(patience_s=2.0))
    alarms.begin(now_s)
    return alarms


def test_the_timeout_arises_once_and_goes_with_progress():
    alarms = made()
    rises = []
    for now_s, progress in ((0.0, 0.1), (1.0, 0.1), (2.1, 0.1), (2.2, 0.1), (2.3, 0.5), (2.4, 0.5)):
        alarms.on_progress(now_s, progress, policy_drives=True)
        rises.append(alarms.look(now_s, policy_drives=True))
    assert rises == [False, False, True, False, False, False]
    assert alarms.sentence is None


def test_advice_counts_while_it_is_fresh_and_while_the_policy_drives():
    alarms = made()
    alarms.advise(1.0, Advice("look", 0.5))
    assert alarms.look(1.0, policy_drives=True) and alarms.sentence == "look"
    assert not alarms.look(1.1, policy_drives=False) and alarms.sentence is None
    assert alarms.look(1.2, policy_drives=True)
    alarms.look(9.0, policy_drives=True)
    assert alarms.sentence is None


def test_a_calibrated_monitor_decides_alone_as_long_as_it_speaks():
    alarms = made()
    alarms.on_progress(0.0, 0.1, policy_drives=True)
    alarms.on_progress(5.0, 0.1, policy_drives=True)
    alarms.advise(5.0, Advice(None, calibrated=True))
    assert not alarms.look(5.0, policy_drives=True) and alarms.no_progress.alarm is not None
    alarms.advise(5.1, Advice("late", calibrated=True))
    assert alarms.look(5.1, policy_drives=True) and alarms.sentence == "late"
    assert not alarms.look(9.0, policy_drives=True) and alarms.sentence == alarms.no_progress.alarm


def test_the_preroll_begins_where_the_score_was_elevated_or_some_seconds_before_and_never_before_the_episode():
    alarms = made(100.0)
    alarms.advise(110.0, Advice(None, 3.0))
    seen = json.loads(alarms.preroll(110.0, "trigger").detail)
    assert (seen["since_s"], seen["seconds"], seen["elevated"]) == (107.0, 3.0, True)
    unseen = json.loads(alarms.preroll(130.0, "alarm").detail)
    assert (unseen["seconds"], unseen["elevated"]) == (5.0, False)
    assert json.loads(made(100.0).preroll(102.0, "alarm").detail)["since_s"] == 100.0
