"""A table as a paper has it: scorers down, protocols across."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import pandas as pd

from ..statistics import LEVEL, Estimate, Seeds, best_group, differs_from, over_seeds
from ..store import Run, latencies, light
from ..text import percent
from . import labels
from .by_group import breakdown, few_errors, hint
from .caption import comparison_notes, figure_notes, title_of
from .headings import in_words
from .latex import check_label
from .layout import MISSING, STYLES, Cell, Column, Ends, Layout, Section, check_known, decimals_for
from .literature import Published, as_published, is_setting_of, notes_on
from .literature import sections_of as published_in
from .marks import FLAWS, explained, marked_in
from .rows import (
    by_seed,
    conflicts,
    differ,
    joined,
    renamed,
    row_named,
    sections_of,
    side_by_side,
    trainings,
)
from .summary import EXTRAS, estimate_in, flat, in_short, result
from .writers import render

DIFFERS = "†"
"""Marks figures that differ significantly from the baseline's."""


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
        style: How intervals are written, one of `layout.STYLES`; "" for the
            style of each format.
        seeds: The cells of several trainings of one recipe.
        trained: The runs of these cells; `runs` has one of them.
        label: Its LaTeX label; "" for one that is made of the protocol's name.
        stored: What rows are called if they are not renamed.
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
    style: str = ""
    seeds: dict[tuple[str, str], Seeds] = field(default_factory=dict)
    trained: dict[tuple[str, str], tuple[Run, ...]] = field(default_factory=dict)
    label: str = ""
    stored: dict[str, str] = field(default_factory=dict)

    def text(self, row: str, column: str) -> str:
        """Gives what a cell shows, in percent, without marks.

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

        def compared(runs: Sequence[Run | Sequence[Run]], rows: Sequence[str]) -> set[int]:
            at = rows.index(self.baseline) if self.baseline in rows else None
            return set() if at is None else differs_from(runs, at)

        return self._compared(compared) if self.baseline else frozenset()

    def _compared(
        self, choose: Callable[[Sequence[Run | Sequence[Run]], Sequence[str]], set[int]]
    ) -> frozenset[tuple[str, str]]:
        chosen: set[tuple[str, str]] = set()
        for column in self.columns:
            rows = self.comparable(column)
            if len(rows) > 1:
                several = [self._members(row, column) for row in rows]
                runs = [some[0] if len(some) == 1 else some for some in several]
                chosen |= {(rows[i], column) for i in choose(runs, rows)}
        return frozenset(chosen)

    def _members(self, row: str, column: str) -> tuple[Run, ...]:
        """Gives the runs of a cell; several are trainings of one recipe."""
        members = self.trained.get((row, column)) or (self.runs[row, column],)
        return tuple(map(light, members))

    def comparable(self, column: str) -> list[str]:
        """Rows whose runs may be compared: neither leakage nor a failed audit."""
        return [
            row
            for row in self.rows
            if (row, column) in self.cells
            and not FLAWS.intersection(self.marks.get((row, column), ()))
        ]

    @cached_property
    def places(self) -> dict[str, int]:
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
        places = self.places[column]
        return Cell(percent(cell.value, places), Ends.of(cell, places), style=self.style)

    def _marked(self, row: str, column: str) -> Cell:
        """Gives the cell with its marks and bold face; this compares scorers."""
        cell, place = self._cell(row, column), (row, column)
        differs = (DIFFERS,) if place in self.differing else ()
        marks = *differs, *self.marks.get(place, ())
        return replace(cell, marks=marks, bold=place in self.best)

    def _extra(self, row: str, name: str) -> Cell:
        """Gives what a row's runs say, all of it where they say different things."""
        found = in_short(name, [one for of, one in self._facts if of == row])
        return Cell(found) if found else MISSING

    @cached_property
    def _facts(self) -> list[tuple[str, dict[str, Any]]]:
        """The result of every run, with the label of its row."""
        rows = [row for place in self.runs for row in [place[0]] * len(self._members(*place))]
        return list(zip(rows, self.results, strict=True))

    def _notes(self, errors: Sequence[tuple[str, str, pd.DataFrame]] = ()) -> list[str]:
        compared = {column: self.comparable(column) for column in self.columns}
        bold = {column for _, column in self.best}
        notes = comparison_notes(compared, bold, self.baseline, DIFFERS)
        notes += few_errors([one for one in errors if one[:2] not in self.trained])
        published = notes_on(self.published) if self.published else []
        return [*notes, *self.figures, *self.notes, *published]

    def _errors_of_best(self) -> list[tuple[str, str, pd.DataFrame]]:
        """The most accurate scorer of each column, the column, and the errors by alphabet."""
        found = []
        for column in self.columns:
            rows = self.comparable(column)
            if rows:
                best = max(rows, key=lambda row: self.cells[row, column].value)
                found.append((best, column, breakdown(self._members(best, column)[0])))
        return found

    def layouts(self) -> Sequence[Layout]:
        """Lays the table out; this compares scorers, for which all trials are read."""
        return [self._layout]

    @cached_property
    def _layout(self) -> Layout:
        errors = self._errors_of_best()
        of_columns = {column: run for (_, column), run in reversed(self.runs.items())}
        columns = in_words({label: of_columns[label] for label in self.columns})
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
            names = [*map(self._published_in, self.columns), *[""] * len(self.extras)]
            sections += published_in(self.published, names)
        return Layout(
            name=self.columns[0] if len(self.columns) == 1 else "accuracy",
            title=self.title,
            stub="scorer",
            columns=tuple(columns),
            sections=tuple(sections),
            notes=tuple(self._notes(errors)),
            hint=hint(errors),
            label=self.label,
        )

    def _published_in(self, column: str) -> str:
        """Gives the protocol whose published figures a column may show, or ""."""
        run = next(run for (_, one), run in self.runs.items() if one == column)
        return run.protocol if is_setting_of(run.record["protocol"], run.protocol) else ""

    def _of_seeds(self, row: str, column: str) -> dict[str, Any]:
        return {
            "scorer": self.stored.get(row, row),
            "protocol": self.runs[row, column].protocol,
        }

    def flat(self) -> tuple[list[str], list[dict[str, Any]]]:
        """Gives the names of fields, and one flat dict for each run and published figure."""
        rows = [flat(one) for one in self.results]
        fields = list(rows[0])
        for (row, column), one in self.seeds.items():
            said = self._of_seeds(row, column)
            numbers = ", ".join(map(str, one.values))
            said |= {"n": one.estimate.n, **one.estimate.as_json()}
            rows.append({**said, "source": f"mean of trainings with the seeds {numbers}"})
        rows += [one.flat() for one in self.published]
        return fields, rows

    def data(self) -> dict[str, Any]:
        """Gives the content of the JSON interface."""
        found: dict[str, Any] = {"results": list(self.results)}
        if self.seeds:
            found["seeds"] = [
                {**self._of_seeds(*place), **one.as_json()} for place, one in self.seeds.items()
            ]
        if self.published:
            found["published"] = [one.as_json() for one in self.published]
        return found

    def render(self, form: str, width: int | None = None) -> str:
        """Writes the table out.

        Args:
            form: One of `writers.FORMATS`.
            width: As for `writers.render`.

        Raises:
            ResultError: The format is unknown.
        """
        return render(self, form, width)


