"""Without its optional binding OpenXR is one sentence, and everything else works."""

import sys

import pytest

from rove_teleop.errors import MissingDependency, UsageError
from rove_teleop.nodes.trackers import make_tracker
from rove_teleop.robots.description import load_robot


@pytest.fixture
def no_binding(monkeypatch):
    for name in [name for name in sys.modules if name == "xr" or name.startswith("rove_teleop.tracking.openxr")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "xr", None)


def test_the_sentence_holds_the_command(no_binding):
    with pytest.raises(MissingDependency, match=r"pip install 'rove_teleop\[openxr\]'") as caught:
        make_tracker("openxr", load_robot("iron_r01"), "toaster")
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 4


def test_other_sources_do_not_need_it(no_binding):
    make_tracker("none", load_robot("iron_r01"), "toaster").close()
    with pytest.raises(UsageError, match="openxr"):
        make_tracker("open-xr", load_robot("iron_r01"), "toaster")
