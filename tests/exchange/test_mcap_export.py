"""A bag says the same as the episode, to two readers that know nothing of us."""

import json

import numpy as np
import pytest

from rove_teleop.episodes.layout import unpack_operator_frame
from rove_teleop.episodes.read import open_episode
from rove_teleop.errors import UsageError
from rove_teleop.exchange.mcap_export import export_bags
from tests.episodes.recording_tools import record

rosbags = pytest.importorskip("rosbags", reason="the extra mcap is not installed")


@pytest.fixture(scope="module")
def bag(tmp_path_factory):
    root = tmp_path_factory.mktemp("dataset")
    path = record(root, 60)
    out = root.parent / (root.name + "-bags")
    report = export_bags(root, out)
    assert report.episodes == 1
    return open_episode(path), out / path.name.removesuffix(".zarr"), report


def messages(folder):
    """Every message by topic, with its time, read by rosbags."""
    from rosbags.highlevel import AnyReader

    topics = {}
    with AnyReader([folder]) as reader:
        for connection, time_ns, data in reader.messages():
            topics.setdefault(connection.topic, []).append((time_ns, reader.deserialize(data, connection.msgtype)))
    return topics


def wall_ns(episode, stamp_s):
    begin = episode.attributes["clocks"]["begin"]
    return np.round((stamp_s + begin["wall_time_s"] - begin["monotonic_s"]) * 1e9).astype(np.int64)


def test_joints_are_equal_to_the_bit_and_at_their_time(bag):
    episode, folder, _ = bag
    topics = messages(folder)
    for topic, name in (("/joint_states", "q_measured_rad"), ("/joint_commands", "q_sent_rad")):
        times, values = zip(*topics[topic], strict=True)
        assert np.array_equal([value.position for value in values], episode[f"control/{name}"])
        assert np.array_equal(times, wall_ns(episode, episode["control/stamp_s"]))
        assert values[0].name == episode.attributes["joint_names"]
    speeds = [value.velocity for _, value in topics["/joint_states"]]
    assert np.array_equal(speeds, episode["control/dq_measured_rad_s"])
    assert "/operator/targets" not in topics, "the operator asked nothing of any joint"


def test_images_are_the_recorded_bytes(bag):
    episode, folder, _ = bag
    seen = messages(folder)["/camera/ego/image_raw/compressed"]
    assert [message.data.tobytes() for _, message in seen] == [episode.jpeg("ego", k) for k in range(len(seen))]
    assert len(seen) == episode.attributes["frames"]["ego"]
    stamps = [m.header.stamp.sec + 1e-9 * m.header.stamp.nanosec for _, m in seen]
    assert stamps == pytest.approx(episode["cameras/ego/capture_s"], abs=1e-6)


def test_chunks_poses_events_and_phases(bag):
    episode, folder, _ = bag
    topics = messages(folder)
    chunk = topics["/policy/chunk"][1][1]
    names = [episode.attributes["joint_names"][k] for k in episode["policy/joint_index"][1]]
    assert chunk.joint_names == names
    assert np.array_equal([point.positions for point in chunk.points], episode["policy/q_rad"][1])
    offsets = [p.time_from_start.sec + 1e-9 * p.time_from_start.nanosec for p in chunk.points]
    assert offsets == pytest.approx(episode["policy/offset_s"][1])
    head, left, _ = topics["/operator/poses"][0][1].poses
    assert np.isnan(head.position.x) and left.orientation.w == 1.0
    said = [json.loads(message.data) for _, message in topics["/rove/event"]]
    assert [(event["kind"], event["detail"]) for event in said] == [(e.kind, e.detail) for e in episode.events()]
    numbers = [message.data for _, message in topics["/rove/phase_number"]]
    assert np.array_equal(numbers, episode["control/phase"])
    assert [message.data for _, message in topics["/rove/phase"]][:2] == ["recovery", "autonomous"]


def test_the_device_frames_task_opinions_and_reasons(bag):
    episode, folder, _ = bag
    topics = messages(folder)
    frame = unpack_operator_frame(topics["/operator/frame"][2][1].data.tobytes())
    assert frame.sequence == episode["tracking/sequence"][2]
    assert np.array_equal(frame.left.points_m, episode["tracking/left_points_m"][2])
    assert np.array_equal([message.data for _, message in topics["/task/state"]], episode["task/features"])
    scores = [message.data[0] for _, message in topics["/rove/failure"]]
    assert np.array_equal(scores, episode["failure/score"])
    # Bits are said when they change; here they do in every row.
    assert np.array_equal([message.data for _, message in topics["/rove/reason_bits"]], episode["control/reason"])
    targets = [message.position for _, message in topics["/rove/policy_targets"]]
    assert np.array_equal(targets, episode["control/q_policy_rad"])


def test_another_reader_finds_what_foxglove_needs(bag):
    reader_of = pytest.importorskip("mcap.reader", reason="mcap is not installed")
    decoder_of = pytest.importorskip("mcap_ros2.decoder", reason="mcap-ros2-support is not installed")
    episode, folder, report = bag
    (file,) = folder.glob("*.mcap")
    with file.open("rb") as stream:
        reader = reader_of.make_reader(stream, decoder_factories=[decoder_of.DecoderFactory()])
        summary = reader.get_summary()
        assert reader.get_header().profile == "ros2"
        assert {channel.message_encoding for channel in summary.channels.values()} == {"cdr"}
        assert {schema.encoding for schema in summary.schemas.values()} == {"ros2msg"}
        assert summary.statistics.message_count == report.messages and summary.chunk_indexes
        rows = [
            m.decoded_ros2_msg if hasattr(m, "decoded_ros2_msg") else m[3]
            for m in reader.iter_decoded_messages(topics=["/joint_commands"])
        ]
        assert np.array_equal([list(row.position) for row in rows], episode["control/q_sent_rad"])
        times = [message.log_time for _, _, message in reader.iter_messages()]
        assert times == sorted(times)


def test_times_are_those_of_the_metadata(bag):
    _, folder, report = bag
    text = (folder / "metadata.yaml").read_text()
    assert "version: 8" in text and f"message_count: {report.messages}" in text
    assert "offered_qos_profiles: ''" in text, "a list is what Humble cannot read"


def test_a_folder_that_exists_and_an_unknown_episode_are_refused(bag, tmp_path):
    _, folder, _ = bag
    record(tmp_path / "data", 10)
    with pytest.raises(UsageError, match="exists already"):
        export_bags(tmp_path / "data", folder.parent)
    with pytest.raises(UsageError, match="has no episode 20200101-000000-000001"):
        export_bags(tmp_path / "data", tmp_path / "out", ["20200101-000000-000001"])
    assert not (tmp_path / "out").exists()
