"""Comparison: two scorers on the same trials, and whether their accuracies differ."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from scipy import special

from ..errors import ResultError
from ..store import Run
from .detection import episodes_needed, smallest_detectable
from .estimates import LEVEL, Estimate, clopper_pearson, without_interval
from .influences import Influence
from .matching import Outcome, check_same_episodes, outcome

EXACT_FLIPS = 16
"""The largest number of clusters for which all sign flips are tried."""

FLIPS = 99_999
"""Random sign flips if there are more clusters; the random numbers are the same at every call."""

_FLIPS_AT_ONCE = 11_111, 271
"""Flips computed at once: of few clusters, and of hundreds, which fill the memory."""

_HUNDREDS = 300

_FEW = 32
"""The largest number of clusters whose flips stay in memory, in 26 MB."""


@dataclass(frozen=True)
class Comparison:
    """Two scorers on the same trials; a difference is first minus second.

    Attributes:
        protocol: Name of the protocol.
        scorers: Names of the scorers.
        digests: Digests of the scorers.
        episodes: Number of episodes.
        episodes_digest: Digest of the episodes.
        n: Number of trials.
        accuracies: Mean credits, as fractions.
        difference: Difference of the accuracies, from -1 to 1, with its
            interval.
        by: What trials are clustered by, as `Influence.kind`: alphabet or run;
            character where the alphabets are too few.
        p_value: Two-sided p-value of the test that matches the interval; None
            if there is no interval, for which nothing can be tested.
        sign_flip: The p-value of `sign_flip` over the clusters, or None.
        flips: Number of sign flips behind `sign_flip`.
        mcnemar: The p-value of `mcnemar`, which treats trials as independent.
        independent: Whether every image is used at most once; if not, trials
            are not independent.
        wins: For each scorer, the trials in which it has more credit than the
            other.
        detectable: The `smallest_detectable` difference; None if the
            difference is the same in all trials.
        detectable_at_best: The same for infinitely many episodes of these
            images.
        episodes_needed: Number of episodes that would detect a difference as
            large as the observed one; None if no number is enough.
    """

    protocol: str
    scorers: tuple[str, str]
    digests: tuple[str, str]
    episodes: int
    episodes_digest: str
    n: int
    accuracies: tuple[float, float]
    difference: Estimate
    by: str
    p_value: float | None
    sign_flip: float | None
    flips: int
    mcnemar: float
    independent: bool
    wins: tuple[int, int]
    detectable: float | None
    detectable_at_best: float | None
    episodes_needed: int | None

    @property
    def disagreements(self) -> int:
        """Number of trials in which the credits differ."""
        return sum(self.wins)

    def as_json(self) -> dict[str, Any]:
        """Gives the fields of the JSON interface."""
        return {
            **asdict(self),
            "difference": self.difference.as_json(),
            "disagreements": self.disagreements,
            "share": self.disagreements / self.n,
        }


@dataclass(frozen=True)
class Error:
    """The error of a difference.

    Attributes:
        variance: Its variance.
        lasting: The part of the variance that remains with infinitely many episodes.
        freedom: Degrees of freedom.
        method: How it was estimated, in words.
        clusters: Number of clusters; None for trials.
    """

    variance: float
    lasting: float
    freedom: float
    method: str
    clusters: int | None


def error_of(found: Influence, gains: np.ndarray) -> Error | None:
    """Estimates the error of a mean gain.

    Args:
        found: The influence of the clusters on the mean gain.
        gains: float64 ndarray (trials,): the differences of credits.

    Returns:
        The error; None if all gains are equal, or it cannot be estimated.
    """
    if gains.min() == gains.max():
        return None
    if found.spreads:
        variance, lasting = found.population_variance, found.lasting_variance
        method, clusters = f"jackknife by {found.kind}", len(found.clusters)
        return Error(variance, lasting, found.freedom, method, clusters)
    if found.counts_trials:
        n = len(gains)
        return Error(float(gains.var(ddof=1)) / n, 0.0, n - 1, "paired t over trials", None)
    return None


def _total(gains: np.ndarray) -> float:
    """Adds up gains exactly, as `math.fsum`, which takes much longer for whole numbers."""
    whole = gains == np.rint(gains)
    return math.fsum([gains[whole].sum(), *gains[~whole].tolist()])


def _wins(gains: np.ndarray) -> tuple[int, int]:
    return int(np.count_nonzero(gains > 0)), int(np.count_nonzero(gains < 0))


def mcnemar(wins: tuple[int, int]) -> float:
    """Computes McNemar's exact test (1947), two-sided, which treats trials as independent.

    Args:
        wins: For each of two scorers, the trials in which it has more credit
            than the other; shared credit counts like full credit.

    Returns:
        The p-value.
    """
    # The smaller tail of a fair coin, twice, as its two tails are alike.
    return min(2 * float(special.bdtr(min(wins), sum(wins), 0.5)), 1.0)


def sign_flip(parts: np.ndarray) -> tuple[float, int]:
    """Computes the two-sided sign-flip test over clusters.

    Under the null hypothesis the sign of every cluster's part is random. The
    p-value is the share of sign flips whose sum is at least as far from 0 as
    the observed sum. With at most `EXACT_FLIPS` clusters all flips are tried;
    with more it is (b + 1) / (`FLIPS` + 1), where b is the number of such flips
    among `FLIPS` random ones (Phipson and Smyth 2010).

    Args:
        parts: float ndarray (clusters,); the sum is the difference.

    Returns:
        The p-value, and the number of flips behind it.
    """
    # A random p-value must not depend on the clusters' names or on which scorer is first.
    sizes = np.sort(np.abs(parts))
    # Sums that are equal but for rounding are ties.
    bound = abs(math.fsum(parts)) - 1e-10 * sizes.sum()
    if len(sizes) <= EXACT_FLIPS:
        sums = sizes[:1]
        for size in sizes[1:]:
            sums = np.concatenate([sums + size, sums - size])
        return float(np.mean(np.abs(sums) >= bound)), 2 ** len(sizes)
    extreme = 0
    for flipped in (_kept if len(sizes) <= _FEW else _flips)(len(sizes)):
        sums = sizes.sum() - 2 * (flipped @ sizes)
        extreme += int(np.count_nonzero(np.abs(sums) >= bound))
    return (extreme + 1) / (FLIPS + 1), FLIPS


def _flips(clusters: int) -> Iterator[np.ndarray]:
    """Draws flips, float64 ndarrays (some, clusters) of 0 and 1."""
    generator = np.random.default_rng(np.random.SeedSequence(FLIPS))
    at_once = _FLIPS_AT_ONCE[clusters > _HUNDREDS]
    for _ in range(FLIPS // at_once):
        yield generator.integers(0, 2, (at_once, clusters), np.int8).astype(np.float64)


@lru_cache(maxsize=1)
def _kept(clusters: int) -> tuple[np.ndarray, ...]:
    """Gives `_flips` that stay in memory: drawing takes five times as long as adding up."""
    return tuple(_flips(clusters))


def tested(
    found: Influence, gains: np.ndarray, error: Error | None, level: float = LEVEL
) -> tuple[Estimate, float | None]:
    """Estimates a difference of accuracies, and tests whether there is one.

    The interval is the t interval with the `Influence.population_variance` and
    `Influence.freedom` of the difference. If the clusters have equal sizes and
    no episode mixes them, this is the paired t interval over cluster means.
    If the difference is the same in all of five or more alphabets, it is the
    paired t interval over trials. With fewer than five alphabets, the clusters
    are characters; where these are too few as well, there is neither interval
    nor test.

    If all n trials have the same difference v (mostly 0), there is no spread to
    estimate. Then a share u of further trials may differ, where u is the upper
    bound of Clopper and Pearson for 0 of n, which treats trials as independent;
    or for 0 of the characters. As a difference lies between -1 and 1, the
    interval is v - u (1 + v) to v + u (1 - v). The test is then `sign_flip`.

    Args:
        found: The influence of the clusters on the mean gain.
        gains: float64 ndarray (trials,): the differences of credits.
        error: The error of the mean gain, from `error_of` or with further parts.
        level: Nominal coverage.

    Returns:
        The estimate, from -1 to 1, and the p-value, or None.
    """
    value, n = _total(gains) / len(gains), len(gains)
    if error:
        size = math.sqrt(error.variance)
        half = float(special.stdtrit(error.freedom, (1 + level) / 2)) * size
        ends = max(-1.0, value - half), min(1.0, value + half)
        p_value = 2 * float(special.stdtr(error.freedom, -abs(value) / size))
        return Estimate(value, *ends, level, error.method, n, error.clusters), p_value
    if found.problem and not found.counts_trials:
        return without_interval(value, level, found.problem, n), None
    if gains.min() < gains.max():
        return without_interval(value, level, f"all {found.what}s differ alike", n), None
    # More episodes of the same characters are no more evidence of new characters.
    count = n if found.counts_trials else len(found.clusters)
    value, others = float(gains[0]), clopper_pearson(np.zeros(count), level).high or 0.0
    ends = value - others * (1 + value), value + others * (1 - value)
    method, clusters = "clopper-pearson, all trials alike", None
    if not found.counts_trials:
        method, clusters = f"clopper-pearson by {found.kind}, all trials alike", count
    return Estimate(value, *ends, level, method, n, clusters), sign_flip(found.contributions)[0]


def compare(first: Run, second: Run, level: float = LEVEL, by: str = "alphabet") -> Comparison:
    """Compares two scorers on the same episodes.

    Args:
        first: A run.
        second: A run of another scorer.
        level: Nominal coverage of the interval; the test has the significance
            level 1 - level.
        by: How trials are clustered, a key of `matching.CLUSTERS`.

    Raises:
        ResultError: The runs are of different episodes or trials, trials
            cannot be read, or `level` or `by` is impossible.

    Examples:
        >>> from wayshot import bench, results, tasks
        >>> from wayshot.bench.scorers import Chance, PixelCosine
        >>> source = tasks.open_protocol(tasks.parse("glyphs-within-5w1s"))
        >>> first = bench.evaluate(PixelCosine(), source, episodes=100)
        >>> second = bench.evaluate(Chance(), source, episodes=100)
        >>> one = results.compare(first, second)
        >>> one.scorers
        ('pixel-cosine', 'chance')
        >>> one.difference.low > 0, one.p_value < 0.05
        (True, True)
    """
    check_same_episodes(first, second)
    return compare_outcomes(outcome(first, by), outcome(second, by), level)


def compare_outcomes(first: Outcome, second: Outcome, level: float = LEVEL) -> Comparison:
    """Compares two outcomes as `compare` does, without reading the runs again.

    Args:
        first: The outcome of a run.
        second: The outcome of another run, with the same clusters.
        level: As for `compare`.

    Raises:
        ResultError: As for `compare`.
    """
    if not 0 < level < 1:
        raise ResultError(f"level {level} is impossible, expected between 0 and 1, such as 0.95")
    gains, found = first - second, first.influence - second.influence
    error = error_of(found, gains)
    estimate, p_value = tested(found, gains, error, level)
    flip, flips = (None, 0) if p_value is None else sign_flip(found.contributions)
    record = first.run.record
    detectable = at_best = needed = None
    if error:
        variance, lasting, freedom = error.variance, error.lasting, error.freedom
        detectable = smallest_detectable(math.sqrt(variance), freedom, level)
        at_best = smallest_detectable(math.sqrt(lasting), freedom, level)
        count = record["episodes"]
        needed = episodes_needed(estimate.value, count, variance, lasting, freedom, level)
        if needed and needed > count and first.run.is_official:
            needed = None
    return Comparison(
        protocol=first.run.protocol,
        scorers=(first.run.scorer, second.run.scorer),
        digests=(record["scorer"]["digest"], second.run.record["scorer"]["digest"]),
        episodes=record["episodes"],
        episodes_digest=record["episodes_digest"],
        n=len(gains),
        accuracies=(first.influence.value, second.influence.value),
        difference=estimate,
        by=found.kind,
        p_value=p_value,
        sign_flip=flip,
        flips=flips,
        mcnemar=mcnemar(_wins(gains)),
        independent=first.run.uses_images_once,
        wins=_wins(gains),
        detectable=detectable,
        detectable_at_best=at_best,
        episodes_needed=needed,
    )
