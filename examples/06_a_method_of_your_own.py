"""A labelling rule of your own, in the frame of the five methods: here the steps of an episode's better half.

python examples/06_a_method_of_your_own.py DATASET policy.safetensors [STEPS]
"""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from rove_teleop.models.checkpoint import save_checkpoint
from rove_teleop.robots.description import load_robot
from rove_teleop.rounds.training_data import read_training_data
from rove_teleop.rounds.training_run import constants_of
from rove_teleop.training.actor import ActorHeader, train_actor
from rove_teleop.training.cross_fit import cross_fitted_values
from rove_teleop.training.presets import preset
from rove_teleop.training.supervision import Supervision, robot_steps


def main(dataset: str, out: str, steps: int = 3000) -> None:
    paper = preset("paper")
    data = read_training_data([Path(dataset)], constants=constants_of(paper))
    print(f"{data.counts()}; left out: {data.skipped or 'nothing'}")
    critic = replace(paper.critic, steps=min(paper.critic.steps, steps), pretrain_steps=min(300, steps))
    values = cross_fitted_values(data.episodes, critic, folds=2)
    # Positive: the value is above its median of the same episode. Everything is shown, with its tag.
    positive = [value > np.median(value) for value in values]
    labels = Supervision([robot_steps(episode) for episode in data.episodes], positive)
    robot = load_robot(data.robot)
    about = ActorHeader(data.task, robot, data.joint_names, data.feature_names, data.step_s, data.horizon, execute=8)
    checkpoint = train_actor(data.episodes, labels, about, replace(paper.base, steps=steps))
    save_checkpoint(Path(out), checkpoint)
    print(f"{out}: moves {len(checkpoint.header.joint_names)} joints; rove evaluate --task {data.task} --policy {out}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:]))
