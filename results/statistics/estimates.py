"""Estimates of accuracy: a value and its interval."""

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
"""Default nominal coverage of intervals."""

RESAMPLES = 9_999
"""Resamples of the bootstrap; its random numbers are the same at every call."""


@dataclass(frozen=True)
class Estimate:
    """An accuracy with its interval, as fractions.

    Attributes:
        value: Mean credit.
        low: Lower end of the interval.
        high: Upper end of the interval.
        level: Nominal coverage.
        method: The method of the interval, in words.
        n: Number of trials.
        clusters: Number of clusters (alphabets, runs or episodes); None if
            the method does not cluster trials.
    """

    value: float
    low: float
    high: float
    level: float
    method: str
    n: int
    clusters: int | None

    def as_json(self) -> dict[str, Any]:
        """Gives the fields of the JSON interface; there n is a field of the run."""
        fields = asdict(self)
        del fields["n"]
        return fields


def wilson(credit: np.ndarray, level: float = LEVEL) -> Estimate:
    """Computes Wilson's score interval, as if trials were independent (Wilson 1927).

    Args:
        credit: float ndarray (n,), from 0 to 1; ties have a share of 1.
        level: Nominal coverage.
    """
    n, mean = len(credit), math.fsum(credit) / len(credit)
    z = float(special.ndtri((1 + level) / 2))
    centre = (mean + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(mean * (1 - mean) / n + z**2 / (4 * n**2))
    low, high = max(0.0, float(centre - half)), min(1.0, float(centre + half))
    return Estimate(mean, min(low, mean), max(high, mean), level, "wilson", n, None)


def clopper_pearson(credit: np.ndarray, level: float = LEVEL) -> Estimate:
    """Computes the exact binomial interval, as if trials were independent.

    Source: Clopper and Pearson 1934.

    Args:
        credit: float ndarray (n,), from 0 to 1; ties have a share of 1.
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
    """Computes the t interval for a mean over clusters of unequal size.

    For G clusters, the variance is that of the clusters' sums of residuals,
    times G / (G - 1) (Liang and Zeger 1986; Miller 2024, section 2.2, omits
    this factor), and the quantile is that of t with G - 1 degrees of freedom.
    Unlike intervals over trials, it covers new clusters of the same kind.

    Args:
        credit: float ndarray (n,), from 0 to 1.
        cluster: int ndarray (n,), the number of each trial's cluster, from 0
            to G - 1; every number occurs.
        level: Nominal coverage.
        what: Name of one cluster, for the method's name and for messages.

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
        raise ResultError(
            f"an interval for new {what}s needs at least 2, there is 1; ask for --interval wilson"
        )
    mean = math.fsum(credit) / n
    residuals = np.bincount(cluster, weights=credit) - mean * sizes
    return mean, np.sqrt(clusters / (clusters - 1) * np.sum(residuals**2)) / n, clusters


def sampler(trials: pd.DataFrame, level: float = LEVEL, normal: bool = False) -> Estimate:
    """Computes the interval of most papers, which covers only other episodes of the same images.

    If all episodes have the same number of queries, it is the mean of the
    episodes' accuracies, plus or minus a quantile times their standard error.

    Args:
        trials: Trials with the columns credit and episode.
        level: Nominal coverage.
        normal: Whether to use the normal quantile, 1.96 for 95 %, as in most
            papers; the default is the quantile of t.

    Raises:
        ResultError: There is only one episode.
    """
    credit = trials["credit"].to_numpy(np.float64)
    episode = np.unique(trials["episode"].to_numpy(), return_inverse=True)[1]
    if not normal:
        return clustered(credit, episode, level, "episode")
    mean, error, episodes = _clustered_error(credit, episode, "episode")
    z = 1.96 if level == 0.95 else float(special.ndtri((1 + level) / 2))
    # Papers divide by the number of episodes minus one for the standard deviation, as here.
    low, high = max(0.0, mean - z * error), min(1.0, mean + z * error)
    return Estimate(
        mean, low, high, level, f"{z:.4g} standard errors, episodes", len(credit), episodes
    )


def on_logit_scale(
    found: Influence, level: float = LEVEL, looks: int = 1, endless: bool = False
) -> Estimate:
    """Computes the population interval.

    It covers new alphabets, their characters and images, and other episodes.
    It is a t interval for the log-odds, by the delta method: near 100 % an
    accuracy is so skewed that a symmetric interval contains the true value too
    rarely (docs/coverage.md). The variance is `Influence.population_variance`,
    a jackknife; the degrees of freedom are `Influence.freedom`.

    Args:
        found: The influence of the alphabets on an accuracy that is neither
            0 nor 1.
        level: Nominal coverage.
        looks: Number of interim looks: how often the evaluation could have
            stopped because of its results so far. The noise of episodes gets
            the quantile of Bonferroni's correction for so many looks.
        endless: Whether to compute the interval for infinitely many episodes.
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
    """Computes the ends of the t interval for an accuracy's log-odds, by the delta method.

    Args:
        mean: The accuracy, neither 0 nor 1.
        variance: Variance of the accuracy.
        freedom: Degrees of freedom of the variance.
        level: Nominal coverage.

    Returns:
        The lower and the upper end, as accuracies.
    """
    error = math.sqrt(variance) / (mean * (1 - mean))
    half = float(special.stdtrit(freedom, (1 + level) / 2)) * error
    middle = math.log(mean / (1 - mean))
    low, high = (float(special.expit(middle + sign * half)) for sign in (-1, 1))
    # Where nothing varies, rounding in the logarithms must not part the ends from the value.
    return min(low, mean), max(high, mean)


def bootstrap(found: Influence, level: float = LEVEL) -> Estimate:
    """Computes the BCa bootstrap over alphabets (Efron 1987), an alternative to `on_logit_scale`.

    It resamples alphabets, each with its sum of credits and its number of
    trials. If episodes mix alphabets, the sum includes the alphabet's influence
    as distractor.

    Args:
        found: The influence of the alphabets; at least two must differ.
        level: Nominal coverage.
    """
    # Takes longer to import than a hundred runs to read.
    from scipy import stats

    # Rounded, because ties between resamples must not depend on the order of additions.
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
    """Makes an interval over alphabets that falls back to Wilson's if they do not differ."""

    def made(
        trials: pd.DataFrame,
        level: float,
        find: Callable[[pd.DataFrame], Influence] = influence,
        **options: Any,
    ) -> Estimate:
        credit = trials["credit"].to_numpy(np.float64)
        if credit.min() == credit.max() and 0 < credit[0] < 1:
            # A constant scorer always gets the same credit.
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


def _plain(interval: Callable[..., Estimate]) -> Callable[..., Estimate]:
    return lambda trials, level: interval(trials["credit"].to_numpy(np.float64), level)


def _influence_and_looks_of(run: Run) -> dict[str, Any]:
    looks = run.record.get("stopping", {}).get("looks", 1)
    return {"find": partial(influence_of, run), "looks": looks}


def _of_official_runs(run: Run) -> dict[str, Any]:
    if not run.is_official:
        raise ResultError(f"{run.protocol} has no official runs; ask for --interval t")
    return {}


def _of_images_used_once(run: Run) -> dict[str, Any]:
    if not run.uses_images_once:
        raise ResultError(
            f"{run.protocol} uses images in several episodes, so that the open interval would be "
            "too narrow; run its -once variant, or ask for --interval population"
        )
    return {}


@dataclass(frozen=True)
class Interval:
    """A kind of interval.

    Attributes:
        make: Gives the `Estimate`. Its arguments are the trials, a DataFrame as
            from `Run.outcome`; the nominal coverage; and what `of_run` gives.
        covers: What it covers. Notes below tables say "The NAME interval" and this.
        of_run: Gives the arguments by name that `make` takes from a stored run.
            Raises a ResultError if the interval does not suit the run's protocol.
    """

    make: Callable[..., Estimate]
    covers: str
    of_run: Callable[[Run], dict[str, Any]] = lambda run: {}


_POPULATION = "covers new alphabets, their images, and other episodes"
_EPISODES = "covers other episodes of the same images, but no new images or alphabets"
_INDEPENDENT = "treats trials as independent"

INTERVALS = {
    "population": Interval(_population(on_logit_scale), _POPULATION, _influence_and_looks_of),
    "bootstrap": Interval(
        _population(bootstrap), _POPULATION, lambda run: {"find": partial(influence_of, run)}
    ),
    "t": Interval(_by("alphabet", "alphabet"), "covers new alphabets as queries"),
    "t-run": Interval(_by("episode", "run"), "covers new runs", _of_official_runs),
    "sampler": Interval(sampler, _EPISODES),
    "sampler-z": Interval(partial(sampler, normal=True), _EPISODES),
    "open": Interval(
        _by("episode", "episode of images of its own"),
        "covers new images of the same characters",
        _of_images_used_once,
    ),
    "wilson": Interval(_plain(wilson), _INDEPENDENT),
    "clopper-pearson": Interval(_plain(clopper_pearson), _INDEPENDENT),
}
"""The kinds of intervals by name; see `estimate`."""


def estimate(
    trials: pd.DataFrame, interval: str = "population", level: float = LEVEL, **options: Any
) -> Estimate:
    """Estimates the accuracy of stored trials.

    Args:
        trials: Trials with the columns of `store.SCHEMA`; those that
            `Run.outcome` reads are enough.
        interval: `population`: `on_logit_scale`; with fewer than five
            alphabets, or if their accuracies do not differ, `wilson`.
            `bootstrap`: the same with `bootstrap`. `t`: `clustered` by alphabet
            of the query. `t-run`: `clustered` by official run. `sampler`,
            `sampler-z`: `sampler`, with the quantile of t or of the normal
            distribution. `open`: `clustered` by episode, for episodes that
            share no image (Lafargue et al. 2024); it covers new images of the
            same characters. `wilson`, `clopper-pearson`: as if trials were
            independent.
        level: Nominal coverage.
        **options: Further arguments of the interval's `make`.

    Raises:
        ResultError: There are no trials, the interval is unknown, or there
            are too few clusters for it.
    """
    if interval not in INTERVALS:
        raise ResultError(f"unknown interval {interval!r}; known are {', '.join(INTERVALS)}")
    if not 0 < level < 1:
        raise ResultError(f"level {level} is impossible, expected between 0 and 1, such as 0.95")
    if not len(trials):
        raise ResultError("no trials to estimate an accuracy from")
    return INTERVALS[interval].make(trials, level, **options)


def estimate_run(run: Run, interval: str = "population", level: float = LEVEL) -> Estimate:
    """Estimates the accuracy of a stored run.

    Args:
        run: The run.
        interval: As for `estimate`.
        level: Nominal coverage.

    Raises:
        ResultError: As `estimate`; or the interval is `open` but the protocol
            uses images in several episodes, or it is `t-run` but the run is
            not of the official runs.
    """
    options = INTERVALS[interval].of_run(run) if interval in INTERVALS else {}
    return estimate(run.outcome(), interval, level, **options)


def narrowest(run: Run, level: float = LEVEL) -> float:
    """Gives the half-width of the population interval for infinitely many episodes.

    Args:
        run: A run on the same alphabets.
        level: Nominal coverage.

    Returns:
        The half-width, as a fraction; 0 if it cannot be estimated, because
        there are fewer than five alphabets or these do not differ.
    """
    found = INTERVALS["population"].make(run.outcome(), level, endless=True)
    return (found.high - found.low) / 2 if found.clusters else 0.0
