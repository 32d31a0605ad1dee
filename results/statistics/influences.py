"""Influence: how much each cluster of characters, such as an alphabet, changes a mean credit.

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
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np
import pandas as pd

from ..errors import ResultError
from .numbering import clusters_of, counts, numbered

FEWEST_CLUSTERS = 5
"""The smallest number of alphabets from which their spread is estimated."""

FEWEST_CHARACTERS = 6
"""The smallest number of characters from which their spread is estimated.

With five, a test of signs could never reach 5 %: if all characters agree, its p-value is 2 / 2**5,
which is 6 %. With six it is 3 %. Every further alphabet takes one more, because the characters of
each alphabet vary around a mean of their own.
"""

_MANY = 500
"""Number of clusters above which they count as equally large: t is nearly normal for so many."""

BLOCK = 2**16
"""Number of episodes whose distractors are counted at once, and of batches of episodes at most."""

COLUMNS = ["episode", "target", "predicted", "credit", "rank", "alphabet"]
"""The columns of trials that `influence` needs."""


@dataclass(frozen=True)
class Influence:
    """The influence of each cluster of characters on a mean over trials.

    Attributes:
        value: The mean.
        n: Number of trials.
        clusters: Names of the clusters: alphabets, runs, characters or
            episodes.
        sizes: float64 ndarray (clusters,): the number of trials whose query
            is of each cluster.
        parts: float64 ndarray (batches, clusters): the contribution of each
            batch of episodes to `n` times the influence of each cluster. A
            batch is a single episode; for characters, or with more than
            65,536 episodes, it is several.
        residuals: float64 ndarray (episodes,): for each episode, the sum over
            its trials of credit minus mean.
        mixed: Whether there is an episode with queries of several clusters.
        groups: int64 ndarray (clusters,): the number of each cluster's group,
            from 0. New clusters are new members of the same groups: for
            characters these are their alphabets, all others are one group.
        what: The kind of the clusters: alphabet, run, character or episode.
    """

    value: float
    n: int
    clusters: tuple[str, ...]
    sizes: np.ndarray
    parts: np.ndarray
    residuals: np.ndarray
    mixed: bool
    groups: np.ndarray
    what: str

    def __sub__(self, other: Influence) -> Influence:
        """Gives the influence on the difference of two means over the same trials.

        Raises:
            ResultError: The means are of different trials.
        """
        mine, theirs = ((one.n, one.clusters, one.parts.shape) for one in (self, other))
        if mine != theirs:
            raise ResultError("means of different trials; compare runs of the same episodes")
        return replace(
            self,
            value=self.value - other.value,
            parts=self.parts - other.parts,
            residuals=self.residuals - other.residuals,
        )

    @property
    def kind(self) -> str:
        """The kind of the clusters in words, for the names of methods."""
        if self.what != "character":
            return self.what
        return f"character {'within alphabets' if self.groups.any() else 'of one alphabet'}"

    @cached_property
    def _members(self) -> list[np.ndarray]:
        """The clusters of each group."""
        return [np.flatnonzero(self.groups == one) for one in range(int(self.groups.max()) + 1)]

    @cached_property
    def _of_group(self) -> np.ndarray:
        """The number of trials of each cluster's group, float64 ndarray (clusters,)."""
        return np.bincount(self.groups, self.sizes)[self.groups]

    @cached_property
    def totals(self) -> np.ndarray:
        """The influence of each cluster, float64 ndarray (clusters,); the sum is 0."""
        return self.parts.sum(axis=0) / self.n

    @property
    def contributions(self) -> np.ndarray:
        """Each cluster's part of the mean, as query and distractor; they add up to the mean.

        float64 ndarray (clusters,).
        """
        return self.value * self.sizes / self.n + self.totals

    @cached_property
    def without(self) -> np.ndarray:
        """The mean without each cluster, to first order, float64 ndarray (clusters,).

        It is exact if no episode mixes clusters.
        """
        return self.value - self.totals / (1 - self.sizes / self._of_group)

    @cached_property
    def freedom(self) -> float:
        """Degrees of freedom of the population variance, at least 1.

        For G clusters of equal size it is G - 1. For unequal sizes it is
        smaller, by Satterthwaite's rule under the assumption that the means of
        all clusters have the same variance (Bell and McCaffrey 2002); the same
        rule joins several groups. If episodes mix clusters, it is reduced
        further by the excess kurtosis k of the influences, because a variance
        estimated from G clusters has itself the relative variance
        2 / (G - 1) + k / G. This reduction stops at 3: k is estimated badly,
        and below 3 degrees of freedom the quantiles of t become up to four
        times as large.
        """
        if min(map(len, self._members)) < 2:
            return 1.0
        return float(self.reduced_freedom(self.without))

    @cached_property
    def _basic_freedom(self) -> float:
        """The degrees of freedom by the clusters' sizes alone."""
        forms = [self._jackknife_form(one) for one in self._members]
        weights = [weight / forms[0][0] for weight, _, _ in forms]
        trace = sum(weight * form[1] for weight, form in zip(weights, forms, strict=True))
        squares = sum(weight**2 * form[2] for weight, form in zip(weights, forms, strict=True))
        return float(trace**2 / squares)

    def reduced_freedom(self, without: np.ndarray) -> np.ndarray:
        """Gives `freedom` for other means over the same trials.

        Args:
            without: float64 ndarray (..., clusters): `without` of each mean.

        Returns:
            float64 ndarray (...).
        """
        freedom, count = self._basic_freedom, len(self.clusters)
        if not self.mixed or count <= 3:
            return np.full(without.shape[:-1], max(freedom, 1.0))
        values = without.copy()
        for members in self._members if len(self._members) > 1 else ():
            values[..., members] -= values[..., members].mean(axis=-1, keepdims=True)
        excess = np.maximum(_excess_kurtosis(values), 0.0)
        reduced = np.maximum(2 / (2 / freedom + excess / count), min(freedom, 3.0))
        return np.maximum(np.where(np.ptp(values, axis=-1) > 0, reduced, freedom), 1.0)

    def _jackknife_form(self, members: np.ndarray) -> tuple[float, float, float]:
        """Gives a group's jackknife variance as a quadratic form in the means of its clusters.

        Returns:
            A factor, and the trace and the sum of squares of the form's matrix
            without this factor.
        """
        count = len(members)
        shares = self.sizes[members] / self._of_group[members]
        factor = float(self._of_group[members[0]] / self.n) ** 2 * (count - 1) ** 2 / count
        if count > _MANY:
            # Equal sizes, for which the matrix has count - 1 equal eigenvalues.
            return factor, (count - 1) ** -2.0, (count - 1) ** -5.0
        return factor, *_trace_and_squares(shares.tobytes())

    @cached_property
    def problem(self) -> str:
        """Why the spread of the clusters cannot be estimated, in words; "" if it can."""
        fewest = FEWEST_CLUSTERS
        if self.what == "character":
            fewest = FEWEST_CHARACTERS + len(self._members) - 1
        if len(self.clusters) < fewest:
            are = "is" if len(self.clusters) == 1 else "s are"
            return f"{len(self.clusters)} {self.what}{are} too few, expected at least {fewest}"
        if min(map(len, self._members)) < 2:
            return "an alphabet has a single character, expected at least 2"
        if not math.isfinite(self.population_variance):
            return "1 episode is too few, expected at least 2"
        return ""

    @property
    def spreads(self) -> bool:
        """Whether the spread of the clusters can be estimated and they differ."""
        return not self.problem and float(np.max(np.abs(self.totals))) >= 1e-12

    @property
    def counts_trials(self) -> bool:
        """Whether trials are taken as independent: enough alphabets, but no spread is known.

        Never for characters: then there is no interval, or one as if each
        character were one trial.
        """
        known = self.what == "character" or len(self.clusters) < FEWEST_CLUSTERS
        return not known and not self.spreads

    @cached_property
    def sampler_variance(self) -> float:
        """Variance of the mean over other episodes of the same images."""
        return float(_variance_of_sum(self.residuals)) / self.n**2

    @cached_property
    def population_variance(self) -> float:
        """Variance of the mean over new clusters of the same kind, and their episodes.

        It is the jackknife over G clusters: (G - 1) / G times the sum of
        squares of `without` around its mean (CV3J of MacKinnon et al. 2023),
        added up over the groups. If episodes mix clusters, each influence
        contains noise, because the episodes are finitely many; the squares
        count this noise several times, once for each cluster that an error
        involves. The noise is subtracted, and `sampler_variance` is added
        instead.
        """
        if min(map(len, self._members)) < 2:
            return math.inf
        jackknife = sum((len(one) - 1) * float(np.var(self.without[one])) for one in self._members)
        if not self.mixed:
            return jackknife
        left = self.n / self._of_group * (self._of_group - self.sizes)
        noises = _variance_of_sum(self.parts) / left**2
        noise = sum((len(one) - 1) / len(one) * float(noises[one].sum()) for one in self._members)
        return max(jackknife - noise, 0.0) + self.sampler_variance

    @property
    def lasting_variance(self) -> float:
        """The part of the population variance that remains with infinitely many episodes."""
        return max(self.population_variance - self.sampler_variance, 0.0)


