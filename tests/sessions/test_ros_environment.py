"""Nothing leaves the machine by default, and whoever chooses a network keeps the choice."""

import xml.etree.ElementTree as ElementTree

import pytest

from rove_teleop.errors import UsageError
from rove_teleop.sessions.ros_environment import CHOICES, PROFILE, PROFILES, RANGE, only_session, ros_defaults

NAMESPACE = "{http://www.eprosima.com}"


def test_without_a_choice_the_loopback_profile_decides():
    assert ros_defaults({}) == {RANGE: "SUBNET", PROFILES: str(PROFILE)}
    assert ros_defaults({RANGE: "", "RMW_IMPLEMENTATION": "rmw_fastrtps_cpp"}) == ros_defaults({})


def test_the_profile_knows_no_other_interface_and_no_other_transport():
    tree = ElementTree.parse(PROFILE)
    assert [item.text for item in tree.iter(f"{NAMESPACE}address")] == ["127.0.0.1"]
    assert [item.text for item in tree.iter(f"{NAMESPACE}type")] == ["UDPv4"]
    assert [item.text for item in tree.iter(f"{NAMESPACE}useBuiltinTransports")] == ["false"]
    (participant,) = tree.iter(f"{NAMESPACE}participant")
    assert participant.get("is_default_profile") == "true"


@pytest.mark.parametrize("name", CHOICES)
def test_a_choice_is_kept_and_the_rest_stays_on_this_machine(name):
    added = ros_defaults({name: "chosen"})
    assert name not in added
    assert PROFILES not in added
    assert added.get(RANGE, "LOCALHOST") == "LOCALHOST"


@pytest.mark.parametrize("other", [{"RMW_IMPLEMENTATION": "rmw_cyclonedds_cpp"}, {"ROS_DISTRO": "jazzy"}])
def test_what_does_not_read_the_profile_stays_here_by_the_discovery_range(other):
    assert ros_defaults(other)[RANGE] == "LOCALHOST"


@pytest.mark.parametrize("chosen", [{}, {RANGE: "SUBNET"}, {PROFILES: "/my/profiles.xml"}])
def test_a_child_has_nothing_left_to_decide(chosen):
    prepared = {**chosen, **ros_defaults(chosen)}
    assert ros_defaults(prepared) == {}
    assert prepared[RANGE] == chosen.get(RANGE, "SUBNET" if not chosen else "LOCALHOST")


def test_two_sessions_in_one_domain_are_refused(monkeypatch):
    monkeypatch.setenv("ROS_DOMAIN_ID", "101")
    with only_session():
        with pytest.raises(UsageError, match="ROS domain 101"):
            only_session()
        monkeypatch.setenv("ROS_DOMAIN_ID", "102")
        only_session().close()
    monkeypatch.setenv("ROS_DOMAIN_ID", "101")
    only_session().close()


@pytest.mark.parametrize("domain", ["abc", "-1", "233"])
def test_a_domain_that_is_none_is_refused(domain, monkeypatch):
    monkeypatch.setenv("ROS_DOMAIN_ID", domain)
    with pytest.raises(UsageError, match=f"ROS_DOMAIN_ID={domain}"):
        only_session()
