import json

import numpy as np
import pytest

from rove_teleop.errors import CalibrationFailed, CheckpointInvalid
from rove_teleop.failure.calibration import load_calibration, save_calibration
from rove_teleop.failure.streams import StreamRecorder
from rove_teleop.failure.streams_file import load_streams, save_streams
from rove_teleop.failure_calibration.calibrate import calibrate, split
from rove_teleop.failure_calibration.files import find_calibration, load_calibration_of, policy_hash
from rove_teleop.failure_calibration.report import allowed_false_alarms, report
from rove_teleop.training import failure_networks as networks
from rove_teleop.types import ActionChunk

# Whole files, folders or sockets: too long for the first minute.
pytestmark = pytest.mark.integration


def episode(number, success):
    """A task that gets done in 4 s, or gets stuck half way and is given up after 8 s."""
    rng = np.random.default_rng(number)
    pace, stuck = rng.uniform(0.2, 0.3), 1.0 if success else rng.uniform(0.3, 0.7)
    recorder = StreamRecorder(str(number))
    recorder.begin(0.0)
    end_s = 1.0 / pace if success else 8.0
    for tick in range(int(end_s / 0.05)):
        now_s = 0.05 * tick
        done = min(pace * now_s, stuck)
        recorder.progress(now_s, done)
        recorder.commanded(now_s, np.array([done, 0.1]))
        if tick % 8 == 0:
            recorder.embedding(now_s, np.array([done, rng.normal(), 1.0]))
            offset_s = 0.05 * np.arange(1, 17)
            plan = np.repeat(done + 0.1 * offset_s[:, None], 2, axis=1) + rng.normal(0.0, 0.01, (16, 2))
            recorder.chunk(now_s, ActionChunk(now_s, offset_s, np.array([0, 1]), plan))
    return recorder.finish(success, end_s, "" if success else "stuck")


@pytest.fixture(scope="module", autouse=True)
def quick():
    """A few steps are enough for a task of one number."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("train_done", "train_novelty", "train_flow_novelty", "train_probe"):
            slow = getattr(networks, name)
            patch.setattr(networks, name, lambda *a, slow=slow, **k: slow(*a, **k, steps=60))
        yield


@pytest.fixture(scope="module")
def rounds():
    return [episode(k, k % 2 == 0) for k in range(52)], [episode(100 + k, k % 2 == 0) for k in range(40)]


@pytest.fixture(scope="module")
def calibration(rounds):
    return calibrate(rounds[0], "0123456789abcdef", "test", alpha=0.1)


def test_failures_are_found_early_and_the_promise_is_kept(rounds, calibration):
    result = report(rounds[1], calibration)
    decisive = next(item for item in result.figures if item.detector == result.decides)
    assert decisive.auroc > 0.9 and decisive.true_alarms.value > 0.8 and decisive.lead_share > 0.1
    assert result.kept and json.dumps(result.to_json(), allow_nan=False)


def test_what_teaches_the_detectors_never_sets_their_thresholds(rounds):
    fitting, kept = split(rounds[0])
    assert not {item.name for item in fitting} & {item.name for item in kept}
    assert {item.success for item in fitting} == {True, False} and all(item.success for item in kept)
    assert len(kept) == 13 and len(fitting) + len(kept) == len(rounds[0])


def test_too_few_successes_are_refused_before_anything_is_trained(rounds):
    with pytest.raises(
        CalibrationFailed, match="0.05 needs at least 19 .* 13 allow alpha 0.071 .* as many again teach"
    ):
        calibrate(rounds[0], "x", "test", alpha=0.05)
    with pytest.raises(CalibrationFailed, match="there are none"):
        calibrate([item for item in rounds[0] if not item.success], "x", "test")
    with pytest.raises(CalibrationFailed, match="4 are too few .* 10 successful episodes are enough for alpha 0.5"):
        calibrate([item for item in rounds[0] if item.success][:9], "x", "test", alpha=0.5)


def test_a_calibration_comes_back_from_disk_as_it_was_and_damage_is_one_sentence(tmp_path, calibration):
    path = tmp_path / "calibration" / "some.json"
    save_calibration(path, calibration)
    back = load_calibration(path)
    assert (back.thresholds, back.combinations, back.calm) == (
        calibration.thresholds, calibration.combinations, calibration.calm
    )  # fmt: skip
    assert all(np.array_equal(back.tensors[key], value) for key, value in calibration.tensors.items())
    text = path.read_text()
    for broken in (text.replace('"mode": "any"', '"mode": "some"'), text.replace('"spread": ', '"spread": -'), "{}"):
        path.write_text(broken)
        with pytest.raises(CheckpointInvalid, match="is not a calibration"):
            load_calibration(path)
    path.write_text(text)
    path.with_suffix(".safetensors").write_bytes(b"other")
    with pytest.raises(CheckpointInvalid, match="are not those it was made with"):
        load_calibration(path)


def test_it_belongs_to_one_version_of_a_policy(tmp_path, calibration):
    policy = tmp_path / "policy.safetensors"
    policy.write_bytes(b"weights")
    path = tmp_path / "calibration" / f"{policy_hash(str(policy))}.json"
    assert find_calibration(str(policy), tmp_path / "dataset") is None
    save_calibration(path, calibration)
    assert find_calibration(str(policy), tmp_path / "dataset") == path
    with pytest.raises(CheckpointInvalid, match="calibrate again"):
        load_calibration_of(path, str(policy))


def test_without_failures_there_is_no_probe(rounds):
    good = calibrate([item for item in rounds[0] if item.success], "x", "test", time_varying=True)
    assert good.decides == "together" and "probe" not in good.combinations["together"].members
    assert not any(key.startswith("probe") for key in good.tensors)


def test_streams_come_back_from_their_file(tmp_path, rounds):
    save_streams(tmp_path / "some.npz", rounds[0][:3])
    back = load_streams(tmp_path / "some.npz")
    assert [item.name for item in back] == ["0", "1", "2"] and back[1].failure == "stuck" and not back[1].success
    assert np.array_equal(back[2].q_rad, rounds[0][2].q_rad)


def test_the_range_of_false_alarms_that_a_promise_leads_to():
    assert allowed_false_alarms(0.1, 10**6, 100) == (5, 16)
    low, high = allowed_false_alarms(0.1, 19, 100)
    assert low < 5 and high > 16
