"""A correction of one second is 250 rows in the sealed episode: control's loop, its sender, and the real recorder."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest
import zarr

from rove_teleop.control.tick_row import TickRow
from rove_teleop.episodes.record.row_sender import RowSender
from rove_teleop.handover.states import EPISODE_STATES, Signal
from rove_teleop.sessions.session import SessionOptions, episode_attributes
from rove_teleop.sim.tasks import make_task
from rove_teleop.types import Phase

from ..test_control_loop import ROBOT, Rig
from .recorder_process import RecorderProcess

pytestmark = [pytest.mark.integration, pytest.mark.timeout(60)]


class Recorded(Rig):
    """The loop's rig with its rows sent as ``nodes/control_reports.py`` sends them."""

    def __init__(self, socket: Path, **options: object) -> None:
        super().__init__(**options)
        self.sender = RowSender(socket)
        self.worst_s = 0.0
        self._row = TickRow(ROBOT.joint_count, len(ROBOT.groups))
        self._number = 0

    def tick(self, ticks: int = 1):
        for _ in range(ticks):
            result = super().tick()
            if result.state in EPISODE_STATES:
                self.sender.row(self._row.pack(result, 1, self._number, 0.0))
                self._number += 1
            for event in result.events:
                self.sender.event(event)
            begin_s = time.thread_time()
            self.sender.flush()
            self.worst_s = max(self.worst_s, time.thread_time() - begin_s)
            while self.sender.waiting > 200:  # virtual time is faster than a recorder has to be
                time.sleep(0.001)
                self.sender.flush()
        return result


@pytest.mark.parametrize("takeover", ["anchored", "blend"])
def test_one_second_of_correction_is_250_rows(tmp_path: Path, takeover: str) -> None:
    recorder = RecorderProcess(tmp_path / "data", tmp_path / "rows.sock")
    try:
        recorder.answer()
        options = SessionOptions(tmp_path / "data", takeover=takeover, protocol="hand_back", cameras=())
        attributes = episode_attributes(options, ROBOT, make_task("toaster"), "test", 0)
        recorder.ask({"begin": attributes})
        rig = Recorded(tmp_path / "rows.sock", seed=31, takeover=takeover, protocol="hand_back")
        rig.started()
        for _ in range(2):
            if takeover == "anchored":
                assert rig.ask(Signal.PAUSE) is None
                rig.tick(125)
            assert rig.ask(Signal.TAKE_OVER) is None
            rig.tick(250)
            assert rig.ask(Signal.GIVE_BACK) is None
            rig.tick(500)
        assert rig.ask(Signal.SUCCESS) is None
        rig.tick(2)
        while rig.sender.waiting:
            rig.sender.flush()
        sealed = recorder.ask({"end": {"outcome": "success"}})
        rig.sender.close()
    finally:
        recorder.end()
    assert sealed["lost"] == rig.sender.dropped == 0
    assert rig.worst_s < 0.01, "sending never waits"
    group = zarr.open_group(sealed["sealed"], mode="r")
    human = group["control/phase"][:] == Phase.ADAPTATION
    assert np.all(np.diff(group["control/tick"][:].astype(int)) == 1)
    runs = np.diff(np.flatnonzero(np.diff(np.r_[0, human.astype(int), 0])))[::2]
    assert runs.tolist() == [250, 250], "each correction has its full number of rows"
    assert np.isfinite(group["control/q_policy_rad"][:][human]).all(), "with what the policy would have done"
    kinds = group["events/kind"][:].view(f"S{group['events/kind'].shape[1]}")[:, 0].tolist()
    details = group["events/detail"][:].view(f"S{group['events/detail'].shape[1]}")[:, 0].tolist()
    told = [json.loads(detail) for kind, detail in zip(kinds, details, strict=True) if kind == b"disagreement"]
    assert [item["seconds"] for item in told] == [1.0, 1.0]
