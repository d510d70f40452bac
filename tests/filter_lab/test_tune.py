"""The search: better where it did not look, the same for a seed, constraints kept; and its file made live."""

import io
import json

import numpy as np
import pytest
import yaml

from rove_teleop.cli import main
from rove_teleop.control.path_config import PathConfig, live_path_config, load_path_config
from rove_teleop.errors import ConfigInvalid, UsageError
from rove_teleop.filter_lab.cases import load_cases
from rove_teleop.filter_lab.objective import FIGURES, Objective, parse_objective
from rove_teleop.filter_lab.promote import prepare, write
from rove_teleop.filter_lab.tune import SIZE, path_at, tune, unit_point
from rove_teleop.robots.description import load_robot

from .recorded import record_stream

pytestmark = pytest.mark.integration  # long: it runs after the unit tests

ROBOT = load_robot("iron_r01")


@pytest.fixture(scope="module")
def noisy(tmp_path_factory):
    return record_stream(tmp_path_factory.mktemp("tune") / "noisy.npz", seconds=16.0, noise_rad=2e-3, turns=False)


def test_a_noisy_stream_gets_a_path_that_is_better_where_it_was_not_searched(noisy):
    objective = Objective("jerk", {"lag": 1.0, "aligned_error": 1.0})
    tuned = tune(load_cases([noisy], ROBOT), objective, trials=30, seed=3)
    for part in ("searched", "held_out"):
        live, chosen = tuned.scores[part]["live"], tuned.scores[part]["chosen"]
        assert objective.cost(chosen, live) < 0.9
    assert tuned.better and tuned.searched[0].rows.stop == tuned.held_out[0].rows.start
    assert np.all(np.diff(tuned.history) <= 0.0) and len(tuned.history) == 31
    assert not tuned.path.looser_than(tuned.live)
    again = tune(load_cases([noisy], ROBOT), objective, trials=30, seed=3)
    assert again.path == tuned.path


def test_every_point_of_the_box_is_a_path_and_what_is_live_is_in_it():
    rng = np.random.default_rng(0)
    live = PathConfig(velocity_share=0.6)
    for _ in range(300):
        path = path_at(rng.random(SIZE), live)
        assert path.velocity_share == 0.6 and not path.looser_than(live)
    for corner in (np.zeros(SIZE), np.ones(SIZE)):
        assert path_at(corner, live)
    near = path_at(unit_point(PathConfig()), PathConfig())
    assert near.smoothing_rad_s == pytest.approx(50.0, rel=0.01) and near.prefilter is None


def test_objectives_are_read_and_refused():
    assert parse_objective("lag", ["jerk=0.5", "error"]) == Objective("lag", {"jerk": 0.5, "error": 1.0})
    for minimise, keep in (("speed", []), ("lag", ["speed=1"]), ("lag", ["jerk=much"]), ("lag", ["jerk=-1"])):
        with pytest.raises(UsageError):
            parse_objective(minimise, keep)


def test_from_a_search_to_what_is_live(noisy, tmp_path, capsys, monkeypatch):
    out, robot_folder = tmp_path / "out", tmp_path / "robot"
    arguments = [
        "lab",
        "tune",
        str(noisy),
        "--out",
        str(out),
        "--trials",
        "12",
        "--minimise",
        "jerk",
        "--keep",
        "lag=1.5",
    ]
    assert main([*arguments, "--json"]) == 0
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    chosen = yaml.safe_load((out / "chosen.yaml").read_text())
    assert said == chosen
    origin = chosen["provenance"]
    assert origin["objective"] == {"minimise": "jerk", "keep": {"lag": 1.5}} and origin["seed"] == 0
    assert [s["used"] for s in origin["sessions"]] == ["searched", "held_out"] and len(
        origin["sessions"][0]["sha256"]
    ) == 64
    assert set(origin["scores"]["held_out"]["chosen"]) == set(FIGURES)

    robot_folder.mkdir()
    live = robot_folder / "filter.yaml"
    live.write_text("smoothing_rad_s: 33\n")
    promote = ["lab", "promote", str(out / "chosen.yaml"), "--to", str(live)]
    monkeypatch.setattr("sys.stdin", io.StringIO("no\n"))
    assert main(promote) == 1 and live.read_text() == "smoothing_rad_s: 33\n"
    shown = capsys.readouterr().out
    assert f"smoothing_rad_s: 33.0 -> {chosen['smoothing_rad_s']}" in shown and "held_out" in shown
    assert main([*promote, "--yes"]) == 0
    assert live_path_config(robot_folder) == load_path_config(out / "chosen.yaml")
    assert (robot_folder / "filter.yaml.before").read_text() == "smoothing_rad_s: 33\n"
    assert yaml.safe_load(live.read_text())["provenance"] == origin
    assert main(promote) == 0 and "nothing to do" in capsys.readouterr().out


def test_promotion_writes_what_it_showed_and_refuses_to_loosen(tmp_path):
    live, chosen = tmp_path / "filter.yaml", tmp_path / "chosen.yaml"
    live.write_text("velocity_share: 0.5\njerk_share: 0.5\n")
    chosen.write_text("velocity_share: 0.5\njerk_share: 0.6\n")
    with pytest.raises(UsageError, match=r"jerk_share is 0\.6, above the live 0\.5: the lab never loosens"):
        prepare(chosen, live)
    assert live.read_text() == "velocity_share: 0.5\njerk_share: 0.5\n"
    chosen.write_text("velocity_share: 0.4\njerk_share: 0.5\nblend: {min_s: 0.3}\n")
    promotion = prepare(chosen, live)
    assert promotion.changes == (("blend.min_s", 0.2, 0.3), ("velocity_share", 0.5, 0.4))
    assert write(promotion) == tmp_path / "filter.yaml.before"
    assert live_path_config(tmp_path) == load_path_config(chosen)
    chosen.write_text("velocity_share: 1.5\n")
    with pytest.raises(ConfigInvalid, match="outside"):
        prepare(chosen, live)
    chosen.write_text("provenance: {robot: allegro_right}\nvelocity_share: 0.1\n")
    with pytest.raises(UsageError, match="for the robot allegro_right, not for iron_r01"):
        prepare(chosen, live, "iron_r01")


def test_a_provenance_by_hand_may_say_anything(tmp_path, capsys):
    chosen = tmp_path / "chosen.yaml"
    odd = ("{scores: 3}", "{scores: {held_out: {live: {lag: a}, chosen: {lag: b}}}}", "{scores: {1: {live: 2}}}")
    for k, provenance in enumerate(odd):
        chosen.write_text(f"smoothing_rad_s: {60 + k}\nprovenance: {provenance}\n")
        assert main(["lab", "promote", str(chosen), "--to", str(tmp_path / "live.yaml"), "--yes"]) == 0
    chosen.write_text("smoothing_rad_s: 70\nprovenance: {scores: {held_out: {live: {lag: .5}, chosen: {lag: .4}}}}\n")
    assert main(["lab", "promote", str(chosen), "--to", str(tmp_path / "live.yaml"), "--yes"]) == 0
    assert "held_out lag" in capsys.readouterr().out
