"""The table of a report: figures, intervals as bars, marks with their meaning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..pictures import Material
from ..tables import DIFFERS, MEANING, PUBLISHED_MARKS, Column, percent


@dataclass(frozen=True)
class Mark:
    """A mark behind a figure.

    Attributes:
        sign: The mark.
        meaning: What it means.
    """

    sign: str
    meaning: str


@dataclass(frozen=True)
class Figure:
    """A figure of the table.

    Attributes:
        value: The figure, as text.
        interval: The ends of its interval, as text, or "".
        order: A number to sort by.
        bar: Ends of the interval and the value, from 0 to 100, or None.
        marks: Marks behind it.
        bold: Whether it is not told from the best of its column.
    """

    value: str
    interval: str
    order: float
    bar: tuple[float, float, float] | None
    marks: tuple[Mark, ...] = ()
    bold: bool = False


@dataclass(frozen=True)
class Row:
    """A row of the table.

    Attributes:
        label: Name of the scorer or of the published system.
        figures: A figure for each column, None where there is none.
        extras: What stands in optional columns, with numbers to sort by.
    """

    label: str
    figures: tuple[Figure | None, ...]
    extras: tuple[tuple[str, float | None], ...] = ()


@dataclass(frozen=True)
class Accuracies:
    """The table.

    Attributes:
        title: What it shows.
        columns: Labels of the protocols.
        groups: The group of each column, by which columns can be chosen.
        extras: Headings of optional columns.
        rows: Stored runs.
        published: Published figures of others.
        notes: Notes below the table.
        copies: The table in other formats, by their names.
    """

    title: str
    columns: tuple[str, ...]
    groups: tuple[str, ...]
    extras: tuple[str, ...]
    rows: tuple[Row, ...]
    published: tuple[Row, ...]
    notes: tuple[str, ...]
    copies: dict[str, str]


def _meaning(sign: str, baseline: str | None) -> Mark:
    if sign == DIFFERS:
        return Mark(sign, f"differs significantly from {baseline}")
    return Mark(sign, MEANING.get(sign) or PUBLISHED_MARKS.get(sign, ""))


def accuracies(material: Material) -> Accuracies:
    """Lays the table out; this compares scorers, for which all trials are read.

    Args:
        material: The runs.
    """
    made = material.table
    layout = made.layouts()[0]
    width = len(made.columns)
    rows, published = [], []
    for section in layout.sections:
        for label, cells in section.rows:
            figures: list[Figure | None] = []
            for column, cell in zip(made.columns, cells[:width], strict=True):
                marks = tuple(_meaning(sign, made.baseline) for sign in cell.marks)
                found = None if section.heading else made.cells.get((label, column))
                if found is not None:
                    figures.append(_figure(material, label, column, marks, cell.bold))
                elif cell.value.replace(".", "").isdigit():
                    value = float(cell.value)
                    figures.append(Figure(cell.value, "", value, (value, value, value), marks))
                else:
                    figures.append(None)
            if section.heading:
                published.append(Row(label, tuple(figures)))
            else:
                extras = tuple(
                    (cell.value, _amount(material, label, name))
                    for name, cell in zip(made.extras, cells[width:], strict=True)
                )
                rows.append(Row(label, tuple(figures), extras))
    return Accuracies(
        title=layout.title,
        columns=made.columns,
        groups=tuple(Column.of(label).group or label for label in made.columns),
        extras=tuple(column.heading for column in layout.columns[width:]),
        rows=tuple(rows),
        published=tuple(published),
        notes=layout.notes,
        copies={
            "Markdown": made.render("github"),
            "LaTeX": made.render("latex"),
            "CSV": made.render("csv"),
        },
    )


def _figure(
    material: Material, label: str, column: str, marks: tuple[Mark, ...], bold: bool
) -> Figure:
    made = material.table
    one, places = made.cells[label, column], made.places[column]
    interval, bar = "", None
    if one.low is not None and one.high is not None:
        if one.low < one.high:
            interval = f"{percent(one.low, places)}–{percent(one.high, places)}"
        bar = 100 * one.low, 100 * one.value, 100 * one.high
    return Figure(percent(one.value, places), interval, one.value, bar, marks, bold)


def _amount(material: Material, label: str, name: str) -> float | None:
    """Gives the number to sort an optional column by."""
    for (row, _), result in zip(material.table.runs, material.table.results, strict=True):
        if row != label:
            continue
        field: Any = result["latency"] or {}
        value = (
            field.get("p50_ms")
            if name == "latency"
            else result["parameters" if name == "params" else name]
        )
        if value is not None:
            return float(value)
    return None
