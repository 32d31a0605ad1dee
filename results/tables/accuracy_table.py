"""A table as a paper has it: scorers down, protocols across."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..errors import ResultError
from ..statistics import LEVEL, Estimate, best_group, differs_from
from ..store import Run, latencies, light
from ..text import percent
from . import labels
from .by_group import breakdown, concentration, half
from .caption import figure_notes, no_bold, title
from .layout import MISSING, Cell, Column, Layout, Section, decimals_for
from .literature import Published, as_published, is_setting_of, notes_on, sections_of
from .marks import FLAWS, explained, marks
from .summary import EXTRAS, flat, result
from .writers import render

DIFFERS = "†"
"""Marks figures that differ significantly from the baseline's."""

_FEW = 0.25
"""Share of the alphabets: if so few account for half of the errors, a hint says so."""


@dataclass(frozen=True)
class Table:
    """Accuracies of scorers on protocols.

    Attributes:
        rows: Labels of the scorers: trained networks, other scorers, baselines.
        columns: Labels of the protocols.
        cells: The `Estimate` of each (row, column) with a run.
        marks: For each cell with marks, keys of `marks.MEANING`.
        title: What the table shows, in one line.
        figures: Notes on what the figures are: intervals, and each column's episodes.
        notes: What the marks mean, and warnings about runs.
        results: The `result` of every run in the table.
        runs: The run of each cell.
        sections: The rows in groups.
        baseline: Label of the row with which the others are compared, or None.
        published: Published figures of other authors, for the columns of
            their protocols.
        extras: Optional columns, keys of `EXTRAS`.
        decimals: The smallest number of decimals of percentages.
    """

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: dict[tuple[str, str], Estimate]
    marks: dict[tuple[str, str], tuple[str, ...]]
    title: str
    figures: tuple[str, ...]
    notes: tuple[str, ...]
    results: tuple[dict[str, Any], ...]
    runs: dict[tuple[str, str], Run]
    sections: tuple[tuple[str, ...], ...]
    baseline: str | None = None
    published: tuple[Published, ...] = ()
    extras: tuple[str, ...] = ()
    decimals: int = 1

    def text(self, row: str, column: str) -> str:
        """Gives what a cell shows, in percent, without marks.

        The figure behind ± is the larger of the two distances from the value
        to the ends of the interval, which need not be symmetric.

        Args:
            row: Label of the scorer.
            column: Label of the protocol.
        """
        return self._cell(row, column).figures

    @cached_property
    def best(self) -> frozenset[tuple[str, str]]:
        """Cells of scorers that may be the best of their column (`best_group`).

        Columns with fewer than two scorers that may be compared have no such
        cells, nor do columns of few alphabets in which no scorer differs.
        """
        return self._compared(lambda runs, _: best_group(runs))

    @cached_property
    def differing(self) -> frozenset[tuple[str, str]]:
        """Cells that differ significantly from the baseline's, by the tests of `best`."""

        def compared(runs: Sequence[Run], rows: Sequence[str]) -> set[int]:
            at = rows.index(self.baseline) if self.baseline in rows else None
            return set() if at is None else differs_from(runs, at)

        return self._compared(compared) if self.baseline else frozenset()

    def _compared(
        self, choose: Callable[[Sequence[Run], Sequence[str]], set[int]]
    ) -> frozenset[tuple[str, str]]:
        chosen: set[tuple[str, str]] = set()
        for column in self.columns:
            rows = self._comparable(column)
            if len(rows) > 1:
                runs = [light(self.runs[row, column]) for row in rows]
                chosen |= {(rows[i], column) for i in choose(runs, rows)}
        return frozenset(chosen)

    def _comparable(self, column: str) -> list[str]:
        """Rows whose runs may be compared: neither leakage nor a failed audit."""
        return [
            row
            for row in self.rows
            if (row, column) in self.cells
            and not FLAWS.intersection(self.marks.get((row, column), ()))
        ]

    @cached_property
    def _places(self) -> dict[str, int]:
        """The number of decimals that each column needs."""
        places: dict[str, int] = {}
        for column in self.columns:
            shares: list[float] = []
            for (_, where), cell in self.cells.items():
                if where == column:
                    ends = (end for end in (cell.low, cell.high) if end is not None)
                    shares += [cell.value, *(abs(end - cell.value) for end in ends)]
            places[column] = decimals_for(shares, self.decimals)
        return places

    def _cell(self, row: str, column: str) -> Cell:
        cell = self.cells.get((row, column))
        if cell is None:
            return MISSING
        places = self._places[column]
        reach = "" if cell.reach is None else percent(cell.reach, places)
        return Cell(percent(cell.value, places), reach)

    def _marked(self, row: str, column: str) -> Cell:
        """Gives the cell with its marks and bold face; this compares scorers."""
        cell, place = self._cell(row, column), (row, column)
        differs = (DIFFERS,) if place in self.differing else ()
        return Cell(
            cell.value, cell.reach, (*differs, *self.marks.get(place, ())), place in self.best
        )

    def _extra(self, row: str, name: str) -> Cell:
        """Gives what a row's runs say, all of it where they say different things."""
        show = EXTRAS[name][1]
        found = dict.fromkeys(
            show(one)
            for (of, _), one in zip(self.runs, self.results, strict=True)
            if of == row and show(one) is not None
        )
        return Cell(" / ".join(map(str, found))) if found else MISSING

    def _notes(self) -> list[str]:
        notes: list[str] = []
        if self.best:
            notes.append(
                "Bold: all scorers that may be the best of their column, at 95 % confidence (model "
                "confidence set, paired by trial)."
            )
        bold = {column for _, column in self.best}
        several = [one for one in self.columns if len(self._comparable(one)) > 1]
        notes += no_bold([one for one in several if one not in bold])
        if self.baseline:
            notes.append(
                f"{DIFFERS} differs significantly from {self.baseline} (paired tests at 5 %, "
                "corrected for their number)."
            )
            silent = [one for one in self.columns if self.baseline not in self._comparable(one)]
            if silent:
                notes.append(
                    f"No {DIFFERS} in {', '.join(silent)}: there is no run of {self.baseline} to "
                    "compare with."
                )
        notes += [*self.figures, *self.notes]
        return notes + (notes_on(self.published) if self.published else [])

    def _hint(self) -> str:
        """Says so where few alphabets account for half of the best scorer's errors, or ""."""
        for column in self.columns:
            rows = self._comparable(column)
            if rows:
                best = max(rows, key=lambda row: self.cells[row, column].value)
                run = self.runs[best, column]
                found = breakdown(light(run))
                if 0 < half(found) <= _FEW * len(found):
                    return f"{concentration(best, found)} on {column}: wayshot table --by alphabet"
        return ""

    def layouts(self) -> Sequence[Layout]:
        """Lays the table out; this compares scorers, for which all trials are read."""
        columns = [Column.of(label) for label in self.columns]
        columns += [Column(EXTRAS[name][0], kind="amounts") for name in self.extras]
        sections = [
            Section(
                tuple(
                    (
                        row,
                        (
                            *(self._marked(row, column) for column in self.columns),
                            *(self._extra(row, name) for name in self.extras),
                        ),
                    )
                    for row in section
                )
            )
            for section in self.sections
        ]
        if self.published:
            names = [self._published_in(column) for column in self.columns]
            names += [""] * len(self.extras)
            sections += sections_of(self.published, names)
        return [
            Layout(
                name=" ".join(dict.fromkeys(run.protocol for run in self.runs.values())),
                title=self.title,
                stub="scorer",
                columns=tuple(columns),
                sections=tuple(sections),
                notes=tuple(self._notes()),
                hint=self._hint(),
            )
        ]

    def _published_in(self, column: str) -> str:
        """Gives the protocol whose published figures a column may show, or ""."""
        protocol = next(run for (_, one), run in self.runs.items() if one == column)
        name = protocol.protocol
        return name if is_setting_of(protocol.record["protocol"], name) else ""

    def flat(self) -> tuple[list[str], list[dict[str, Any]]]:
        """Gives the names of fields, and one flat dict for each run and published figure."""
        rows = [flat(one) for one in self.results]
        fields = list(rows[0])
        for one in self.published:
            status = {"V": "verified", "C": "computed", "M": "UNVERIFIED"}[one.status]
            rows.append(
                {
                    "scorer": one.label,
                    "protocol": one.protocol,
                    "value": one.as_json()["value"],
                    "source": f"as published, {status}: {one.citation}",
                }
            )
        return fields, rows

    def data(self) -> dict[str, Any]:
        """Gives the content of the JSON interface."""
        found: dict[str, Any] = {"results": list(self.results)}
        if self.published:
            found["published"] = [one.as_json() for one in self.published]
        return found

    def render(self, form: str) -> str:
        """Writes the table out.

        Args:
            form: One of `writers.FORMATS`.

        Raises:
            ResultError: The format is unknown.
        """
        return render(self, form)


