"""Influence: how much each alphabet changes a mean credit.

An accuracy is a mean over trials, but a trial depends on more alphabets than
that of its query: between alphabets, the distractors come from all of them.
With thousands of episodes over a few hundred characters, nearly every two
episodes share a character. The mean is then close to a U-statistic over
characters, whose order is the number of ways. Its Hájek projection gives, to
first order, the influence of an alphabet on the mean, both as query and as
distractor.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from ..errors import ResultError
from ..store import Run

FEWEST_CLUSTERS = 5
"""The smallest number of alphabets from which their spread is estimated."""

COLUMNS = ["episode", "target", "predicted", "credit", "rank", "alphabet"]
"""The columns of trials that `influence` needs."""


@dataclass(frozen=True)
class Influence:
    """The influence of each cluster of characters on a mean over trials.

    Attributes:
        value: The mean.
        n: Number of trials.
        clusters: Names of the clusters: alphabets, or runs.
        sizes: float64 ndarray (clusters,): the number of trials whose query
            is of each cluster.
        parts: float64 ndarray (episodes, clusters): the contribution of each
            episode to `n` times the influence of each cluster.
        residuals: float64 ndarray (episodes,): for each episode, the sum over
            its trials of credit minus mean.
        mixed: Whether there is an episode with queries of several clusters.
    """

    value: float
    n: int
    clusters: tuple[str, ...]
    sizes: np.ndarray
    parts: np.ndarray
    residuals: np.ndarray
    mixed: bool

    def __sub__(self, other: Influence) -> Influence:
        """Gives the influence on the difference of two means over the same trials.

        Raises:
            ResultError: The means are of different trials.
        """
        mine, theirs = ((one.n, one.clusters, one.parts.shape) for one in (self, other))
        if mine != theirs:
            raise ResultError("means of different trials; compare runs of the same episodes")
        return Influence(
            self.value - other.value,
            self.n,
            self.clusters,
            self.sizes,
            self.parts - other.parts,
            self.residuals - other.residuals,
            self.mixed,
        )

    @cached_property
    def totals(self) -> np.ndarray:
        """The influence of each cluster, float64 ndarray (clusters,); the sum is 0."""
        return self.parts.sum(axis=0) / self.n

    @cached_property
    def without(self) -> np.ndarray:
        """The mean without each cluster, to first order, float64 ndarray (clusters,).

        It is exact if no episode mixes clusters.
        """
        return self.value - self.totals / (1 - self.sizes / self.n)

    @cached_property
    def freedom(self) -> float:
        """Degrees of freedom of the population variance, at least 1.

        For G clusters of equal size it is G - 1. For unequal sizes it is
        smaller, by Satterthwaite's rule under the assumption that the means of
        all clusters have the same variance (Bell and McCaffrey 2002). If
        episodes mix clusters, it is reduced further by the excess kurtosis k of
        the influences, because a variance estimated from G clusters has itself
        the relative variance 2 / (G - 1) + k / G. This reduction stops at 3:
        k is estimated badly, and below 3 degrees of freedom the quantiles of t
        become up to four times as large.
        """
        count = len(self.clusters)
        if count < 2:
            return 1.0
        shares = self.sizes / self.n
        # What the mean without each cluster is made of: row by row, of the means of all.
        made = (np.diag(shares) - np.outer(shares, shares)) / (1 - shares)[:, None]
        squares = np.cov(made, rowvar=False)
        freedom = float(np.trace(squares) ** 2 / np.sum(squares**2))
        if self.mixed and count > 3 and np.ptp(self.without) > 0:
            excess = max(_excess_kurtosis(self.without), 0.0)
            freedom = max(2 / (2 / freedom + excess / count), min(freedom, 3.0))
        return max(freedom, 1.0)

    @property
    def spreads(self) -> bool:
        """Whether there are at least `FEWEST_CLUSTERS` clusters and they differ."""
        differ = float(np.max(np.abs(self.totals))) >= 1e-12
        known = math.isfinite(self.population_variance)
        return len(self.clusters) >= FEWEST_CLUSTERS and differ and known

    @cached_property
    def sampler_variance(self) -> float:
        """Variance of the mean over other episodes of the same images."""
        return float(_variance_of_sum(self.residuals)) / self.n**2

    @cached_property
    def population_variance(self) -> float:
        """Variance of the mean over new clusters of the same kind, and their episodes.

        It is the jackknife over G clusters: (G - 1) / G times the sum of
        squares of `without` around its mean (CV3J of MacKinnon et al. 2023). If
        episodes mix clusters, each influence contains noise, because the
        episodes are finitely many; the squares count this noise several times,
        once for each cluster that an error involves. The noise is subtracted,
        and `sampler_variance` is added instead.
        """
        count = len(self.clusters)
        if count < 2:
            return math.inf
        jackknife = (count - 1) * float(np.var(self.without))
        if not self.mixed:
            return jackknife
        noise = float(np.sum(_variance_of_sum(self.parts) / (self.n - self.sizes) ** 2))
        return max(jackknife - (count - 1) / count * noise, 0.0) + self.sampler_variance

    @property
    def lasting_variance(self) -> float:
        """The part of the population variance that remains with infinitely many episodes."""
        return max(self.population_variance - self.sampler_variance, 0.0)


def _excess_kurtosis(values: np.ndarray) -> float:
    """Computes the excess kurtosis of at least four values, unbiased if normal (Fisher 1930)."""
    n, deviations = len(values), values - values.mean()
    ratio = np.mean(deviations**4) / np.mean(deviations**2) ** 2
    return float((n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * ratio - 3 * (n - 1)))


def _variance_of_sum(parts: np.ndarray) -> np.ndarray:
    """Estimates the variance of sums over the first axis, whose parts are independent."""
    count = len(parts)
    return count * parts.var(axis=0, ddof=1) if count > 1 else np.full(parts.shape[1:], math.inf)


def _distractor_parts(
    trials: pd.DataFrame, episode: np.ndarray, cluster: np.ndarray, shape: tuple[int, int]
) -> np.ndarray:
    """Gives the influence of each cluster's characters as distractors, as `Influence.parts`.

    A distractor changes a trial if the true class would win without it, which
    is the case if the distractor alone scores higher. To first order, its
    influence is minus the number of such trials, relative to the number that is
    expected for as many appearances. Trials whose query is of the distractor's
    own cluster are left out, because they count as that cluster's queries.
    """
    ways = int(max(trials["target"].max(), trials["predicted"].max())) + 1
    target, predicted = (
        episode * ways + trials[name].to_numpy(np.int64) for name in ("target", "predicted")
    )
    cluster_of_class = np.full(shape[0] * ways, -1)
    cluster_of_class[target] = cluster
    rank, credit = (trials[name].to_numpy(np.float64) for name in ("rank", "credit"))
    ahead = cluster_of_class[predicted]
    alone = (credit == 0) & (rank < 3) & (ahead >= 0) & (ahead != cluster)
    # Without that distractor, the true class shares the top with the classes of its own rank.
    gains = _counts(episode[alone], ahead[alone], shape, 1 / (1 + 2 * (rank[alone] - 2)))
    known = np.flatnonzero(cluster_of_class >= 0)
    classes = _counts(known // ways, cluster_of_class[known], shape)
    queries = _counts(episode, cluster, shape)
    appearances = (queries.sum(axis=1, keepdims=True) - queries) * classes
    return gains.sum() / appearances.sum() * appearances - gains


def _counts(
    episode: np.ndarray, cluster: np.ndarray, shape: tuple[int, int], weights: Any = None
) -> np.ndarray:
    """Sums weights, or counts trials, by episode and cluster."""
    place = episode * shape[1] + cluster
    return np.bincount(place, weights, math.prod(shape)).reshape(shape)


def _numbered(values: np.ndarray) -> np.ndarray:
    """Numbers equal values alike, from 0 in ascending order, int64 ndarray (n,)."""
    new = values[1:] != values[:-1]
    if (values[1:] < values[:-1]).any():
        return np.unique(values, return_inverse=True)[1]
    # Trials are stored in this order; sorting would take much longer and twice the memory.
    return np.concatenate([[0], np.cumsum(new)])


def influence(trials: pd.DataFrame, by: str | np.ndarray = "alphabet") -> Influence:
    """Computes the influence of each cluster of characters on the mean credit.

    As query, it is the sum of the residuals of the cluster's trials. If
    episodes mix clusters, its influence as distractor is added, see
    `_distractor_parts`; a class that is the true class of no trial of the
    episode cannot be counted.

    Args:
        trials: Trials with `COLUMNS` and the column of the clusters. If some of
            `COLUMNS` are missing, the influence as distractor is left out.
        by: The column of the clusters, or an array of each trial's cluster.

    Raises:
        ResultError: There are no trials.
    """
    if not len(trials):
        raise ResultError("no trials to estimate an accuracy from")
    labels = trials[by] if isinstance(by, str) else pd.Series(by)
    cluster, names = pd.factorize(labels, sort=True)
    whole = set(COLUMNS) <= {*trials.columns, "alphabet"}
    number = trials["episode"].to_numpy() if whole else np.arange(len(trials))
    episode = _numbered(number)
    credit = trials["credit"].to_numpy(np.float64)
    value = float(credit.sum()) / len(credit)
    shape = (int(episode.max()) + 1, len(names))
    parts = _counts(episode, cluster, shape, credit - value)
    first = np.zeros(shape[0], np.int64)
    first[episode[::-1]] = cluster[::-1]
    mixed = bool((first[episode] != cluster).any())
    residuals = parts.sum(axis=1)
    if mixed:
        parts = parts + _distractor_parts(trials, episode, cluster, shape)
    sizes = np.bincount(cluster, minlength=shape[1]).astype(np.float64)
    return Influence(value, len(credit), tuple(map(str, names)), sizes, parts, residuals, mixed)


def influence_of(run: Run, trials: pd.DataFrame) -> Influence:
    """Gives the influence of alphabets; computed once if the run's trials stay in memory.

    Args:
        run: The run.
        trials: Its trials, from `Run.outcome`.
    """
    if not run.keeps(trials):
        return influence(trials)
    if "influence" not in run.derived:
        run.derived["influence"] = influence(trials)
    return run.derived["influence"]
