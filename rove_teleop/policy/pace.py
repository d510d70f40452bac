"""When to ask a policy again, so that the next plan is there in time."""

from __future__ import annotations

from collections import deque

REMEMBERED = 8


def asking_period_s(execute_s: float, delay_s: float) -> float:
    """Time between two questions to a policy that takes ``delay_s`` and whose plans are used for ``execute_s``.

    The next plan must be there before ``execute_s`` runs out. Never less than half of that: a policy that takes longer
    is asked again as soon as it has answered, and one hiccup must not make a quick one plan without a pause.
    """
    return max(execute_s - delay_s, 0.5 * execute_s)


class Delay:
    """How long a policy takes from an observation's stamp to its plan: the longest of the last few, zero before."""

    def __init__(self) -> None:
        self._last_s: deque[float] = deque(maxlen=REMEMBERED)

    def note(self, delay_s: float) -> None:
        self._last_s.append(delay_s)

    @property
    def expected_s(self) -> float:
        return max(self._last_s, default=0.0)
