"""Extrapolation: accuracies with more ways than were run.

A query's true class wins among w classes with the probability U ** (w - 1), where U is the
probability that it scores higher than a random other class (Zheng, Achanta and Benjamini 2018). How
U is distributed over queries, the ranks in w classes tell; its moments are the accuracies with any
number of ways.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pandas as pd
from scipy import special

from ..errors import ResultError
from .characters import characters_of
from .estimates import LEVEL, Estimate, log_odds_ends, without_interval
from .influences import Influence

SPACING = 0.5
"""Distance and standard deviation of the normal distributions of which that of probit(U) is a mix.

Narrower ones follow the noise of ranks, wider ones do not follow the data.
"""

FEWEST_CHECKED = 10
"""Ways from which an extrapolation is checked: half of fewer tell hardly how U is distributed."""

_LOWEST, _HIGHEST = -3.0, 6.0
_NODES = np.linspace(-8.0, 12.0, 801)
_MOST_COUNTED = 500
"""Ranks in more classes are thinned to so many: they say hardly less."""

_STEPS = 1_000
"""Steps of the fit. Endless ones would follow the noise of ranks."""


@dataclass(frozen=True)
class HeldOut:
    """How well the largest number of ways is predicted from ranks in half as many.

    Attributes:
        fewer: The number of ways whose ranks were used.
        ways: The number of ways that was predicted.
        predicted: The accuracy that was predicted.
        measured: The accuracy in the run.
    """

    fewer: int
    ways: int
    predicted: float
    measured: float

    @property
    def error(self) -> float:
        """Predicted minus measured accuracy."""
        return self.predicted - self.measured


def ahead_of_truth(trials: pd.DataFrame, offered: int) -> np.ndarray:
    """Spreads each trial over the numbers of classes that score higher than the true one.

    Classes with an equal score are in random order. Behind a winner, a rank tells of one such
    class at most.

    Args:
        trials: Trials with the columns credit and rank.
        offered: Number of classes of each episode.

    Returns:
        float64 ndarray (n, 3): the smallest and the largest number, and the
        weight of each number from the first to the second.

    Raises:
        ResultError: A rank is impossible for so many classes.
    """
    credit, rank = (trials[name].to_numpy(np.float64) for name in ("credit", "rank"))
    winners = np.rint(1 / np.where(credit > 0, credit, 1))
    low = np.where(credit > 0, 0, np.floor(rank - 1))
    high = np.where(credit > 0, winners - 1, np.ceil(rank - 1))
    if high.max() >= offered:
        raise ResultError(
            f"a rank of {int(high.max()) + 1} among {offered} ways is impossible; run it again"
        )
    return np.stack([low, high, 1 / (high - low + 1)], axis=1)


def _counted(spread: np.ndarray, cluster: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Counts trials by cluster and number of classes ahead, float64 ndarray of this shape."""
    steps = np.zeros((shape[0], shape[1] + 1))
    low, high = spread[:, 0].astype(np.intp), spread[:, 1].astype(np.intp)
    np.add.at(steps, (cluster, low), spread[:, 2])
    np.subtract.at(steps, (cluster, high + 1), spread[:, 2])
    return np.cumsum(steps, axis=1)[:, :-1]


def _chosen(counts: np.ndarray, ways: int) -> np.ndarray:
    """Expects the counts among random choices of fewer classes, ndarray (clusters, ways)."""
    offered = counts.shape[1]
    ahead, left = np.arange(offered)[:, None], np.arange(ways)
    possible = (left <= ahead) & (ways - 1 - left <= offered - 1 - ahead)

    def logarithm(count: np.ndarray, part: np.ndarray) -> np.ndarray:
        safe = np.clip(part, 0, count)
        terms = special.gammaln(count + 1) - special.gammaln(safe + 1)
        return terms - special.gammaln(count - safe + 1)

    whole = logarithm(np.array(offered - 1), np.array(ways - 1))
    shares = logarithm(ahead, left) + logarithm(offered - 1 - ahead, ways - 1 - left) - whole
    return counts @ np.where(possible, np.exp(shares), 0)


@cache
def _mixture() -> np.ndarray:
    """The normal distributions at the nodes, ndarray (components, nodes); each sums to 1."""
    middles = np.arange(_LOWEST, _HIGHEST + SPACING / 2, SPACING)
    density = np.exp(-0.5 * ((_NODES - middles[:, None]) / SPACING) ** 2)
    return density / density.sum(axis=1, keepdims=True)


def _moments(ways: int) -> np.ndarray:
    """The mean of U ** (ways - 1) under each distribution, ndarray (components,)."""
    return _mixture() @ np.exp((ways - 1) * special.log_ndtr(_NODES))


