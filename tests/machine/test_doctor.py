"""The doctor answers every question, whatever a check does, and only what is needed makes it fail."""

import json
import socket

import pytest

from rove_teleop import cli
from rove_teleop.errors import MissingDependency
from rove_teleop.machine import checks as machine_checks
from rove_teleop.machine import doctor
from rove_teleop.machine.doctor import Question, apart, examine
from rove_teleop.sessions.ros_environment import CHOICES


def missing():
    raise MissingDependency("no lamp:\n  apt install lamp")


def broken():
    raise OSError("libfoo.so.1: cannot open shared object file")


def test_no_answer_prevents_the_next():
    findings = examine(
        [Question("a", lambda: "fine"), Question("b", missing, needed=True), Question("c", broken), Question("d", str)]
    )
    assert [finding.name for finding in findings] == ["a", "b", "c", "d"]
    assert [finding.ok for finding in findings] == [True, False, False, True]
    assert [finding.needed for finding in findings] == [False, True, False, False]
    assert findings[1].text == "no lamp: apt install lamp"
    assert findings[2].text == "OSError: libfoo.so.1: cannot open shared object file"


@pytest.mark.parametrize(("needed", "code"), [(True, 4), (False, 0)])
def test_only_what_is_needed_fails(needed, code, monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setattr(doctor, "QUESTIONS", (Question("lamp", missing, needed), Question("sun", lambda: "shines")))
    assert cli.main(["doctor"]) == code
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == [
        "lamp",
        *(["missing:"] if needed else ["missing", "(optional):"]),
        *"no lamp: apt install lamp".split(),
    ]
    assert lines[1].split() == ["sun", "ok:", "shines"]
    assert cli.main(["doctor", "--json"]) == code
    report = json.loads(capsys.readouterr().out)
    assert report["ok"] is not needed
    assert [check["name"] for check in report["checks"]] == ["lamp", "sun", "headset page"]
    assert report["checks"][0]["text"] == "no lamp: apt install lamp"


def test_a_check_that_crashes_is_a_finding(tmp_path, monkeypatch):
    crashing = tmp_path / "python"
    crashing.write_text("#!/bin/sh\necho loading\nkill -SEGV $$\n")
    crashing.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(crashing))
    (finding,) = examine([Question("rendering", apart("rendering"))])
    assert not finding.ok
    assert "crashed (signal 11)" in finding.text


def test_a_check_that_hangs_is_a_finding(tmp_path, monkeypatch):
    hanging = tmp_path / "python"
    hanging.write_text("#!/bin/sh\nexec sleep 60\n")
    hanging.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(hanging))
    monkeypatch.setattr(doctor, "PATIENCE_S", 0.2)
    (finding,) = examine([Question("rendering", apart("rendering"))])
    assert finding.text == "no answer within 0.2 s"


def test_a_check_apart_brings_its_finding_back(monkeypatch):
    monkeypatch.setenv("XR_RUNTIME_JSON", "/nowhere.json")
    (finding,) = examine([Question("OpenXR", apart("openxr"))])
    assert not finding.ok
    assert "OpenXR" in finding.text
    (finding,) = examine([Question("nothing", apart("nothing"))])
    assert finding.text == "KeyError: 'nothing'"


def test_a_port_in_use_is_named_with_its_way_out(monkeypatch):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        monkeypatch.setattr(machine_checks, "PORTS", {port: "--console-port 0"})
        with pytest.raises(MissingDependency, match=rf"{port} \(--console-port 0 takes a free one\)"):
            machine_checks.ports()
    assert machine_checks.ports() == f"{port} are free"


def test_shared_memory_that_root_cannot_share_is_named(monkeypatch):
    for name in (*CHOICES, "RMW_IMPLEMENTATION"):
        monkeypatch.delenv(name, raising=False)
    assert machine_checks.transports() == "UDP on loopback only: nothing leaves this machine"
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    assert "shared memory" in machine_checks.transports()
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "SUBNET")
    monkeypatch.setenv("FASTDDS_BUILTIN_TRANSPORTS", "UDPv4")
    assert machine_checks.transports() == "UDP, ROS_AUTOMATIC_DISCOVERY_RANGE=SUBNET"
    for chosen in ("SHM", "DEFAULT", "LARGE_DATA"):
        monkeypatch.setenv("FASTDDS_BUILTIN_TRANSPORTS", chosen)
        with pytest.raises(MissingDependency, match="root"):
            machine_checks.transports()
    monkeypatch.setenv("FASTDDS_DEFAULT_PROFILES_FILE", "/my/profiles.xml")
    assert "profile" in machine_checks.transports()
    monkeypatch.setenv("RMW_IMPLEMENTATION", "rmw_zenoh_cpp")
    assert machine_checks.transports() == "rmw_zenoh_cpp decides"


def test_a_full_disk_is_missing(monkeypatch):
    monkeypatch.setattr(machine_checks, "LEAST_FREE_GB", 1e9)
    with pytest.raises(MissingDependency, match="--dataset"):
        machine_checks.disk()
    monkeypatch.setattr(machine_checks, "LEAST_FREE_GB", 0.0)
    monkeypatch.setattr(machine_checks, "PLENTY_GB", 1e9)
    assert "short session" in machine_checks.disk()
