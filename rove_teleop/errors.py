"""One family of errors. Each leaf is named by the situation and carries the exit code of the command line."""

from __future__ import annotations


class RoveError(Exception):
    """Base of every error this package raises on purpose. The message is one sentence for a person."""

    exit_code = 1


class UsageError(RoveError):
    """A command-line argument that cannot be used."""

    exit_code = 2


class ConfigInvalid(RoveError):
    """A configuration file that is refused; the message starts with ``file:line:``."""

    exit_code = 2


class MotionFileInvalid(RoveError):
    """A motion recording that is refused; the message names the file and, where there is one, the line."""

    exit_code = 2


class StreamInvalid(RoveError):
    """A stream of joint targets that is refused; the message names the file and what is wrong with it."""

    exit_code = 2


class CheckpointInvalid(RoveError):
    """A policy checkpoint whose shapes, joint order or statistics do not fit this robot."""

    exit_code = 2


class DatasetInvalid(RoveError):
    """A dataset or an episode that is broken, locked by another writer, or not ours."""


class RecordingFailed(RoveError):
    """The disk refused a record; the message names the episode and the cause. What was written before it is kept."""


class CalibrationFailed(RoveError):
    """The operator was not measured: a step was never done, or what was measured cannot be; nothing was saved."""


class RobotUnavailable(RoveError):
    """The robot does not answer, answers nonsense, or refuses commands."""


class TrackingUnavailable(RoveError):
    """A tracking device, or the runtime it needs, does not answer or went away; the message says what is missing."""


class RemoteUnavailable(RoveError):
    """The object store, or the network to it, does not answer, or it refuses; the message names the URL."""


class StageLost(RoveError):
    """A process of the session (recorder, policy, control, ...) ended when it should be running."""


class PolicyUnavailable(RoveError):
    """A policy server or worker does not answer, answers nonsense or an error; ``reason`` is short, for counters."""

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.reason, str(self))


class MissingDependency(RoveError):
    """A package or a system library that this call needs is not installed; the message says how to get it."""

    exit_code = 4


class MessageRefused(RoveError):
    """A ROS message or a policy's answer that is not used; ``reason`` is for counters, the message is a sentence."""

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.reason, str(self))
