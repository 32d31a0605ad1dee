"""Pages: a layout divided so that each part fits on a page of LaTeX."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from .layout import Cell, Layout, Section

_LINE = 330.0
"""Width of the text in points, 345 in LaTeX's article class, less the error of the estimates."""

SMALLEST = r"\footnotesize"
"""The smallest type size. LaTeX is told what to do if a table does not quite fit in it."""


@dataclass(frozen=True)
class _Size:
    """A type size: command, width of a figure, column space and row height, in points."""

    command: str
    figure: float
    space: int
    height: float


_SIZES = (_Size("", 5.0, 6, 13.0), _Size(r"\small", 4.63, 4, 12.0), _Size(SMALLEST, 4.25, 3, 10.5))
_LAST_RESORT = _Size(r"\scriptsize", 3.98, 2, 10.5)
"""The size that LaTeX is told to take instead of the smallest one."""

_HEIGHT = 520.0
_CAPTION = (82, 12.0)
_NOTES = (92, 9.5)
"""Height of a page in points; for titles and notes, characters on a line and its height."""

_FEWEST = 6
"""The smallest number of rows to start at the end of a page."""

STRETCH = 1.3
"""How much higher rows are in which ends of intervals are raised and lowered."""

NUMBER = re.compile(r"(\d+)(?:\.(\d+))?")
"""A figure without thousands separators."""


@dataclass
class Page:
    """The content of a page.

    Attributes:
        panels: Parts of the layout, one above the other.
        notes: Notes below the panels.
    """

    panels: list[Layout] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def digits(texts: Sequence[str]) -> tuple[int, int]:
    """Gives the largest number of digits before and after the decimal point."""
    parts = [match for text in texts if (match := NUMBER.fullmatch(text.replace(",", "")))]
    return (
        max((len(part[1]) for part in parts), default=1),
        max((len(part[2] or "") for part in parts), default=0),
    )


_NARROW = frozenset("fijlrtI.,:;'|!()[]- ")
_WIDE = frozenset("mwMW@%")


def _length(text: str) -> float:
    """Gives the width of a text, in characters as wide as a figure."""
    narrow, wide = (sum(char in kind for char in text) for kind in (_NARROW, _WIDE))
    capitals = sum(char.isupper() and char not in _WIDE and char != "I" for char in text)
    return len(text) - 0.35 * narrow + 0.65 * wide + 0.4 * capitals


def _room(layout: Layout, size: _Size) -> float:
    """Gives the width of a table in points."""
    rows = [row for section in layout.sections for row in section.rows]
    widths = []
    for place, heading in enumerate(layout.heading_lines()):
        column = [cells[place] for _, cells in rows]
        figures = (
            _width([cell.value for cell in column])
            + max(map(_behind, column), default=0)
            + max((len(cell.marks) for cell in column), default=0)
        )
        widths.append(size.figure * max(*map(_length, heading), figures) + 2 * size.space)
    first = max([_length(layout.stub), *(_length(label) for label, _ in rows)])
    room, start = size.figure * first + 2 * size.space, 0
    for group, count in layout.groups() or [("", len(widths))]:
        least = size.figure * _length(group) + 2 * size.space
        room += max(least if group else 0, sum(widths[start : start + count]))
        start += count
    return room


def _behind(cell: Cell) -> int:
    """Gives the number of characters that an interval takes behind its value."""
    style = cell.written("asymmetric")
    if cell.ends is None or style == "none":
        return 0
    # What is raised or lowered is one above the other, and smaller.
    if style == "asymmetric":
        return 1 + max(len(cell.ends.below), len(cell.ends.above))
    return len(cell.ends.above) + 3 if style == "plus-minus" else len(cell.interval) + 1


def _width(texts: Sequence[str]) -> float:
    """Gives the width of a column whose numbers are aligned at their decimal points."""
    if not any(texts):
        return 0
    whole, places = digits(texts)
    return max(whole + 1 + places, *map(_length, texts))


def _panels(layout: Layout) -> list[Layout]:
    """Divides a layout that is too wide into panels, one above the other."""
    panels: list[list[int]] = [[]]
    for place in range(len(layout.columns)):
        if panels[-1] and _room(layout.of([*panels[-1], place]), _LAST_RESORT) > _LINE:
            panels.append([])
        panels[-1].append(place)
    return [layout.of(panel) for panel in panels] if len(panels) > 1 else [layout]


def _size(layout: Layout) -> _Size:
    panels = _panels(layout)
    for size in _SIZES:
        if max(_room(panel, size) for panel in panels) <= _LINE:
            return size
    return _SIZES[-1]


def stretch(layout: Layout) -> float:
    """Gives how much higher the rows of a layout are than those of plain text.

    Args:
        layout: The layout.
    """
    cells = (cell for section in layout.sections for _, row in section.rows for cell in row)
    return STRETCH if any(one.written("asymmetric") == "asymmetric" for one in cells) else 1.0


def size_of(layout: Layout) -> tuple[str, int]:
    """Gives the type size in which a layout fits ("" for the normal size), and the column space."""
    size = _size(layout)
    return size.command, size.space


def _lines(text: str, kind: tuple[int, float]) -> float:
    """Gives the height of a text in points."""
    return math.ceil(len(text) / kind[0]) * kind[1]


def _cut(layout: Layout, count: int) -> tuple[Layout, Layout]:
    """Divides a layout into its first rows and the rest."""
    first: list[Section] = []
    rest: list[Section] = []
    for section in layout.sections:
        taken = min(max(count, 0), len(section.rows))
        for part, rows in ((first, section.rows[:taken]), (rest, section.rows[taken:])):
            if rows:
                part.append(replace(section, rows=rows))
        count -= taken
    return replace(layout, sections=tuple(first)), replace(layout, sections=tuple(rest))


def pages(layout: Layout) -> list[Page]:
    """Divides a layout into as few pages as its estimated height allows.

    Args:
        layout: The layout.
    """
    height = _size(layout).height * stretch(layout)
    done = [Page()]
    left = _HEIGHT - _lines(layout.title, _CAPTION) - 10
    for panel in _panels(layout):
        rest = panel
        while rest.sections:
            heads = 3 + len(rest.sections) + bool(rest.groups())
            count = sum(len(section.rows) for section in rest.sections)
            fitting = int(left / height) - heads
            if fitting < min(count, _FEWEST) and done[-1].panels:
                done.append(Page())
                left = _HEIGHT - _lines("", _CAPTION) - 10
                continue
            first, rest = _cut(rest, max(fitting, _FEWEST))
            done[-1].panels.append(first)
            left -= height * (heads + sum(len(section.rows) for section in first.sections))
    for note in layout.notes:
        if _lines(note, _NOTES) > left:
            done.append(Page())
            left = _HEIGHT
        done[-1].notes.append(note)
        left -= _lines(note, _NOTES)
    return done
