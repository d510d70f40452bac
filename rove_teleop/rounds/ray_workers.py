"""The same jobs over a Ray cluster; every node must see the run's folder under the same path."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ..errors import MissingDependency, UsageError
from .engine import Job, Result, WorkerDied

LOCAL = "local"
CONNECT_S = 5.0
_ENVIRONMENT = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}


class RayEngine:
    """Connect to the cluster at ``address``, or with ``local`` start one with ``count`` workers on this machine.

    Raises:
        MissingDependency: Ray is not installed.
        UsageError: no cluster answers there.
    """

    def __init__(self, address: str, count: int) -> None:
        try:
            import ray
        except ModuleNotFoundError as error:
            raise MissingDependency("--ray needs the package ray: pip install 'rove_teleop[ray]'") from error
        self._ray = ray
        options: dict[str, Any] = {"num_cpus": count, "include_dashboard": False} if address == LOCAL else {}
        if address == LOCAL:
            # What is counted here is nobody else's business.
            os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        else:
            _reach(address)
        try:
            ray.init(
                address=address, log_to_driver=False, logging_level="error",
                runtime_env={"env_vars": _ENVIRONMENT}, **options,
            )  # fmt: skip
        except (ConnectionError, ValueError, RuntimeError) as error:
            first = str(error).strip().splitlines()[0]
            raise UsageError(f"--ray {address}: no Ray cluster answers there ({first})") from error

    def run(self, function: Callable[[Job], Result], jobs: Sequence[Job]) -> Iterable[tuple[int, Result]]:
        """A worker that dies is replaced by Ray and its job begun anew, a few times."""
        ray = self._ray
        remote = ray.remote(num_cpus=1)(function)
        waiting = {remote.remote(job): number for number, job in enumerate(jobs)}
        try:
            while waiting:
                (done,), _ = ray.wait(list(waiting), num_returns=1)
                number = waiting.pop(done)
                yield number, ray.get(done)
        except ray.exceptions.RayTaskError as error:
            raise error.cause from error
        except (ray.exceptions.WorkerCrashedError, ray.exceptions.NodeDiedError) as error:
            raise WorkerDied from error
        finally:
            for reference in waiting:
                ray.cancel(reference)

    def close(self) -> None:
        """Leave the cluster; one that was started here ends."""
        self._ray.shutdown()


def _reach(address: str) -> None:
    """Ray itself waits for minutes where nobody listens."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not (host and port.isdecimal()):
        raise UsageError(f"--ray {address}: must be HOST:PORT, ray://HOST:PORT or {LOCAL}")
    try:
        socket.create_connection((host, int(port)), CONNECT_S).close()
    except OSError as error:
        raise UsageError(f"--ray {address}: no Ray cluster answers there ({error.strerror or error})") from error
