"""Behaviour cloning in forty lines: a small network learns a recorded dataset's chunks of commands from the joints.

python examples/04_train_on_windows.py datasets/demo
torchrun --nproc-per-node 2 examples/04_train_on_windows.py datasets/demo
"""

import os
import sys

import torch

from rove_teleop.episode_dataset import EpisodeDataset

MEASURED, SENT, H = "control/q_measured_rad", "control/q_sent_rad", 16


def main(root: str, epochs: int = 3) -> None:
    if "WORLD_SIZE" in os.environ:
        torch.distributed.init_process_group("gloo")
    torch.manual_seed(0)
    # What was excluded, paused or discarded is not in it.
    dataset = EpisodeDataset(root, {MEASURED: [0], SENT: range(H)}, horizon=H, rate_hz=20.0)
    joints = dataset[0][MEASURED].shape[-1]
    network = torch.nn.Sequential(torch.nn.Linear(joints, 128), torch.nn.SiLU(), torch.nn.Linear(128, H * joints))
    if torch.distributed.is_initialized():
        network = torch.nn.parallel.DistributedDataParallel(network)
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-3)
    loader = dataset.loader(batch_size=64, seed=0)
    for epoch in range(epochs):
        loader.sampler.set_epoch(epoch)
        losses = []
        for batch in loader:
            now = batch[MEASURED][:, 0]
            motion = batch[SENT] - now[:, None]
            error = (network(now).view_as(motion) - motion).square().mean(dim=-1)
            loss = error[~batch[f"{SENT}_is_pad"]].mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
        print(f"epoch {epoch}: {len(dataset)} windows, mean squared error {sum(losses) / len(losses):.5f} rad^2")
    print(f"skipped: {dataset.skipped or 'nothing'}; steps left out: {dataset.left_out or 'none'}")


if __name__ == "__main__":
    main(sys.argv[1])
