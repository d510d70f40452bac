"""Where training runs: a CPU core unless there is a GPU, and several processes where torchrun started them."""

from __future__ import annotations

import atexit
import os
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor, nn

from ..errors import UsageError


@dataclass(frozen=True, slots=True)
class Place:
    """The device of this process, which of how many processes it is."""

    device: torch.device
    rank: int = 0
    processes: int = 1

    @property
    def is_first(self) -> bool:
        """True for the one process that writes files and reports."""
        return self.rank == 0

    def share(self, batch: int) -> slice:
        """This process's rows of a batch; `UsageError` unless it can be dealt out evenly."""
        if batch % self.processes:
            raise UsageError(f"a batch of {batch} cannot be dealt out evenly to {self.processes} processes")
        each = batch // self.processes
        return slice(self.rank * each, (self.rank + 1) * each)

    def mean(self, values: list[Tensor]) -> float:
        """The mean of scalars over all processes, each of which must ask."""
        mean = torch.stack(values).mean()
        if self.processes > 1:
            dist.all_reduce(mean)
            mean = mean / self.processes
        return float(mean)

    def wait(self) -> None:
        """Until every process has come here; at once where there is one."""
        if self.processes > 1:
            dist.barrier()

    def precision(self) -> AbstractContextManager[object]:
        """bfloat16 where a GPU multiplies; single precision on a CPU."""
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.device.type == "cuda")

    def prepared(self, module: nn.Module) -> nn.Module:
        """``module`` on the device, its gradients averaged over the processes, compiled on a GPU."""
        module = module.to(self.device)
        if self.processes > 1:
            module = nn.parallel.DistributedDataParallel(module)
        if self.device.type == "cuda":
            module = torch.compile(module)  # type: ignore[assignment]
        return module


def training_place(environment: Mapping[str, str] = os.environ) -> Place:
    """This process's place. Under torchrun it joins the others, once, through nccl on GPUs and gloo on CPUs."""
    processes = int(environment.get("WORLD_SIZE", "1"))
    has_gpu = torch.cuda.is_available()
    device = torch.device("cuda", int(environment.get("LOCAL_RANK", "0"))) if has_gpu else torch.device("cpu")
    if has_gpu:
        torch.cuda.set_device(device)
    if processes == 1:
        return Place(device)
    if not dist.is_initialized():
        dist.init_process_group("nccl" if has_gpu else "gloo")
        atexit.register(dist.destroy_process_group)
    return Place(device, dist.get_rank(), processes)
