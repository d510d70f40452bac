"""Time that is not the machine's: an episode in virtual time is made from a seed, and could be made again."""

from __future__ import annotations

import re

from ...errors import DatasetInvalid

_ID = re.compile(r"00000000-\d{6}-\d{6}")


class VirtualClock:
    """Names the episode and tells its time, so that the same seed gives the same bytes on any machine.

    ``episode_id`` has the form of every id without a date: ``00000000-<group>-<number>``. Whoever records sets
    ``now_s``, seconds since the episode's beginning, before it is sealed. Nothing waits for the disk: what a power cut
    takes can be made again.

    Raises:
        DatasetInvalid: an id of another form.
    """

    def __init__(self, episode_id: str) -> None:
        if not _ID.fullmatch(episode_id):
            raise DatasetInvalid(f"'{episode_id}' is no id of an episode in virtual time (00000000-000001-000042)")
        self.id = episode_id
        self.now_s = 0.0

    def stamp(self) -> dict[str, object]:
        """What ``dataset.clock_now`` says of a real clock; no boot counts this one."""
        return {"monotonic_s": self.now_s, "wall_time_s": self.now_s, "boot_id": ""}


def virtual_id(group: int, number: int) -> str:
    """The id of episode ``number`` of a group (0: demonstrations, 1 + k: what round k collected)."""
    return f"00000000-{group:06d}-{number:06d}"
