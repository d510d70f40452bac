"""What a virtual episode leaves on disk is what a session would have left: every checker and reader takes it."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from rove_teleop.episodes.check.verify import verify_dataset
from rove_teleop.episodes.dataset import Dataset
from rove_teleop.episodes.read import open_episode
from rove_teleop.episodes.record.virtual_clock import VirtualClock, virtual_id
from rove_teleop.errors import DatasetInvalid
from rove_teleop.failure.detectors import build_detectors
from rove_teleop.failure.monitor import FailureMonitor
from rove_teleop.handover.states import Signal
from rove_teleop.labelling.label import label_dataset
from rove_teleop.operators.chain import OperatorChain
from rove_teleop.policy.protocol import Plan
from rove_teleop.robots.description import load_robot
from rove_teleop.rounds.recorder import About, EpisodeRecorder, virtual_attributes
from rove_teleop.sim.operator import SimulatedOperator
from rove_teleop.sim.skills import skill_of
from rove_teleop.sim.world import World
from rove_teleop.types import TRUE_STATE_EVENT, Phase
from rove_teleop.virtual_time.rollout import Timing, live_loop, run_episode

ROBOT = load_robot("iron_r01")
EXPERT = replace(skill_of("expert"), hesitation_s=(0.3, 0.3))


@dataclass
class Hasty:
    """Pauses, takes over, says recovered and ends at fixed times: the shortest intervention that has every part."""

    end_s: float = 3.2

    def begin(self):
        pass

    def look(self, now_s, view):
        if now_s >= self.end_s:
            return Signal.FAILURE
        if view.state == "autonomous" and now_s >= 0.6:
            return Signal.PAUSE
        if view.state in ("paused", "hold"):
            return Signal.TAKE_OVER
        return Signal.RECOVERED if view.state == "adaptation" and now_s >= 2.8 else None


def stay(measured_rad, commanded_rad, task):
    arm = np.asarray(ROBOT.groups["right_arm"])
    offset_s = np.linspace(0.05, 0.8, 16)
    return Plan(offset_s, arm, commanded_rad[arm] + 0.05 * offset_s[:, None], embedding=np.ones(3), value=-1.0)


@pytest.fixture(scope="module")
def world():
    return World(ROBOT, "toaster")


def begin(root, world, number=0, monitor=None):
    loop = live_loop(ROBOT)
    attributes = virtual_attributes(ROBOT, world.task, About(7, "round-0", "expert", more={"form": "in_hand"}))
    return loop, EpisodeRecorder(root, virtual_id(1, number), attributes, loop, monitor)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory, world):
    """One intervention, sealed."""
    root = tmp_path_factory.mktemp("virtual") / "dataset"
    Dataset.create(root)
    loop, recorder = begin(root, world, monitor=FailureMonitor(build_detectors({})))
    operator = SimulatedOperator(ROBOT, "toaster", world.feature_names, EXPERT, seed=7)
    person = recorder.person(operator, OperatorChain(ROBOT, "anchored"))
    result = run_episode(world, loop, 7, stay, person, Hasty(), Timing(), recorder, monitor=recorder)
    return root, recorder.seal(result, {"result": {"takeovers": recorder.takeovers}}), result


def test_verify_finds_nothing_and_labels_are_proposed(recorded):
    root, _, _ = recorded
    report = verify_dataset(root)
    assert report.exit_code == 0, report
    (labelled,) = label_dataset(root)
    assert not labelled.refused
    (boundary,) = labelled.boundaries
    assert boundary.recovery is not None
    assert boundary.true_t_r_s is not None


def test_it_says_what_a_session_says(recorded):
    _, path, result = recorded
    episode = open_episode(path)
    about = episode.attributes
    assert (about["id"], about["clock"], about["status"]) == ("00000000-000001-000000", "virtual", "complete")
    assert (about["outcome"], about["policy_id"], about["seed"], about["operator"]) == (
        "failure", "round-0", 7, "simulated",
    )  # fmt: skip
    assert about["result"]["takeovers"] == 1
    assert about["clocks"]["end"]["monotonic_s"] == result.duration_s
    assert about["rows"] == round(result.duration_s / ROBOT.dt_s)


def test_every_stream_is_there(recorded):
    _, path, result = recorded
    episode = open_episode(path)
    phase = episode["control/phase"][:]
    assert set(np.unique(phase)) == {Phase.AUTONOMOUS, Phase.ADAPTATION, Phase.RECOVERY, Phase.PAUSED}
    assert len(episode["tracking/receive_s"]) == pytest.approx(72 * result.duration_s, abs=2)
    assert len(episode["task/stamp_s"]) == pytest.approx(50 * result.duration_s, abs=2)
    assert len(episode["policy/receive_s"]) >= 6
    detectors = {row.tobytes().rstrip(b"\0").decode() for row in episode["failure/detector"]}
    assert {"no_progress", "stalled"} <= detectors
    kinds = [event.kind for event in episode.events()]
    assert {"state", "handover", "disagreement", "preroll"} <= set(kinds)
    states = [event.detail for event in episode.events() if event.kind == TRUE_STATE_EVENT]
    assert states[:3] == ["watching", "adapting", "correcting"]
    assert [event.detail for event in episode.events() if event.kind == "state"][-1].startswith("recovery -> done")


def test_a_sealed_episode_is_not_made_twice_and_an_attempt_leaves_nothing(recorded, world):
    root, path, _ = recorded
    with pytest.raises(DatasetInvalid, match="000001-000000 is there already"):
        begin(root, world)
    _, first = begin(root, world, number=1)
    del first  # as a killed process leaves it
    _, again = begin(root, world, number=1)
    again.discard()
    assert not list((root / "recording").iterdir())
    assert [item.name for item in Dataset.open(root).episodes()] == [path.name]


def test_an_id_has_no_date():
    with pytest.raises(DatasetInvalid, match="20261123-000000-000001"):
        VirtualClock("20261123-000000-000001")