def _together(columns: Iterable[str]) -> list[str]:
    """Moves columns of one group beside the first of them."""
    groups: dict[str, list[str]] = {}
    for label in columns:
        groups.setdefault(Column.of(label).group or f" {label}", []).append(label)
    return [label for group in groups.values() for label in group]


def _sections(
    rows: dict[Any, str],
    columns: Sequence[str],
    cells: dict[tuple[str, str], Estimate],
    runs: Sequence[Run],
) -> tuple[tuple[str, ...], ...]:
    """Groups rows: trained networks, other scorers, baselines with the most accurate first."""
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


def _conflicts(runs: Sequence[Run], rows: dict[Any, str], columns: dict[Any, str]) -> list[str]:
    """Names the cells with several runs whose trials differ, of which only the last is shown."""
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


def table(
    runs: Sequence[Run],
    interval: str = "population",
    level: float = LEVEL,
    *,
    baseline: str | None = None,
    published: str | None = None,
    extras: Sequence[str] = (),
    decimals: int = 1,
) -> Table:
    """Lays runs out as a table.

    Runs of different episodes never share a column; scorers with different
    digests never share a row.

    Args:
        runs: The runs. Of several runs with the same scorer and episodes the
            last one is used.
        interval: As for `estimates.estimate_run`.
        level: Nominal coverage.
        baseline: Name or label of a scorer; figures that differ significantly
            from it are marked.
        published: Which published figures to add, one of
            `literature.CHOICES`; None for no figures.
        extras: Optional columns, keys of `EXTRAS`.
        decimals: The smallest number of decimals of percentages; there are
            more if a figure would look like 0 or 100 but is not.

    Raises:
        ResultError: There are no runs, trials cannot be read, the interval or
            another name is unknown, or two different protocols have the same
            name.
    """
    unknown = [name for name in extras if name not in EXTRAS]
    if unknown:
        raise ResultError(f"unknown column {unknown[0]!r}; known are {', '.join(EXTRAS)}")
    placed = labels.placed(runs)
    columns, rows = labels.columns(runs), labels.rows(runs)
    results = {place: result(run, interval, level) for place, run in placed.items()}
    cells = {place: Estimate(n=one["n"], **one["accuracy"]) for place, one in results.items()}
    marked = {place: marks(run) for place, run in placed.items() if marks(run)}
    order = _together(columns.values())
    found = as_published(published) if published else ()
    protocols = [run.record["protocol"] for run in placed.values()]
    found = tuple(one for one in found if any(is_setting_of(of, one.protocol) for of in protocols))
    sections = _sections(rows, order, cells, runs)
    notes = explained(placed, marked)
    if "latency" in extras:
        notes += latencies.notes(
            (row, results[row, column]["latency"], run.record["environment"])
            for (row, column), run in placed.items()
        )
    notes += _conflicts(runs, rows, columns)
    if published and not found:
        notes.append("As published: there are no figures for these protocols.")
    labelled = tuple(row for section in sections for row in section)
    by_column: dict[str, tuple[Run, list[Estimate]]] = {}
    for label in order:
        there = [(row, label) for row in labelled if (row, label) in cells]
        by_column[label] = placed[there[0]], [cells[place] for place in there]
    return Table(
        labelled,
        tuple(order),
        cells,
        marked,
        title(interval, list(cells.values())),
        figure_notes(interval, by_column),
        tuple(notes),
        tuple(results.values()),
        placed,
        sections,
        _row_named(baseline, rows) if baseline else None,
        found,
        tuple(extras),
        decimals,
    )


def _row_named(name: str, rows: dict[Any, str]) -> str:
    """Gives the label of the row that a scorer's name or a label stands for."""
    labelled = list(rows.values())
    found = [name] if name in labelled else [rows[key] for key in rows if key[0] == name]
    if len(found) != 1:
        what = "stands for several scorers" if found else "has no run here"
        raise ResultError(f"{name!r} {what}; name one of {', '.join(found or labelled)}")
    return found[0]
