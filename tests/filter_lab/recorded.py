"""Episodes and streams for the lab: the control loop's rig, recorded as a session does; noisy motion in a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rove_teleop.control.path_config import PathConfig
from rove_teleop.episodes.dataset import Dataset
from rove_teleop.episodes.record.recording import EpisodeRecording
from rove_teleop.handover.states import Signal
from rove_teleop.sessions.session import SessionOptions, episode_attributes
from rove_teleop.sim.tasks import make_task

from .test_replay import ROBOT, started


def record_episode(
    root: Path,
    seed: int,
    path: PathConfig | None = None,
    slow_down: tuple[float, ...] = (),
    hand_speed_m_s: float = 0.0,
) -> tuple[Path, list]:
    """A sealed episode in the dataset ``root`` with takeovers and returns, and the events of its loop.

    ``slow_down``: shares of the velocity limits that are set after each of the two takeovers, by somebody in a hurry.
    ``hand_speed_m_s``: a cap on the hands' speed, from soon after the start.
    """
    config = path or PathConfig()
    rig = started(seed, path=config)
    rig.events.clear()
    if slow_down:
        rig.frequency *= 4
    for k in range(2):
        rig.tick(50)
        rig.loop.limit_hands(hand_speed_m_s, [], rig.now_s)
        rig.tick(200)
        assert rig.ask(Signal.TAKE_OVER) is None
        rig.tick(250)
        if slow_down:
            assert rig.loop.scale_speed(slow_down[k], rig.now_s) is None
        rig.tick(250)
        assert rig.ask(Signal.GIVE_BACK) is None
        rig.tick(350)
    Dataset.create(root)
    options = SessionOptions(dataset=root, takeover="blend", protocol="hand_back")
    attributes = episode_attributes(options, ROBOT, make_task("toaster"), "test", seed)
    recording = EpisodeRecording(root, {**attributes, "path": config.as_dict(), "cameras": []}, min_free_bytes=0)
    for row in rig.rows:
        recording.control_row(row)
    for event in rig.events:
        recording.event(event)
    return recording.seal("success", last_tick=len(rig.rows) - 1), rig.events


def record_stream(file: Path, seconds: float = 24.0, noise_rad: float = 1e-3, turns: bool = True) -> Path:
    """72 targets a second: slow waves and noise, from policy and operator in turns of four seconds or from one."""
    rng = np.random.default_rng(5)
    stamp_s = 5.0 + np.arange(0.0, seconds, 1.0 / 72.0)
    wave = 0.2 * np.sin(np.outer(stamp_s, rng.uniform(0.5, 2.0, ROBOT.joint_count)) + rng.uniform(0, 6, 50))
    q_rad = np.clip(ROBOT.home_rad + wave, ROBOT.q_min_rad, ROBOT.q_max_rad)
    q_rad = q_rad + rng.normal(0.0, noise_rad, wave.shape)
    source = np.where((stamp_s // 4.0 % 2 == 0) | (not turns), "operator", "policy")
    np.savez(file, joint_names=np.array(ROBOT.joint_names), stamp_s=stamp_s, q_rad=q_rad, source=source)
    return file


def handed_over(events: list) -> list[str]:
    """Details of the scorecards that the loop logged."""
    return [event.detail for event in events if event.kind == "handover"]
