"""Promises about what is stored: counts are those of the arrays, images are where they should be, text is readable."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from ..record.journal import crc32c
from .log import Log, rows_where

_START = b"\xff\xd8"


def counts_are_true(log: Log) -> list[str]:
    """The counts in the attributes are what the arrays say."""
    a, problems = log.attributes, []
    if a["rows"] != len(log.tick):
        problems.append(f"the attribute rows is {a['rows']}, there are {len(log.tick)}")
    steps = np.diff(log.tick)
    between = int(np.sum(steps[steps > 1] - 1))
    before = max(int(log.tick[0]) - a["first_tick"], 0) if len(log.tick) and a.get("first_tick") is not None else 0
    # Only the session knew how many there should be behind the last one.
    if a["ticks_lost"] < between + before:
        problems.append(f"the attribute ticks_lost is {a['ticks_lost']}, the rows lack {between + before}")
    for name, count in a["frames"].items():
        there = len(log.arrays[f"cameras/{name}/sequence"])
        if count != there:
            problems.append(f"the attribute frames.{name} is {count}, there are {there}")
        missed = log.arrays.get(f"cameras/{name}/missed")
        said = a.get("frames_missed", {}).get(name, 0)
        if missed is not None and said != int(np.sum(missed)):
            problems.append(f"the attribute frames_missed.{name} is {said}, the images say {int(np.sum(missed))}")
    return problems


def shapes_fit_the_robot(log: Log) -> list[str]:
    """As many joints and groups in every row as have names."""
    joints, groups = len(log.attributes["joint_names"]), len(log.attributes["groups"])
    return [
        f"{name} has {array.shape[1]} columns, {count} have names"
        for name, array in log.arrays.items()
        for count in [groups if name in ("control/weight", "control/driver") else joints]
        if name.startswith("control/") and array.ndim == 2 and array.shape[1] != count
    ]


def one_episode_only(log: Log) -> list[str]:
    """Rows of another episode are not among these."""
    number = log.control("episode")
    return rows_where(number != number[0], "control/episode changes") if len(number) else []


def clocks_go_forward(log: Log) -> list[str]:
    """An episode ends after it began, and the label time is a number."""
    clocks = log.attributes.get("clocks", {})
    # Nobody knows when a recording ended that was cut short.
    begin, end = clocks.get("begin") or {}, clocks.get("end") or {}
    problems = rows_where(~np.isfinite(log.control("wall_time_s")), "control/wall_time_s is not finite")
    # Another boot counts from another instant.
    if begin.get("boot_id") == end.get("boot_id") and end.get("monotonic_s", math.inf) < begin.get("monotonic_s", 0.0):
        problems.append("the episode ends before it begins, on the monotonic clock")
    return problems


def stamps_go_forward(log: Log) -> list[str]:
    """Streams that the recorder stamped are in the order in which they came."""
    names = [name for name in log.arrays if name.endswith("/receive_s")]
    problems = []
    for name in names:
        stamp_s = log.arrays[name]
        if not np.all(np.isfinite(stamp_s)):
            problems.append(f"{name} is not finite")
        elif np.any(np.diff(stamp_s) < 0.0):
            problems.append(f"{name} goes back at row {int(np.argmax(np.diff(stamp_s) < 0.0)) + 1}")
    return problems


def images_lie_in_their_pack(log: Log) -> list[str]:
    """Images follow each other in the pack, each inside it, and none over another."""
    problems = []
    for camera in _cameras(log, with_images=True):
        offset, length = log.arrays[f"{camera}/offset"], log.arrays[f"{camera}/length"]
        end, size = offset + length, log.arrays[f"{camera}/{_codec(log, camera)}"].size
        before = np.append(0, end[:-1])
        wrong = (length <= 0) | (offset < before) | (end > size)
        problems += [f"{camera}: {text}" for text in rows_where(wrong, "an image does not lie where it should")]
    return problems


def images_are_whole(log: Log) -> list[str]:
    """Every image has the bytes that were recorded, and begins like a JPEG file or a fragment of a video."""
    problems = []
    for camera in _cameras(log, with_images=True):
        if any(text.startswith(f"{camera}:") for text in images_lie_in_their_pack(log)):
            continue
        codec = _codec(log, camera)
        pack = log.arrays[f"{camera}/{codec}"]
        places = zip(log.arrays[f"{camera}/offset"].tolist(), log.arrays[f"{camera}/length"].tolist(), strict=True)
        sums = log.arrays[f"{camera}/{codec}_crc32c"].tolist()
        for row, ((offset, length), crc) in enumerate(zip(places, sums, strict=True)):
            image = pack[offset : offset + length]
            if codec == "jpeg" and bytes(image[:2]) != _START:
                problems.append(f"{camera}: image {row} does not begin like a JPEG file")
                break
            if codec == "h264" and bytes(image[4:8]) != (b"ftyp" if offset == 0 else b"moof"):
                problems.append(f"{camera}: image {row} does not begin like a fragment of a video")
                break
            if crc32c(image) != crc:
                problems.append(f"{camera}: image {row} does not match its checksum")
                break
    return problems


def videos_have_key_images(log: Log) -> list[str]:
    """Every image of a video can be decoded from an image on that is there, itself or one before it."""
    problems = []
    for camera in _cameras(log):
        if f"{camera}/keyframe" in log.arrays:
            keyframe, offset = log.arrays[f"{camera}/keyframe"], log.arrays[f"{camera}/offset"]
            wrong = ~np.isin(keyframe, offset) | (keyframe > offset)
            problems += [f"{camera}: {text}" for text in rows_where(wrong, "an image lacks its key image")]
    return problems


def lost_images_are_counted(log: Log) -> list[str]:
    """A gap in an image's running number is an image that is counted as lost; none comes twice."""
    problems = []
    for camera in _cameras(log):
        sequence = log.arrays[f"{camera}/sequence"].astype(np.int64)
        if np.any(np.diff(sequence) <= 0):
            problems.append(f"{camera}/sequence does not increase")
        lost = int(sequence[-1]) + 1 - len(sequence) if len(sequence) else 0
        said = log.attributes["frames_lost"].get(camera.rpartition("/")[2], 0)
        if lost > said:
            problems.append(f"{camera}: {lost} images are missing, {said} are counted as lost")
    return problems


