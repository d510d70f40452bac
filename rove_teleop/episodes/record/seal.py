"""Seal: a finished or orphaned recording becomes one immutable Zarr v3 group, committed by a single rename."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import rove_teleop

from ...errors import DatasetInvalid
from ..attributes import attributes_crc32c, checked_attributes
from ..camera_layout import camera_fields
from ..durability import fsync_directory, sync_filesystem, write_file
from ..layout import FORMAT, FORMAT_VERSION, GROUP_FIELDS, Field
from ..read import open_episode, open_named
from ..zarr_files import group_json, link_pack, write_array
from .camera_log import PackSum, pack_path
from .contents import EpisodeContents, collect, ticks_lost
from .journal import JOURNAL_VERSION, crc32c
from .recording_files import HEADER_NAME, log_path

DAMAGED = "damaged"


def seal_recording(
    recording: Path,
    *,
    recovered: bool,
    end: Mapping[str, Any] | None = None,
    pack_sums: Mapping[str, PackSum] | None = None,
    durable: bool = True,
) -> Path:
    """Turn ``<dataset>/recording/<id>`` into ``<dataset>/episodes/<id>.zarr`` and delete the recording.

    Safe to repeat after a crash at any point: the result appears by ``rename``, after everything in it is on disk,
    and the logs are deleted after that (those that were cut go to ``damaged/<id>``). The caller holds the dataset's
    writer lock and has closed the logs.
    ``end`` is what the last record should say; without it the log's own last record counts, if it was reached.
    ``pack_sums`` are checksums of the cameras' packs as they were written; the images of others are read once more.
    Unless it shall be ``durable``, nothing waits for the disk.

    Raises:
        DatasetInvalid: the recording's header is missing or damaged, another version of this software wrote it, it has
            a log of another recording, or there is another episode of its name.
        OSError: the disk refused the sealed copy; the recording is untouched and can be sealed again.
    """
    root = recording.parents[1]
    episode = root / "episodes" / f"{recording.name}.zarr"
    if episode.exists():
        _check_is_of(episode, recording)
    else:
        sealed = root / ".seal" / episode.name
        shutil.rmtree(sealed, ignore_errors=True)
        try:
            _write_sealed(recording, sealed, end, pack_sums or {}, recovered=recovered)
            if durable:
                sync_filesystem(recording)
        except OSError:
            shutil.rmtree(sealed, ignore_errors=True)
            raise
        episode.parent.mkdir(exist_ok=True)
        sealed.rename(episode)
        if durable:
            fsync_directory(episode.parent)
    _keep_damaged_logs(recording, episode)
    shutil.rmtree(recording)
    return episode


def _check_is_of(episode: Path, recording: Path) -> None:
    """Refuse to clear a recording away for the sake of an episode that was not made of it."""
    sealed = open_named(episode)
    # Without a header the recording was being deleted already.
    if (recording / HEADER_NAME).exists() and read_header(recording)["clock"] != sealed.attributes["clocks"]["begin"]:
        raise DatasetInvalid(f"{episode}: is another episode of this name, made of another recording")


def _keep_damaged_logs(recording: Path, episode: Path) -> None:
    """What follows a damaged record may still tell somebody something: such logs are moved, never deleted."""
    cut = open_episode(episode).attributes.get("journals_cut", [])
    logs = [path for path in (log_path(recording, name) for name in cut) if path.exists()]
    if logs:
        folder = recording.parents[1] / DAMAGED / recording.name
        folder.mkdir(parents=True, exist_ok=True)
        for path in logs:
            path.rename(folder / path.name)
        shutil.copyfile(recording / HEADER_NAME, folder / HEADER_NAME)


def _write_sealed(
    recording: Path,
    sealed: Path,
    end: Mapping[str, Any] | None,
    pack_sums: Mapping[str, PackSum],
    *,
    recovered: bool,
) -> None:
    header = read_header(recording)
    contents = collect(recording, header["attributes"], pack_sums)
    crcs = _write_arrays(sealed, contents, recording)
    whole = not recovered and contents.end is not None and not contents.damaged
    attributes = {
        **_attributes(header, contents, end or contents.end or {}),
        "status": "complete" if whole else "recovered",
        "journal_bytes_cut": sum(contents.cut_bytes.values()),
        "journals_cut": contents.damaged,
        "crc32c": crcs,
        "metadata_crc32c": metadata_crc32c(sealed),
    }
    attributes["attributes_crc32c"] = attributes_crc32c(attributes)
    write_file(sealed / "zarr.json", group_json(attributes))


def read_header(recording: Path) -> dict[str, Any]:
    """The header of a recording.

    Raises:
        DatasetInvalid: it cannot be read, or another version of this software wrote it.
    """
    path = recording / HEADER_NAME
    try:
        header: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        version = int(header.get("journal_version", 1))
        header["attributes"] = checked_attributes(header["attributes"])
        header["clock"] = dict(header["clock"])
        episode_id = header["id"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DatasetInvalid(f"{path}: the header of the recording cannot be read ({error})") from error
    if version != JOURNAL_VERSION:
        found = f"is a recording of journal version {version}, this software recovers version {JOURNAL_VERSION}"
        raise DatasetInvalid(f"{recording}: {found}: recover it with the version that wrote it")
    if episode_id != recording.name:
        raise DatasetInvalid(f"{path}: is of recording {episode_id}")
    return header


def metadata_crc32c(episode: Path) -> int:
    """CRC-32C over every nested ``zarr.json`` in the order of their paths."""
    paths = sorted(path for path in episode.rglob("zarr.json") if path.parent != episode)
    return crc32c(b"".join(path.read_bytes() for path in paths))


def _write_arrays(sealed: Path, contents: EpisodeContents, recording: Path) -> dict[str, int]:
    crcs: dict[str, int] = {}
    for group, fields in GROUP_FIELDS.items():
        if f"{group}/{fields[0].name}" in contents.arrays:
            _group(sealed / group)
            for field in fields:
                name = f"{group}/{field.name}"
                crcs[name] = write_array(sealed / name, contents.arrays[name], field.dims, _meaning(field))
    _group(sealed / "cameras")
    for camera, images in contents.cameras.items():
        folder = sealed / "cameras" / camera
        _group(folder)
        bytes_field, *others = camera_fields(images.codec)
        pack = pack_path(recording, camera)
        crcs[f"cameras/{camera}/{bytes_field.name}"] = images.pack.crc32c
        link_pack(folder / bytes_field.name, pack, images.pack.length, bytes_field.dims, _meaning(bytes_field))
        for field in others:
            array = images.arrays[field.name]
            crcs[f"cameras/{camera}/{field.name}"] = write_array(
                folder / field.name, array, field.dims, _meaning(field)
            )
    return crcs


def _group(path: Path) -> None:
    path.mkdir(parents=True)
    write_file(path / "zarr.json", group_json({}))


def _meaning(field: Field) -> dict[str, str]:
    return {"unit": field.unit, "meaning": field.meaning}


def _attributes(header: Mapping[str, Any], contents: EpisodeContents, end: Mapping[str, Any]) -> dict[str, Any]:
    attributes = {**header["attributes"], **contents.attributes, **end.get("attributes", {})}
    cameras = contents.cameras
    ticks = contents.arrays["control/tick"]
    return {
        **attributes,
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "id": header["id"],
        "outcome": end.get("outcome", "unknown"),
        "software_version": rove_teleop.__version__,
        "clocks": {"begin": header["clock"], "end": end.get("clock")},
        "rows": len(ticks),
        "ticks_lost": ticks_lost(ticks, attributes["first_tick"], end.get("last_tick")),
        "frames": {name: len(camera.arrays["offset"]) for name, camera in cameras.items()},
        "frames_lost": {name: camera.lost for name, camera in cameras.items()},
        "frames_missed": {name: camera.missed for name, camera in cameras.items()},
        "frames_duplicated": {name: camera.duplicated for name, camera in cameras.items()},
    }
