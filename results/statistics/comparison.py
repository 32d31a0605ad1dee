"""Comparison: two scorers on the same trials, and whether their difference is real."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy import special

from ..errors import ResultError
from ..store import Run
from .estimates import LEVEL, Estimate, clopper_pearson
from .influences import FEWEST_CLUSTERS, Influence
from .matching import Outcome, check_same_episodes, outcome

POWER = 0.8
"""How often a difference that can be detected is."""

EXACT_FLIPS = 16
"""Up to so many clusters, all flips of signs are tried."""

FLIPS = 99_999
"""Random flips, with more clusters; their random numbers are the same at every call."""

_FLIPS_AT_ONCE = 11_111


@dataclass(frozen=True)
class Comparison:
    """Two scorers on the same trials; a difference is the first's less the second's.

    Attributes:
        protocol: Its name.
        scorers: Their names.
        digests: Their digests.
        episodes: How many.
        episodes_digest: Digest of the episodes.
        n: Trials.
        accuracies: Mean credits, as fractions.
        difference: Of the accuracies, from -1 to 1, with its interval.
        p_value: Of the test that goes with the interval, two-sided.
        sign_flip: The p-value of `sign_flip` over the clusters.
        flips: How many flips of signs that is from.
        mcnemar: The p-value of `mcnemar`, as if trials were independent.
        independent: Whether every image is used at most once, without which
            trials are not independent.
        wins: Trials for which each scorer has more credit than the other.
        detectable: The `smallest_detectable` difference; None where all
            trials are alike.
        detectable_at_best: The same with endlessly many episodes of these images.
        episodes_needed: How many detect a difference as large as the one
            seen; None where no number does.
    """

    protocol: str
    scorers: tuple[str, str]
    digests: tuple[str, str]
    episodes: int
    episodes_digest: str
    n: int
    accuracies: tuple[float, float]
    difference: Estimate
    p_value: float
    sign_flip: float
    flips: int
    mcnemar: float
    independent: bool
    wins: tuple[int, int]
    detectable: float | None
    detectable_at_best: float | None
    episodes_needed: int | None

    @property
    def disagreements(self) -> int:
        """Trials whose credits differ."""
        return sum(self.wins)

    def as_json(self) -> dict[str, Any]:
        """The fields of the JSON interface."""
        return {
            **asdict(self),
            "difference": self.difference.as_json(),
            "disagreements": self.disagreements,
            "share": self.disagreements / self.n,
        }


@dataclass(frozen=True)
class _Error:
    """Variance of a difference, and what lasts of it with endlessly many episodes."""

    variance: float
    lasting: float
    freedom: float
    method: str
    clusters: int | None


def _error(found: Influence, gains: np.ndarray, what: str) -> _Error | None:
    """The error of the mean gain; None where all gains are alike."""
    if gains.min() == gains.max():
        return None
    if not found.spreads:
        n = len(gains)
        return _Error(float(gains.var(ddof=1)) / n, 0.0, n - 1, "paired t over trials", None)
    variance, lasting = found.population_variance, found.lasting_variance
    clusters = len(found.clusters)
    return _Error(variance, lasting, found.freedom, f"jackknife by {what}", clusters)


def _parts(found: Influence) -> np.ndarray:
    """Each cluster's part of a difference, as query and as distractor; they add up to it."""
    return found.value * found.sizes / found.n + found.totals


def _wins(gains: np.ndarray) -> tuple[int, int]:
    return int(np.count_nonzero(gains > 0)), int(np.count_nonzero(gains < 0))


def mcnemar(wins: tuple[int, int]) -> float:
    """The exact test of McNemar 1947, two-sided, as if trials were independent.

    Args:
        wins: Trials for which each of two scorers has more credit than the
            other, be it a whole one or a share.

    Returns:
        The p-value.
    """
    # The smaller tail of a fair coin, twice, as its two tails are alike.
    return min(2 * float(special.bdtr(min(wins), sum(wins), 0.5)), 1.0)


