"""The table of trainings that differ only in their seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import ResultError
from ..statistics import LEVEL, Seeds, over_seeds
from ..store import Run
from ..text import percent
from . import labels
from .caption import describe
from .layout import MISSING, Cell, Column, Ends, Layout, Section
from .writers import render


@dataclass(frozen=True)
class SeedsTable:
    """Recipes that were trained with several seeds, to be written out.

    Attributes:
        cells: By label of the recipe and label of the column.
        columns: For each label of a column one of its runs.
    """

    cells: dict[tuple[str, str], Seeds]
    columns: dict[str, Run]

    def layouts(self) -> Sequence[Layout]:
        """Lays it out: recipes down; across, for each protocol, mean and standard deviation."""
        recipes = list(dict.fromkeys(recipe for recipe, _ in self.cells))
        columns = [
            Column(f"{label}, {what}", label, what)
            for label in self.columns
            for what in ("mean", "sd between trainings")
        ]
        rows = []
        for recipe in recipes:
            cells: list[Cell] = []
            for label in self.columns:
                one = self.cells.get((recipe, label))
                cells += [MISSING, MISSING] if one is None else _shown(one)
            rows.append((recipe, tuple(cells)))
        level = next(iter(self.cells.values())).estimate.level
        notes = [
            f"{_covered([one.estimate.method for one in self.cells.values()])}.",
            *(f"{describe(label, run)}." for label, run in self.columns.items()),
        ]
        notes += [
            f"{recipe} on {label}: "
            + ", ".join(f"seed {seed} {percent(value, 2)}" for seed, value in one.values.items())
            for (recipe, label), one in self.cells.items()
        ]
        return [
            Layout(
                name="seeds",
                title=f"Accuracy (%), mean over trainings with {100 * level:g} % intervals",
                stub="recipe",
                columns=tuple(columns),
                sections=(Section(tuple(rows)),),
                notes=tuple(notes),
            )
        ]

    def flat(self) -> tuple[list[str], list[dict[str, Any]]]:
        """Gives the names of fields, and one flat dict for each recipe and column."""
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
        """Gives the content of the JSON interface."""
        return {
            "seeds": [
                {"recipe": recipe, "protocol": label, **one.as_json()}
                for (recipe, label), one in self.cells.items()
            ]
        }

    def render(self, form: str, width: int | None = None) -> str:
        """Writes it out.

        Args:
            form: One of `writers.FORMATS`.
            width: As for `writers.render`.
        """
        return render(self, form, width)


def _shown(one: Seeds) -> list[Cell]:
    estimate = one.estimate
    return [Cell(percent(estimate.value), Ends.of(estimate)), Cell(percent(one.spread, 2))]


def _covered(methods: Sequence[str]) -> str:
    """Says what the intervals cover, by the methods of the cells."""
    words = "Intervals cover new trainings and new alphabets"
    if any("trials were independent" in one for one in methods):
        words += "; but where the spread between alphabets is unknown, trials count as independent"
    if any("character" in one for one in methods):
        words += "; but where the alphabets are too few, only new characters of the same alphabets"
    if any(one.startswith("none") for one in methods):
        words += "; there is none where the characters are too few"
    return words


def seeds_table(runs: Sequence[Run], level: float = LEVEL) -> SeedsTable:
    """Combines the trainings of each recipe that were tested on the same episodes.

    Args:
        runs: The runs; recipes with one training only are left out.
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
        raise ResultError(
            "no recipe with runs of several trainings on the same episodes; train one with "
            "another --seed"
        )
    clashing = len(set(names.values())) < len(names)
    cells = {
        (f"{names[recipe]} ({recipe[:6]})" if clashing else names[recipe], label): over_seeds(
            some, level
        )
        for (recipe, label), some in several.items()
    }
    used = {label: some[0] for (_, label), some in several.items()}
    return SeedsTable(cells, used)
