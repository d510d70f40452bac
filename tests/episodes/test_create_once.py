"""A file that is created once is whole or not there, also when the disk refuses the n-th call."""

import errno
import itertools
import os

import pytest

from rove_teleop.episodes.create_once import create_once, make_folders

DATA = bytes(range(256)) * 40


def refuse_call(monkeypatch, number):
    """The ``number``-th fsync, fchmod or link from now on fails once."""
    count = itertools.count(1)

    def refusing(real):
        def call(*arguments, **options):
            if next(count) == number:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return real(*arguments, **options)

        return call

    for name in ("fsync", "fchmod", "link"):
        monkeypatch.setattr(os, name, refusing(getattr(os, name)))
    return count


def test_the_first_has_the_name(tmp_path):
    assert create_once(tmp_path / "a.json", DATA)
    assert not create_once(tmp_path / "a.json", b"other")
    assert (tmp_path / "a.json").read_bytes() == DATA
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_a_disk_that_refuses_leaves_all_or_nothing(tmp_path, monkeypatch, number):
    with monkeypatch.context() as patch:
        refuse_call(patch, number)
        with pytest.raises(OSError, match="No space left"):
            create_once(tmp_path / "a.json", DATA)
    left = list(tmp_path.iterdir())
    assert [path.read_bytes() for path in left] == ([DATA] if number == 4 else [])


def test_there_are_no_more_calls_to_refuse(tmp_path, monkeypatch):
    count = refuse_call(monkeypatch, 5)
    assert create_once(tmp_path / "a.json", DATA)
    assert next(count) == 5


def test_folders_up_to_the_root(tmp_path):
    make_folders(tmp_path, tmp_path / "labels" / "run")
    make_folders(tmp_path, tmp_path / "labels" / "run")
    assert (tmp_path / "labels" / "run").is_dir()
