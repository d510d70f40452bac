"""The session's side of the recorder process: begin, end, and what it says unasked."""

from __future__ import annotations

from ..errors import StageLost
from .processes import Process

PATIENCE_S = 30.0


class RecorderClient:
    """Talks in JSON lines. ``problem`` is a sentence once recording has stopped; it never becomes well again."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.problem: str | None = None

    def ready(self) -> list[str]:
        """Wait until it is up; returns the paths of episodes that a crash had cut short and that are whole again.

        Raises:
            StageLost: it ended, refused the dataset, or is silent.
        """
        ready = self._answer("ready").get("ready")
        items = ready.get("recovered", []) if isinstance(ready, dict) else []
        return [str(item.get("path") or item.get("problem")) for item in items if isinstance(item, dict)]

    def begin(self, attributes: dict[str, object]) -> None:
        """Open an episode. Raises StageLost as ``ready`` does."""
        self.process.say({"begin": attributes})
        self._answer("began")

    def end(self, outcome: str, last_tick: int) -> dict[str, object]:
        """Seal the episode once row ``last_tick`` has arrived; returns what was sealed. Raises StageLost."""
        self.process.say({"end": {"outcome": outcome, "last_tick": last_tick}})
        return self._answer("sealed")

    def listen(self) -> None:
        """Hear whether recording goes on."""
        if self.problem is not None:
            return
        failures = [message["failed"] for message in self.process.messages() if "failed" in message]
        if failures:
            self.problem = f"recording stopped: {failures[0]}"
        elif not self.process.alive:
            self.problem = f"recording stopped: {self.process.lost()}"

    def _answer(self, key: str) -> dict[str, object]:
        answer = self.process.answer(key, PATIENCE_S)
        if key not in answer:
            raise StageLost(f"the recorder says: {answer.get('error') or answer.get('failed')}")
        return answer
