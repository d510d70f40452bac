"""The simulated supervisor presses what a person would, late, and never before it is time."""

from rove_teleop.handover.states import Signal
from rove_teleop.sim.supervisor import SimulatedSupervisor, SupervisorHabits, View


def view(state, alarm=False, progress=0.0, success=False, failure=None, elapsed_s=1.0, stopped=False):
    return View(state, alarm, progress, success, failure, elapsed_s, stopped)


def press(supervisor, seen, start_s=0.0, for_s=5.0):
    """The first request and its time while the view stays the same."""
    now_s = start_s
    while now_s < start_s + for_s:
        signal = supervisor.look(now_s, seen)
        if signal is not None:
            return signal, now_s - start_s
        now_s += 0.05
    return None, for_s


def test_pauses_only_after_an_alarm_and_a_reaction_time():
    supervisor = SimulatedSupervisor(seed=3)
    assert press(supervisor, view("autonomous")) == (None, 5.0)
    signal, delay_s = press(supervisor, view("autonomous", alarm=True), 10.0)
    assert signal is Signal.PAUSE
    assert 0.3 <= delay_s <= 0.9


def test_looks_before_taking_over_and_presses_again_when_refused():
    supervisor = SimulatedSupervisor()
    signal, delay_s = press(supervisor, view("paused"), 1.0)
    assert signal is Signal.TAKE_OVER
    assert delay_s >= 0.6 + 0.3
    again, more_s = press(supervisor, view("paused"), 1.0 + delay_s + 0.05)
    assert again is Signal.TAKE_OVER
    assert more_s > 0.0


def test_recovered_needs_sustained_progress():
    supervisor = SimulatedSupervisor()
    supervisor.look(0.0, view("adaptation", progress=0.3))
    assert supervisor.look(1.0, view("adaptation", progress=0.36)) is None
    assert supervisor.look(1.5, view("adaptation", progress=0.3)) is None
    signal, delay_s = press(supervisor, view("adaptation", progress=0.4), 2.0)
    assert signal is Signal.RECOVERED
    assert delay_s >= 0.7 + 0.3


def test_marks_what_the_task_says_and_gives_up_at_the_limit():
    for seen, expected in (
        (view("recovery", success=True), Signal.SUCCESS),
        (view("autonomous", failure="dropped"), Signal.FAILURE),
        (view("adaptation", elapsed_s=46.0), Signal.FAILURE),
        (view("fault", success=True), Signal.ACKNOWLEDGE),
    ):
        assert press(SimulatedSupervisor(), seen)[0] is expected
    assert press(SimulatedSupervisor(), view("done", success=True))[0] is None


def test_teleoperation_ignores_the_task_and_ends_at_its_time():
    supervisor = SimulatedSupervisor(SupervisorHabits(only_teleoperate=True, time_limit_s=20.0))
    assert press(supervisor, view("autonomous"))[0] is Signal.PAUSE
    assert press(supervisor, view("adaptation", success=True, failure="dropped"), 10.0)[0] is None
    assert press(supervisor, view("adaptation", elapsed_s=21.0), 20.0)[0] is Signal.DISCARD


def test_where_nobody_can_take_over_it_only_marks_how_the_episode_ended():
    supervisor = SimulatedSupervisor(SupervisorHabits(takes_over=False, time_limit_s=20.0))
    for state in ("autonomous", "paused", "hold"):
        seen = dict(state=state, alarm=True, stopped=True)
        assert press(supervisor, view(**seen)) == (None, 5.0)
        assert press(supervisor, view(**seen, elapsed_s=21.0), 10.0)[0] is Signal.FAILURE
        assert press(supervisor, view(**seen, success=True), 20.0)[0] is Signal.SUCCESS
    assert press(supervisor, view("fault"), 30.0)[0] is Signal.ACKNOWLEDGE
    assert press(supervisor, view("hold"), 40.0)[0] is Signal.GIVE_BACK, "the policy was late: it goes on"
