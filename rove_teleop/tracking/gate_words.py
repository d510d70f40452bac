"""The gate's reasons in words that an operator understands at once."""

from __future__ import annotations

from ..types import SIDES

_ADVICE = "let go and take over again"
_FRAME = {
    "stale": "the frames arrive too late",
    "gap": "no frames came for a while",
    "clock_went_back": "this computer's clock went back",
    "restarted": "the tracking device started again",
    "recentered": "the tracking device moved its origin",
    "hands_swapped": "left and right hand changed places",
    "head_lost": "the head is not tracked any more",
    "head_jump": "the head jumped",
    "head_not_rigid": "the pose of the head is not a pose",
}
_HAND = {
    "hand_lost": "the {side} hand is not tracked any more",
    "wrist_jump": "the {side} hand jumped",
    "frozen": "the {side} hand is frozen: the device sends the same pose again and again",
    "changed_size": "the {side} hand changed its size",
    "mirrored": "the {side} hand looks like one of the other side",
    "wrist_not_rigid": "the pose of the {side} wrist is not a pose",
    "wrist_too_far": "the {side} wrist is out of the room",
    "points_not_plausible": "the fingers of the {side} hand are not where fingers can be",
    "size_not_possible": "the {side} hand has a size no hand has",
}
SENTENCES = {reason: f"{text}: {_ADVICE}" for reason, text in _FRAME.items()} | {
    f"{side}_{reason}": f"{text.format(side=side)}: {_ADVICE}" for reason, text in _HAND.items() for side in SIDES
}
"""One sentence for every reason that ends an engagement, by the reason's name in ``FrameGate.rejected``."""
