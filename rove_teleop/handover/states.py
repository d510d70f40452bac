"""The states of an episode and the one table that says how they follow each other."""

from __future__ import annotations

from enum import IntEnum, StrEnum

from ..types import Phase


class State(IntEnum):
    """Stored in episodes per tick; the numbers never change."""

    IDLE = 0
    AUTONOMOUS = 1
    PAUSED = 2
    ADAPTATION = 3
    RECOVERY = 4
    RETURNING = 5
    DONE = 6
    HOLD = 7
    FAULT = 8
    REWINDING = 9


class Signal(StrEnum):
    """Everything that can move the table: people's requests first, then what the loop itself notices."""

    START = "start"
    PAUSE = "pause"
    TAKE_OVER = "take_over"
    RECOVERED = "recovered"
    GIVE_BACK = "give_back"
    REWIND = "rewind"
    SUCCESS = "success"
    FAILURE = "failure"
    DISCARD = "discard"
    STOP = "stop"
    ACKNOWLEDGE = "acknowledge"

    RETURNED = "returned"
    REWOUND = "rewound"
    POLICY_LOST = "policy_lost"
    OPERATOR_LOST = "operator_lost"
    ROBOT_LOST = "robot_lost"
    CHECK_FAILED = "check_failed"
    HANDS_LIMITED = "hands_limited"


REQUESTS: tuple[Signal, ...] = (
    Signal.START,
    Signal.PAUSE,
    Signal.TAKE_OVER,
    Signal.RECOVERED,
    Signal.GIVE_BACK,
    Signal.REWIND,
    Signal.SUCCESS,
    Signal.FAILURE,
    Signal.DISCARD,
    Signal.STOP,
    Signal.ACKNOWLEDGE,
)
OUTCOMES: tuple[Signal, ...] = (Signal.SUCCESS, Signal.FAILURE, Signal.DISCARD)

REASON_OF_REQUEST: dict[Signal, str] = {
    Signal.START: "the episode was started",
    Signal.PAUSE: "paused on request",
    Signal.TAKE_OVER: "the operator took over",
    Signal.RECOVERED: "the operator has recovered and goes on with the task",
    Signal.GIVE_BACK: "the operator gave back to the policy",
    Signal.REWIND: "the robot walks back along its own path",
    Signal.SUCCESS: "the episode ended: success",
    Signal.FAILURE: "the episode ended: failure",
    Signal.DISCARD: "the episode was discarded",
    Signal.STOP: "stopped on request",
    Signal.ACKNOWLEDGE: "the fault was acknowledged; holding until someone goes on",
}
"""What people read as the reason of a state that was asked for."""