# Scorers on the same trials have clusters of the same sizes.
@lru_cache(maxsize=64)
def _trace_and_squares(shares: bytes) -> tuple[float, float]:
    """Gives what `Influence._jackknife_form` does, of float64 shares of a group's trials."""
    share = np.frombuffer(shares)
    # What the mean without each cluster is made of: row by row, of the means of all.
    made = (np.diag(share) - np.outer(share, share)) / (1 - share)[:, None]
    squares = np.cov(made, rowvar=False)
    return np.trace(squares), np.sum(squares**2)


def _excess_kurtosis(values: np.ndarray) -> np.ndarray:
    """Computes the excess kurtosis of at least four values, unbiased if normal (Fisher 1930).

    It is over the last axis; 0 where all values are equal.
    """
    n = values.shape[-1]
    deviations = values - values.mean(axis=-1, keepdims=True)
    second = np.mean(deviations**2, axis=-1) ** 2
    # Of tiny deviations the fourth powers are all 0.
    known = second > 0
    ratio = np.mean(deviations**4, axis=-1) / np.where(known, second, 1)
    return np.where(known, (n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * ratio - 3 * (n - 1)), 0.0)


def _variance_of_sum(parts: np.ndarray) -> np.ndarray:
    """Estimates the variance of sums over the first axis, whose parts are independent."""
    count = len(parts)
    return count * parts.var(axis=0, ddof=1) if count > 1 else np.full(parts.shape[1:], math.inf)


