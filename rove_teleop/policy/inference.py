"""A policy on a thread of its own, so that whoever asks it goes on listening meanwhile."""

from __future__ import annotations

import threading
from typing import NamedTuple

from ..errors import RoveError
from .protocol import Observation, Plan, Policy


class Answer(NamedTuple):
    """What came of one observation; ``plan`` is None when the policy had none."""

    observation: Observation
    plan: Plan | None


class Inference:
    """One question at a time. Errors of the policy are raised where the answer is taken."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self._change = threading.Condition()
        self._asked: Observation | None = None
        self._answer: Answer | None = None
        self._error: RoveError | None = None
        threading.Thread(target=self._run, name="policy", daemon=True).start()

    @property
    def busy(self) -> bool:
        """Whether a question is being thought about."""
        return self._asked is not None

    def ask(self, observation: Observation) -> bool:
        """Begin to think about ``observation``; False when the last one is not finished."""
        with self._change:
            if self._asked is not None:
                return False
            self._asked, self._answer = observation, None
            self._change.notify_all()
            return True

    def take(self, wait_s: float = 0.0) -> Answer | None:
        """The answer to the last question, once; None when there is none within ``wait_s``."""
        with self._change:
            if self._asked is not None and wait_s > 0.0:
                self._change.wait_for(lambda: self._asked is None, wait_s)
            if self._error is not None:
                raise self._error
            answer, self._answer = self._answer, None
            return answer

    def _run(self) -> None:
        while True:
            with self._change:
                self._change.wait_for(lambda: self._asked is not None)
                asked = self._asked
            if asked is None:
                continue
            answer, error = None, None
            try:
                answer = Answer(asked, self.policy.act(asked))
            except RoveError as problem:
                error = problem
            with self._change:
                self._asked, self._answer, self._error = None, answer, error
                self._change.notify_all()
            if error is not None:
                return
