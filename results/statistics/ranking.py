"""Ranking: several scorers on the same trials, and which of them differ significantly."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from string import ascii_lowercase
from typing import Any

import numpy as np
import pandas as pd

from ..errors import ResultError
from ..store import Run
from .comparison import Comparison, compare_outcomes
from .estimates import LEVEL
from .influences import FEWEST_CLUSTERS
from .matching import Outcome, check_same_episodes
from .multiplicity import step_down
from .pairings import pair_p_values
from .recipes import RecipeComparison, Side, compare_sides, p_value_between, side


@dataclass(frozen=True)
class Ranks:
    """Scorers ranked on every alphabet (or run), and tests of their mean ranks.

    Attributes:
        blocks: Number of alphabets or runs.
        means: Mean rank of each scorer, 1 is the best; equal accuracies share
            the mean of their ranks.
        friedman: Friedman's chi-squared, corrected for ties.
        friedman_p: Its p-value.
        iman_davenport: The F statistic of Iman and Davenport 1980, which is
            less conservative; None if all blocks have the same ranking, for
            which it is infinite.
        iman_davenport_p: Its p-value, or None.
        critical_difference: Nemenyi's critical difference of mean ranks.
        groups: The `contiguous_groups` of scorers whose mean ranks differ by
            less than the critical difference.
    """

    blocks: int
    means: tuple[float, ...]
    friedman: float
    friedman_p: float
    iman_davenport: float | None
    iman_davenport_p: float | None
    critical_difference: float
    groups: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Ranking:
    """All pairs of several scorers, compared on the same trials.

    Attributes:
        protocol: Name of the protocol.
        scorers: Names of the scorers.
        digests: Digests of the scorers; of several trainings, that of the first.
        episodes: Number of episodes.
        episodes_digest: Digest of the episodes.
        n: Number of trials.
        level: 1 minus the significance level of all tests together.
        accuracies: Mean credits, as fractions.
        pairs: The comparison of scorers i and j for each pair (i, j), i < j; that of
            recipes if one of them was trained several times.
        adjusted: The p-value of each pair after `step_down`; 1 where nothing can
            be tested.
        groups: The `contiguous_groups` of scorers that do not differ
            significantly, in the order of accuracies, the best first.
        what: The blocks of the ranking: alphabet or run.
        ranks: The ranking by block; None with fewer than five blocks, and by
            character, because characters are each other's distractors.
    """

    protocol: str
    scorers: tuple[str, ...]
    digests: tuple[str, ...]
    episodes: int
    episodes_digest: str
    n: int
    level: float
    accuracies: tuple[float, ...]
    pairs: dict[tuple[int, int], Comparison | RecipeComparison]
    adjusted: dict[tuple[int, int], float]
    groups: tuple[tuple[int, ...], ...]
    what: str
    ranks: Ranks | None

    @property
    def letters(self) -> tuple[str, ...]:
        """The letters of each scorer's groups; scorers without a common letter differ."""
        return tuple(
            "".join(_letter(place) for place, group in enumerate(self.groups) if scorer in group)
            for scorer in range(len(self.scorers))
        )

    def as_json(self) -> dict[str, Any]:
        """Gives the fields of the JSON interface."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        pairs = [
            {**pair.as_json(), "adjusted_p_value": self.adjusted[places]}
            for places, pair in self.pairs.items()
        ]
        del fields["adjusted"]
        ranks = asdict(self.ranks) if self.ranks else None
        return {**fields, "pairs": pairs, "letters": self.letters, "ranks": ranks}


def _letter(place: int) -> str:
    turn, letter = divmod(place, len(ascii_lowercase))
    return ascii_lowercase[letter] + (str(turn) if turn else "")


def contiguous_groups(
    order: Sequence[int], apart: set[tuple[int, int]]
) -> tuple[tuple[int, ...], ...]:
    """Finds the longest runs of neighbours in an order that contain no differing pair.

    Args:
        order: Numbers of the scorers, the best first.
        apart: Pairs (i, j), i < j, of scorers that differ.

    Returns:
        Groups of numbers, in the order. No group lies within another, and each
        number is in at least one group.
    """
    groups: list[tuple[int, ...]] = []
    start = 0
    for end, place in enumerate(order):
        before = [
            i for i in range(start, end) if (min(order[i], place), max(order[i], place)) in apart
        ]
        if before:
            groups.append(tuple(order[start:end]))
            start = before[-1] + 1
    return (*groups, tuple(order[start:]))


def critical_difference(scorers: int, blocks: int, level: float = LEVEL) -> float:
    """Gives Nemenyi's critical difference of mean ranks (Demšar 2006, section 3.2.2).

    For k scorers and N blocks it is q sqrt(k (k + 1) / (6 N)), where q is the
    quantile of the studentized range with infinite degrees of freedom, divided
    by sqrt(2).

    Args:
        scorers: Number of scorers.
        blocks: Number of alphabets, or of other data sets.
        level: 1 minus the significance level of all tests together.
    """
    # Here and below: takes longer to import than a table to print.
    from scipy import stats

    q = float(stats.studentized_range.ppf(level, scorers, math.inf)) / math.sqrt(2)
    return q * math.sqrt(scorers * (scorers + 1) / (6 * blocks))


def ranks(accuracies: np.ndarray, level: float = LEVEL) -> Ranks:
    """Ranks scorers on every block, and tests whether their mean ranks differ.

    Args:
        accuracies: float ndarray (blocks, scorers).
        level: 1 minus the significance level of the tests.

    Raises:
        ResultError: There are fewer than three scorers.
    """
    from scipy import stats

    blocks, scorers = accuracies.shape
    if scorers < 3:
        raise ResultError(
            f"{scorers} scorers cannot be ranked, expected at least 3; compare two as a pair"
        )
    # Accuracies that are equal but for rounding are ties.
    ranked = stats.rankdata(-np.round(accuracies, 12), axis=1)
    means = tuple(ranked.mean(axis=0).tolist())
    chi2, p_value, f, f_p = 0.0, 1.0, 0.0, 1.0
    if np.ptp(ranked, axis=1).any():
        found = stats.friedmanchisquare(*ranked.T)
        chi2, p_value = float(found.statistic), float(found.pvalue)
        rest = blocks * (scorers - 1) - chi2
        f = f_p = None
        if rest > 1e-9:
            f = (blocks - 1) * chi2 / rest
            f_p = float(stats.f.sf(f, scorers - 1, (scorers - 1) * (blocks - 1)))
    least = critical_difference(scorers, blocks, level)
    order = sorted(range(scorers), key=lambda place: means[place])
    apart = {
        (i, j) for i, j in combinations(range(scorers), 2) if abs(means[i] - means[j]) >= least
    }
    return Ranks(blocks, means, chi2, p_value, f, f_p, least, contiguous_groups(order, apart))


def _accuracies(outcomes: Sequence[Outcome]) -> np.ndarray:
    """Computes each scorer's accuracy on the queries of each cluster.

    It uses the trials, because an influence includes the clusters as
    distractors.

    Returns:
        float64 ndarray (clusters, scorers).
    """
    columns = []
    for one in outcomes:
        cluster = pd.factorize(one.clusters, sort=True)[0]
        sums = np.bincount(cluster, one.credit)
        columns.append(sums / one.influence.sizes)
    return np.stack(columns, axis=1)


def rank(
    runs: Sequence[Run | Sequence[Run]], level: float = LEVEL, by: str = "alphabet"
) -> Ranking:
    """Compares all pairs of several scorers on the same episodes, and ranks the scorers.

    Args:
        runs: At least three runs, of different scorers; or, in the place of a run,
            those of several trainings of one recipe, whose mean counts and whose
            spread differences cover.
        level: Nominal coverage of each interval; all tests together have the
            significance level 1 - level.
        by: How trials are clustered and scorers are ranked, a key of
            `matching.CLUSTERS`.

    Raises:
        ResultError: There are fewer than three runs, they are of different
            episodes or trials, trials cannot be read, or `level` or `by` is
            impossible.
    """
    if len(runs) < 3:
        raise ResultError(
            f"{len(runs)} runs cannot be ranked, expected at least 3; compare two runs as a pair"
        )
    named = [one if isinstance(one, Run) else one[0] for one in runs]
    for run in named[1:]:
        check_same_episodes(named[0], run)
    sides = [side(one, by) for one in runs]
    outcomes = [one.outcome for one in sides]
    places = list(combinations(range(len(runs)), 2))
    pairs = {(i, j): _compared(sides[i], sides[j], level) for i, j in places}
    p_values = [pair.p_value for pair in pairs.values()]
    adjusted = dict(zip(places, step_down(_parts(outcomes), places, p_values), strict=True))
    apart = {pair for pair in places if adjusted[pair] < 1 - level}
    accuracies = tuple(one.influence.value for one in outcomes)
    order = sorted(
        range(len(runs)), key=lambda place: (-accuracies[place], named[place].scorer, place)
    )
    record, found = named[0].record, outcomes[0].influence
    ranked = found.what == by and len(found.clusters) >= FEWEST_CLUSTERS
    return Ranking(
        protocol=named[0].protocol,
        scorers=tuple(run.scorer for run in named),
        digests=tuple(run.record["scorer"]["digest"] for run in named),
        episodes=record["episodes"],
        episodes_digest=record["episodes_digest"],
        n=found.n,
        level=level,
        accuracies=accuracies,
        pairs=pairs,
        adjusted=adjusted,
        groups=contiguous_groups(order, apart),
        what=by,
        ranks=ranks(_accuracies(outcomes), level) if ranked else None,
    )


def _compared(first: Side, second: Side, level: float) -> Comparison | RecipeComparison:
    if first.seeds or second.seeds:
        return compare_sides(first, second, level)
    return compare_outcomes(first.outcome, second.outcome, level)


def _parts(outcomes: Sequence[Outcome]) -> np.ndarray:
    """Each cluster's part of each accuracy, float64 ndarray (clusters, scorers)."""
    return np.stack([one.influence.contributions for one in outcomes], axis=1)


