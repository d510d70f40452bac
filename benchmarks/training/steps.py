"""Training steps per second: our critic and actor beside IQL of d3rlpy and plain loops over LeRobot and tensors.

    make bench-training

One recording, one process, one thread, the same batch and layer sizes. Ours reads the sealed episodes, the peers their
own format, written here from the same steps. A step of IQL updates two Q-functions, a value and a policy, so it is
compared with a critic step and an actor step of ours together; so is the plain loop, which trains the same two networks
of ours on batches that torch's DataLoader collates, from a LeRobotDataset or from tensors in memory.

Engines take turns; figures are medians over rounds, ratios the median of the rounds' ratios, in seconds of the
processor (a busy machine changes them little). End to end is opening the data and `STEPS` steps of both networks.
"""

from __future__ import annotations

import copy
import logging
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
import h5py
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from rove_teleop.episodes.layout import control_dtype
from rove_teleop.episodes.record.recording import EpisodeRecording
from rove_teleop.models.critic import ValueNetwork, ValueSizes
from rove_teleop.models.flow import FlowActor, FlowSizes, flow_matching_loss
from rove_teleop.robots.description import load_robot
from rove_teleop.rounds.training_data import read_training_data
from rove_teleop.training.actor import ActorHeader, ActorSettings, Supervision, train_actor
from rove_teleop.training.critic import CriticSettings, train_critic
from rove_teleop.training.expectile import expectile_loss
from rove_teleop.training.segments import segments

_LIBRARY = torch.library.Library("torchvision", "DEF")  # its wheel is built for CUDA, and importing it needs these two
_LIBRARY.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
_LIBRARY.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
import d3rlpy  # noqa: E402
import datasets  # noqa: E402
import structlog  # noqa: E402
from lerobot.datasets.lerobot_dataset import LeRobotDataset  # noqa: E402

EPISODES, SECONDS, CONTROL_HZ, RATE_HZ, FEATURES, H, BATCH = 40, 12, 50, 20, 48, 16, 256
STEPS, ROUNDS = 2000, 5
ROBOT = load_robot("iron_r01")
Both = Callable[[int], object]
"""Train critic and actor for that many steps."""


def record(root: Path) -> None:
    """Sealed episodes of the whiteboard's size: 7 joints of an arm move, 48 features wander, every third one fails."""
    limits = ("q_min_rad", "q_max_rad", "v_max_rad_s", "a_max_rad_s2", "j_max_rad_s3")
    about = {
        "task": "bench",
        "instruction": "bench",
        "robot": ROBOT.name,
        "joint_names": list(ROBOT.joint_names),
        "groups": {name: [ROBOT.joint_names[i] for i in index] for name, index in ROBOT.groups.items()},
        "limits": {name: getattr(ROBOT, name).tolist() for name in limits},
        "control_hz": float(CONTROL_HZ),
        "feature_names": [f"feature_{k}" for k in range(FEATURES)],
    }
    rng, ticks, arm = np.random.default_rng(0), SECONDS * CONTROL_HZ, ROBOT.groups["right_arm"]
    for number in range(EPISODES):
        rows = np.zeros(ticks, control_dtype(ROBOT.joint_count, len(ROBOT.groups)))
        rows["episode"], rows["tick"], rows["authority"], rows["driver"] = 1, np.arange(ticks), 1, 1
        rows["stamp_s"], rows["wall_time_s"] = 100.0 + rows["tick"] / CONTROL_HZ, 1.7e9 + rows["tick"] / CONTROL_HZ
        q_rad = np.repeat(ROBOT.home_rad[None], ticks, axis=0)
        q_rad[:, arm] += np.cumsum(rng.normal(0.0, 1e-3, (ticks, len(arm))), axis=0)
        for key in ("q_measured_rad", "q_target_rad", "q_sent_rad", "q_policy_rad"):
            rows[key] = q_rad
        rows["q_operator_rad"] = np.nan
        features = np.cumsum(rng.normal(0.0, 1e-2, (ticks, FEATURES)), axis=0)
        recording = EpisodeRecording(root, about, min_free_bytes=0)
        for row, values in zip(rows, features, strict=True):
            recording.control_row(row.tobytes())
            recording.task_state(float(row["stamp_s"]) - 1e-3, values)
        recording.seal("failure" if number % 3 == 0 else "success", last_tick=ticks - 1)


