"""What is configured of the path: through YAML and back, and every complaint with its place."""

from pathlib import Path

import pytest
import yaml

from rove_teleop.command_filter.prefilters import Gaussian, Hampel, OneEuro
from rove_teleop.control.motion_path import MotionPath
from rove_teleop.control.path_config import (
    FILE_NAME,
    Blend,
    PathConfig,
    live_path_config,
    load_path_config,
    path_config_from,
)
from rove_teleop.errors import ConfigInvalid
from rove_teleop.robots.description import load_robot

CONFIGS = [
    PathConfig(),
    PathConfig(smoothing_rad_s=31.5, smoothing_damping=0.7, prefilter=OneEuro(0.8, 2.0, 1.0), jerk_share=0.4),
    PathConfig(prefilter=Gaussian(0.1), blend=Blend("linear", fixed_s=0.7)),
    PathConfig(prefilter=Hampel(9, 3.0), blend=Blend(share=0.3, min_s=0.4), velocity_share=0.2),
]


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_yaml_and_attributes_give_the_same_back(tmp_path, config):
    file = tmp_path / FILE_NAME
    file.write_text(yaml.safe_dump(config.as_dict()))
    assert load_path_config(file) == config
    assert live_path_config(tmp_path) == config
    assert path_config_from(config.as_dict(), file) == config


def test_no_file_means_the_defaults(tmp_path):
    assert live_path_config(tmp_path) == PathConfig()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("smoothing_rad_s: .nan", ":1: 'smoothing_rad_s' must be finite"),
        ("\njerk_share: 1.2", ":2: 'jerk_share' is 1.2, outside 0.01 to 1"),
        ("velocity_share: 0", ":1: 'velocity_share' is 0, outside"),
        ("blend: {kind: magic}", ":1: 'blend.kind' is 'magic', none of: quintic, linear, min_jerk"),
        ("blend:\n  share: 2", ":2: 'blend.share' is 2, outside 0.05 to 1"),
        ("prefilter: {kind: kalman}", "'prefilter.kind' is 'kalman', none of: none, one_euro, gaussian, hampel"),
        ("prefilter: {kind: hampel, window: 4.5}", "'prefilter.window' must be a whole number"),
        ("prefilter: {kind: one_euro, window_s: 1}", "'prefilter.window_s' is not a known key"),
        ("smoothing: 3", ":1: 'smoothing' is not a known key"),
    ],
)
def test_complaints_name_file_line_and_key(tmp_path, text, said):
    file = tmp_path / "path.yaml"
    file.write_text(text)
    with pytest.raises(ConfigInvalid) as error:
        load_path_config(file)
    assert str(error.value).startswith(str(file)) and said in str(error.value)


@pytest.mark.parametrize("change", [{"jerk_share": 1.01}, {"smoothing_rad_s": float("nan")}, {"velocity_share": -1.0}])
def test_values_are_checked_without_a_file_too(change):
    with pytest.raises(ValueError, match=next(iter(change))):
        PathConfig(**change)
    with pytest.raises(ValueError, match="kind"):
        Blend("magic")


def test_shares_scale_the_limits_and_never_the_position_range():
    robot = load_robot("iron_r01")
    assert robot.folder == Path(robot.model_path).parent
    from rove_teleop.filter_lab.replay import robot_limits

    limits = robot_limits(robot)
    path = MotionPath(limits, robot.groups, PathConfig(velocity_share=0.5, jerk_share=0.25))
    scaled = path.filter.limits
    assert (scaled.v_max_rad_s == 0.5 * limits.v_max_rad_s).all()
    assert (scaled.a_max_rad_s2 == limits.a_max_rad_s2).all()
    assert (scaled.j_max_rad_s3 == 0.25 * limits.j_max_rad_s3).all()
    assert (scaled.q_min_rad == limits.q_min_rad).all()
