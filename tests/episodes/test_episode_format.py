import re
from pathlib import Path

import numpy as np

from rove_teleop.episodes.camera_layout import VIDEO_FIELDS
from rove_teleop.episodes.layout import CAMERA_FIELDS, GROUP_FIELDS
from rove_teleop.episodes.read import open_episode
from rove_teleop.types import Authority, Phase, Reason

from .recording_tools import jpeg, record

_TEXT = (Path(__file__).parents[2] / "docs" / "episode_format.md").read_text(encoding="utf-8")


def test_the_example_of_the_documentation_runs(tmp_path: Path) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", _TEXT, re.DOTALL)
    names: dict[str, object] = {"path": record(tmp_path / "data", 50)}
    exec(compile(example, "docs/episode_format.md", "exec"), names)
    assert names["jpeg"] == jpeg(0)
    assert names["kinds"] == ["pause"] * 3
    assert np.shape(names["q_sent_rad"]) == (50, 3)


def test_every_array_is_documented_as_it_is() -> None:
    for fields in (*GROUP_FIELDS.values(), CAMERA_FIELDS, VIDEO_FIELDS):
        for field in fields:
            row = f"| `{field.name}` | {np.dtype(field.kind).name} |"
            assert row in _TEXT, row
            assert field.meaning in _TEXT


def test_every_attribute_is_documented(tmp_path: Path) -> None:
    for name in open_episode(record(tmp_path / "data")).attributes:
        assert f"`{name}`" in _TEXT, name


def test_the_numbers_in_the_documentation_are_those_of_the_code() -> None:
    for phase in Phase:
        assert f"{phase.value} {phase.name.lower()}" in _TEXT
    for authority in Authority:
        assert f"{authority.value} {authority.name.lower()}" in _TEXT
    bits = _TEXT.split("Bits of `reason`:")[1].split("\n\n")[0]
    assert {int(bit) for bit in re.findall(r"\b(\d+) [a-z ]+[,.]", bits)} == {reason.value for reason in Reason}
