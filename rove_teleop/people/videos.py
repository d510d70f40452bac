"""Egocentric videos of people (EgoDex: HDF5 and MP4) as episodes of ``embodiment: human``."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import simplejpeg

from ..episodes.attributes import OUTCOMES
from ..episodes.dataset import Dataset, WriterLock
from ..episodes.read import open_episode
from ..episodes.record.journal import crc32c
from ..errors import DatasetInvalid, MissingDependency, MotionFileInvalid, RoveError, UsageError
from ..robots.description import RobotDescription
from ..tracking.motion_file import load_motion
from ..tracking.readers.egodex import RATE_HZ, words
from ..tracking.readers.source import read_bytes
from .episodes import HumanEpisode, record_person

CAMERA = "ego"
HEIGHT = 360
JPEG_QUALITY = 85
Progress = Callable[[int, int], None]


@dataclass(slots=True)
class VideoReport:
    """``known`` were imported before; ``refused`` by file with the reason; ``unjudged`` have no outcome."""

    episodes: int = 0
    known: int = 0
    frames: int = 0
    unjudged: int = 0
    refused: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("episodes", "known", "frames", "unjudged", "refused")}


def import_videos(
    source: Path,
    root: Path,
    robot: RobotDescription,
    task: str = "",
    outcomes: Mapping[str, str] | str = "unknown",
    progress: Progress | None = None,
) -> VideoReport:
    """Every ``NAME.hdf5`` under ``source``, with the images of ``NAME.mp4`` beside it where there is one.

    ``outcomes`` is one for all of them, or one per file (its path under ``source`` without suffix); EgoDex itself tells
    none, and a critic learns only from success and failure. ``task`` defaults to the file's own or its folder. A file
    that is in the dataset already is passed over; one that cannot be read is refused and the others go on.

    Raises:
        UsageError: no such file under ``source``, or an outcome that there is not.
        DatasetInvalid: ``root`` holds something else, or another writer has it.
        MissingDependency: h5py or PyAV is not installed.
    """
    files = [source] if source.is_file() else sorted(source.rglob("*.hdf5"))
    if not files:
        raise UsageError(f"{source}: holds no .hdf5 file")
    _check_outcomes({outcomes} if isinstance(outcomes, str) else set(outcomes.values()))
    report = VideoReport()
    dataset = Dataset.create(root)
    lock = WriterLock(root)
    try:
        known = {_source_of(path) for path in dataset.episodes()}
        for number, path in enumerate(files, start=1):
            name = path.relative_to(source).with_suffix("").as_posix() if path != source else path.stem
            outcome = outcomes if isinstance(outcomes, str) else outcomes.get(name, "unknown")
            _import(path, name, root, robot, task, outcome, known, lock, report)
            if progress is not None:
                progress(number, len(files))
    finally:
        lock.release()
    return report


def read_outcomes(path: Path) -> dict[str, str]:
    """A table (CSV) with the columns ``name`` and ``outcome``.

    Raises:
        UsageError: it cannot be read, lacks a column, or names an outcome that there is not; the message has the line.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
        found = {row["name"]: row["outcome"] for row in rows}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path}: cannot be read ({error})") from error
    except KeyError as error:
        raise UsageError(f"{path}:1: the table needs the columns name and outcome") from error
    for line, row in enumerate(rows, start=2):
        if row["outcome"] not in OUTCOMES:
            raise UsageError(f"{path}:{line}: outcome '{row['outcome']}' is none of {', '.join(OUTCOMES)}")
    return found


def _import(
    path: Path,
    name: str,
    root: Path,
    robot: RobotDescription,
    task: str,
    outcome: str,
    known: set[tuple[str, int] | None],
    lock: WriterLock,
    report: VideoReport,
) -> None:
    try:
        content = read_bytes(path)
        source = (name, crc32c(content))
        if source in known:
            report.known += 1
            return
        motion, said = load_motion(path), words(content)
        video = path.with_suffix(".mp4")
        item = HumanEpisode(
            task=task or said["task"] or path.parent.name,
            instruction=said["description"] or said["task"] or path.parent.name,
            outcome=outcome,
            motion=motion,
            rate_hz=RATE_HZ,
            images={CAMERA: _images(video, len(motion.frames))} if video.is_file() else {},
            attributes={"import_source": {"format": "egodex", "name": name, "crc32c": source[1]}},
        )
        record_person(root, robot, item, lock)
    except (MotionFileInvalid, DatasetInvalid) as error:
        report.refused[name] = str(error)
        return
    known.add(source)
    report.episodes += 1
    report.frames += len(motion.frames)
    report.unjudged += outcome == "unknown"


def _images(path: Path, frames: int) -> Iterator[bytes]:
    """The first ``frames`` images as JPEG files of at most ``HEIGHT`` rows; DatasetInvalid when there are fewer."""
    try:
        import av
    except ModuleNotFoundError as error:
        raise MissingDependency("EgoDex videos need PyAV: pip install 'rove_teleop[egodex]'") from error
    done = 0
    try:
        with av.open(str(path)) as container:
            for image in container.decode(video=0):
                if done == frames:
                    return
                height = min(HEIGHT, image.height)
                width = round(image.width * height / image.height / 2) * 2
                small = image.reformat(width=width, height=height, format="rgb24").to_ndarray()
                done += 1
                yield bytes(simplejpeg.encode_jpeg(np.ascontiguousarray(small), JPEG_QUALITY))
    except (av.FFmpegError, OSError) as error:
        raise DatasetInvalid(f"{path}: image {done} cannot be decoded ({error})") from error
    if done < frames:
        raise DatasetInvalid(f"{path}: holds {done} images, but the recording has {frames} frames")


def _check_outcomes(outcomes: set[str]) -> None:
    wrong = sorted(outcomes - set(OUTCOMES))
    if wrong:
        raise UsageError(f"outcome '{wrong[0]}' is none of {', '.join(OUTCOMES)}")


def _source_of(path: Path) -> tuple[str, int] | None:
    try:
        source = open_episode(path).attributes.get("import_source")
    except RoveError:
        return None  # rove verify says what is wrong with it
    if not isinstance(source, dict) or source.get("format") != "egodex":
        return None
    return str(source["name"]), int(source["crc32c"])
