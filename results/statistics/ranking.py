"""Ranking: several scorers on the same trials, and which of them can be told apart."""

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
from .comparison import Comparison, compare_outcomes, difference
from .estimates import LEVEL
from .influences import FEWEST_CLUSTERS
from .matching import Outcome, check_same_episodes, outcome


@dataclass(frozen=True)
class Ranks:
    """Scorers ranked on every alphabet (or run), and what their mean ranks tell.

    Attributes:
        blocks: How many alphabets or runs.
        means: Mean rank of each scorer, 1 the best; equals share a rank.
        friedman: Friedman's chi-squared, corrected for ties.
        friedman_p: Its p-value.
        iman_davenport: The F statistic of Iman and Davenport 1980, less
            conservative; None where all rankings are the same, so that it
            has no end.
        iman_davenport_p: Its p-value, or None.
        critical_difference: Of mean ranks, by Nemenyi's test.
        groups: `contiguous_groups` of scorers whose mean ranks are closer than that.
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
    """Scorers compared each with each on the same trials.

    Attributes:
        protocol: Its name.
        scorers: Their names.
        digests: Their digests.
        episodes: How many.
        episodes_digest: Digest of the episodes.
        n: Trials.
        level: One less the level of all tests together.
        accuracies: Mean credits, as fractions.
        pairs: The comparison of each pair of places, the lower one first.
        adjusted: Their p-values after `holm`.
        groups: `contiguous_groups` in the order of accuracies, the best
            first, of scorers no two of which can be told apart.
        what: What is ranked on: alphabet or run.
        ranks: None with fewer than five alphabets or runs.
    """

    protocol: str
    scorers: tuple[str, ...]
    digests: tuple[str, ...]
    episodes: int
    episodes_digest: str
    n: int
    level: float
    accuracies: tuple[float, ...]
    pairs: dict[tuple[int, int], Comparison]
    adjusted: dict[tuple[int, int], float]
    groups: tuple[tuple[int, ...], ...]
    what: str
    ranks: Ranks | None

    @property
    def letters(self) -> tuple[str, ...]:
        """For each scorer the letters of its groups: without one in common, told apart."""
        return tuple(
            "".join(_letter(place) for place, group in enumerate(self.groups) if scorer in group)
            for scorer in range(len(self.scorers))
        )

    def as_json(self) -> dict[str, Any]:
        """The fields of the JSON interface."""
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


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusts p-values for their number, step down (Holm 1979).

    The smallest of m times m, the next times m - 1, and so on; none smaller
    than the one before it, or larger than 1.
    """
    adjusted, largest = [0.0] * len(p_values), 0.0
    for done, place in enumerate(np.argsort(p_values, kind="stable")):
        largest = max(largest, min(1.0, (len(p_values) - done) * p_values[place]))
        adjusted[place] = largest
    return adjusted


