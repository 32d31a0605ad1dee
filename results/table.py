"""A table as a paper has it: scorers down, protocols across."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tabulate

from .errors import ResultError
from .estimates import Estimate, estimate
from .run import Run

FORMATS = ("text", "github", "latex", "html", "csv", "json")
"""What `Table.render` writes."""


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
        "errors": round(accuracy.n - float(np.sum(credit)), 9),
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

    def _text(self, row: str, column: str) -> str:
        cell = self.cells.get((row, column))
        if cell is None:
            return "–"
        half = 50 * (cell.high - cell.low)
        mark = self.marks.get((row, column), "")
        return f"{100 * cell.value:.1f} ± {half:.1f}{mark}"

    def render(self, form: str) -> str:
        """Writes the table out.

        Args:
            form: One of `FORMATS`.

        Raises:
            ResultError: The format is unknown.
        """
        if form == "json":
            return json.dumps({"results": list(self.results)}, indent=1, allow_nan=False)
        if form == "csv":
            return self._csv()
        styles = {
            "text": "simple",
            "github": "github",
            "latex": "latex_booktabs",
            "html": "html",
        }
        if form not in styles:
            raise ResultError(f"unknown format {form!r}; known are {', '.join(FORMATS)}")
        body = [[row, *(self._text(row, column) for column in self.columns)] for row in self.rows]
        grid = tabulate.tabulate(
            body,
            headers=["scorer", *self.columns],
            tablefmt=styles[form],
            disable_numparse=True,
            colalign=["left", *["right"] * len(self.columns)],
        )
        texts = [self.caption, *self.notes]
        if form == "latex":
            return "\n".join([*(f"% {text}" for text in texts), grid])
        if form == "html":
            return grid
        return "\n\n".join([self.caption, grid, *self.notes])

    def _csv(self) -> str:
        stream = io.StringIO()
        writer = csv.writer(stream, lineterminator="\n")
        fields = ("value", "low", "high", "level", "method", "clusters")
        writer.writerow(["scorer", "protocol", "n", "errors", *fields])
        for one in self.results:
            accuracy = [one["accuracy"][field] for field in fields]
            writer.writerow([one["scorer"], one["protocol"], one["n"], one["errors"], *accuracy])
        return stream.getvalue().rstrip("\n")


def _labels(runs: Sequence[Run], name: Any, identity: Any, detail: Any) -> dict[Any, str]:
    """Labels things by name, and by a detail too where one name means several."""
    things: dict[Any, Run] = {}
    for run in runs:
        things.setdefault(identity(run), run)
    shared = [name(run) for run in things.values()]
    return {
        thing: name(run) if shared.count(name(run)) == 1 else f"{name(run)} ({detail(run)})"
        for thing, run in things.items()
    }


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
        ResultError: Trials cannot be read, or the interval is unknown.
    """
    columns = _labels(
        runs,
        lambda run: run.protocol,
        lambda run: run.record["episodes_digest"],
        lambda run: (
            f"seed {run.record['seed']}, {run.record['episodes']} episodes, "
            f"{run.record['episodes_digest'][:6]}"
        ),
    )
    rows = _labels(
        runs,
        lambda run: run.scorer,
        lambda run: (run.scorer, run.record["scorer"]["digest"]),
        lambda run: run.record["scorer"]["digest"][:6],
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
