"""The thread that holds a connection to a policy: it waits, so that nobody else has to."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable

from ...clock import monotonic_s
from ...errors import MessageRefused, PolicyUnavailable, RoveError
from .link import Link, Message

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 2.0


class Courier:
    """Asks one question at a time. An answer that comes too late, or of another connection, is never handed out."""

    def __init__(self, link: Link, accept: Callable[[Message], None]) -> None:
        """``accept`` looks at what the policy says of itself at every connection, and may raise to refuse it."""
        self.refused: Counter[str] = Counter()
        self.problem: str | None = f"{link.where}: not connected yet"
        self.connections = 0
        self._link, self._accept = link, accept
        self._change = threading.Condition()
        self._connected = False
        self._misfit: RoveError | None = None
        self._question: Message | None = None
        self._sequence, self._given_up = 0, 0
        self._answer: Message | None = None
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="policy courier", daemon=True)
        self._thread.start()

    def wait_connected(self, patience_s: float) -> None:
        """Return when the policy answers and fits.

        Raises:
            PolicyUnavailable: it did not within ``patience_s``; the sentence says what was tried last.
            CheckpointInvalid: it answers, and does not fit.
        """
        with self._change:
            self._change.wait_for(lambda: self._connected or self._misfit is not None, patience_s)
            if self._misfit is not None:
                raise self._misfit
            if not self._connected:
                raise PolicyUnavailable("no connection", self.problem or "the policy does not answer")

    def ask(self, question: Message, deadline_s: float) -> Message | None:
        """The answer, or None (counted) when there is none ``deadline_s`` from now. At once without a connection."""
        with self._change:
            if not self._connected:
                return self._none("no connection")
            if self._question is not None:
                # A server answers in turn: another question would only wait behind the one that is late.
                return self._none("still busy with a late question")
            self._sequence += 1
            sequence = self._sequence
            self._question, self._answer = question, None
            self._change.notify_all()
            if not self._change.wait_for(lambda: self._question is None, deadline_s):
                self._given_up = sequence
                self.problem = f"{self._link.where} did not answer within {deadline_s:g} s"
                return self._none("deadline missed")
            answer, self._answer = self._answer, None
            return answer

    def close(self) -> None:
        """Hang up and end the thread."""
        self._closed.set()
        with self._change:
            self._change.notify_all()
        self._link.interrupt()
        self._thread.join(timeout=2.0)

    def _none(self, reason: str) -> Message | None:
        self.refused[reason] += 1
        return None

    def _run(self) -> None:
        """The thread. Should a bug end it, whoever asks gets no plan, and not silence."""
        try:
            self._connect_and_serve()
        finally:
            if not self._closed.is_set():
                self._lost("thread ended", f"{self._link.where} is not asked any more")

    def _connect_and_serve(self) -> None:
        pause_s = FIRST_PAUSE_S
        while not self._closed.is_set():
            answered = 0
            try:
                self._accept(self._link.connect())
                self._set_connected(True)
                while self._serve_one():
                    answered += 1
            except PolicyUnavailable as error:
                self._lost(error.reason, str(error))
            except MessageRefused as error:
                self._lost(error.reason, str(error))
            except RoveError as error:
                self.refused["does not fit"] += 1
                self._lost("does not fit", str(error))
                if self.connections == 0:
                    # Nothing will mend it: whoever waits for the first connection is told.
                    self._end(error)
                    return
            self._link.close()
            pause_s = FIRST_PAUSE_S if answered else min(2.0 * pause_s, LONGEST_PAUSE_S)
            self._closed.wait(pause_s)

    def _serve_one(self) -> bool:
        """Carry one question and its answer; False when the courier is closed."""
        with self._change:
            self._change.wait_for(lambda: self._question is not None or self._closed.is_set())
            question, sequence = self._question, self._sequence
        if self._closed.is_set() or question is None:
            return False
        asked_s, refusal, answer = monotonic_s(), None, None
        try:
            answer = self._link.ask(question, self._link.hang_s)
        except MessageRefused as error:
            refusal = error
        with self._change:
            self._question = None
            if refusal is not None:
                self.refused[refusal.reason] += 1
                self.problem = f"{self._link.where}: {refusal}"
            elif self._given_up == sequence:
                self.problem = f"{self._link.where} answers after {monotonic_s() - asked_s:.2g} s, which is too late"
            else:
                self._answer, self.problem = answer, None
            self._change.notify_all()
        return True

    def _set_connected(self, connected: bool) -> None:
        with self._change:
            self._connected = connected
            if connected:
                self.connections += 1
                self.problem = None
            self._change.notify_all()

    def _lost(self, reason: str, sentence: str) -> None:
        """Whoever waits for an answer gets none, and nothing that was asked before is asked again."""
        with self._change:
            if self._connected or self._question is not None:
                self.refused[reason] += 1
            self._connected, self._question, self._answer = False, None, None
            self.problem = sentence
            self._change.notify_all()

    def _end(self, error: RoveError) -> None:
        self._link.close()
        with self._change:
            self._misfit = error
            self._change.notify_all()
