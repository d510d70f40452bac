"""One episode while it is recorded: every call is one write, and what was written survives the process."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...clock import monotonic_s
from ...errors import DatasetInvalid, MissingDependency, RecordingFailed
from ...types import Array, Event
from ..attributes import check_camera, checked_attributes, checked_outcome
from ..dataset import Dataset, WriterLock, clock_now
from ..layout import TRACKING_DTYPE, Stream, control_dtype, row_episode_tick
from .camera_log import Image
from .free_space import MIN_FREE_BYTES, FreeSpaceWatch, check_free_space
from .recording_files import RecordingFiles
from .records import ChunkRecord, FailureRecord, pack_event, pack_json, pack_task, pack_tracking
from .seal import seal_recording
from .virtual_clock import VirtualClock

MAX_TEXT = 16384


class EpisodeRecording:
    """Begin, append, seal. Appends may come from several threads; ``seal`` comes when they have stopped.

    ``attributes``: see ``checked_attributes``. Without ``lock`` the recording takes the dataset's writer lock itself
    and gives it back when it is sealed. It begins with ``min_free_bytes`` free on the disk, and stops when less than
    a quarter of that is left besides what sealing needs. ``virtual``: an episode in virtual time, with the attribute
    ``clock: virtual``; what was left of an earlier attempt at it is removed, and the writer lock is left to whoever
    makes it, for several processes may.

    Raises:
        DatasetInvalid: attributes that do not fit, a dataset that is not ours, another writer, a virtual episode that
            is there already.
        RecordingFailed: the disk is nearly full, or refused a record.
        MissingDependency: cameras as H.264 without PyAV.
    """

    def __init__(
        self,
        dataset_root: Path,
        attributes: Mapping[str, Any],
        lock: WriterLock | None = None,
        *,
        min_free_bytes: int = MIN_FREE_BYTES,
        virtual: VirtualClock | None = None,
    ) -> None:
        self._virtual = virtual
        self.attributes = checked_attributes({**attributes, **({"clock": "virtual"} if virtual is not None else {})})
        dataset = Dataset.create(dataset_root)
        check_free_space(dataset_root, min_free_bytes)
        self._own_lock = WriterLock(dataset_root) if lock is None and virtual is None else None
        try:
            self.path = dataset.begin_recording() if virtual is None else dataset.begin_virtual(virtual.id)
            self.id = self.path.name
            header = {"id": self.id, "clock": self._clock(), "attributes": self.attributes}
            self._files = RecordingFiles(self.path, header, durable=virtual is None)
        except (OSError, RecordingFailed) as error:
            self._release()
            cause = error.strerror if isinstance(error, OSError) else error
            raise RecordingFailed(f"{dataset_root}: an episode cannot be begun ({cause})") from error
        except MissingDependency:
            self._release()
            raise
        self._min_free_bytes = min_free_bytes
        self._space = FreeSpaceWatch(dataset_root, self._head_room_bytes, self._files.stop)
        self._closed = False
        self._row_bytes = control_dtype(len(self.attributes["joint_names"]), len(self.attributes["groups"])).itemsize
        self._feature_count: int | None = len(self.attributes["feature_names"]) or None
        self.row_count = 0
        self.frame_count = 0
        self.last_tick: int | None = None

    def _clock(self) -> dict[str, Any]:
        return clock_now(monotonic_s()) if self._virtual is None else self._virtual.stamp()

    def _head_room_bytes(self) -> int:
        # Sealing writes everything but the images a second time.
        return self._min_free_bytes // 4 + self._files.log_bytes if self._min_free_bytes else 0

    def control_row(self, row: bytes | np.ndarray) -> int:
        """Record one control tick (``layout.control_dtype``); return its tick number, which is now acknowledged.

        Raises:
            DatasetInvalid: the wrong number of bytes, or a tick that does not follow the last one.
        """
        data = row if isinstance(row, bytes) else row.tobytes()
        if len(data) != self._row_bytes:
            raise DatasetInvalid(f"a control row of this robot has {self._row_bytes} bytes, got {len(data)}")
        _, tick = row_episode_tick(data)
        if self.last_tick is not None and not tick > self.last_tick:
            raise DatasetInvalid(f"control row of tick {tick} came after the one of tick {self.last_tick}")
        self._files.append(Stream.CONTROL, data)
        self.last_tick = tick
        self.row_count += 1
        return tick

    def frame(self, camera: str, image: Image, capture_s: float, receive_s: float, sequence: int) -> None:
        """Record one camera image; ``sequence`` counts from 0, a gap is a lost image.

        A JPEG file is stored byte for byte, unless the attribute ``camera_codec`` is h264: then it, or RGB pixels
        (h, w, 3), are encoded here.

        Raises:
            DatasetInvalid: not a JPEG, one that H.264 cannot take, or a camera name that is no file name.
        """
        if isinstance(image, bytes) and image[:2] != b"\xff\xd8":
            raise DatasetInvalid(f"camera '{camera}' sent an image that is not a JPEG")
        check_camera(camera)
        self._files.image(camera, image, capture_s, receive_s, sequence)
        self.frame_count += 1

    def chunk(self, chunk: ChunkRecord) -> None:
        """Record a policy's chunk, also one that control refuses."""
        self._files.append(Stream.CHUNK, chunk.pack())

    def tracking(self, frame: bytes, receive_s: float) -> None:
        """Record a device frame as received (``layout.pack_operator_frame``).

        Raises:
            DatasetInvalid: the wrong number of bytes.
        """
        if len(frame) != TRACKING_DTYPE.itemsize:
            raise DatasetInvalid(f"a device frame has {TRACKING_DTYPE.itemsize} bytes, got {len(frame)}")
        self._files.append(Stream.TRACKING, pack_tracking(receive_s, frame))

    def task_state(self, stamp_s: float, features: Array) -> None:
        """Record the task's features (k,); k is the same for the whole episode.

        Raises:
            DatasetInvalid: another number of features than before, or than ``feature_names``.
        """
        if self._feature_count is None:
            self._feature_count = len(features)
        if features.shape != (self._feature_count,):
            raise DatasetInvalid(f"the task has {self._feature_count} features, got shape {features.shape}")
        self._files.append(Stream.TASK, pack_task(stamp_s, features))

    def failure(self, opinion: FailureRecord) -> None:
        """Record what a failure detector thinks."""
        self._files.append(Stream.FAILURE, opinion.pack())

    def event(self, event: Event) -> None:
        """Record an event; the detail is cut at 16 KiB."""
        self._files.append(Stream.EVENT, pack_event(Event(event.time_s, event.kind[:64], event.detail[:MAX_TEXT])))

    def note(self, attributes: Mapping[str, Any]) -> None:
        """Add or replace attributes; they survive a crash like rows do."""
        self.attributes = checked_attributes({**self.attributes, **attributes})
        self._feature_count = len(self.attributes["feature_names"]) or self._feature_count
        self._files.append(Stream.ATTRIBUTES, pack_json(dict(attributes)))

    @property
    def failed(self) -> str | None:
        """Why the disk refuses records, or None while all is well."""
        return self._files.failed

    @property
    def bytes_written(self) -> int:
        return self._files.bytes_written

    @property
    def unsynced_bytes(self) -> int:
        """Bytes that a power cut would take now."""
        return self._files.unsynced_bytes

    def seal(self, outcome: str, attributes: Mapping[str, Any] | None = None, *, last_tick: int | None = None) -> Path:
        """Close the logs and commit the episode; return ``episodes/<id>.zarr``.

        ``last_tick`` is the last tick that the control process sent: what is missing before it is counted as lost.
        An episode whose disk refused a record is sealed up to the last whole one, with status ``recovered``.

        Raises:
            DatasetInvalid: an unknown outcome, or attributes that do not fit.
            OSError: the disk refused the sealed copy; the logs are kept and can be recovered.
        """
        extra = dict(attributes or {})
        self.check_end(outcome, extra)
        end = {"outcome": outcome, "last_tick": last_tick, "clock": self._clock()}
        if self.failed is None:
            with contextlib.suppress(RecordingFailed):
                self._files.append(Stream.END, pack_json({**end, "attributes": extra}))
        # Sealing syncs the whole file system once, the logs and packs with it.
        self._close_files(sync=False)
        failure = self.failed
        end["attributes"] = extra | ({} if failure is None else {"recording_failure": failure})
        sums = self._files.pack_sums() if failure is None else {}
        try:
            durable = self._virtual is None
            return seal_recording(self.path, recovered=failure is not None, end=end, pack_sums=sums, durable=durable)
        finally:
            self._release()

    def check_end(self, outcome: object, attributes: Mapping[str, Any]) -> None:
        """Refuse what ``seal`` would refuse, while the episode can still go on.

        Raises:
            DatasetInvalid: an unknown outcome, or attributes that do not fit.
        """
        checked_outcome(outcome)
        checked_attributes({**self.attributes, **attributes})

    def close(self) -> None:
        """Stop writing without sealing: the recording is then an orphan for ``recover_dataset``."""
        self._close_files(sync=True)
        self._release()

    def remove(self) -> None:
        """Stop writing and keep nothing: only for what can be made again."""
        self._close_files(sync=False)
        shutil.rmtree(self.path)
        self._release()

    def _close_files(self, *, sync: bool) -> None:
        if not self._closed:
            self._closed = True
            self._space.stop()
            self._files.close(sync=sync)

    def _release(self) -> None:
        if self._own_lock is not None:
            self._own_lock.release()