def _weights(counts: np.ndarray) -> np.ndarray:
    """Fits the distribution of U by maximum likelihood (EM), for each row of counts.

    Args:
        counts: float64 ndarray (rows, ways), trials by the number of classes ahead.

    Returns:
        The weight of each component, float64 ndarray (rows, components).
    """
    ways = counts.shape[1]
    ahead = np.arange(ways)[:, None]
    binomial = special.gammaln(ways) - special.gammaln(ahead + 1) - special.gammaln(ways - ahead)
    binomial = binomial + ahead * special.log_ndtr(-_NODES)
    binomial = np.exp(binomial + (ways - 1 - ahead) * special.log_ndtr(_NODES))
    likelihood = binomial @ _mixture().T
    parts = likelihood.shape[1]
    weights = np.full((len(counts), parts), 1 / parts)
    shares = counts / counts.sum(axis=1, keepdims=True)
    tiny = np.finfo(float).tiny
    for _ in range(_STEPS):
        expected = np.maximum(weights @ likelihood.T, tiny)
        weights = weights * ((shares / expected) @ likelihood)
    return weights


@dataclass(frozen=True)
class Extrapolation:
    """What ranks tell of accuracies with more ways.

    Attributes:
        estimates: The accuracy with each number of ways.
        held_out: How well half of the ways predict all of them; None for
            fewer than `FEWEST_CHECKED` ways.
    """

    estimates: dict[int, Estimate]
    held_out: HeldOut | None


def extrapolated(
    trials: pd.DataFrame, offered: int, ways: Sequence[int], found: Influence, level: float = LEVEL
) -> Extrapolation:
    """Estimates accuracies with more ways than were run, as if there were so many such classes.

    Zheng, Achanta and Benjamini fit the distribution of U to the accuracies with fewer ways by
    least squares. Here it is fitted to the ranks by maximum likelihood, so that it is a
    distribution. The interval is the t interval for the log-odds with the jackknife over clusters,
    in which all is fitted without each cluster's queries. Its variance is raised by the factor
    by which that of the run's own accuracy rises with what clusters do as distractors, and with the
    finite number of episodes. The interval does not cover what is wrong with the model; `HeldOut`
    shows how much that may be.

    Args:
        trials: Trials as from `Run.outcome`.
        offered: Number of classes of each episode, at least 2.
        ways: Larger numbers of classes.
        found: The `population_influence` on the accuracy of these trials.
        level: Nominal coverage.

    Raises:
        ResultError: A rank is impossible for so many classes.
    """
    cluster, count = np.zeros(len(trials), np.int64), 1
    if found.what == "alphabet":
        cluster, count = pd.factorize(trials["alphabet"], sort=True)[0], len(found.clusters)
    elif found.what == "character":
        cluster, count = characters_of(trials)[0], len(found.clusters)
    counts = _counted(ahead_of_truth(trials, offered), cluster, (count, offered))
    if offered > _MOST_COUNTED:
        counts = _chosen(counts, _MOST_COUNTED)
    whole = counts.sum(axis=0)
    (weights,) = _weights(whole[None])
    held_out = None
    if len(whole) >= FEWEST_CHECKED:
        fewer = len(whole) // 2
        (guess,) = _weights(_chosen(whole[None], fewer))
        predicted = float(guess @ _moments(len(whole)))
        held_out = HeldOut(fewer, len(whole), predicted, float(whole[0] / whole.sum()))
    known = found.spreads and 0 < found.value < 1 and count > 1
    raised, without = 1.0, weights[None]
    if known:
        others = whole - counts
        without = _weights(others)
        of_queries = _jackknife(others[:, 0] / others.sum(axis=1), found)
        raised = found.population_variance / of_queries if of_queries > 0 else 1.0
    estimates: dict[int, Estimate] = {}
    for number in ways:
        moments = _moments(number)
        value = min(float(weights @ moments), 1.0)
        method = f"extrapolated from {offered} ways"
        if not known or not 0 < value < 1:
            reason = found.problem or f"{found.what}s do not differ"
            one = without_interval(value, level, reason, found.n)
            estimates[number] = replace(one, method=f"{method}, {one.method}")
            continue
        variance = raised * _jackknife(without @ moments, found)
        low, high = log_odds_ends(value, variance, found.freedom, level)
        method += f", jackknife by {found.kind}, log-odds"
        estimates[number] = Estimate(value, low, high, level, method, found.n, count)
    return Extrapolation(estimates, held_out)


def _jackknife(without: np.ndarray, found: Influence) -> float:
    """The jackknife variance of values without each cluster, within the groups of clusters."""
    groups = [without[found.groups == one] for one in np.unique(found.groups)]
    return sum((len(one) - 1) * float(np.var(one)) for one in groups)
