"""Episodes as rosbag2 folders with MCAP, for Foxglove, ros2 bag play and everything else that reads bags."""

from __future__ import annotations

import heapq
import json
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..episodes.dataset import Dataset
from ..episodes.edit.overlay import Labels, read_labels
from ..episodes.edit.overlay_files import newest_revision
from ..episodes.find import find_episode
from ..episodes.read import Episode, open_episode
from ..errors import MissingDependency, UsageError
from .frames import Progress, silent
from .mcap_rows import row_topics
from .mcap_streams import stream_topics
from .mcap_values import Stamped, Values
from .new_folder import new_folder

if TYPE_CHECKING:
    from rosbags.typesys.store import Typestore

_TOLD = ("task", "instruction", "operator", "policy_id", "robot", "status")


@dataclass(frozen=True, slots=True)
class BagReport:
    """What was written: a bag per episode."""

    episodes: int
    messages: int

    def to_json(self) -> dict[str, int]:
        return asdict(self)


def export_bags(
    root: Path, out: Path, ids: Collection[str] = (), revision: int | None = None, *, progress: Progress = silent
) -> BagReport:
    """Write the bag ``out/<id>`` for each of these episodes of the dataset ``root`` (none given: all).

    Raises:
        UsageError: ``out`` exists, no such episode, or there is none.
        DatasetInvalid: not a dataset, or a damaged episode.
        MissingDependency: rosbags is not installed.
    """
    store = _types()
    episodes = [find_episode(root, name) for name in ids] or [open_episode(p) for p in Dataset.open(root).episodes()]
    if not episodes:
        raise UsageError(f"{root}: has no episode to export")
    messages = 0
    with new_folder(out) as folder:
        for number, episode in enumerate(episodes, start=1):
            wanted = None if revision is None else min(revision, newest_revision(root, episode.id))
            messages += _write_bag(folder / episode.id, episode, read_labels(root, episode, wanted), store)
            progress(number, len(episodes))
    return BagReport(len(episodes), messages)


def _write_bag(path: Path, episode: Episode, labels: Labels, store: Typestore) -> int:
    from rosbags.rosbag2 import StoragePlugin, Writer

    count = 0
    # Version 9 writes the QoS as a YAML list, which ROS 2 Humble refuses to read.
    with Writer(path, version=8, storage_plugin=StoragePlugin.MCAP) as bag:
        told = {key: episode.attributes.get(key) for key in _TOLD}
        told |= {"id": episode.id, "outcome": labels.outcome, "revision": labels.revision}
        bag.set_custom_data("rove_teleop", json.dumps(told))
        values, streams = Values(episode, store), []
        for name, kind, messages in (*row_topics(values, labels), *stream_topics(values)):
            streams.append(_tagged(messages, bag.add_connection(name, kind, typestore=store)))
        for time_ns, _, connection, message in heapq.merge(*streams, key=lambda item: item[:2]):
            bag.write(connection, time_ns, store.serialize_cdr(message, connection.msgtype))
            count += 1
    return count


def _tagged(messages: Stamped, connection: Any) -> Iterator[tuple[int, int, Any, Any]]:
    """With the topic beside each message; of two at one time, the topic that comes first in the bag is first."""
    return ((time_ns, connection.id, connection, message) for time_ns, message in messages)


def _types() -> Typestore:
    try:
        from rosbags.typesys import Stores, get_typestore
    except ModuleNotFoundError as error:
        raise MissingDependency("export mcap needs rosbags: pip install 'rove_teleop[mcap]'") from error
    return get_typestore(Stores.ROS2_HUMBLE)
