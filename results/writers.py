"""Writers: a table as text, Markdown, LaTeX, HTML, CSV or JSON."""

from __future__ import annotations

import csv
import html
import io
import json
import re
import textwrap
import unicodedata
from collections.abc import Callable
from typing import TYPE_CHECKING

import tabulate

from .errors import ResultError

if TYPE_CHECKING:
    from .table import Table


def plain(text: str) -> str:
    """Makes a name that someone else chose into harmless text of one line.

    Control and formatting characters (terminal escapes, line breaks, marks
    that turn the direction of writing) become the replacement character.
    """
    return "".join("\ufffd" if unicodedata.category(c).startswith("C") else c for c in text)


def _markdown(text: str) -> str:
    return re.sub(r"([\\|<>&`*_\[\]])", r"\\\1", plain(text))


def _grid(table: Table, style: str, escape: Callable[[str], str]) -> str:
    body = [
        [escape(row), *(table.text(row, column) for column in table.columns)] for row in table.rows
    ]
    return tabulate.tabulate(
        body,
        headers=["scorer", *map(escape, table.columns)],
        tablefmt=style,
        disable_numparse=True,
        colalign=["left", *["right"] * len(table.columns)],
    )


def _text(table: Table) -> str:
    caption, *notes = (textwrap.fill(plain(text), 100) for text in (table.caption, *table.notes))
    return "\n\n".join([caption, _grid(table, "simple", plain), *notes])


def _github(table: Table) -> str:
    grid = _grid(table, "github", _markdown)
    return "\n\n".join([_markdown(table.caption), grid, *table.notes])


def _latex(table: Table) -> str:
    comments = [f"% {plain(text)}" for text in (table.caption, *table.notes)]
    return "\n".join([*comments, _grid(table, "latex_booktabs", plain)])


def _html(table: Table) -> str:
    caption = f"<caption>{html.escape(plain(table.caption))}</caption>"
    grid = _grid(table, "html", plain).replace("<table>", f"<table>\n{caption}", 1)
    return "\n".join([grid, *(f"<p>{html.escape(note)}</p>" for note in table.notes)])


def _csv(table: Table) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    fields = ("scorer", "protocol", "n", "errors")
    accuracy = ("value", "low", "high", "level", "method", "clusters")
    more = ("seed", "episodes", "episodes_digest", "scorer_digest", "leaked_characters")
    writer.writerow([*fields, *accuracy, *more])
    for one in table.results:
        cells = [*(one[name] for name in fields), *(one["accuracy"][name] for name in accuracy)]
        cells += [one[name] for name in more]
        writer.writerow([plain(cell) if isinstance(cell, str) else cell for cell in cells])
    return stream.getvalue().rstrip("\n")


def _json(table: Table) -> str:
    return json.dumps({"results": list(table.results)}, indent=1, allow_nan=False)


_WRITERS = {
    "text": _text,
    "github": _github,
    "latex": _latex,
    "html": _html,
    "csv": _csv,
    "json": _json,
}
FORMATS = tuple(_WRITERS)
"""Names of the formats. JSON has names as they are, all others as `plain` text."""


def render(table: Table, form: str) -> str:
    """Writes a table out.

    Args:
        table: The table.
        form: One of `FORMATS`.

    Raises:
        ResultError: The format is unknown.
    """
    if form not in _WRITERS:
        raise ResultError(f"unknown format {form!r}; known are {', '.join(FORMATS)}")
    return _WRITERS[form](table)
