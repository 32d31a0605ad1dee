"""Estimates of accuracy: a value, and an interval that says what it covers."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import special

from ..errors import ResultError
from .influences import Influence, influence, influence_of

if TYPE_CHECKING:
    from ..store import Run

LEVEL = 0.95
"""Nominal coverage of intervals."""

RESAMPLES = 9_999
"""Of the bootstrap; its random numbers are the same at every call."""


@dataclass(frozen=True)
class Estimate:
    """An accuracy with its interval, as fractions.

    Attributes:
        value: Mean credit.
        low: Lower end of the interval.
        high: Upper end.
        level: Nominal coverage.
        method: How the interval was made, in words.
        n: Trials.
        clusters: Alphabets, runs or episodes, where the method clusters by
            them; else None.
    """

    value: float
    low: float
    high: float
    level: float
    method: str
    n: int
    clusters: int | None

    def as_json(self) -> dict[str, Any]:
        """The fields of the JSON interface; n stands beside it there."""
        fields = asdict(self)
        del fields["n"]
        return fields


def wilson(credit: np.ndarray, level: float = LEVEL) -> Estimate:
    """Wilson's score interval, as if trials were independent (Wilson 1927).

    Args:
        credit: float ndarray (n,), from 0 to 1; shared credit counts in part.
        level: Nominal coverage.
    """
    n, mean = len(credit), math.fsum(credit) / len(credit)
    z = float(special.ndtri((1 + level) / 2))
    centre = (mean + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(mean * (1 - mean) / n + z**2 / (4 * n**2))
    low, high = max(0.0, float(centre - half)), min(1.0, float(centre + half))
    return Estimate(mean, min(low, mean), max(high, mean), level, "wilson", n, None)


def clopper_pearson(credit: np.ndarray, level: float = LEVEL) -> Estimate:
    """The exact binomial interval, as if trials were independent (Clopper and Pearson 1934).

    Args:
        credit: float ndarray (n,), from 0 to 1; shared credit counts in part.
        level: Nominal coverage.
    """
    n, total = len(credit), math.fsum(credit)
    tail = (1 - level) / 2
    low = float(special.betaincinv(total, n - total + 1, tail)) if total > 0 else 0.0
    high = float(special.betainccinv(total + 1, n - total, tail)) if total < n else 1.0
    return Estimate(total / n, low, high, level, "clopper-pearson", n, None)


def clustered(
    credit: np.ndarray, cluster: np.ndarray, level: float = LEVEL, what: str = "alphabet"
) -> Estimate:
    """The t interval for a mean over clusters of unequal size.

    The variance is that of the cluster sums of residuals with the factor
    G / (G - 1) for G clusters (Liang and Zeger 1986; Miller 2024, section
    2.2, adds no such factor), the quantile that of t with G - 1 degrees of
    freedom. It covers new clusters of the kind, unlike intervals over trials.

    Args:
        credit: float ndarray (n,), from 0 to 1.
        cluster: int ndarray (n,), from 0 to G - 1, each occurring.
        level: Nominal coverage.
        what: What the clusters are.

    Raises:
        ResultError: There are fewer than two clusters.
    """
    mean, error, clusters = _clustered_error(credit, cluster, what)
    half = float(special.stdtrit(clusters - 1, (1 + level) / 2) * error)
    low, high = max(0.0, mean - half), min(1.0, mean + half)
    return Estimate(mean, low, high, level, f"t by {what}", len(credit), clusters)


def _clustered_error(
    credit: np.ndarray, cluster: np.ndarray, what: str
) -> tuple[float, float, int]:
    sizes = np.bincount(cluster)
    n, clusters = len(credit), len(sizes)
    if clusters < 2:
        raise ResultError(f"one {what} alone says nothing of others; ask for --interval wilson")
    mean = math.fsum(credit) / n
    residuals = np.bincount(cluster, weights=credit) - mean * sizes
    return mean, np.sqrt(clusters / (clusters - 1) * np.sum(residuals**2)) / n, clusters


def sampler(trials: pd.DataFrame, level: float = LEVEL, normal: bool = False) -> Estimate:
    """The field's interval: other episodes of the same images, and nothing else.

    Of episodes with equally many queries it is the mean of the episodes'
    accuracies, give or take a quantile of their standard error.

    Args:
        trials: With the columns credit and episode.
        level: Nominal coverage.
        normal: Whether the quantile is the normal one, 1.96 for 95 %, as
            papers print it, and not that of t.

    Raises:
        ResultError: There is but one episode.
    """
    credit = trials["credit"].to_numpy(np.float64)
    episode = np.unique(trials["episode"].to_numpy(), return_inverse=True)[1]
    if not normal:
        return clustered(credit, episode, level, "episode")
    mean, error, episodes = _clustered_error(credit, episode, "episode")
    z = 1.96 if level == 0.95 else float(special.ndtri((1 + level) / 2))
    # The field's standard deviation is that over all episodes less one, as here.
    low, high = max(0.0, mean - z * error), min(1.0, mean + z * error)
    return Estimate(
        mean, low, high, level, f"{z:.4g} standard errors, episodes", len(credit), episodes
    )


def on_logit_scale(
    found: Influence, level: float = LEVEL, looks: int = 1, endless: bool = False
) -> Estimate:
    """The population interval: new alphabets, their characters and images, and other episodes.

    A t interval for the log-odds, by the delta method: near 100 % the accuracy
    itself is so skewed that a symmetric interval holds the truth too rarely
    (docs/coverage.md). The variance is `Influence.population_variance`, a
    jackknife, the degrees of freedom are `Influence.freedom`.

    Args:
        found: The influence of the alphabets on an accuracy that is neither
            0 nor 1.
        level: Nominal coverage.
        looks: How often the number of episodes could have been settled by
            their outcome: the quantile for the episodes' noise is that of
            Bonferroni's rule.
        endless: Whether to tell what endlessly many episodes would give.
    """
    mean = found.value
    variance = found.lasting_variance
    if not endless:
        quantiles = special.ndtri([(1 - level) / 2, (1 - level) / 2 / looks])
        widening = float(quantiles[1] / quantiles[0]) ** 2 - 1
        variance = found.population_variance + widening * found.sampler_variance
    low, high = log_odds_ends(mean, variance, found.freedom, level)
    method = "jackknife by alphabet, log-odds" + (f", {looks} looks" if looks > 1 else "")
    return Estimate(mean, low, high, level, method, found.n, len(found.clusters))


def log_odds_ends(
    mean: float, variance: float, freedom: float, level: float
) -> tuple[float, float]:
    """Ends of the t interval for an accuracy's log-odds, by the delta method.

    Args:
        mean: The accuracy, neither 0 nor 1.
        variance: Of the accuracy.
        freedom: Degrees of freedom of the variance.
        level: Nominal coverage.
    """
    error = math.sqrt(variance) / (mean * (1 - mean))
    half = float(special.stdtrit(freedom, (1 + level) / 2)) * error
    middle = math.log(mean / (1 - mean))
    low, high = (float(special.expit(middle + sign * half)) for sign in (-1, 1))
    # Where nothing varies, rounding in the logarithms must not part the ends from the value.
    return min(low, mean), max(high, mean)


def bootstrap(found: Influence, level: float = LEVEL) -> Estimate:
    """The BCa bootstrap over alphabets (Efron 1987), an alternative to `on_logit_scale`.

    Resampled is each alphabet's sum of credits, to which its influence as
    distractor is added where episodes mix alphabets, with its number of trials.

    Args:
        found: The influence of the alphabets; at least two differ in it.
        level: Nominal coverage.
    """
    # Takes longer to import than a hundred runs to read.
    from scipy import stats

    # Rounded, as ties between resamples must not hang on the order of additions.
    sums = np.round(found.value * found.sizes + found.n * found.totals, 9)
    ends = stats.bootstrap(
        (sums, found.sizes),
        lambda sums, sizes, axis=-1: sums.sum(axis=axis) / sizes.sum(axis=axis),
        paired=True,
        vectorized=True,
        n_resamples=RESAMPLES,
        confidence_level=level,
        method="BCa",
        rng=np.random.default_rng(np.random.SeedSequence(RESAMPLES)),
    ).confidence_interval
    low, high = max(0.0, float(ends.low)), min(1.0, float(ends.high))
    clusters = len(found.clusters)
    return Estimate(found.value, low, high, level, "BCa bootstrap by alphabet", found.n, clusters)


def _population(interval: Callable[..., Estimate]) -> Callable[..., Estimate]:
    """Clusters by alphabet where the spread between alphabets can be known."""

    def made(
        trials: pd.DataFrame,
        level: float,
        find: Callable[[pd.DataFrame], Influence] = influence,
        **options: Any,
    ) -> Estimate:
        credit = trials["credit"].to_numpy(np.float64)
        if credit.min() == credit.max() and 0 < credit[0] < 1:
            # A constant scorer: there is no doubt about what it gets.
            alphabets = trials["alphabet"].nunique()
            value = float(credit[0])
            return Estimate(value, value, value, level, "constant", len(credit), alphabets)
        found = find(trials)
        if not found.spreads:
            found_level = 1 - (1 - level) / options.get("looks", 1)
            return replace(wilson(credit, found_level), level=level)
        return interval(found, level, **options)

    return made


def _by(column: str, what: str) -> Callable[..., Estimate]:
    def made(trials: pd.DataFrame, level: float) -> Estimate:
        cluster = pd.factorize(trials[column], sort=True)[0]
        return clustered(trials["credit"].to_numpy(np.float64), cluster, level, what)

    return made


_METHODS: dict[str, Callable[..., Estimate]] = {
    "population": _population(on_logit_scale),
    "bootstrap": _population(bootstrap),
    "t": _by("alphabet", "alphabet"),
    "t-run": _by("episode", "run"),
    "sampler": sampler,
    "sampler-z": lambda trials, level: sampler(trials, level, normal=True),
    "open": _by("episode", "episode of images of its own"),
    "wilson": lambda trials, level: wilson(trials["credit"].to_numpy(np.float64), level),
    "clopper-pearson": lambda trials, level: clopper_pearson(
        trials["credit"].to_numpy(np.float64), level
    ),
}
INTERVALS = tuple(_METHODS)
"""What can be asked for; see `estimate`."""

SYMMETRIC = ("t", "t-run", "sampler", "sampler-z", "open")
"""Those that reach as far up as down, but for 0 and 1."""


def estimate(trials: pd.DataFrame, interval: str = "population", level: float = LEVEL) -> Estimate:
    """Estimates the accuracy of stored trials.

    Args:
        trials: With the columns of `trials.SCHEMA`; `influence.COLUMNS` are enough.
        interval: `population`: see `on_logit_scale`; with fewer than five
            alphabets, or where their accuracies do not differ (no spread does
            not mean no doubt), `wilson`. `bootstrap`: the same by `bootstrap`.
            `t`: `clustered` by alphabet, as query only. `t-run`: by run, of the official
            runs. `sampler`, `sampler-z`: the field's, see `sampler`. `open`: over
            episodes that share no image (Lafargue et al. 2024), for new
            images of the same characters. `wilson`, `clopper-pearson`: as if
            trials were independent.
        level: Nominal coverage.

    Raises:
        ResultError: There are no trials, the interval is unknown, or there
            are too few clusters for it.
    """
    return _estimate(trials, interval, level)


def _estimate(trials: pd.DataFrame, interval: str, level: float, **options: Any) -> Estimate:
    if interval not in _METHODS:
        raise ResultError(f"unknown interval {interval!r}; known are {', '.join(INTERVALS)}")
    if not 0 < level < 1:
        raise ResultError(f"level {level} is impossible, expected between 0 and 1, such as 0.95")
    if not len(trials):
        raise ResultError("no trials to estimate from")
    return _METHODS[interval](trials, level, **options)


def estimate_run(run: Run, interval: str = "population", level: float = LEVEL) -> Estimate:
    """Estimates the accuracy of a stored run, where the interval is one for its protocol.

    Args:
        run: The run.
        interval: As for `estimate`.
        level: Nominal coverage.

    Raises:
        ResultError: As `estimate`; or `open` is asked of a protocol that uses
            images again, or `t-run` of other trials than the official runs.
    """
    if interval == "open" and not run.uses_images_once:
        raise ResultError(
            f"{run.protocol} uses images in several episodes, so that the open interval would be "
            "too narrow; run its -once variant, or ask for --interval population"
        )
    if interval == "t-run" and not run.is_official:
        raise ResultError(f"{run.protocol} has no official runs; ask for --interval t")
    options: dict[str, Any] = {}
    if interval in ("population", "bootstrap"):
        options["find"] = partial(influence_of, run)
    looks = run.record.get("stopping", {}).get("looks", 1)
    if interval == "population" and looks > 1:
        options["looks"] = looks
    return _estimate(run.outcome(), interval, level, **options)


def narrowest(run: Run, level: float = LEVEL) -> float:
    """Half the width of the population interval that endlessly many episodes would give.

    Args:
        run: A run, whose alphabets tell.
        level: Nominal coverage.

    Returns:
        The half-width, as a fraction; 0 where it cannot be known, with fewer
        than five alphabets or without any spread.
    """
    found = _METHODS["population"](run.outcome(), level, endless=True)
    return (found.high - found.low) / 2 if found.clusters else 0.0
