"""What docs/policies.md and the example say, run."""

import re
import signal
import subprocess
import sys

import pytest

from rove_teleop.cli import parser
from rove_teleop.policy.opening import open_policy
from rove_teleop.policy.remote.address import KNOWN, read_address

from .peers import ROOT
from .serving import PICTURE, ROBOT, SERVED, observation, our_server

TEXT = (ROOT / "docs/policies.md").read_text()


def test_every_setting_is_in_the_document():
    table = TEXT.split("## Settings")[1].split("##")[0]
    assert set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (.*?) \|", table, re.MULTILINE)))) == KNOWN.keys()


def test_every_command_in_the_document_can_be_typed():
    commands = [line.split("#")[0] for line in re.findall(r"^rove .*", TEXT, re.MULTILINE)]
    assert len(commands) >= 5
    for command in commands:
        words = [word.strip("'") for word in command.split()[1:]]
        options = parser().parse_args(words)
        if words[0] == "collect":
            read_address(options.policy)


def test_every_key_on_the_wire_is_in_the_document():
    with our_server() as url:
        policy = open_policy(url, ROBOT)
        asked = policy._link.question(observation(), policy.fit, 3)
        policy.close()
    for key in (asked.keys() | SERVED.metadata().keys()) - {"task", "robot", "action_dim", "example_observation"}:
        assert f"`{key}`" in TEXT, key


@pytest.mark.timeout(60)
def test_the_example_serves():
    command = [sys.executable, str(ROOT / "examples/05_serve_your_policy.py"), "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as example:
        try:
            policy = open_policy(example.stdout.readline().strip(), ROBOT)
            plan = policy.act(observation(images={"ego": PICTURE}))
            policy.close()
            example.send_signal(signal.SIGINT)
            assert example.wait(10) == 0
        finally:
            example.kill()
    assert policy.cameras == ("ego",)
    assert plan is not None, policy.problem
    assert plan.q_rad.shape == (16, 7)
