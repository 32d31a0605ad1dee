"""Writers: a table as text, Markdown, LaTeX, HTML, CSV or JSON."""

from __future__ import annotations

import csv
import html
import io
import json
import re
import textwrap
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import tabulate

from ..errors import ResultError
from ..text import plain
from . import latex
from .layout import Cell, Column, Layout

_FORMULA = ("=", "+", "-", "@")

WIDTH = 100
"""The largest number of characters in a line of text."""


class Document(Protocol):
    """A document that can be written in every format."""

    def layouts(self) -> Sequence[Layout]:
        """Gives its tables."""
        ...

    def flat(self) -> tuple[list[str], list[dict[str, Any]]]:
        """Gives its content for CSV: names of fields, and flat dicts with these fields."""
        ...

    def data(self) -> dict[str, Any]:
        """Gives its content for JSON."""
        ...


def _width(text: str) -> int:
    """Gives the number of terminal columns that a text takes."""
    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in text)
    return len(text) + wide - sum(bool(unicodedata.combining(char)) for char in text)


def _lines(heading: str, cells: Sequence[Cell], left: bool) -> list[str]:
    """Pads a column of text; intervals, stars and marks do not shift the figures."""
    stars = ["**" if cell.bold else "" for cell in cells]
    behind = [
        f" {cell.interval}".rstrip() + star + "".join(cell.marks)
        for star, cell in zip(stars, cells, strict=True)
    ]
    # What stands behind a text that is no figure, such as a dash, stays empty.
    room = max(map(_width, behind), default=0)
    texts = [heading] + [
        plain(star + cell.value + mark + " " * (room - _width(mark)))
        for star, cell, mark in zip(stars, cells, behind, strict=True)
    ]
    width = max(map(_width, texts))
    texts.insert(1, "-" * width)
    pads = [" " * (width - _width(text)) for text in texts]
    return [text + pad if left else pad + text for text, pad in zip(texts, pads, strict=True)]


def _grid(layout: Layout) -> str:
    rows = [row for section in layout.sections for row in section.rows]
    columns = [_lines(plain(layout.stub), [Cell(label) for label, _ in rows], left=True)]
    for i, column in enumerate(layout.columns):
        cells = [cells[i] for _, cells in rows]
        columns.append(_lines(plain(column.heading), cells, left=column.kind == "names"))
    return "\n".join("  ".join(line).rstrip() for line in zip(*columns, strict=True))


def _text(layout: Layout, width: int | None = None) -> str:
    title, *notes = (
        textwrap.fill(plain(text), min(width or WIDTH, WIDTH), break_on_hyphens=False)
        for text in (layout.title, *layout.notes, layout.hint)
        if text
    )
    grids = [grid for part in layout.parts() for grid in _grids(part, width)]
    blocks = [title, *grids, "\n".join(notes)]
    return "\n\n".join(block for block in blocks if block)


def _grids(layout: Layout, width: int | None) -> list[str]:
    """Cuts a table that is too wide into parts, each with the labels of its rows."""
    whole = _grid(layout)
    if not width or max(map(_width, whole.splitlines())) <= width:
        return [whole]
    parts: list[list[int]] = [[]]
    for place in range(len(layout.columns)):
        more = _grid(layout.of([*parts[-1], place]))
        if parts[-1] and max(map(_width, more.splitlines())) > width:
            parts.append([])
        parts[-1].append(place)
    return [_grid(layout.of(part)) for part in parts]


def _markdown(text: str) -> str:
    return re.sub(r"([\\|<>&`*_\[\]~$#])", r"\\\1", plain(text))


def _paragraph(text: str) -> str:
    """Writes a paragraph that Markdown does not read as a list or a rule."""
    return re.sub(r"^(\s*\d*)([-+.)])(?=\s)", r"\1\\\2", _markdown(text))


