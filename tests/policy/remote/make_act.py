"""A small ACT with random weights around a pose, saved as LeRobot saves it; runs in LeRobot's environment only."""

import sys

import torch
from lerobot.configs.types import FeatureType, PolicyFeature
from lerobot.policies.act.configuration_act import ACTConfig
from lerobot.policies.act.modeling_act import ACTPolicy
from lerobot.policies.factory import make_pre_post_processors

folder, home_rad = sys.argv[1], torch.tensor([float(text) for text in sys.argv[2:]])
joints = len(home_rad)
torch.manual_seed(0)
config = ACTConfig(
    input_features={
        "observation.state": PolicyFeature(FeatureType.STATE, (joints,)),
        "observation.images.ego": PolicyFeature(FeatureType.VISUAL, (3, 96, 128)),
    },
    output_features={"action": PolicyFeature(FeatureType.ACTION, (joints,))},
    chunk_size=20, n_action_steps=8, dim_model=64, n_heads=4, dim_feedforward=128, n_encoder_layers=1,
    n_vae_encoder_layers=1, pretrained_backbone_weights=None, device="cpu",
)  # fmt: skip
statistics = {
    "observation.state": {"mean": home_rad, "std": torch.ones(joints)},
    "action": {"mean": home_rad, "std": torch.full((joints,), 0.05)},
    "observation.images.ego": {"mean": torch.full((3, 1, 1), 0.5), "std": torch.full((3, 1, 1), 0.5)},
}
before, after = make_pre_post_processors(config, dataset_stats=statistics)
for part in (ACTPolicy(config), before, after):
    part.save_pretrained(folder)
