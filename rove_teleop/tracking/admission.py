"""What was not there when the operator engaged does not drive before they engage anew."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from ..types import SIDES, HandFrame, OperatorFrame, Side

_HEAD = "head"


class Admission:
    """Hides the parts of an operator that come into view while they drive: nothing starts to move by itself.

    A hand whose fingers come late keeps its wrist, and the other way round. ``hidden`` counts them by name.
    """

    def __init__(self) -> None:
        self.hidden: Counter[str] = Counter()
        self.trouble: str | None = None
        self._admitted: frozenset[str] = frozenset()

    def admit(self, frame: OperatorFrame, driving: bool) -> OperatorFrame:
        """The frame with the parts that may drive; all of them as long as the operator does not."""
        tracked = _parts(frame)
        if not driving:
            self._admitted, self.trouble = tracked, None
            return frame
        late = tracked - self._admitted
        if not late:
            return frame
        self.hidden.update(f"{part}_late" for part in late)
        self.trouble = f"{_words(late)} came into view after the takeover: take over again to use it"
        left, right = (_without(frame.hand(side), side, late) for side in SIDES)
        head = None if _HEAD in late else frame.T_world_head
        return replace(frame, left=left, right=right, T_world_head=head)


def _parts(frame: OperatorFrame) -> frozenset[str]:
    tracked = [] if frame.T_world_head is None else [_HEAD]
    for side in SIDES:
        hand = frame.hand(side)
        tracked += [] if hand.T_world_wrist is None else [f"{side}_wrist"]
        tracked += [] if hand.points_m is None else [f"{side}_fingers"]
    return frozenset(tracked)


def _without(hand: HandFrame, side: Side, late: frozenset[str]) -> HandFrame:
    if f"{side}_wrist" in late:
        hand = replace(hand, T_world_wrist=None, elbow_m=None)
    return replace(hand, points_m=None) if f"{side}_fingers" in late else hand


def _words(late: frozenset[str]) -> str:
    hands = [side for side in SIDES if any(part.startswith(side) for part in late)]
    return " and ".join([*(f"the {side} hand" for side in hands), *(["the head"] if _HEAD in late else [])])
