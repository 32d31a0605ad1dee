"""Planning: how many episodes a comparison needs."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..errors import ResultError
from ..store import Run
from .characters import influence_of
from .detection import POWER, episodes_needed, quantiles, smallest_detectable
from .estimates import LEVEL
from .matching import check_same_episodes


@dataclass(frozen=True)
class Plan:
    """The episodes needed to find that a difference is not 0, or that it does not matter.

    Attributes:
        difference: The true difference, as a fraction; or the margin.
        level: 1 minus the significance level of the two-sided test.
        power: Probability with which the test should find the difference.
        episodes: Number of episodes needed; None if no number is enough.
        smallest: The smallest difference that infinitely many episodes could
            find, as a fraction; 0 if trials are treated as independent.
        basis: What the plan is computed from, in words.
        equivalence: Whether the plan is for showing that two equally good
            scorers are as good as one another, with `difference` as the margin.
    """

    difference: float
    level: float
    power: float
    episodes: int | None
    smallest: float
    basis: str
    equivalence: bool = False


def _check(difference: float, level: float, power: float) -> None:
    for name, value, low in (
        ("difference", difference, 0),
        ("level", level, 0),
        ("power", power, 0.5),
    ):
        if not low < value < 1:
            raise ResultError(f"{name} {value:g} is impossible, expected between {low} and 1")


def plan_from_runs(
    first: Run,
    second: Run,
    difference: float,
    level: float = LEVEL,
    power: float = POWER,
    equivalence: bool = False,
) -> Plan:
    """Plans a comparison from two runs on the same episodes.

    The variance of their difference has a part that shrinks with more
    episodes, and a part that remains because the alphabets, or of few alphabets
    the characters, stay the same (`Influence.lasting_variance`).

    Args:
        first: A run.
        second: A run of another scorer on the same episodes.
        difference: The true difference, as a fraction; or the margin.
        level: 1 minus the significance level of the test.
        power: Probability with which the test should find the difference.
        equivalence: Whether the test is to show equivalence, see `Plan`.

    Raises:
        ResultError: The runs are of different episodes, have too few
            characters of fewer than five alphabets, or never disagree; or a
            number is impossible.
    """
    _check(difference, level, power)
    check_same_episodes(first, second)
    mine, theirs = (influence_of(run, run.outcome()) for run in (first, second))
    found, episodes = mine - theirs, first.record["episodes"]
    if not found.spreads:
        problem = found.problem or f"the scorers differ alike in all {found.what}s"
        raise ResultError(
            f"{first.protocol}: no number of episodes can be told ({problem}); plan on data with "
            "more alphabets or characters, or with other scorers"
        )
    variance, lasting, freedom = found.population_variance, found.lasting_variance, found.freedom
    needed = episodes_needed(
        difference, episodes, variance, lasting, freedom, level, power, equivalence
    )
    if needed and needed > episodes and first.is_official:
        needed = None
    return Plan(
        difference,
        level,
        power,
        needed,
        smallest_detectable(math.sqrt(lasting), freedom, level, power, equivalence),
        f"{first.scorer} and {second.scorer} on {episodes:,} episodes of {first.protocol}, "
        f"{len(found.clusters)} {found.kind.replace(found.what, found.what + 's')}",
        equivalence,
    )


def plan_from_disagreement(
    disagreement: float,
    queries: int,
    difference: float,
    level: float = LEVEL,
    power: float = POWER,
    equivalence: bool = False,
) -> Plan:
    """Plans a comparison as if trials were independent; if they are not, the plan is too small.

    The difference per trial has the variance d - difference ** 2, where d is
    the share of trials on which two scorers disagree (Miller 2024, section 4).

    Args:
        disagreement: The share d, a fraction.
        queries: Number of trials in an episode.
        difference: The true difference, as a fraction; at most `disagreement`. Or
            the margin.
        level: 1 minus the significance level of the test.
        power: Probability with which the test should find the difference.
        equivalence: Whether the test is to show equivalence, see `Plan`.

    Raises:
        ResultError: A number is impossible.
    """
    _check(difference, level, power)
    if not (0 if equivalence else difference) <= disagreement <= 1:
        raise ResultError(
            f"scorers that disagree on {100 * disagreement:g} % of trials cannot differ by "
            f"{100 * difference:g} points; expected a larger --disagreement"
        )
    factor = quantiles(math.inf, level, power, equivalence)
    variance = disagreement - (0 if equivalence else difference**2)
    trials = factor**2 * variance / difference**2
    return Plan(
        difference,
        level,
        power,
        max(math.ceil(trials / queries), 1),
        0.0,
        f"disagreement on {100 * disagreement:g} % of trials, as if trials were independent",
        equivalence,
    )