TRANSITIONS: dict[tuple[State, Signal], State] = {
    (State.IDLE, Signal.START): State.AUTONOMOUS,
    (State.IDLE, Signal.STOP): State.IDLE,
    #
    (State.AUTONOMOUS, Signal.PAUSE): State.PAUSED,
    (State.AUTONOMOUS, Signal.TAKE_OVER): State.ADAPTATION,
    (State.AUTONOMOUS, Signal.SUCCESS): State.DONE,
    (State.AUTONOMOUS, Signal.FAILURE): State.DONE,
    (State.AUTONOMOUS, Signal.DISCARD): State.DONE,
    (State.AUTONOMOUS, Signal.STOP): State.HOLD,
    (State.AUTONOMOUS, Signal.POLICY_LOST): State.HOLD,
    (State.AUTONOMOUS, Signal.HANDS_LIMITED): State.HOLD,
    (State.AUTONOMOUS, Signal.ROBOT_LOST): State.FAULT,
    (State.AUTONOMOUS, Signal.CHECK_FAILED): State.FAULT,
    #
    (State.PAUSED, Signal.TAKE_OVER): State.ADAPTATION,
    (State.PAUSED, Signal.GIVE_BACK): State.RETURNING,
    (State.PAUSED, Signal.REWIND): State.REWINDING,
    (State.PAUSED, Signal.SUCCESS): State.DONE,
    (State.PAUSED, Signal.FAILURE): State.DONE,
    (State.PAUSED, Signal.DISCARD): State.DONE,
    (State.PAUSED, Signal.STOP): State.HOLD,
    (State.PAUSED, Signal.ROBOT_LOST): State.FAULT,
    (State.PAUSED, Signal.CHECK_FAILED): State.FAULT,
    #
    (State.ADAPTATION, Signal.RECOVERED): State.RECOVERY,
    (State.ADAPTATION, Signal.PAUSE): State.PAUSED,
    (State.ADAPTATION, Signal.GIVE_BACK): State.RETURNING,
    (State.ADAPTATION, Signal.SUCCESS): State.DONE,
    (State.ADAPTATION, Signal.FAILURE): State.DONE,
    (State.ADAPTATION, Signal.DISCARD): State.DONE,
    (State.ADAPTATION, Signal.STOP): State.HOLD,
    (State.ADAPTATION, Signal.OPERATOR_LOST): State.HOLD,
    (State.ADAPTATION, Signal.HANDS_LIMITED): State.HOLD,
    (State.ADAPTATION, Signal.ROBOT_LOST): State.FAULT,
    (State.ADAPTATION, Signal.CHECK_FAILED): State.FAULT,
    #
    (State.RECOVERY, Signal.PAUSE): State.PAUSED,
    (State.RECOVERY, Signal.GIVE_BACK): State.RETURNING,
    (State.RECOVERY, Signal.SUCCESS): State.DONE,
    (State.RECOVERY, Signal.FAILURE): State.DONE,
    (State.RECOVERY, Signal.DISCARD): State.DONE,
    (State.RECOVERY, Signal.STOP): State.HOLD,
    (State.RECOVERY, Signal.OPERATOR_LOST): State.HOLD,
    (State.RECOVERY, Signal.HANDS_LIMITED): State.HOLD,
    (State.RECOVERY, Signal.ROBOT_LOST): State.FAULT,
    (State.RECOVERY, Signal.CHECK_FAILED): State.FAULT,
    #
    (State.RETURNING, Signal.RETURNED): State.AUTONOMOUS,
    (State.RETURNING, Signal.PAUSE): State.PAUSED,
    (State.RETURNING, Signal.TAKE_OVER): State.ADAPTATION,
    (State.RETURNING, Signal.SUCCESS): State.DONE,
    (State.RETURNING, Signal.FAILURE): State.DONE,
    (State.RETURNING, Signal.DISCARD): State.DONE,
    (State.RETURNING, Signal.STOP): State.HOLD,
    (State.RETURNING, Signal.POLICY_LOST): State.HOLD,
    (State.RETURNING, Signal.HANDS_LIMITED): State.HOLD,
    (State.RETURNING, Signal.ROBOT_LOST): State.FAULT,
    (State.RETURNING, Signal.CHECK_FAILED): State.FAULT,
    #
    (State.REWINDING, Signal.REWOUND): State.PAUSED,
    (State.REWINDING, Signal.PAUSE): State.PAUSED,
    (State.REWINDING, Signal.SUCCESS): State.DONE,
    (State.REWINDING, Signal.FAILURE): State.DONE,
    (State.REWINDING, Signal.DISCARD): State.DONE,
    (State.REWINDING, Signal.STOP): State.HOLD,
    (State.REWINDING, Signal.HANDS_LIMITED): State.HOLD,
    (State.REWINDING, Signal.ROBOT_LOST): State.FAULT,
    (State.REWINDING, Signal.CHECK_FAILED): State.FAULT,
    #
    (State.HOLD, Signal.PAUSE): State.PAUSED,
    (State.HOLD, Signal.TAKE_OVER): State.ADAPTATION,
    (State.HOLD, Signal.GIVE_BACK): State.RETURNING,
    (State.HOLD, Signal.REWIND): State.REWINDING,
    (State.HOLD, Signal.SUCCESS): State.DONE,
    (State.HOLD, Signal.FAILURE): State.DONE,
    (State.HOLD, Signal.DISCARD): State.DONE,
    (State.HOLD, Signal.STOP): State.HOLD,
    (State.HOLD, Signal.ROBOT_LOST): State.FAULT,
    (State.HOLD, Signal.CHECK_FAILED): State.FAULT,
    #
    (State.FAULT, Signal.ACKNOWLEDGE): State.HOLD,
    (State.FAULT, Signal.DISCARD): State.DONE,
    (State.FAULT, Signal.STOP): State.FAULT,
    #
    (State.DONE, Signal.START): State.AUTONOMOUS,
    (State.DONE, Signal.STOP): State.DONE,
    (State.DONE, Signal.CHECK_FAILED): State.FAULT,
}
"""A pair that is not listed changes nothing. Only requests of people lead out of HOLD and FAULT."""

PHASE: dict[State, Phase] = {
    State.IDLE: Phase.UNLABELLED,
    State.AUTONOMOUS: Phase.AUTONOMOUS,
    State.PAUSED: Phase.PAUSED,
    State.ADAPTATION: Phase.ADAPTATION,
    State.RECOVERY: Phase.RECOVERY,
    # Two drivers at once: no trainer should take it for either.
    State.RETURNING: Phase.UNLABELLED,
    State.DONE: Phase.UNLABELLED,
    State.HOLD: Phase.PAUSED,
    State.FAULT: Phase.PAUSED,
    State.REWINDING: Phase.REWIND,
}

EPISODE_STATES: frozenset[State] = frozenset(State) - {State.IDLE, State.DONE}
SILENT_STATES: frozenset[State] = frozenset({State.IDLE, State.DONE, State.FAULT})
"""Here the robot brakes and then hears nothing more; its own timeout keeps it where it is."""
HUMAN_STATES: frozenset[State] = frozenset({State.ADAPTATION, State.RECOVERY})
POLICY_STATES: frozenset[State] = frozenset({State.AUTONOMOUS, State.RETURNING})


def allowed(state: State) -> tuple[Signal, ...]:
    """The requests that the table accepts in this state."""
    return tuple(signal for signal in REQUESTS if (state, signal) in TRANSITIONS)
