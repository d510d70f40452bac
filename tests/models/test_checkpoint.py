import dataclasses

import numpy as np
import pytest

from rove_teleop.errors import CheckpointInvalid
from rove_teleop.models.checkpoint import Checkpoint, CheckpointHeader, load_checkpoint, save_checkpoint
from rove_teleop.models.observation import Normalisation


def small_checkpoint() -> Checkpoint:
    rng = np.random.default_rng(0)
    header = CheckpointHeader(
        task="toy", robot="r", robot_hash="00", joint_names=("a", "b"), q_min_rad=(-1.0, -2.0), q_max_rad=(1.0, 2.0),
        feature_names=("x",), step_s=0.05, horizon=4, execute=2, hidden=8, layers=1, provenance={"seed": "3"},
    )  # fmt: skip
    normalisation = Normalisation.fit(rng.normal(size=(9, 5)), rng.normal(size=(9, 4, 2)))
    return Checkpoint(header, normalisation, {"body.0.weight": rng.normal(size=(8, 3)).astype(np.float32)})


def test_what_is_saved_is_what_is_loaded_bit_by_bit(tmp_path):
    made = small_checkpoint()
    save_checkpoint(tmp_path / "a.safetensors", made)
    back = load_checkpoint(tmp_path / "a.safetensors")
    assert back.header == made.header
    np.testing.assert_array_equal(back.weights["body.0.weight"], made.weights["body.0.weight"])
    for name in ("observation_mean", "observation_scale", "delta_mean_rad", "delta_scale_rad"):
        np.testing.assert_array_equal(getattr(back.normalisation, name), getattr(made.normalisation, name))
    save_checkpoint(tmp_path / "b.safetensors", back)
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()
    assert sorted(item.name for item in tmp_path.iterdir()) == ["a.safetensors", "b.safetensors"]


@pytest.mark.parametrize("cut", [0, 4, 7, 100, -1])
def test_a_truncated_file_is_refused_by_name(tmp_path, cut):
    path = tmp_path / "p.safetensors"
    save_checkpoint(path, small_checkpoint())
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(CheckpointInvalid, match=r"p\.safetensors"):
        load_checkpoint(path)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(CheckpointInvalid, match="none.safetensors"):
        load_checkpoint(tmp_path / "none.safetensors")


def test_a_strangers_safetensors_file_is_refused(tmp_path):
    from safetensors.numpy import save_file

    save_file({"w": np.zeros(3)}, tmp_path / "w.safetensors")
    with pytest.raises(CheckpointInvalid, match="no 'rove' header"):
        load_checkpoint(tmp_path / "w.safetensors")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"feature_names": ("x", "y")}, r"'observation_mean' has shape \(5,\), its header asks for \(6,\)"),
        ({"horizon": 5}, r"'delta_mean_rad' has shape \(4, 2\), its header asks for \(5, 2\)"),
        ({"execute": 9}, "contradicts itself"),
        ({"step_s": 0.0}, "contradicts itself"),
        ({"step_s": float("nan")}, "not what a policy needs"),
        ({"q_min_rad": (0.0,)}, "contradicts itself"),
        ({"horizon": "four"}, "not what a policy needs"),
        ({"hidden": 8.5}, "8.5 is no int"),
        ({"layers": 0}, "a size or number that cannot be"),
        ({"condition_classes": -1}, "a size or number that cannot be"),
        ({"feature_names": 1}, "not what a policy needs"),
        ({"hidden": 10**12}, "1 layers of 1000000000000, it holds fewer"),
    ],
)
def test_a_header_that_denies_its_tensors_is_refused_with_both_sides(tmp_path, change, sentence):
    made = small_checkpoint()
    path = tmp_path / "p.safetensors"
    save_checkpoint(path, dataclasses.replace(made, header=dataclasses.replace(made.header, **change)))
    with pytest.raises(CheckpointInvalid, match=sentence):
        load_checkpoint(path)


def test_weights_that_are_not_finite_are_refused(tmp_path):
    made = small_checkpoint()
    made.weights["body.0.weight"][2, 1] = np.nan
    save_checkpoint(tmp_path / "p.safetensors", made)
    with pytest.raises(CheckpointInvalid, match=r"actor\.body\.0\.weight.*not finite"):
        load_checkpoint(tmp_path / "p.safetensors")
