"""Rows of a table of accuracies: which scorers share one, and in which order they stand."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

from ..errors import ResultError
from ..statistics import FEWEST_SEEDS, OF_TWO_SEEDS, Estimate
from ..store import Run
from ..text import shown
from . import labels
from .layout import Column


def joined(runs: Sequence[Run]) -> dict[Hashable, str]:
    """Labels the rows of runs, in which trainings of one recipe with other seeds share a row.

    Args:
        runs: The runs.

    Returns:
        The label of each scorer, by `labels.row_of`. Several trainings have the
        name of the scorer and the number of seeds.
    """
    found = labels.rows(runs)
    trained: dict[tuple[str, str], dict[Hashable, Any]] = {}
    for run in runs:
        training = run.record["scorer"].get("training")
        if training:
            key = run.scorer, str(training["recipe"])
            trained.setdefault(key, {})[labels.row_of(run)] = training["seed"]
    for (name, recipe), seeds in trained.items():
        # Of two weights with one seed it is not known which one is meant.
        if len(set(seeds.values())) < max(len(seeds), 2):
            continue
        label = f"{shown(name)} ({len(seeds)} seeds)"
        if label in found.values():
            label = f"{shown(name)} ({len(seeds)} seeds, {shown(recipe[:6])})"
        found |= dict.fromkeys(seeds, label)
    return found


def side_by_side(columns: Iterable[str]) -> list[str]:
    """Moves columns of one group beside the first of them."""
    groups: dict[str, list[str]] = {}
    for label in columns:
        groups.setdefault(Column.of(label).group or f" {label}", []).append(label)
    return [label for group in groups.values() for label in group]


def sections_of(
    rows: Mapping[Hashable, str],
    columns: Sequence[str],
    cells: Mapping[tuple[str, str], Estimate],
    runs: Sequence[Run],
) -> tuple[tuple[str, ...], ...]:
    """Groups rows: trained networks, other scorers, baselines with the most accurate first.

    Args:
        rows: The label of each scorer, by `labels.row_of`.
        columns: Labels of the columns.
        cells: The estimate of each (row, column).
        runs: The runs.
    """
    scorers: dict[str, list[dict[str, Any]]] = {}
    for run in runs:
        scorers.setdefault(rows[labels.row_of(run)], []).append(run.record["scorer"])
    groups: list[list[str]] = [[], [], []]
    for label, said in scorers.items():
        baseline = any(one.get("baseline") for one in said)
        groups[2 if baseline else 0 if said[0].get("parameters") else 1].append(label)

    def accuracy(label: str) -> float:
        """In the first column that the row has a run in."""
        return next(cells[label, one].value for one in columns if (label, one) in cells)

    groups[2].sort(key=accuracy, reverse=True)
    return tuple(tuple(group) for group in groups if group)


def conflicts(runs: Sequence[Run]) -> list[str]:
    """Names the cells with several runs whose trials differ, of which only the last is shown."""
    rows, columns = labels.rows(runs), labels.columns(runs)
    digests: dict[tuple[str, str], set[str]] = {}
    for run in runs:
        place = rows[labels.row_of(run)], columns[labels.column_of(run)]
        digests.setdefault(place, set()).add(run.record["trials_digest"])
    return [
        f"{row} on {column}: {len(some)} stored runs have different trials; the table shows the "
        "last one."
        for (row, column), some in digests.items()
        if len(some) > 1
    ]


def row_named(name: str, rows: Mapping[Any, str]) -> str:
    """Gives the label of the row that a scorer's name or a label stands for.

    Args:
        name: The name or label.
        rows: The label of each scorer, by `labels.row_of`.

    Raises:
        ResultError: It stands for no row, or for several.
    """
    labelled = list(rows.values())
    of_name = dict.fromkeys(rows[key] for key in rows if key[0] == name)
    found = [name] if name in labelled else list(of_name)
    if len(found) != 1:
        what = "stands for several scorers" if found else "has no run here"
        raise ResultError(f"{name!r} {what}; name one of {', '.join(found or labelled)}")
    return found[0]


def renamed(rows: Mapping[Any, str], names: Mapping[str, str]) -> dict[str, str]:
    """Gives each row's label the text that shall stand in its place.

    Args:
        rows: The label of each scorer, by `labels.row_of`.
        names: The texts, by the name of a scorer or the label of a row.

    Raises:
        ResultError: A name stands for no row or for several, a text is empty,
            or two rows would be called the same.
    """
    found = {label: label for label in rows.values()}
    for name, text in names.items():
        if not text.strip():
            raise ResultError(f"{name!r} cannot be renamed to nothing; give it a text")
        found[row_named(name, rows)] = text
    for text in found.values():
        if list(found.values()).count(text) > 1:
            raise ResultError(f"two rows would be called {text!r}; give them different names")
    return found


def by_seed(runs: Sequence[Run]) -> tuple[Run, ...]:
    """Sorts trainings by their seeds."""
    return tuple(sorted(runs, key=lambda run: run.record["scorer"]["training"]["seed"]))


def differ(runs: Sequence[Run]) -> bool:
    """Tells whether some trials are right and some are wrong, as a mean over seeds needs."""
    return 0 < sum(float(run.outcome()["credit"].mean()) for run in runs) < len(runs)


def trainings(trained: Mapping[tuple[str, str], Sequence[Run]]) -> list[str]:
    """Says which trainings a row stands for."""
    rows: dict[str, dict[str, list[str]]] = {}
    for (row, column), runs in trained.items():
        numbers = ", ".join(str(run.record["scorer"]["training"]["seed"]) for run in runs)
        rows.setdefault(row, {}).setdefault(numbers, []).append(column)
    alike: dict[str, list[str]] = {}
    for row, of in rows.items():
        where = [f" on {', '.join(columns)}" if len(of) > 1 else "" for columns in of.values()]
        said = "; ".join(f"{one}{there}" for one, there in zip(of, where, strict=True))
        alike.setdefault(said, []).append(row)
    notes = [
        f"{', '.join(some)}: mean of trainings with the seeds {said}. The interval covers new "
        "trainings too."
        for said, some in alike.items()
    ]
    of_two = dict.fromkeys(row for (row, _), runs in trained.items() if len(runs) == FEWEST_SEEDS)
    return [*notes, f"{', '.join(of_two)}: {OF_TWO_SEEDS}"] if of_two else notes