def table(
    runs: Sequence[Run],
    interval: str = "population",
    level: float = LEVEL,
    *,
    baseline: str | None = None,
    published: str | None = None,
    extras: Sequence[str] = (),
    decimals: int = 1,
    style: str = "",
    together: bool = True,
    title: str = "",
    label: str = "",
    rename: Mapping[str, str] | None = None,
    advance: Callable[[int], None] = lambda done: None,
) -> Table:
    """Lays runs out as a table.

    Runs of different episodes never share a column; scorers with different
    digests never share a row, but for trainings that differ in their seed only.

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
        style: How intervals are written, one of `layout.STYLES`; "" for the
            style of each format.
        together: Whether trainings of one recipe with several seeds share a
            row, as the mean over trainings with the interval of
            `statistics.over_seeds`; with the default interval only.
        title: What stands above the table; "" for what its figures are.
        label: Its LaTeX label; "" for `tab:` and the protocol's name.
        rename: What rows are called, by the name of a scorer or the label of a
            row. CSV and JSON keep the names of the scorers.
        advance: Is told of every run that is estimated.

    Raises:
        ResultError: There are no runs, trials cannot be read, the interval or
            another name is unknown, a LaTeX label has other than plain
            characters, or two protocols or rows have the same name.
    """
    check_known("column", extras, EXTRAS)
    check_known("style", [style] if style else [], STYLES)
    check_label(label)
    # Only the default interval covers new trainings.
    together = together and interval == "population"
    rows = joined(runs) if together else labels.rows(runs)
    baseline = row_named(baseline, rows) if baseline else None
    new = renamed(rows, rename or {})
    baseline, rows = baseline and new[baseline], {key: new[row] for key, row in rows.items()}
    columns = labels.columns(runs)
    members: dict[tuple[str, str], list[Run]] = {}
    for run in labels.placed(runs).values():
        place = rows[labels.row_of(run)], columns[labels.column_of(run)]
        members.setdefault(place, []).append(run)
    trained = {place: by_seed(some) for place, some in members.items() if len(some) > 1}
    placed = {place: trained.get(place, tuple(some))[0] for place, some in members.items()}
    results: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for place, run in placed.items():
        for one in trained.get(place, (run,)):
            results.setdefault(place, []).append(result(one, interval, level, lenient=True))
            advance(1)
    cells = {place: estimate_in(one) for place, (one, *_) in results.items()}
    seeds = {place: over_seeds(some, level) for place, some in trained.items() if differ(some)}
    cells |= {place: one.estimate for place, one in seeds.items()}
    marked = marked_in(members)
    order = side_by_side(columns.values())
    found = as_published(published) if published else ()
    protocols = [run.record["protocol"] for run in placed.values()]
    found = tuple(one for one in found if any(is_setting_of(of, one.protocol) for of in protocols))
    sections = sections_of(rows, order, cells, runs)
    notes = [*trainings(trained), *explained(members, marked)]
    if "latency" in extras:
        notes += latencies.notes(
            (row, results[row, column][0]["latency"], run.record["environment"])
            for (row, column), run in placed.items()
        )
    notes += conflicts(runs)
    if published and not found:
        notes.append("As published: there are no figures for these protocols.")
    labelled = tuple(row for section in sections for row in section)
    by_column: dict[str, tuple[Run, list[Estimate]]] = {}
    for column in order:
        there = [(row, column) for row in labelled if (row, column) in cells]
        by_column[column] = placed[there[0]], [cells[place] for place in there]
    return Table(
        labelled,
        tuple(order),
        cells,
        marked,
        title or title_of(interval, list(cells.values())),
        figure_notes(interval, by_column),
        tuple(notes),
        tuple(one for some in results.values() for one in some),
        placed,
        sections,
        baseline,
        found,
        tuple(extras),
        decimals,
        style,
        seeds,
        trained,
        label,
        {text: row for row, text in new.items()},
    )