def _p_values(sides: Sequence[Side], baseline: int) -> list[float | None]:
    """The p-value of the difference between a baseline and each side; None for itself."""
    return [
        None if place == baseline else p_value_between(sides[baseline], one)
        for place, one in enumerate(sides)
    ]


def corrected(runs: Sequence[Run | Sequence[Run]], baseline: int) -> dict[int, float]:
    """Gives the p-value of the difference of each run from a baseline, corrected for their number.

    Args:
        runs: Runs of the same episodes, or trainings of one recipe, which differences cover.
        baseline: Index of the baseline in `runs`.

    Returns:
        The p-value by the index of the run, as from `step_down`.

    Raises:
        ResultError: As `differs_from`.
    """
    sides = [side(one) for one in runs]
    outcomes = [one.outcome for one in sides]
    others = [place for place in range(len(runs)) if place != baseline]
    found = _p_values(sides, baseline)
    p_values = [found[place] for place in others]
    adjusted = step_down(_parts(outcomes), [(baseline, place) for place in others], p_values)
    return dict(zip(others, adjusted, strict=True))


def differs_from(
    runs: Sequence[Run | Sequence[Run]], baseline: int, level: float = 0.05
) -> set[int]:
    """Finds the runs that differ significantly from a baseline, corrected for their number.

    Args:
        runs: Runs of the same episodes, or trainings of one recipe, which differences cover.
        baseline: Index of the baseline in `runs`.
        level: Significance level of all tests together, 0.05 for 5 %.

    Returns:
        Indices of the runs that differ.

    Raises:
        ResultError: The runs are of different episodes or trials, or trials
            cannot be read.
    """
    return {place for place, p in corrected(runs, baseline).items() if p < level}


