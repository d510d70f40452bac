"""The mini-VLA's training on a GPU (or, small, on a CPU): samples per second, and the share of the matmul peak.

Three times are taken: of a large matrix product, which is the peak of this machine as this program can reach it; of
forward and backward passes of the transformer blocks alone, by their floating-point operations; and of whole training
steps, data included, with the share of them that drawing the batch takes.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch

from rove_teleop.models.checkpoint import VisionHeader
from rove_teleop.models.flow import FlowActor, FlowSizes
from rove_teleop.models.policy_network import PolicyNetwork
from rove_teleop.models.vision import VisionEncoder
from rove_teleop.training.actor_settings import ActorSettings
from rove_teleop.training.devices import Place, training_place
from rove_teleop.training.fitting import draw, fit
from rove_teleop.training.samples import Samples

JOINTS, HORIZON, CAMERAS, ROWS = 7, 16, ("head", "wrist"), 4096


def main() -> None:
    """Print one line per measurement."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--width", type=int, default=512)
    options.add_argument("--blocks", type=int, default=8)
    options.add_argument("--pixels", type=int, default=128)
    options.add_argument("--batch", type=int, default=256)
    options.add_argument("--steps", type=int, default=60)
    chosen = options.parse_args()
    place = training_place()
    name = torch.cuda.get_device_name() if place.device.type == "cuda" else "CPU, one core"
    torch.set_num_threads(1)
    peak = matmul_peak(place)
    print(f"{name}, torch {torch.__version__}: matrix product {peak / 1e12:.3f} TFLOP/s")
    header = VisionHeader(
        CAMERAS, (chosen.pixels,) * 2, (chosen.pixels,) * 2, ("reach",), chosen.width, chosen.blocks, heads=8
    )
    encoder = VisionEncoder(header)
    rate = block_rate(encoder, chosen.batch, 1 + len(CAMERAS) * (chosen.pixels // 8) ** 2, place)
    print(f"transformer blocks: {rate / 1e12:.3f} TFLOP/s, {100 * rate / peak:.0f} % of the matrix product")
    samples_per_s, drawing = whole_steps(encoder, chosen, place)
    print(f"whole steps: {samples_per_s:.1f} samples/s; drawing batches takes {100 * drawing:.1f} % of the time")


def matmul_peak(place: Place) -> float:
    """FLOP/s of the best of several products of square matrices, in the precision that training uses."""
    gpu = place.device.type == "cuda"
    size = 8192 if gpu else 768
    left = torch.randn(size, size, device=place.device, dtype=torch.bfloat16 if gpu else torch.float32)
    return 2.0 * size**3 / min(seconds(lambda: left @ left, place) for _ in range(10))


def block_rate(encoder: VisionEncoder, batch: int, tokens: int, place: Place) -> float:
    """FLOP/s of the blocks, forward and backward: 3 times the products of the forward pass."""
    width = encoder.header.width
    blocks = place.prepared(torch.nn.Sequential(*encoder.blocks))
    given = torch.randn(batch, tokens, width, device=place.device, requires_grad=True)

    def once() -> None:
        with place.precision():
            loss = blocks(given).float().square().mean()
        loss.backward()

    for _ in range(3):
        once()
    each = 2.0 * batch * tokens * (12 * width**2 + 2 * tokens * width)
    return 3.0 * each * encoder.header.blocks / float(np.median([seconds(once, place) for _ in range(10)]))


def whole_steps(encoder: VisionEncoder, chosen: argparse.Namespace, place: Place) -> tuple[float, float]:
    """Samples per second of `fit` after it has warmed up, and the share of that time that `draw` takes alone."""
    sizes = FlowSizes(2 * JOINTS + chosen.width, HORIZON, JOINTS, hidden=512, condition_classes=2)
    samples = Samples(
        torch.randn(ROWS, 2 * JOINTS),
        torch.randn(ROWS, HORIZON, JOINTS),
        torch.arange(ROWS) % 2,
        {name: torch.randint(256, (ROWS, chosen.pixels, chosen.pixels, 3), dtype=torch.uint8) for name in CAMERAS},
        torch.zeros(ROWS, dtype=torch.int64),
    )
    settings = ActorSettings(steps=chosen.steps, batch=chosen.batch, report_every=max(1, chosen.steps // 6))
    stamps = []
    scale = torch.ones(2 * JOINTS)
    network = PolicyNetwork(FlowActor(sizes), encoder)
    fit(network, samples, scale, settings, 0, place, lambda *_: stamps.append(time.perf_counter()))
    step_s = float(np.median(np.diff(stamps))) / settings.report_every
    held = samples.to(place.device)
    drawing_s = [seconds(lambda: draw(held, scale, settings, 0, 1, place), place) for _ in range(10)]
    return chosen.batch / step_s, float(np.median(drawing_s)) / step_s


def seconds(work: Callable[[], object], place: Place) -> float:
    """How long ``work`` takes, to its end on the device."""
    if place.device.type == "cuda":
        torch.cuda.synchronize()
    start = time.perf_counter()
    work()
    if place.device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
