"""What every episode promises, one function per promise: no sentence where it is kept."""

from __future__ import annotations

from collections.abc import Callable

from . import invariants_control as control
from . import invariants_events as events
from . import invariants_motion as motion
from . import invariants_streams as streams
from .log import Log

Violation = Callable[[Log], list[str]]

CHECKS: tuple[Violation, ...] = (
    streams.counts_are_true,
    streams.shapes_fit_the_robot,
    streams.one_episode_only,
    streams.clocks_go_forward,
    streams.stamps_go_forward,
    streams.images_lie_in_their_pack,
    streams.images_are_whole,
    streams.videos_have_key_images,
    streams.lost_images_are_counted,
    streams.repeated_images_are_counted,
    streams.chunks_are_plans,
    streams.opinions_are_numbers,
    events.events_are_readable,
    events.speed_only_goes_down,
    events.scorecards_are_of_switches,
    streams.tracking_is_yes_or_no,
    control.known_values,
    control.phase_follows_state,
    control.driver_follows_state,
    control.authority_follows_driver,
    control.human_only_when_taken,
    control.target_follows_authority,
    control.weight_is_a_share,
    control.weight_needs_a_driver,
    control.weight_goes_to_the_driver,
    events.changes_follow_the_table,
    events.changes_are_told,
    events.takeover_as_agreed,
    control.protocol_as_agreed,
    control.groups_stay_taken,
    events.outcome_as_told,
    events.disagreement_as_recorded,
    motion.measured_always,
    motion.silence_only_when_stopped,
    motion.begins_where_it_stands,
    motion.stops_in_time,
    motion.still_when_nobody_drives,
    motion.operator_in_time,
    motion.policy_in_time,
    motion.held_up_is_a_fault,
    motion.robot_follows,
    motion.rewind_goes_back,
    motion.lost_ticks_hide_no_jump,
    motion.never_faster_than_its_rate,
    motion.lowered_speed_is_kept,
)


def violations(log: Log) -> list[str]:
    """Every promise that this episode breaks, one sentence each."""
    # Whose columns do not fit cannot be asked anything else.
    return streams.shapes_fit_the_robot(log) or [sentence for check in CHECKS for sentence in check(log)]
