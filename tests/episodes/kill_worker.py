"""A recorder that never stops, to be killed, and the oracle: what it acknowledged, in a file outside the dataset."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from rove_teleop.episodes.check.verify import verify_dataset
from rove_teleop.episodes.dataset import Dataset, WriterLock
from rove_teleop.episodes.read import Episode, open_episode
from rove_teleop.episodes.record.recording import EpisodeRecording
from rove_teleop.episodes.record.recover import recover_dataset

from .recording_tools import ATTRIBUTES, ROW, control_row, jpeg

CAMERAS = ("ego", "wrist")
TICKS = 25
_IMAGES = [jpeg(k, 20000) for k in range(TICKS)]


def work(root: Path, oracle: int, ticks: int = TICKS, period_s: float = 0.0002) -> None:
    """Recover, then record and seal short episodes for ever. A line of the oracle ends with when it became true."""

    def say(*words: object) -> None:
        os.write(oracle, " ".join(map(str, (*words, time.monotonic()))).encode() + b"\n")

    Dataset.create(root)
    lock = WriterLock(root)
    say("recovering")
    recover_dataset(root, lock)
    while True:
        say("recording")
        recording = EpisodeRecording(root, {**ATTRIBUTES, "cameras": list(CAMERAS)}, lock, min_free_bytes=0)
        for tick in range(ticks):
            time.sleep(period_s)
            recording.control_row(control_row(tick))
            say("row", recording.id, tick)
            for camera in CAMERAS if tick % 4 == 0 else ():
                recording.frame(camera, _IMAGES[tick % TICKS], tick / 30.0, tick / 30.0, tick // 4)
                say(camera, recording.id, tick // 4)
        say("sealing")
        recording.seal("success", last_tick=ticks - 1)
        say("sealed", recording.id)


def run_and_kill(root: Path, oracle: Path, rng: random.Random) -> str:
    """One worker, killed at a random instant; returns what it was doing."""
    file = os.open(oracle, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    size = os.fstat(file).st_size
    child = os.fork()
    if child == 0:
        try:
            work(root, file)
        finally:
            os._exit(1)
    while os.fstat(file).st_size == size:
        time.sleep(0.0002)
    # A quarter of them early, while what the last one left is being recovered.
    time.sleep(rng.uniform(0.0, 0.03) if rng.random() < 0.25 else rng.uniform(0.05, 0.6))
    os.kill(child, signal.SIGKILL)
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != -signal.SIGKILL:
        raise AssertionError("the worker ended by itself")
    os.close(file)
    return oracle.read_text().splitlines()[-1].split()[0]


@dataclass
class Verdict:
    """How much was acknowledged, by kind; what is broken, in sentences; what is lost: lines of the oracle."""

    acknowledged: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


def check(root: Path, oracle: Path) -> Verdict:
    """Recover, then compare with the oracle."""
    recover_dataset(root)
    dataset, verdict = Dataset.open(root), Verdict()
    verdict.broken += [f"{path.name} was not sealed" for path in dataset.recordings()]
    verdict.broken += [f"{one.id}: {one.broken[0]}" for one in verify_dataset(root).episodes if one.broken]
    episodes = {path.name.removesuffix(".zarr"): open_episode(path) for path in dataset.episodes()}
    for line in oracle.read_text().splitlines():
        kind, *words = line.split()
        if kind not in ("row", "sealed", *CAMERAS):
            continue
        verdict.acknowledged["frames" if kind in CAMERAS else kind] += 1
        number = 0 if kind == "sealed" else int(words[1])
        if words[0] not in episodes or not _holds(episodes[words[0]], kind, number):
            verdict.lost.append(line)
    return verdict


def _holds(episode: Episode, kind: str, number: int) -> bool:
    if kind == "sealed":
        return str(episode.attributes["status"]) == "complete"
    if kind == "row":
        if number >= len(episode["control/tick"]):
            return False
        row = np.frombuffer(control_row(number), ROW)[0]
        return all(
            np.array_equal(episode[f"control/{name}"][number], row[name], equal_nan=True) for name in ROW.names or ()
        )
    return number < len(episode[f"cameras/{kind}/offset"]) and episode.jpeg(kind, number) == _IMAGES[4 * number % TICKS]
