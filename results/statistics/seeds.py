"""Seeds: a recipe trained several times, and how much its accuracy varies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..errors import ResultError
from ..store import Run
from .characters import influence_of
from .estimates import LEVEL, Estimate, log_odds_ends, without_interval
from .influences import Influence
from .matching import Outcome

FEWEST_SEEDS = 2
"""The smallest number of trainings that are a recipe."""

OF_TWO_SEEDS = (
    "Two trainings hardly tell how much trainings differ, and 95 % intervals of two recipes hold "
    "the truth in down to 89.5 % of simulations; train with three seeds or more."
)
"""What is said of a recipe with `FEWEST_SEEDS`: a variance of one degree of freedom is often far
too small."""


@dataclass(frozen=True)
class Seeds:
    """The accuracy of a recipe over several trainings.

    Attributes:
        estimate: Mean accuracy of the trainings, with an interval for new
            alphabets (of few alphabets, for new characters) and new trainings.
        spread: Standard deviation between trainings, as a fraction.
        values: Accuracy of each training, by seed.
    """

    estimate: Estimate
    spread: float
    values: dict[int, float]

    def as_json(self) -> dict[str, Any]:
        """Gives the fields of the JSON interface."""
        values = {str(seed): value for seed, value in self.values.items()}
        return {"accuracy": self.estimate.as_json(), "spread": self.spread, "values": values}


def averaged(found: Sequence[Influence]) -> Influence:
    """Gives the influence on the mean of several means over the same trials.

    Args:
        found: The influence on each mean.
    """
    return replace(
        found[0],
        value=float(np.mean([one.value for one in found])),
        parts=np.mean([one.parts for one in found], axis=0),
        residuals=np.mean([one.residuals for one in found], axis=0),
    )


def joint_outcome(outcomes: Sequence[Outcome]) -> Outcome:
    """Gives the mean outcome of several trainings.

    Args:
        outcomes: Outcomes of the same episodes, whose mean credit of each trial counts.

    Raises:
        ResultError: They are of different episodes or trials.
    """
    first, *others = outcomes
    # A difference is refused where the trials are not the same.
    gains = [one - first for one in others]
    credit = first.credit + np.sum(gains, axis=0) / len(outcomes)
    return replace(
        first,
        credit=credit,
        influence=averaged([one.influence for one in outcomes]),
    )


def by_seed(runs: Sequence[Run]) -> dict[Any, Run]:
    """Sorts trainings of one recipe by their seeds.

    Args:
        runs: At least two runs, whose records name recipe and seed.

    Returns:
        The run of each seed.

    Raises:
        ResultError: There are too few runs, they are of different episodes or
            recipes, or two of them have the same seed.
    """
    trainings = [run.record["scorer"].get("training") or {} for run in runs]
    seeds: list[Any] = [one.get("seed") for one in trainings]
    if len({run.record["episodes_digest"] for run in runs}) > 1:
        raise ResultError("runs of different episodes; run all trainings on the same episodes")
    if len({one.get("recipe") for one in trainings}) > 1 or None in seeds:
        raise ResultError(
            "runs of different recipes, or of a scorer without a recipe; choose trainings of one "
            "recipe"
        )
    if len(set(seeds)) < max(len(seeds), FEWEST_SEEDS):
        raise ResultError("expected runs of at least two trainings, each with another seed")
    return {seeds[place]: runs[place] for place in np.argsort(seeds)}


def are_trainings(runs: Sequence[Run]) -> bool:
    """Tells whether runs are of several trainings of one recipe, each with another seed.

    Args:
        runs: Runs of the same episodes.
    """
    said = [run.record["scorer"].get("training") or {} for run in runs]
    seeds = {str(one.get("seed")) for one in said}
    recipes = {one.get("recipe") for one in said}
    return len(recipes) == 1 and None not in recipes and len(seeds) == len(runs) > 1


def over_seeds(runs: Sequence[Run], level: float = LEVEL) -> Seeds:
    """Combines trainings that differ only in their seed, tested on the same episodes.

    The variance of the mean over S trainings is the population variance of
    the trials' mean credit, plus the variance between trainings divided by S
    (Bouthillier et al. 2021). Both are estimated with few degrees of freedom,
    which Satterthwaite's formula combines. The interval is computed for the
    log-odds, as in `estimates.on_logit_scale`. If five or more alphabets do not
    differ, trials are treated as independent with credits 0 or 1, whose
    variance is an upper bound. With fewer than five alphabets, it is the
    variance over characters; if these do not differ, each is one such trial,
    and if they are too few, there is no interval.

    Args:
        runs: At least two runs, whose records name recipe and seed.
        level: Nominal coverage.

    Raises:
        ResultError: There are too few runs, they are of different episodes or
            recipes, or two of them have the same seed.
    """
    sorted_runs = by_seed(runs)
    found = [influence_of(run, run.outcome()) for run in sorted_runs.values()]
    values = {seed: one.value for seed, one in zip(sorted_runs, found, strict=True)}
    mean = averaged(found)
    spread = float(np.std(list(values.values()), ddof=1))
    between = spread**2 / len(runs)
    if not 0 < mean.value < 1:
        raise ResultError(
            "all trials are right, or all are wrong: no interval can be computed; choose another "
            "protocol"
        )
    if mean.problem and not mean.counts_trials:
        return Seeds(without_interval(mean.value, level, mean.problem, mean.n), spread, values)
    population, population_freedom = mean.population_variance, mean.freedom
    method, clusters = f"jackknife by {mean.kind}, {len(runs)} seeds, log-odds", len(mean.clusters)
    if not mean.spreads:
        count, alike = len(mean.clusters), f"{mean.what}s were trials"
        if mean.counts_trials:
            count, clusters, alike = mean.n, None, "trials were independent"
        population, population_freedom = mean.value * (1 - mean.value) / count, max(count - 1, 1)
        method = f"{len(runs)} seeds, as if {alike}, log-odds"
    variance, freedom = population + between, 1.0
    if variance:
        parts = population**2 / population_freedom, between**2 / (len(runs) - 1)
        freedom = variance**2 / sum(parts)
    low, high = log_odds_ends(mean.value, variance, freedom, level)
    estimate = Estimate(mean.value, low, high, level, method, mean.n, clusters)
    return Seeds(estimate, spread, values)