def our_critic(root: Path) -> Both:
    """What `rove train` does between reading and writing: an optimistic critic."""
    data = read_training_data([root])
    return lambda steps: train_critic(data.episodes, CriticSettings(batch=BATCH, pretrain_steps=0, steps=steps))


def our_actor(root: Path) -> Both:
    """The same: an actor, regularised, with a running average of its weights."""
    data = read_training_data([root])
    use = Supervision([item.imitable for item in data.episodes], None)
    names = (data.joint_names, data.feature_names)
    about = ActorHeader("bench", ROBOT, *names, step_s=data.step_s, horizon=H, execute=8)
    return lambda steps: train_actor(data.episodes, use, about, ActorSettings(batch=BATCH, steps=steps))


def ours(root: Path) -> Both:
    """One after the other."""
    critic, actor = our_critic(root), our_actor(root)

    def train(steps: int) -> None:
        critic(steps)
        actor(steps)

    return train


def iql(root: Path) -> Both:
    """d3rlpy's IQL with layers of our sizes, targets 16 steps ahead, a chunk as the action."""
    with h5py.File(root / "steps.hdf5") as file:
        columns = {key: file[key][:] for key in ("observations", "actions", "rewards", "terminals")}
    dataset = d3rlpy.dataset.MDPDataset(**columns, transition_picker=d3rlpy.dataset.MultiStepTransitionPicker(H, 1.0))
    value, actor = (d3rlpy.models.VectorEncoderFactory(hidden_units=units) for units in ([128, 128], [256, 256, 256]))
    algorithm = d3rlpy.algos.IQLConfig(
        batch_size=BATCH, actor_encoder_factory=actor, critic_encoder_factory=value, value_encoder_factory=value
    ).create(device="cpu")
    algorithm.build_with_dataset(dataset)

    def train(steps: int) -> None:
        for _ in range(steps):
            algorithm.update(dataset.sample_transition_batch(BATCH))

    return train


def plain(loader: DataLoader, features: int, joints: int) -> Both:
    """The usual loop: batches of (observation now, observation ``H`` later, reward until then, chunk)."""
    critic = ValueNetwork(ValueSizes(features))
    target = copy.deepcopy(critic)
    actor = FlowActor(FlowSizes(features + 2 * joints, H, joints))
    networks = [*critic.parameters(), *actor.parameters()]
    optimiser, generator = torch.optim.AdamW(networks, 5e-4, fused=True), torch.Generator().manual_seed(0)

    def train(steps: int) -> None:
        for now, later, reward, chunk in islice(forever(loader), steps):
            nowhere = torch.zeros(len(now), dtype=torch.int64)
            with torch.no_grad():
                wanted = reward + target(later[:, 2 * joints :], nowhere)
            loss = expectile_loss(critic(now[:, 2 * joints :], nowhere), wanted, 0.7)
            loss = loss + flow_matching_loss(actor, chunk, now, generator)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            with torch.no_grad():
                torch._foreach_lerp_(list(target.parameters()), list(critic.parameters()), 0.005)

    return train


def forever(loader: DataLoader) -> Iterator[list[Tensor]]:
    while True:
        yield from loader


def tensors(root: Path) -> Both:
    """All samples in memory, taken one by one and collated, as `DataLoader` does."""
    columns = torch.load(root / "steps.pt", weights_only=True)
    keys = ("now", "later", "reward", "chunk")
    loader = DataLoader(TensorDataset(*(columns[key] for key in keys)), BATCH, shuffle=True, drop_last=True)
    return plain(loader, FEATURES, columns["chunk"].shape[-1])


def lerobot(root: Path) -> Both:
    """The dataset as LeRobot 0.4.4 reads it, windows by ``delta_timestamps``."""
    ahead_s = [k / RATE_HZ for k in range(H)]
    stamps = {"observation.state": [0.0, H / RATE_HZ], "action": ahead_s, "next.reward": [0.0]}
    dataset = LeRobotDataset("bench/training", root=root / "lerobot", delta_timestamps=stamps)

    def collate(items: list[dict[str, Tensor]]) -> list[Tensor]:
        batch = torch.utils.data.default_collate(items)
        state, action = batch["observation.state"], batch["action"]
        joints = action.shape[-1]
        return [state[:, 0], state[:, 1], batch["next.reward"][:, 0], action - state[:, :1, :joints]]

    joints = dataset.features["action"]["shape"][0]
    return plain(DataLoader(dataset, BATCH, shuffle=True, drop_last=True, collate_fn=collate), FEATURES, joints)