def contiguous_groups(
    order: Sequence[int], apart: set[tuple[int, int]]
) -> tuple[tuple[int, ...], ...]:
    """Finds the largest stretches of an order no two of which are apart.

    Args:
        order: Places, the best first.
        apart: Pairs of places that can be told apart, the lower one first.

    Returns:
        Groups of places, in the order; none lies within another, and each
        place is in at least one.
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
    """The smallest difference of mean ranks that Nemenyi's test tells (Demšar 2006, section 3.2.2).

    q sqrt(k (k + 1) / (6 N)) for k scorers and N blocks, q the quantile of
    the studentized range with endless degrees of freedom over sqrt(2).

    Args:
        scorers: How many.
        blocks: How many alphabets, or other data sets.
        level: One less the level of all tests together.
    """
    # Here and below: takes longer to import than a table to print.
    from scipy import stats

    q = float(stats.studentized_range.ppf(level, scorers, math.inf)) / math.sqrt(2)
    return q * math.sqrt(scorers * (scorers + 1) / (6 * blocks))


def ranks(accuracies: np.ndarray, level: float = LEVEL) -> Ranks:
    """Ranks scorers on every block, and tests whether their mean ranks differ.

    Args:
        accuracies: float ndarray (blocks, scorers).
        level: One less the level of the tests.

    Raises:
        ResultError: There are fewer than three scorers.
    """
    from scipy import stats

    blocks, scorers = accuracies.shape
    if scorers < 3:
        raise ResultError(f"{scorers} scorers cannot be ranked, expected at least 3; compare them")
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
    """Accuracy of each scorer on the queries of each cluster, float64 ndarray (clusters, scorers).

    The parts of an influence hold what clusters do as distractors too, which
    is why this goes back to the trials.
    """
    columns = []
    for one in outcomes:
        cluster = pd.factorize(one.clusters, sort=True)[0]
        sums = np.bincount(cluster, one.trials["credit"].to_numpy(np.float64))
        columns.append(sums / one.influence.sizes)
    return np.stack(columns, axis=1)


def rank(runs: Sequence[Run], level: float = LEVEL, by: str = "alphabet") -> Ranking:
    """Compares scorers on the same episodes, each with each.

    Args:
        runs: At least three, of different scorers.
        level: Nominal coverage of each interval, and one less the level of
            all tests together.
        by: What differences are clustered by, and scorers ranked on, a key
            of `matching.CLUSTERS`.

    Raises:
        ResultError: They are too few, or of different episodes or trials,
            trials cannot be read, or the level or the clusters are impossible.
    """
    if len(runs) < 3:
        raise ResultError(f"{len(runs)} runs cannot be ranked, expected at least 3; compare them")
    for run in runs[1:]:
        check_same_episodes(runs[0], run)
    outcomes = [outcome(run, by) for run in runs]
    places = list(combinations(range(len(runs)), 2))
    pairs = {(i, j): compare_outcomes(outcomes[i], outcomes[j], level) for i, j in places}
    adjusted = dict(zip(places, holm([pair.p_value for pair in pairs.values()]), strict=True))
    apart = {pair for pair in places if adjusted[pair] < 1 - level}
    accuracies = tuple(one.influence.value for one in outcomes)
    order = sorted(
        range(len(runs)), key=lambda place: (-accuracies[place], runs[place].scorer, place)
    )
    record, clusters = runs[0].record, len(outcomes[0].influence.clusters)
    return Ranking(
        protocol=runs[0].protocol,
        scorers=tuple(run.scorer for run in runs),
        digests=tuple(run.record["scorer"]["digest"] for run in runs),
        episodes=record["episodes"],
        episodes_digest=record["episodes_digest"],
        n=outcomes[0].influence.n,
        level=level,
        accuracies=accuracies,
        pairs=pairs,
        adjusted=adjusted,
        groups=contiguous_groups(order, apart),
        what=by,
        ranks=ranks(_accuracies(outcomes), level) if clusters >= FEWEST_CLUSTERS else None,
    )


def differs_from(runs: Sequence[Run], baseline: int, level: float = 0.05) -> set[int]:
    """Tells which runs differ from one of them, by `holm` over those comparisons.

    Args:
        runs: Runs of the same episodes.
        baseline: Place of the one.
        level: Of all tests together, 0.05 for 5 %.

    Returns:
        Their places.

    Raises:
        ResultError: They are of different episodes or trials, or trials
            cannot be read.
    """
    return _apart([outcome(run) for run in runs], baseline, level)


def _apart(outcomes: Sequence[Outcome], baseline: int, level: float) -> set[int]:
    others = [place for place in range(len(outcomes)) if place != baseline]
    p_values = [difference(outcomes[baseline], outcomes[place])[1] for place in others]
    return {place for place, p in zip(others, holm(p_values), strict=True) if p < level}


def best_group(runs: Sequence[Run], level: float = 0.05) -> set[int]:
    """Tells which runs cannot be told from the one of the highest accuracy.

    Args:
        runs: Runs of the same episodes.
        level: As for `differs_from`.

    Returns:
        Their places, and that of the best.

    Raises:
        ResultError: As `differs_from`.
    """
    outcomes = [outcome(run) for run in runs]
    values = [one.influence.value for one in outcomes]
    best = values.index(max(values)) if values else 0
    return set(range(len(runs))) - _apart(outcomes, best, level)
