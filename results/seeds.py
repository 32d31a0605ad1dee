"""Seeds: one recipe trained several times, and what of its accuracy is luck."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import labels
from .caption import describe
from .errors import ResultError
from .estimates import LEVEL, Estimate, log_odds_ends
from .influence import Influence, influence
from .layout import MISSING, Cell, Column, Layout, Section, percent
from .run import Run
from .writers import render


@dataclass(frozen=True)
class Seeds:
    """The accuracy of a recipe, over its trainings.

    Attributes:
        estimate: Mean accuracy of the trainings, with an interval for new
            alphabets and new trainings.
        spread: Standard deviation between trainings, as a fraction.
        values: Accuracy by seed.
    """

    estimate: Estimate
    spread: float
    values: dict[int, float]


def _averaged(found: Sequence[Influence]) -> Influence:
    first = found[0]
    return Influence(
        float(np.mean([one.value for one in found])),
        first.n,
        first.clusters,
        first.sizes,
        np.mean([one.parts for one in found], axis=0),
        np.mean([one.residuals for one in found], axis=0),
        first.mixed,
    )


def over_seeds(runs: Sequence[Run], level: float = LEVEL) -> Seeds:
    """Combines trainings that differ in their seed alone, tested on the same episodes.

    The variance of the mean over S trainings is the population variance of
    the trials' mean credit, plus the variance between trainings over S
    (Bouthillier et al. 2021); both are known with few degrees of freedom,
    which Satterthwaite's formula joins. The interval is one of log-odds, as
    `estimates.on_logit_scale`. With fewer than five alphabets, or where these
    do not differ, trials count as independent ones that are right or wrong,
    which is an upper bound.

    Args:
        runs: At least two, whose records say recipe and seed.
        level: Nominal coverage.

    Raises:
        ResultError: They are too few, of different episodes or recipes, or
            two are of the same seed.
    """
    trainings = [run.record["scorer"].get("training") or {} for run in runs]
    seeds: list[Any] = [one.get("seed") for one in trainings]
    if len({run.record["episodes_digest"] for run in runs}) > 1:
        raise ResultError("runs of different episodes; seeds are compared on the same")
    if len({one.get("recipe") for one in trainings}) > 1 or None in seeds:
        raise ResultError("runs of different recipes, or of a scorer that does not say its recipe")
    if len(set(seeds)) < max(len(seeds), 2):
        raise ResultError("expected runs of at least two trainings, each of another seed")
    order = np.argsort(seeds)
    found = [influence(runs[i].outcome()) for i in order]
    values = {seeds[i]: one.value for i, one in zip(order, found, strict=True)}
    mean = _averaged(found)
    spread = float(np.std(list(values.values()), ddof=1))
    between = spread**2 / len(runs)
    if not 0 < mean.value < 1:
        raise ResultError("all trials right, or all wrong: the spread between seeds says nothing")
    if not mean.spreads:
        population, population_freedom = mean.value * (1 - mean.value) / mean.n, max(mean.n - 1, 1)
        method, clusters = f"{len(runs)} seeds, as if trials were independent, log-odds", None
    else:
        population, population_freedom = mean.population_variance, mean.freedom
        method = f"jackknife by alphabet, {len(runs)} seeds, log-odds"
        clusters = len(mean.clusters)
    variance, freedom = population + between, 1.0
    if variance:
        parts = population**2 / population_freedom, between**2 / (len(runs) - 1)
        freedom = variance**2 / sum(parts)
    low, high = log_odds_ends(mean.value, variance, freedom, level)
    estimate = Estimate(mean.value, low, high, level, method, mean.n, clusters)
    return Seeds(estimate, spread, values)


@dataclass(frozen=True)
class SeedsTable:
    """Recipes that were trained several times, to be written out.

    Attributes:
        cells: By recipe's label and column.
        columns: For each label one of its runs.
    """

    cells: dict[tuple[str, str], Seeds]
    columns: dict[str, Run]

    def layouts(self) -> Sequence[Layout]:
        """Recipes down, protocols across: mean, and spread between trainings."""
        recipes = list(dict.fromkeys(recipe for recipe, _ in self.cells))
        columns = [
            Column(f"{label}, {what}", label, what)
            for label in self.columns
            for what in ("mean", "sd of a training")
        ]
        rows = []
        for recipe in recipes:
            cells: list[Cell] = []
            for label in self.columns:
                one = self.cells.get((recipe, label))
                cells += [MISSING, MISSING] if one is None else _shown(one)
            rows.append((recipe, tuple(cells)))
        level = next(iter(self.cells.values())).estimate.level
        several = all(one.estimate.clusters for one in self.cells.values())
        where = "" if several else " where their spread is known"
        caption = ". ".join(
            [
                f"Accuracy %, mean over trainings, {100 * level:g} % interval for new trainings "
                f"and new alphabets{where}; ± is the reach of its farther end",
                *(describe(label, run) for label, run in self.columns.items()),
            ]
        )
        notes = [
            f"{recipe} on {label}: "
            + ", ".join(f"seed {seed} {percent(value, 2)}" for seed, value in one.values.items())
            for (recipe, label), one in self.cells.items()
        ]
        return [
            Layout(
                name="seeds",
                caption=f"{caption}.",
                stub="recipe",
                columns=tuple(columns),
                sections=(Section(tuple(rows)),),
                notes=tuple(notes),
            )
        ]

    def flat(self) -> tuple[list[str], list[dict[str, Any]]]:
        """Names of fields; one flat dict for each recipe and column."""
        rows = [
            {
                "recipe": recipe,
                "protocol": label,
                **one.estimate.as_json(),
                "spread": one.spread,
                "seeds": " ".join(map(str, one.values)),
            }
            for (recipe, label), one in self.cells.items()
        ]
        return list(rows[0]), rows

    def data(self) -> dict[str, Any]:
        """The JSON interface."""
        return {
            "seeds": [
                {
                    "recipe": recipe,
                    "protocol": label,
                    "accuracy": one.estimate.as_json(),
                    "spread": one.spread,
                    "values": {str(seed): value for seed, value in one.values.items()},
                }
                for (recipe, label), one in self.cells.items()
            ]
        }

    def render(self, form: str) -> str:
        """Writes it out, in one of `writers.FORMATS`."""
        return render(self, form)


def _shown(one: Seeds) -> list[Cell]:
    found = one.estimate
    reach = max(found.high - found.value, found.value - found.low)
    return [Cell(percent(found.value), percent(reach)), Cell(percent(one.spread, 2))]


def seeds_table(runs: Sequence[Run], level: float = LEVEL) -> SeedsTable:
    """Combines the trainings of each recipe, on each of the episodes that several were tested on.

    Args:
        runs: The runs; those of recipes with one training are left out.
        level: Nominal coverage.

    Raises:
        ResultError: No recipe has several trainings on the same episodes.
    """
    columns = labels.columns(runs)
    grouped: dict[tuple[str, str], dict[int, Run]] = {}
    names: dict[str, str] = {}
    for run in runs:
        training = run.record["scorer"].get("training")
        if training:
            names.setdefault(training["recipe"], labels.shown(run.scorer))
            label = columns[labels.column_of(run)]
            key = training["recipe"], label
            grouped.setdefault(key, {})[training["seed"]] = run
    several = {key: list(some.values()) for key, some in grouped.items() if len(some) > 1}
    if not several:
        raise ResultError("no recipe with runs of several trainings on the same episodes")
    clashing = len(set(names.values())) < len(names)
    cells = {
        (f"{names[recipe]} ({recipe[:6]})" if clashing else names[recipe], label): over_seeds(
            some, level
        )
        for (recipe, label), some in several.items()
    }
    used = {label: some[0] for (_, label), some in several.items()}
    return SeedsTable(cells, used)