def repeated_images_are_counted(log: Log) -> list[str]:
    """Images with the stamp of the one before are counted as duplicated."""
    problems = []
    for camera in _cameras(log):
        again = int(np.sum(np.diff(log.arrays[f"{camera}/capture_s"]) == 0.0))
        said = log.attributes.get("frames_duplicated", {}).get(camera.rpartition("/")[2], 0)
        if again != said:
            problems.append(f"{camera}: {again} images come twice, {said} are counted")
    return problems


def chunks_are_plans(log: Log) -> list[str]:
    """A valid chunk has finite targets at increasing times for joints that the robot has, each once."""
    arrays = {name: log.arrays[f"policy/{name}"] for name in ("valid", "horizon", "joint_count", "joint_index")}
    offset_s, q_rad = log.arrays["policy/offset_s"], log.arrays["policy/q_rad"]
    wrong = np.zeros(len(offset_s), np.bool_)
    for k in range(len(offset_s)):
        steps, slots = int(arrays["horizon"][k]), int(arrays["joint_count"][k])
        joints, times_s = arrays["joint_index"][k, :slots], offset_s[k, :steps]
        wrong[k] = steps < 1 or steps > offset_s.shape[1] or slots > arrays["joint_index"].shape[1]
        wrong[k] |= len(np.unique(joints)) != len(joints)
        wrong[k] |= bool(np.any((joints < 0) | (joints >= len(log.attributes["joint_names"]))))
        if arrays["valid"][k]:
            wrong[k] |= not (np.all(np.isfinite(q_rad[k, :steps, :slots])) and np.all(np.isfinite(times_s)))
            wrong[k] |= bool(np.any(np.diff(times_s) <= 0.0))
    return rows_where(wrong, "a chunk in policy/ is no plan for this robot")


def opinions_are_numbers(log: Log) -> list[str]:
    """A failure detector says a score, a threshold, and yes or no."""
    score, threshold = log.arrays["failure/score"], log.arrays["failure/threshold"]
    wrong = ~(np.isfinite(score) & np.isfinite(threshold)) | (log.arrays["failure/alarm"] > 1)
    return rows_where(wrong, "an opinion in failure/ is not a number or not yes or no")


def tracking_is_yes_or_no(log: Log) -> list[str]:
    """The deadman is held or not."""
    return rows_where(log.arrays["tracking/engaged"] > 1, "tracking/engaged is not 0 or 1")


def _cameras(log: Log, *, with_images: bool = False) -> Iterator[str]:
    """Groups of the cameras; ``with_images``: without those whose images lie elsewhere."""
    names = (f"cameras/{name}" for name in log.attributes["frames"])
    return (name for name in names if not (with_images and f"{name}/{_codec(log, name)}" in log.absent))


def _codec(log: Log, camera: str) -> str:
    return "h264" if f"{camera}/keyframe" in log.arrays else "jpeg"
