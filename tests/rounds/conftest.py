"""A dataset that is recorded once."""

from __future__ import annotations

import pytest

from .recorded import demonstration, intervention, rollout, write_episode

MADE = {
    "demonstration": (demonstration(), demonstration(0.5)),
    "rollout": (rollout(), rollout(0.3)),
    "failure": (rollout(-0.1), rollout(0.0)),
    "intervention": (intervention(), intervention()),
}


@pytest.fixture(scope="session")
def reach(tmp_path_factory):
    """Two episodes of each sort; nothing may be written there but the cache."""
    root = tmp_path_factory.mktemp("rounds") / "reach"
    for seed in range(2):
        for name, parts in MADE.items():
            write_episode(root, parts[seed], "failure" if name == "failure" else "success", seed)
    return root
