"""A folder appears whole or not at all."""

import pytest

from rove_teleop.errors import UsageError
from rove_teleop.exchange.new_folder import new_folder


def test_it_appears_when_the_block_ends_well(tmp_path):
    with new_folder(tmp_path / "out") as folder:
        (folder / "file").write_text("x")
        assert not (tmp_path / "out").exists()
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["file"]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_nothing_stays_when_it_does_not(tmp_path):
    with pytest.raises(KeyboardInterrupt), new_folder(tmp_path / "out") as folder:
        (folder / "file").write_text("x")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_never_touched(tmp_path):
    (tmp_path / "out").mkdir()
    with pytest.raises(UsageError, match="exists already"), new_folder(tmp_path / "out"):
        pass
    (tmp_path / "other.partial").mkdir()
    (tmp_path / "other.partial" / "thesis").write_text("x")
    with pytest.raises(UsageError, match="in the way"), new_folder(tmp_path / "other"):
        pass
    assert (tmp_path / "other.partial" / "thesis").exists()


def test_the_rest_of_a_killed_export_goes(tmp_path):
    generator = new_folder(tmp_path / "out").gen
    rest = next(generator)
    (rest / "half").write_text("x")
    kept = tmp_path / "kept.partial"
    rest.rename(kept)  # as a killed process leaves it: no code runs any more
    generator.close()
    kept.rename(rest)
    with new_folder(tmp_path / "out") as folder:
        assert not (folder / "half").exists()
    assert list((tmp_path / "out").iterdir()) == []


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="cannot be written"), new_folder(tmp_path / "file" / "out"):
        pass
