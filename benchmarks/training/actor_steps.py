"""Steps per second of the actor's training on one core, beside the plain cloning loop, at the whiteboard's size.

Run with OMP_NUM_THREADS=1. Times are of the thread's processor, so that a busy machine does not change them much.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import torch

from rove_teleop.models.flow import FlowActor, FlowSizes
from rove_teleop.models.observation import Normalisation
from rove_teleop.models.policy_network import PolicyNetwork
from rove_teleop.training.actor_settings import ActorSettings
from rove_teleop.training.behaviour_cloning import CloningSettings
from rove_teleop.training.behaviour_cloning import fit as clone
from rove_teleop.training.devices import Place
from rove_teleop.training.fitting import fit
from rove_teleop.training.samples import Samples
from rove_teleop.training.windows import Windows

SAMPLES, JOINTS, FEATURES, HORIZON, STEPS, REPEATS = 20_000, 7, 48, 16, 100, 3


def main() -> None:
    """One table: who, batch, steps per second (median, lowest, highest), seconds for 2000 steps."""
    generator = np.random.default_rng(0)
    width = 2 * JOINTS + FEATURES
    windows = Windows(generator.normal(size=(SAMPLES, width)), generator.normal(size=(SAMPLES, HORIZON, JOINTS)))
    scales = Normalisation.fit(windows.observation, windows.delta_rad)
    runs: dict[tuple[str, int], Callable[[], object]] = {}
    for batch in (128, 256):
        cloning = CloningSettings(step_s=0.05, horizon=HORIZON, execute=8, steps=STEPS, batch=batch)
        runs["plain loop", batch] = lambda cloning=cloning: clone(windows, scales, 0, cloning)
        for name, classes in (("actor, no tags", 0), ("actor, tags", 2)):
            settings = ActorSettings(steps=STEPS, batch=batch)
            runs[name, batch] = lambda settings=settings, classes=classes: train(windows, settings, classes)
    times: dict[tuple[str, int], list[float]] = {key: [] for key in runs}
    for _ in range(REPEATS):
        for key, run in runs.items():
            start = time.thread_time()
            run()
            times[key].append(time.thread_time() - start)
    print("| who | batch | steps/s | 2000 steps, s |\n|---|---|---|---|")
    for (name, batch), taken in times.items():
        low, middle, high = STEPS / np.max(taken), STEPS / np.median(taken), STEPS / np.min(taken)
        print(f"| {name} | {batch} | {middle:.0f} ({low:.0f} to {high:.0f}) | {2000 / middle:.1f} |")


def train(windows: Windows, settings: ActorSettings, classes: int) -> PolicyNetwork:
    """What `train_actor` does once it has its samples."""
    torch.manual_seed(0)
    network = PolicyNetwork(FlowActor(FlowSizes(2 * JOINTS + FEATURES, HORIZON, JOINTS, condition_classes=classes)))
    samples = Samples(
        torch.from_numpy(windows.observation).float(),
        torch.from_numpy(windows.delta_rad).float(),
        torch.arange(SAMPLES) % 2 if classes else None,
        {},
        torch.zeros(SAMPLES, dtype=torch.int64),
    )
    return fit(network, samples, torch.ones(2 * JOINTS), settings, 0, Place(torch.device("cpu")))


if __name__ == "__main__":
    main()
