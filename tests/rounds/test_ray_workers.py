"""A local Ray of two workers gives what this process gives; without Ray the missing package is named."""

import importlib.util
import json
import os
import subprocess
from pathlib import Path

import pytest

from rove_teleop.errors import MissingDependency
from rove_teleop.rounds.workers import Workers

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".cache/peers-ray/bin/python"
SCRIPT = """
import json, os, sys
from pathlib import Path
from rove_teleop.errors import RoveError
from rove_teleop.rounds.collection import Scene, collect_demonstrations
from rove_teleop.rounds.workers import Workers
from tests.rounds.test_workers import deadly, fussy, square

found = {}
for name, count, address in (("here", 1, None), ("ray", 2, "local")):
    with Workers(count, address) as workers:
        made = collect_demonstrations(workers, Path(sys.argv[1]) / name, Scene("iron_r01", "toaster"), 3, 5)
        found[name] = [item.id for item in made]
        if address:
            squares = workers.map(square, list(range(8)))
            found["squares"] = [result for result, _ in squares]
            found["elsewhere"] = os.getpid() not in {process for _, process in squares}
            for function in (fussy, deadly):
                try:
                    workers.map(function, [1, 2])
                except RoveError as error:
                    found[function.__name__] = [type(error).__name__, str(error)]
for address in ("nonsense", "127.0.0.1:1"):
    try:
        Workers(1, address)
    except RoveError as error:
        found[address] = str(error)
print(json.dumps(found))
"""


@pytest.mark.skipif(importlib.util.find_spec("ray") is not None, reason="Ray is installed here")
def test_without_ray_it_says_what_to_install():
    with pytest.raises(MissingDependency, match=r"pip install 'rove_teleop\[ray\]'"):
        Workers(2, "local")


@pytest.mark.integration
@pytest.mark.timeout(300)
@pytest.mark.skipif(
    not PYTHON.is_file() and "CI" not in os.environ,
    reason="no .cache/peers-ray with Ray (make .cache/peers-ray/.ready)",
)
def test_a_local_cluster_records_the_same_bytes(tmp_path):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [str(PYTHON), "-c", SCRIPT, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr.decode()
    found = json.loads(done.stdout.decode().splitlines()[-1])
    assert found["squares"] == [n * n for n in range(8)]
    assert found["elsewhere"]
    assert found["here"] == found["ray"]
    episodes = {name: tmp_path / name / "episodes" for name in ("here", "ray")}
    files = [path.relative_to(episodes["here"]) for path in episodes["here"].rglob("*") if path.is_file()]
    assert files
    assert all((episodes["here"] / path).read_bytes() == (episodes["ray"] / path).read_bytes() for path in files)
    assert found["fussy"] == ["PolicyUnavailable", "no plan for 2"]
    assert found["deadly"][0] == "StageLost"
    assert "must be HOST:PORT" in found["nonsense"]
    assert "no Ray cluster answers there" in found["127.0.0.1:1"]