def best_group(runs: Sequence[Run | Sequence[Run]], level: float = 0.05) -> set[int]:
    """Finds the runs that may be the best: those than which no other is better.

    All pairs are tested and corrected for their number, as by `rank`: with probability
    1 - level all runs that are the best are among them, however many runs there are. It is
    the set whose confidence interval for the rank holds the first rank (Mogstad, Romano, Shaikh
    and Wilhelm 2024).

    With fewer than five alphabets, there must be a run that is not in it. Few
    characters differ so much from one another that mostly nothing can be told;
    a bold face for all would look like a finding.

    Args:
        runs: As for `differs_from`.
        level: 1 minus the confidence, 0.05 for 95 %.

    Returns:
        Indices of these runs, the one with the highest accuracy among them; or
        none.

    Raises:
        ResultError: As `differs_from`.
    """
    if not runs:
        return set()
    sides = [side(one) for one in runs]
    outcomes = [one.outcome for one in sides]
    values = [one.influence.value for one in outcomes]
    p_values = pair_p_values(sides)
    adjusted = step_down(_parts(outcomes), [*p_values], [*p_values.values()])
    worse = {
        min(pair, key=values.__getitem__)
        for pair, p in zip(p_values, adjusted, strict=True)
        if p < level
    }
    influences = [one.influence for one in outcomes]
    few = any(one.what != "alphabet" or len(one.clusters) < FEWEST_CLUSTERS for one in influences)
    return set() if few and not worse else {*range(len(runs))} - worse