def write_peers(root: Path) -> None:
    """The same steps as LeRobot, HDF5 and tensors have them."""
    data = read_training_data([root])
    found = segments(data.episodes, ["bench"], H)
    observation = np.concatenate([np.hstack([item.joints, item.scene]) for item in data.episodes])
    chunk = np.concatenate([item.delta_rad for item in data.episodes])
    tensor = {"now": observation, "later": observation[found.end], "reward": found.reward_sum / 100.0, "chunk": chunk}
    torch.save({key: torch.from_numpy(value).float() for key, value in tensor.items()}, root / "steps.pt")
    with h5py.File(root / "steps.hdf5", "w") as file:
        file["observations"], file["actions"] = observation, chunk.reshape(len(chunk), -1)
        file["rewards"] = np.concatenate([item.reward for item in data.episodes]) / 100.0
        file["terminals"] = np.concatenate([item.done for item in data.episodes]).astype(np.float32)
    joints = chunk.shape[-1]
    shapes = {"observation.state": observation.shape[1], "action": joints, "next.reward": 1}
    features = {key: {"dtype": "float32", "shape": (size,), "names": None} for key, size in shapes.items()}
    writer = LeRobotDataset.create("bench/training", RATE_HZ, features, root=root / "lerobot", use_videos=False)
    row = 0
    for item in data.episodes:
        for _ in range(len(item)):
            action = chunk[row, 0] + observation[row, :joints]
            reward = tensor["reward"][row : row + 1]
            columns = {"observation.state": observation[row], "action": action, "next.reward": reward}
            writer.add_frame({key: value.astype(np.float32) for key, value in columns.items()} | {"task": "bench"})
            row += 1
        writer.save_episode()
    writer.finalize()


ENGINES: dict[str, tuple[Callable[[Path], Both], int]] = {
    "ours": (ours, 200),
    "ours, critic alone": (our_critic, 200),
    "ours, actor alone": (our_actor, 200),
    "d3rlpy IQL": (iql, 30),
    "DataLoader, tensors": (tensors, 30),
    "DataLoader, LeRobotDataset": (lerobot, 2),
}
"""How each opens its data, and how many steps of it are timed at once."""


def main() -> None:
    torch.set_num_threads(1)
    datasets.disable_progress_bars()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        record(root)
        write_peers(root)
        opened = {name: [timed(lambda make=make: make(root)) for _ in range(3)] for name, (make, _) in ENGINES.items()}
        trains = {name: make(root) for name, (make, _) in ENGINES.items()}
        seconds: dict[str, list[float]] = {name: [] for name in ENGINES}
        for number in range(ROUNDS + 1):
            for name, (_, steps) in ENGINES.items():
                taken = timed(lambda name=name, steps=steps: trains[name](steps)) / steps
                if number:  # the first round warms up
                    seconds[name].append(taken)
        report(opened, seconds)


def timed(run: Callable[[], object]) -> float:
    """Seconds of the processor, all threads."""
    start = time.process_time()
    run()
    return time.process_time() - start


def report(opened: dict[str, list[float]], seconds: dict[str, list[float]]) -> None:
    load = os.getloadavg()[0]
    print(f"{EPISODES * SECONDS * RATE_HZ} steps, batch {BATCH}, torch {torch.__version__}, load {load:.1f}\n")
    print(f"| who | opening, s | steps/s | {STEPS} steps, s | time of a step, ours = 1 | all, ours = 1 |")
    print("|---|---|---|---|---|---|")
    mine, first = np.array(seconds["ours"]), float(np.median(opened["ours"]))
    for name, taken in seconds.items():
        open_s, step_s = float(np.median(opened[name])), float(np.median(taken))
        ratio = float(np.median(np.array(taken) / mine))
        end_s = open_s + STEPS * step_s
        whole = end_s / (first + STEPS * float(np.median(mine)))
        print(f"| {name} | {open_s:.2f} | {1.0 / step_s:.1f} | {end_s:.1f} | {ratio:.2f} | {whole:.2f} |")


if __name__ == "__main__":
    main()
