"""What is served of checkpoints that were not trained in this package's simulator."""

from dataclasses import replace

from rove_teleop.models.checkpoint import VisionHeader, load_checkpoint, save_checkpoint
from rove_teleop.models.policy_network import network_of, weights_of
from rove_teleop.policy.local import shipped_checkpoint
from rove_teleop.serving import serve_checkpoint


def test_a_policy_with_cameras_says_so_and_answers_its_example(tmp_path):
    shipped = load_checkpoint(shipped_checkpoint("toaster"))
    eyes = VisionHeader(("ego",), (16,), (24,), ("open the door",), width=16, blocks=1, heads=2)
    header = replace(shipped.header, task="open_door", feature_names=(), vision=eyes, hidden=16, layers=1)
    network, both = network_of(header), 2 * len(header.joint_names)
    scale = replace(
        shipped.normalisation,
        observation_mean=shipped.normalisation.observation_mean[:both],
        observation_scale=shipped.normalisation.observation_scale[:both],
    )
    assert network.vision is not None
    made = replace(
        shipped,
        header=header,
        normalisation=scale,
        weights=weights_of(network.actor),
        vision_weights=weights_of(network.vision),
    )
    save_checkpoint(tmp_path / "door.safetensors", made)
    served, make_policy = serve_checkpoint(tmp_path / "door.safetensors", "", "iron_r01")
    said = served.metadata()
    assert (said["cameras"], said["task"], said["example_observation"]["prompt"]) == (
        ["ego"],
        "open_door",
        "open the door",
    )
    assert make_policy().act(served.observation(said["example_observation"], 0.0)) is not None


def test_a_policy_of_a_task_that_is_not_simulated_is_served(tmp_path):
    shipped = load_checkpoint(shipped_checkpoint("toaster"))
    save_checkpoint(tmp_path / "door.safetensors", replace(shipped, header=replace(shipped.header, task="open_door")))
    served, make_policy = serve_checkpoint(tmp_path / "door.safetensors", "", "iron_r01")
    example = served.metadata()["example_observation"]
    assert served.instruction == "open_door"
    assert make_policy().act(served.observation(example, 0.0)) is not None