def _add_distractors(
    parts: np.ndarray, trials: pd.DataFrame, episode: np.ndarray, cluster: np.ndarray, batch: int
) -> None:
    """Adds the influence of each cluster's characters as distractors to `Influence.parts`.

    A distractor changes a trial if the true class would win without it, which
    is the case if the distractor alone scores higher. To first order, its
    influence is minus the number of such trials, relative to the number that is
    expected for as many appearances. Trials whose query is of the distractor's
    own cluster are left out, because they count as that cluster's queries.
    """
    ways = int(max(trials["target"].max(), trials["predicted"].max())) + 1
    appearances, gained = np.empty(parts.shape, np.int64), 0.0
    for rows, first, last in _blocks(episode, len(parts), batch):
        own, kind, shape = episode[rows] - first, cluster[rows], (last - first, parts.shape[1])
        target, predicted = (
            own * ways + trials[name].iloc[rows].to_numpy(np.int64)
            for name in ("target", "predicted")
        )
        cluster_of_class = np.full(shape[0] * ways, -1)
        cluster_of_class[target] = kind
        ahead, gain = cluster_of_class[predicted], gains_of(trials.iloc[rows])
        alone = (gain > 0) & (ahead >= 0) & (ahead != kind)
        some = slice(first // batch, last // batch)
        size = some.stop - some.start, shape[1]
        parts[some] -= counts(own[alone] // batch, ahead[alone], size, gain[alone])
        gained += float(gain[alone].sum())
        known = np.flatnonzero(cluster_of_class >= 0)
        classes = counts(known // ways, cluster_of_class[known], shape)
        queries = counts(own, kind, shape)
        met = (queries.sum(axis=1, keepdims=True) - queries) * classes
        appearances[some] = met.reshape(-1, batch, shape[1]).sum(axis=1)
    parts += gained / appearances.sum() * appearances


def _blocks(episode: np.ndarray, batches: int, batch: int) -> Iterator[tuple[slice, int, int]]:
    """Gives the trials of each block, its first episode and the one after its last.

    Args:
        episode: int ndarray (n,), the episode of each trial.
        batches: Number of batches; the last one may be incomplete.
        batch: Number of episodes in a batch, a power of two.
    """
    count = batches * batch
    # A block of few enough episodes for the memory; one block where trials are not in order.
    size = max(BLOCK, batch) if (episode[1:] >= episode[:-1]).all() else count
    for first in range(0, count, size):
        last = min(first + size, count)
        rows = np.searchsorted(episode, [first, last]) if size < count else (0, None)
        yield slice(*rows), first, last


def gains_of(trials: pd.DataFrame) -> np.ndarray:
    """Gives the credit that each trial would gain without the class that is ahead of the true one.

    It is 0 if no class is ahead, or more than one. Then the true class shares the top with the
    classes of its own rank.

    Args:
        trials: Trials with the columns credit and rank; a column gain is taken as it is.

    Returns:
        float64 ndarray (n,).
    """
    if "gain" in trials:
        return trials["gain"].to_numpy(np.float64)
    rank, credit = (trials[name].to_numpy(np.float64) for name in ("rank", "credit"))
    return np.where((credit == 0) & (rank < 3), 1 / np.maximum(2 * rank - 3, 1), 0.0)


def influence(
    trials: pd.DataFrame, by: str | np.ndarray = "alphabet", what: str = "alphabet"
) -> Influence:
    """Computes the influence of each cluster of characters on the mean credit.

    As query, it is the sum of the residuals of the cluster's trials. If
    episodes mix clusters, its influence as distractor is added, see
    `_add_distractors`; a class that is the true class of no trial of the
    episode cannot be counted.

    Args:
        trials: Trials with `COLUMNS` and the column of the clusters. If some of
            `COLUMNS` are missing, the influence as distractor is left out.
        by: The column of the clusters, or an array of each trial's cluster.
        what: The kind of the clusters, as `Influence.what`.

    Raises:
        ResultError: There are no trials.
    """
    if not len(trials):
        raise ResultError("no trials to estimate an accuracy from")
    cluster, names = clusters_of(trials[by] if isinstance(by, str) else by)
    whole = all(name in trials for name in COLUMNS if name != "alphabet")
    number = trials["episode"].to_numpy() if whole else np.arange(len(trials))
    episode = numbered(number)
    credit = trials["credit"].to_numpy(np.float64)
    value = float(credit.sum()) / len(credit)
    count = int(episode.max()) + 1
    # A power of two, so that blocks consist of whole batches.
    batch = 2 ** max(0, math.ceil(math.log2(count / BLOCK)))
    shape = (-(-count // batch), len(names))
    parts = counts(episode // batch, cluster, shape, credit - value)
    first = np.zeros(count, np.int64)
    first[episode[::-1]] = cluster[::-1]
    mixed = bool((first[episode] != cluster).any())
    residuals = np.bincount(episode, credit - value)
    if mixed:
        _add_distractors(parts, trials, episode, cluster, batch)
    sizes = np.bincount(cluster, minlength=shape[1]).astype(np.float64)
    groups = np.zeros(shape[1], np.int64)
    return Influence(value, len(credit), names, sizes, parts, residuals, mixed, groups, what)
