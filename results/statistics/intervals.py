"""Intervals: the kinds of intervals by name, what each covers, and estimates with them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ..errors import ResultError
from .characters import influence_of, population_influence
from .estimates import (
    LEVEL,
    Estimate,
    bootstrap,
    clopper_pearson,
    clustered,
    on_logit_scale,
    sampler,
    wilson,
    without_interval,
)
from .influences import FEWEST_CLUSTERS, Influence

if TYPE_CHECKING:
    from ..store import Run


def _population(interval: Callable[..., Estimate]) -> Callable[..., Estimate]:
    """Makes an interval over alphabets, or over characters where the alphabets are too few."""

    def made(
        trials: pd.DataFrame,
        level: float,
        find: Callable[[pd.DataFrame], Influence] = population_influence,
        **options: Any,
    ) -> Estimate:
        credit = trials["credit"].to_numpy(np.float64)
        if credit.min() == credit.max() and 0 < credit[0] < 1:
            # A constant scorer always gets the same credit.
            alphabets, value = trials["alphabet"].nunique(), float(credit[0])
            clusters = alphabets if alphabets >= FEWEST_CLUSTERS else None
            return Estimate(value, value, value, level, "constant", len(credit), clusters)
        found = find(trials)
        if found.spreads:
            # The bootstrap resamples alphabets that are all alike but for chance.
            chosen = interval if found.what == "alphabet" else on_logit_scale
            return chosen(found, level, **options)
        if found.counts_trials:
            found_level = 1 - (1 - level) / options.get("looks", 1)
            return replace(wilson(credit, found_level), level=level)
        if found.problem:
            return without_interval(found.value, level, found.problem, found.n)
        # The mean of a character varies at most as a single trial does. The characters are the
        # same at every look, however many episodes there are.
        count = len(found.clusters)
        whole = wilson(np.full(count, found.value), level)
        return replace(whole, method=f"wilson by {found.kind}", n=found.n, clusters=count)

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
_CHARACTERS = "their images, and other episodes; it says nothing about new alphabets"
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


_INSTEAD = {
    "character of one alphabet": f"covers new characters of this alphabet, {_CHARACTERS}",
    "character within alphabets": f"covers new characters of these alphabets, {_CHARACTERS}",
    "episode": "covers new images of the same characters",
}
"""What a population interval covers where the alphabets are too few, by `Influence.kind`."""


def covered(interval: str, one: Estimate) -> str | None:
    """Says what an interval covers.

    Args:
        interval: As for `estimate`.
        one: An estimate with this interval.

    Returns:
        Words such as "covers new alphabets"; None if there is no interval, or
        the method is another one that says itself what it covers.
    """
    for kind, words in _INSTEAD.items():
        if one.method.startswith((f"jackknife by {kind}", f"wilson by {kind}")):
            return words
    # A constant scorer's interval has no width, whatever the alphabets are.
    few = one.method == "constant" and one.clusters is None
    other = one.method == "wilson" != interval
    return None if few or other or one.low is None else INTERVALS[interval].covers


def estimate(
    trials: pd.DataFrame, interval: str = "population", level: float = LEVEL, **options: Any
) -> Estimate:
    """Estimates the accuracy of stored trials.

    Args:
        trials: Trials with the columns of `store.SCHEMA`; those that
            `Run.outcome` reads are enough.
        interval: `population`: `on_logit_scale`; of characters where there
            are fewer than five alphabets, and none where the characters are
            too few as well (`Influence.problem`). If five or more alphabets do
            not differ, `wilson`; if characters do not, `wilson` as if each were
            one trial. `bootstrap`: the same, with `bootstrap` for five or more
            alphabets. `t`: `clustered` by alphabet of the query. `t-run`:
            `clustered` by official run. `sampler`, `sampler-z`: `sampler`, with
            the quantile of t or of the normal distribution. `open`: `clustered`
            by episode, for episodes that share no image (Lafargue et al. 2024);
            it covers new images of the same characters. `wilson`,
            `clopper-pearson`: as if trials were independent.
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
        The half-width, as a fraction; 0 if it is unknown, because five or more
        alphabets do not differ; infinity if there is no interval.
    """
    find = partial(influence_of, run)
    found = INTERVALS["population"].make(run.outcome(), level, find=find, endless=True)
    if found.halfwidth is None:
        return math.inf
    return found.halfwidth if found.clusters else 0.0
