"""A table as a paper has it: scorers down, protocols across."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .errors import ResultError
from .estimates import Estimate, estimate
from .run import Run
from .writers import render


def result(run: Run, interval: str = "population") -> dict[str, Any]:
    """Sums a run up for machines.

    Args:
        run: The run.
        interval: As for `estimates.estimate`.

    Returns:
        What `--json` prints for it: accuracy and interval as fractions,
        errors as n minus the sum of credits.
    """
    outcome = run.outcome()
    accuracy = estimate(outcome, interval)
    record = run.record
    credit = outcome["credit"].to_numpy()
    return {
        "protocol": run.protocol,
        "scorer": run.scorer,
        "n": accuracy.n,
        # Rounded where shared credits (twentieths, say) do not add up exactly.
        "errors": round(accuracy.n - math.fsum(credit), 9),
        "accuracy": accuracy.as_json(),
        "seed": record["seed"],
        "episodes": record["episodes"],
        "episodes_digest": record["episodes_digest"],
        "scorer_digest": record["scorer"]["digest"],
        "parameters": record["scorer"].get("parameters"),
        "leaked_characters": record["scorer"].get("leaked_characters"),
        "timings": record["timings"],
        "folder": str(run.folder),
    }


@dataclass(frozen=True)
class Table:
    """Accuracies of scorers on protocols.

    Attributes:
        rows: Labels of the scorers.
        columns: Labels of the protocols.
        cells: An `Estimate` for each (row, column) that was run.
        marks: Text behind a cell's figures: what is to be known of it.
        caption: What the figures are.
        notes: What the marks mean.
        results: `result` of every run in it.
    """

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: dict[tuple[str, str], Estimate]
    marks: dict[tuple[str, str], str]
    caption: str
    notes: tuple[str, ...]
    results: tuple[dict[str, Any], ...]

    def text(self, row: str, column: str) -> str:
        """What a cell shows, in percent.

        The figure behind ± reaches as far as the farther end of the interval,
        which need not be symmetric.
        """
        cell = self.cells.get((row, column))
        if cell is None:
            return "–"
        reach = 100 * max(cell.high - cell.value, cell.value - cell.low)
        return f"{100 * cell.value:.1f} ± {reach:.1f}{self.marks.get((row, column), '')}"

    def render(self, form: str) -> str:
        """Writes the table out.

        Args:
            form: One of `writers.FORMATS`.

        Raises:
            ResultError: The format is unknown.
        """
        return render(self, form)


def _labels(
    runs: Sequence[Run],
    name: Callable[[Run], str],
    identity: Callable[[Run], Any],
    detail: Callable[[Run, int], str],
) -> dict[Any, str]:
    """Labels things by name, and where that is not enough by as much detail as is."""
    things: dict[Any, Run] = {}
    for run in runs:
        things.setdefault(identity(run), run)
    names = [name(run) for run in things.values()]
    labels: dict[Any, str] = {}
    for digits in range(6, 65):
        labels = {
            thing: name(run)
            if names.count(name(run)) == 1
            else f"{name(run)} ({detail(run, digits)})"
            for thing, run in things.items()
        }
        if len(set(labels.values())) == len(labels):
            return labels
    # Someone has named a scorer like a label: numbers tell what digests cannot.
    return {thing: f"{label} #{i}" for i, (thing, label) in enumerate(labels.items(), start=1)}


def _column_caption(label: str, runs: Sequence[Run], estimates: Sequence[Estimate]) -> str:
    record = runs[0].record
    episodes = (
        ""
        if record["protocol"]["name"] == "lake-runs"
        else (f"{record['episodes']:,} episodes, seed {record['seed']}, ")
    )
    counts = sorted({one.n for one in estimates})
    methods = []
    for one in dict.fromkeys((one.method, one.clusters) for one in estimates):
        methods.append(f"{one[0]} ({one[1]})" if one[1] else one[0])
    return (
        f"{label}: {record['protocol'].get('description', '')}; {episodes}"
        f"n = {', '.join(f'{count:,}' for count in counts)}, interval {' or '.join(methods)}, "
        f"digest {record['episodes_digest'][:8]}"
    )


def table(runs: Sequence[Run], interval: str = "population") -> Table:
    """Lays runs out as a table.

    Runs of different episodes never share a column, scorers of different
    weights never a row.

    Args:
        runs: The runs; of several with the same scorer and episodes the last
            counts.
        interval: As for `estimates.estimate`.

    Raises:
        ResultError: There are no runs, trials cannot be read, or the interval
            is unknown.
    """
    if not runs:
        raise ResultError("no runs to lay out")
    columns = _labels(
        runs,
        lambda run: run.protocol,
        lambda run: run.record["episodes_digest"],
        lambda run, digits: (
            f"seed {run.record['seed']}, {run.record['episodes']} episodes, "
            f"{run.record['episodes_digest'][:digits]}"
        ),
    )
    rows = _labels(
        runs,
        lambda run: run.scorer,
        lambda run: (run.scorer, run.record["scorer"]["digest"]),
        lambda run, digits: run.record["scorer"]["digest"][:digits],
    )
    cells: dict[tuple[str, str], Estimate] = {}
    marks: dict[tuple[str, str], str] = {}
    results: dict[tuple[str, str], dict[str, Any]] = {}
    per_column: dict[str, list[Run]] = {}
    for run in runs:
        row = rows[run.scorer, run.record["scorer"]["digest"]]
        column = columns[run.record["episodes_digest"]]
        results[row, column] = one = result(run, interval)
        cells[row, column] = Estimate(n=one["n"], **one["accuracy"])
        if one["leaked_characters"]:
            marks[row, column] = " !"
        else:
            marks.pop((row, column), None)
        per_column.setdefault(column, []).append(run)
    captions = [
        _column_caption(
            label, members, [cells[row, label] for row in rows.values() if (row, label) in cells]
        )
        for label, members in per_column.items()
    ]
    level = {f"{100 * cell.level:g}" for cell in cells.values()}
    caption = (
        f"Accuracy %, {' and '.join(level)} % {interval} interval. " + ". ".join(captions) + "."
    )
    notes = (
        ("! leakage: the scorer was trained on characters that it is tested on",) if marks else ()
    )
    return Table(
        tuple(rows.values()),
        tuple(columns.values()),
        cells,
        marks,
        caption,
        notes,
        tuple(results.values()),
    )
