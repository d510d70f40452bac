"""How well a simulated person teleoperates: their imperfections as numbers, and named people from clumsy to expert."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import UsageError


@dataclass(frozen=True)
class OperatorSkill:
    """Imperfections of the hand. Times in seconds; tremor as the standard deviation of an Ornstein-Uhlenbeck process.

    After a takeover the person first hesitates (``hesitation_s``) while drawing the hand back by about
    ``retraction_m``, gropes without a goal for ``grope_s``, about ``grope_m`` far, and with ``wrong_way_chance`` starts
    off in a wrong direction for ``wrong_way_s``; ranges are of uniform distributions, drawn per takeover.

    While doing the task: ``bias_m`` and ``bias_rad`` are standard deviations, per axis, of one constant error per
    takeover of where the person believes the goal to be; ``overshoot`` is the share of a sudden movement by which the
    hand goes too far before it comes back; ``pauses_per_s`` is how often it stops, for ``pause_s``. ``delay_s`` is how
    late everything is seen, ``speed`` scales how fast the hand moves (1 is about 12 cm/s).
    """

    delay_s: float = 0.08
    tremor_m: float = 0.0006
    tremor_time_s: float = 0.15
    hesitation_s: tuple[float, float] = (0.4, 1.0)
    retraction_m: float = 0.02
    speed: float = 0.6
    align_speed_m_s: float = 0.4
    grope_s: tuple[float, float] = (0.0, 0.0)
    grope_m: float = 0.01
    wrong_way_chance: float = 0.0
    wrong_way_s: tuple[float, float] = (0.4, 1.0)
    bias_m: float = 0.0
    bias_rad: float = 0.0
    overshoot: float = 0.0
    pauses_per_s: float = 0.0
    pause_s: tuple[float, float] = (0.3, 0.8)

    def __post_init__(self) -> None:
        if not (0.0 <= self.overshoot <= 0.8):
            raise UsageError(f"overshoot of an operator is {self.overshoot:g}, outside 0 to 0.8")
        if not (0.0 <= self.wrong_way_chance <= 1.0):
            raise UsageError(f"wrong_way_chance of an operator is {self.wrong_way_chance:g}, outside 0 to 1")


SKILLS: dict[str, OperatorSkill] = {
    "expert": OperatorSkill(
        delay_s=0.06, tremor_m=0.0004, hesitation_s=(0.2, 0.5), retraction_m=0.01, speed=0.9, bias_m=0.0003
    ),
    "skilled": OperatorSkill(),
    "average": OperatorSkill(
        delay_s=0.1,
        tremor_m=0.001,
        hesitation_s=(0.5, 1.2),
        retraction_m=0.03,
        grope_s=(0.2, 0.8),
        wrong_way_chance=0.3,
        bias_m=0.0008,
        bias_rad=0.01,
        overshoot=0.1,
        pauses_per_s=0.08,
    ),
    "novice": OperatorSkill(
        delay_s=0.12,
        tremor_m=0.0015,
        hesitation_s=(0.6, 1.5),
        retraction_m=0.04,
        speed=0.5,
        grope_s=(0.4, 1.4),
        grope_m=0.015,
        wrong_way_chance=0.6,
        bias_m=0.0014,
        bias_rad=0.02,
        overshoot=0.25,
        pauses_per_s=0.15,
    ),
    "clumsy": OperatorSkill(
        delay_s=0.15,
        tremor_m=0.0022,
        hesitation_s=(0.8, 1.8),
        retraction_m=0.05,
        speed=0.45,
        grope_s=(0.6, 2.0),
        grope_m=0.02,
        wrong_way_chance=0.9,
        wrong_way_s=(0.6, 1.4),
        bias_m=0.002,
        bias_rad=0.035,
        overshoot=0.4,
        pauses_per_s=0.25,
        pause_s=(0.4, 1.2),
    ),
}
"""From the best to the worst."""
DEFAULT_SKILL = "skilled"
"""Whom a session has unless it asks for somebody."""


def skill_of(name: str) -> OperatorSkill:
    """The skill of that name.

    Raises:
        UsageError: there is none; the message lists the names.
    """
    if name not in SKILLS:
        raise UsageError(f"no simulated operator is called {name!r}; there are {', '.join(SKILLS)}")
    return SKILLS[name]
