"""Recipes: the difference of two of them, each trained several times, for new trainings too."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..errors import ResultError
from ..store import Run
from .comparison import Error, error_of, tested
from .detection import smallest_detectable
from .equivalence import Equivalence, equivalence_of
from .estimates import LEVEL, Estimate
from .influences import Influence
from .matching import Outcome, outcome
from .practical import Practical, practical_difference
from .seeds import FEWEST_SEEDS, averaged, by_seed, joint_outcome


@dataclass(frozen=True)
class Side:
    """One side of a comparison: the trainings of a recipe, or a single scorer.

    Attributes:
        outcome: The mean outcome of the trainings.
        trainings: The influence of each training; of a single scorer there is one.
        seeds: The seed of each training; () for a single scorer.
    """

    outcome: Outcome
    trainings: tuple[Influence, ...]
    seeds: tuple[Any, ...]

    @property
    def values(self) -> tuple[float, ...]:
        """The accuracy of each training."""
        return tuple(one.value for one in self.trainings)

    @property
    def spread(self) -> float | None:
        """Standard deviation between trainings, as a fraction; None for a single scorer."""
        return float(np.std(self.values, ddof=1)) if self.seeds else None

    @property
    def variance(self) -> float:
        """Variance of the mean accuracy over new trainings, tested on the same episodes."""
        return (self.spread or 0.0) ** 2 / len(self.trainings)

    @property
    def interaction(self) -> float:
        """The part of `variance` that comes from trainings being good at other clusters.

        It is the population variance of each training's distance from the mean over
        trainings, added up, as in an analysis of variance with two crossed factors.
        """
        count = len(self.trainings)
        if count < 2:
            return 0.0
        mean = averaged(self.trainings)
        sizes = [(one - mean).population_variance for one in self.trainings]
        return sum(sizes) / (count * (count - 1))


@dataclass(frozen=True)
class RecipeComparison:
    """Two recipes, or a recipe and a scorer, on the same trials; first minus second.

    Attributes:
        protocol: Name of the protocol.
        scorers: Names of the scorers.
        seeds: The seeds of each side's trainings; () for a single scorer, which
            is taken as it is.
        values: The accuracy of each training, as fractions.
        spreads: Standard deviation between the trainings of each side, as a
            fraction; None for a single scorer.
        episodes: Number of episodes.
        episodes_digest: Digest of the episodes.
        n: Number of trials of one training.
        accuracies: Mean accuracy of each side, as fractions.
        difference: Difference of these, from -1 to 1, with its interval for new
            alphabets (of few alphabets, new characters) and new trainings.
        by: What trials are clustered by, as `Influence.kind`.
        p_value: Two-sided p-value of the test that matches the interval; None
            if there is no interval.
        freedom: Degrees of freedom of interval and test, or None.
        between_trainings: Share of the variance of the difference that more
            trainings would remove, from 0 to 1; None if there is no variance.
        detectable: The `smallest_detectable` difference, or None.
        equivalence: Whether the sides are as good as one another within a
            margin; None if no margin was given.
        practical: How probably the difference matters; None if no region was
            given, or there is no error.
    """

    protocol: str
    scorers: tuple[str, str]
    seeds: tuple[tuple[Any, ...], tuple[Any, ...]]
    values: tuple[tuple[float, ...], tuple[float, ...]]
    spreads: tuple[float | None, float | None]
    episodes: int
    episodes_digest: str
    n: int
    accuracies: tuple[float, float]
    difference: Estimate
    by: str
    p_value: float | None
    freedom: float | None
    between_trainings: float | None
    detectable: float | None
    equivalence: Equivalence | None
    practical: Practical | None = None

    @property
    def of_two(self) -> tuple[str, ...]:
        """The scorers with two trainings only, from which their spread is hardly known."""
        return tuple(
            name
            for name, seeds in zip(self.scorers, self.seeds, strict=True)
            if len(seeds) == FEWEST_SEEDS
        )

    def as_json(self) -> dict[str, Any]:
        """Gives the fields of the JSON interface."""
        equal = self.equivalence.as_json() if self.equivalence else None
        difference = self.difference.as_json()
        return {
            **asdict(self),
            "difference": difference,
            "equivalence": equal,
            "of_two": self.of_two,
        }


def side(runs: Run | Sequence[Run], by: str = "alphabet") -> Side:
    """Reads the trials of one side.

    Args:
        runs: A run, or the runs of several trainings of one recipe on the same
            episodes.
        by: As for `matching.outcome`.

    Raises:
        ResultError: As `seeds.by_seed` and `matching.outcome`.
    """
    if isinstance(runs, Run) or len(runs) == 1:
        found = outcome(runs if isinstance(runs, Run) else runs[0], by)
        return Side(found, (found.influence,), ())
    trained = by_seed(runs)
    outcomes = [outcome(run, by) for run in trained.values()]
    influences = tuple(one.influence for one in outcomes)
    return Side(joint_outcome(outcomes), influences, tuple(trained))


def error_between(found: Influence, gains: np.ndarray, sides: tuple[Side, Side]) -> Error | None:
    """Estimates the error of the difference of two sides, over clusters and trainings.

    Alphabets and trainings are crossed: every training is tested on every
    alphabet. The variance of the difference is that over alphabets, plus that
    over the trainings of each side, less the interaction of both, which both of
    these contain (Miglioretti and Heagerty 2007; Cameron, Gelbach and
    Miller 2011). What trainings add is not taken as less than 0. Satterthwaite's
    formula joins the degrees of freedom. For v from trainings, of which e is
    left after the interaction, it has e * v in the place of e ** 2: with e ** 2,
    an e that is small by chance would count as well known, and intervals would
    be too short; v ** 2, the variance of e itself, makes them too wide.
    Trainings with the same seed are not taken as a pair.

    Args:
        found: The influence on the difference of the sides' accuracies.
        gains: float64 ndarray (trials,): the differences of their credits.
        sides: The two sides, of the same episodes.

    Returns:
        The error; None if it cannot be estimated, or nothing differs.
    """
    error = error_of(found, gains)
    if not (sides[0].seeds or sides[1].seeds):
        return error
    of_trainings = sum(one.variance for one in sides)
    if found.problem and not found.counts_trials:
        return None
    if error is None:
        if found.what == "character" or not of_trainings:
            return None
        error = Error(0.0, 0.0, 1.0, "trials all alike", None)
    added = max(of_trainings - sum(one.interaction for one in sides), 0.0)
    variance = error.variance + added
    if not variance:
        return None
    counts = [len(one.trainings) for one in sides if one.seeds]
    method = f"{error.method}, crossed with {' and '.join(map(str, counts))} trainings"
    return Error(
        variance,
        error.lasting + added,
        _freedom(error, added, of_trainings, sides),
        method,
        error.clusters,
    )


def _freedom(error: Error, added: float, of_trainings: float, sides: Sequence[Side]) -> float:
    known = error.variance**2 / error.freedom
    if added:
        squares = sum(one.variance**2 / (len(one.trainings) - 1) for one in sides if one.seeds)
        known += added / of_trainings * squares
    return max((error.variance + added) ** 2 / known, 1.0)


def p_value_between(first: Side, second: Side) -> float | None:
    """Tests whether two sides differ, for new alphabets and new trainings.

    Args:
        first: One side.
        second: The other side, of the same episodes.

    Returns:
        The two-sided p-value, or None if nothing can be tested.

    Raises:
        ResultError: The sides are of different episodes or trials.
    """
    gains = first.outcome - second.outcome
    found = first.outcome.influence - second.outcome.influence
    return tested(found, gains, error_between(found, gains, (first, second)))[1]


def compare_recipes(
    first: Run | Sequence[Run],
    second: Run | Sequence[Run],
    level: float = LEVEL,
    by: str = "alphabet",
    margin: float | None = None,
    rope: float | None = None,
) -> RecipeComparison:
    """Compares two recipes over their trainings, on the same episodes.

    The interval covers new alphabets and new trainings, `error_between` says
    how. A single scorer beside a recipe is taken as it is.

    Args:
        first: The runs of one recipe's trainings, each with another seed; or a
            single run.
        second: The same for the other side.
        level: Nominal coverage of the interval; the test has the significance
            level 1 - level.
        by: How trials are clustered, a key of `matching.CLUSTERS`.
        margin: Also test whether they are as good as one another within this
            margin, a fraction; see `equivalence.within_margin`.
        rope: Also compute how probably the difference is beyond this fraction; see
            `practical.practical_difference`.

    Raises:
        ResultError: The runs are of different episodes or trials, a side is not
            one recipe with different seeds, both have the same runs, or `level`,
            `by`, `margin` or `rope` is impossible.
    """
    return compare_sides(side(first, by), side(second, by), level, margin, rope)


def compare_sides(
    first: Side,
    second: Side,
    level: float = LEVEL,
    margin: float | None = None,
    rope: float | None = None,
) -> RecipeComparison:
    """Compares two sides as `compare_recipes` does, without reading their runs again.

    Args:
        first: One side.
        second: The other side.
        level: As for `compare_recipes`.
        margin: As for `compare_recipes`.
        rope: As for `compare_recipes`.

    Raises:
        ResultError: As for `compare_recipes`.
    """
    if not 0 < level < 1:
        raise ResultError(f"level {level} is impossible, expected between 0 and 1, such as 0.95")
    sides = first, second
    mine, theirs = (one.outcome for one in sides)
    gains, found = mine - theirs, mine.influence - theirs.influence
    error = error_between(found, gains, sides)
    estimate, p_value = tested(found, gains, error, level)
    record = mine.run.record
    of_trainings = sum(one.variance for one in sides)
    return RecipeComparison(
        protocol=mine.run.protocol,
        scorers=(mine.run.scorer, theirs.run.scorer),
        seeds=(sides[0].seeds, sides[1].seeds),
        values=(sides[0].values, sides[1].values),
        spreads=(sides[0].spread, sides[1].spread),
        episodes=record["episodes"],
        episodes_digest=record["episodes_digest"],
        n=len(gains),
        accuracies=(mine.influence.value, theirs.influence.value),
        difference=estimate,
        by=found.kind,
        p_value=p_value,
        freedom=error.freedom if error else None,
        between_trainings=min(of_trainings / error.variance, 1.0) if error else None,
        detectable=smallest_detectable(math.sqrt(error.variance), error.freedom, level)
        if error
        else None,
        equivalence=None if margin is None else equivalence_of(found, gains, error, margin, level),
        practical=None if rope is None else practical_difference(estimate.value, error, rope),
    )