def _github(layout: Layout) -> str:
    grids = []
    for part in layout.parts():
        rows = [row for section in part.sections for row in section.rows]
        body = [[_markdown(label), *map(_markdown_cell, cells)] for label, cells in rows]
        headers = [part.stub, *(column.heading for column in part.columns)]
        aligns = ["left" if one.kind == "names" else "right" for one in part.columns]
        grids.append(
            tabulate.tabulate(
                body,
                headers=list(map(_markdown, headers)),
                tablefmt="github",
                disable_numparse=True,
                colalign=["left", *aligns],
            )
        )
    return "\n\n".join([_paragraph(layout.title), *grids, *map(_paragraph, layout.notes)])


def _markdown_cell(cell: Cell) -> str:
    text = _markdown(cell.figures)
    return (f"**{text}**" if cell.bold else text) + _markdown("".join(cell.marks))


def _html(layout: Layout) -> str:
    lines = ["<table>", f"<caption>{_tagless(layout.title)}</caption>", "<thead>"]
    heads = [f"<th>{_tagless(layout.stub)}</th>"]
    groups = layout.groups()
    if groups:
        spans = [f'<th colspan="{count}">{_tagless(group)}</th>' for group, count in groups]
        lines.append(f"<tr><th></th>{''.join(spans)}</tr>")
    heads += [f"<th>{_tagless(heading)}</th>" for heading in layout.headings()]
    lines += [f"<tr>{''.join(heads)}</tr>", "</thead>"]
    for section in layout.sections:
        lines.append("<tbody>")
        if section.heading:
            span = len(layout.columns) + 1
            lines.append(f'<tr><th colspan="{span}">{_tagless(section.heading)}</th></tr>')
        for label, cells in section.rows:
            row = "".join(map(_html_cell, cells, layout.columns))
            lines.append(f"<tr><td>{_tagless(label)}</td>{row}</tr>")
        lines.append("</tbody>")
    return "\n".join([*lines, "</table>", *(f"<p>{_tagless(note)}</p>" for note in layout.notes)])


def _tagless(text: str) -> str:
    return html.escape(plain(text))


def _html_cell(cell: Cell, column: Column) -> str:
    text = _tagless(cell.figures)
    text = (f"<strong>{text}</strong>" if cell.bold else text) + _tagless("".join(cell.marks))
    style = "" if column.kind == "names" else ' style="text-align: right"'
    return f"<td{style}>{text}</td>"


def _csv_field(value: Any) -> Any:
    """Gives a value that no spreadsheet reads as a formula."""
    if not isinstance(value, str):
        return value
    text = plain(value)
    return f"'{text}" if text.lstrip().startswith(_FORMULA) else text


def _csv(document: Document) -> str:
    stream = io.StringIO()
    fields, rows = document.flat()
    writer = csv.DictWriter(stream, fields, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _csv_field(one) for name, one in row.items()})
    return stream.getvalue().rstrip("\n")


def _json(document: Document) -> str:
    return json.dumps(document.data(), indent=1, allow_nan=False)


def laid_out(write: Callable[[Layout], str]) -> Callable[[Document], str]:
    """Makes a writer of documents from a writer of one table.

    Args:
        write: Writes a layout out.
    """
    return lambda document: "\n\n".join(map(write, document.layouts()))


FORMATS: dict[str, Callable[[Document], str]] = {
    "text": laid_out(_text),
    "github": laid_out(_github),
    "latex": laid_out(latex.write),
    "html": laid_out(_html),
    "csv": _csv,
    "json": _json,
}
"""The formats: for each name a function that writes a document out.

JSON has names unchanged, all others as `plain` text. CSV puts a quote before
names that a spreadsheet would read as a formula.
"""


def render(document: Document, form: str, width: int | None = None) -> str:
    """Writes a document out.

    Args:
        document: The document.
        form: One of `FORMATS`.
        width: The largest number of characters in a line of text. Wider tables
            are cut into parts; None for tables of any width.

    Raises:
        ResultError: The format is unknown.
    """
    if form not in FORMATS:
        raise ResultError(f"unknown format {form!r}; known are {', '.join(FORMATS)}")
    if form == "text":
        return "\n\n".join(_text(layout, width) for layout in document.layouts())
    return FORMATS[form](document)