def sign_flip(parts: np.ndarray) -> tuple[float, int]:
    """Tests that every cluster favours the one scorer as readily as the other, two-sided.

    The share of flips of the parts' signs whose sum is at least as far from 0
    as it is without: of all flips up to `EXACT_FLIPS` clusters; beyond that
    (b + 1) / (`FLIPS` + 1) for b such among random ones (Phipson and Smyth 2010).

    Args:
        parts: float ndarray (clusters,), which add up to the difference.

    Returns:
        The p-value, and how many flips it is from.
    """
    # Neither the clusters' names nor which scorer is first may change a random p-value.
    sizes = np.sort(np.abs(parts))
    # Sums that are equal but for rounding are ties.
    bound = abs(math.fsum(parts)) - 1e-10 * sizes.sum()
    if len(sizes) <= EXACT_FLIPS:
        sums = sizes[:1]
        for size in sizes[1:]:
            sums = np.concatenate([sums + size, sums - size])
        return float(np.mean(np.abs(sums) >= bound)), 2 ** len(sizes)
    generator = np.random.default_rng(np.random.SeedSequence(FLIPS))
    extreme = 0
    for _ in range(FLIPS // _FLIPS_AT_ONCE):
        flipped = generator.integers(0, 2, (_FLIPS_AT_ONCE, len(sizes)), np.int8)
        sums = sizes.sum() - 2 * (flipped.astype(np.float64) @ sizes)
        extreme += int(np.count_nonzero(np.abs(sums) >= bound))
    return (extreme + 1) / (FLIPS + 1), FLIPS


def smallest_detectable(
    error: float, freedom: float, level: float = LEVEL, power: float = POWER
) -> float:
    """The smallest true difference that a two-sided t test tells as often as `power`.

    The quantiles of t at (1 + level) / 2 and at `power`, added, times the
    standard error (Bloom 1995): 2.8 times, of many clusters.

    Args:
        error: Standard error of the difference.
        freedom: Degrees of freedom.
        level: One less the level of the test.
        power: From 0.5 to 1.
    """
    return (
        float(special.stdtrit(freedom, (1 + level) / 2) + special.stdtrit(freedom, power)) * error
    )


def episodes_needed(
    difference: float,
    episodes: int,
    variance: float,
    lasting: float,
    freedom: float,
    level: float = LEVEL,
    power: float = POWER,
) -> int | None:
    """How many episodes a t test needs to tell a difference as often as `power`.

    Solves difference = `smallest_detectable`, for a variance of
    lasting + (variance - lasting) * episodes / x with x of them.

    Args:
        difference: The true difference, as a fraction.
        episodes: Those that the variance was found from.
        variance: Of the difference.
        lasting: What is left of it with endlessly many episodes.
        freedom: Degrees of freedom.
        level: One less the level of the test.
        power: From 0.5 to 1.

    Returns:
        None where no number is enough, as the images limit it.
    """
    allowed = (difference / smallest_detectable(1, freedom, level, power)) ** 2 - lasting
    return max(math.ceil(episodes * (variance - lasting) / allowed), 1) if allowed > 0 else None


def _tested(
    found: Influence, gains: np.ndarray, error: _Error | None, level: float
) -> tuple[Estimate, float]:
    value, n = math.fsum(gains) / len(gains), len(gains)
    if error:
        size = math.sqrt(error.variance)
        half = float(special.stdtrit(error.freedom, (1 + level) / 2)) * size
        ends = max(-1.0, value - half), min(1.0, value + half)
        p_value = 2 * float(special.stdtr(error.freedom, -abs(value) / size))
        return Estimate(value, *ends, level, error.method, n, error.clusters), p_value
    value = float(gains[0])
    others = clopper_pearson(np.zeros(n), level).high
    ends = value - others * (1 + value), value + others * (1 - value)
    clustered = len(found.clusters) >= FEWEST_CLUSTERS
    p_value = sign_flip(_parts(found))[0] if clustered else mcnemar(_wins(gains))
    return Estimate(value, *ends, level, "clopper-pearson, all trials alike", n, None), p_value


def difference(first: Outcome, second: Outcome, level: float = LEVEL) -> tuple[Estimate, float]:
    """Estimates a difference of accuracies, and tests whether there is one.

    The t interval by the `Influence.population_variance` of the difference
    with its `Influence.freedom`, which of clusters of equal size that no
    episode mixes is the paired t interval over their means. With fewer than
    five clusters, or where the difference is the same in all, the paired t
    interval over trials. Where all trials differ alike by v, mostly 0, there
    is no spread, but doubt: a share u of others may be unlike them, u the
    bound of Clopper and Pearson for none seen in n, as if trials were
    independent. Those lie between -1 and 1, which gives v - u (1 + v) to
    v + u (1 - v); the test is then `sign_flip`, or `mcnemar` with fewer than
    five clusters.

    Args:
        first: What came of one run.
        second: Of another on the same episodes, with the same clusters.
        level: Nominal coverage.

    Returns:
        The estimate, from -1 to 1, and the p-value, two-sided.

    Raises:
        ResultError: They are of different episodes or trials.
    """
    gains, found = first - second, first.influence - second.influence
    return _tested(found, gains, _error(found, gains, first.what), level)


def compare(first: Run, second: Run, level: float = LEVEL, by: str = "alphabet") -> Comparison:
    """Compares two scorers on the same episodes.

    Args:
        first: A run.
        second: A run of another scorer.
        level: Nominal coverage of the interval, and one less the level of the test.
        by: What the difference is clustered by, a key of `matching.CLUSTERS`.

    Raises:
        ResultError: They are of different episodes or trials, trials cannot
            be read, or the level or the clusters are impossible.
    """
    check_same_episodes(first, second)
    return compare_outcomes(outcome(first, by), outcome(second, by), level)


def compare_outcomes(first: Outcome, second: Outcome, level: float = LEVEL) -> Comparison:
    """Does as `compare` with what was read before, once for several comparisons."""
    if not 0 < level < 1:
        raise ResultError(f"level {level} is impossible, expected between 0 and 1, such as 0.95")
    gains, found = first - second, first.influence - second.influence
    error = _error(found, gains, first.what)
    estimate, p_value = _tested(found, gains, error, level)
    flip, flips = sign_flip(_parts(found))
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
