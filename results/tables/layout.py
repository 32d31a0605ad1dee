"""Layout: what a table shows and where, whatever format it is written in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal

PRECISION = 9
"""Decimals of a percentage beyond which everything is rounding noise."""


def percent(share: float, decimals: int = 1) -> str:
    """Writes a fraction in percent, halves rounded up.

    Args:
        share: The fraction.
        decimals: How many.
    """
    exact = Decimal(repr(round(100 * share, PRECISION)))
    return str(exact.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP))


def decimals_for(shares: Iterable[float], least: int = 1) -> int:
    """How many decimals show in percent that what is neither 0 nor 1 is not.

    99.96 % is not 100.0 %, and an interval of 0.04 points is not none.

    Args:
        shares: Fractions that stand in one column.
        least: The fewest decimals.
    """
    doubtful = [share for share in shares if round(100 * share, PRECISION) not in (0, 100)]
    for decimals in range(least, PRECISION):
        if not {float(percent(share, decimals)) for share in doubtful} & {0.0, 100.0}:
            return decimals
    return max(least, PRECISION)


@dataclass(frozen=True)
class Cell:
    """What one place of a table shows.

    Attributes:
        value: A figure or a text, without marks.
        reach: The figure behind ±, or "".
        marks: Characters behind the figures that a note explains.
        bold: Whether it is set off.
    """

    value: str
    reach: str = ""
    marks: tuple[str, ...] = ()
    bold: bool = False

    @property
    def figures(self) -> str:
        """Value and reach in a line."""
        return f"{self.value} ± {self.reach}" if self.reach else self.value


MISSING = Cell("–")
"""There is no value."""

BLANK = Cell("")
"""Not applicable: no value could stand here."""


@dataclass(frozen=True)
class Column:
    """A column of cells.

    Attributes:
        heading: Its full name.
        group: A heading over several columns, or "".
        short: What is left to say beneath the group's heading.
        kind: What it holds: `figures`, aligned at their points; `amounts`,
            with units; or `names`.
    """

    heading: str
    group: str = ""
    short: str = ""
    kind: Literal["figures", "amounts", "names"] = "figures"

    @classmethod
    def of(cls, label: str) -> Column:
        """Figures under a label such as lake-within-20w1s, of the group lake-within."""
        parts = re.fullmatch(r"(.+?)-(\d+(?:to\d+)?w\d+s.*)", label)
        return cls(label, parts[1], parts[2]) if parts else cls(label)


@dataclass(frozen=True)
class Section:
    """Rows that belong together.

    Attributes:
        rows: For each its label and a cell for each column.
        heading: What they are, where they are to stand apart from one's own
            figures; or "".
    """

    rows: tuple[tuple[str, tuple[Cell, ...]], ...]
    heading: str = ""

    def of(self, columns: Sequence[int]) -> Section:
        """Some of the columns, of the rows that say something in them."""
        rows = [(label, tuple(cells[i] for i in columns)) for label, cells in self.rows]
        kept = [row for row in rows if not set(row[1]) <= {MISSING, BLANK}]
        return replace(self, rows=tuple(kept))


@dataclass(frozen=True)
class Layout:
    """A table, laid out.

    Attributes:
        name: The table's subject in a few words; its letters, digits and
            hyphens make a LaTeX label.
        title: What the table shows, in one line; it stands above the table.
        stub: Heading of the labels.
        columns: The columns.
        sections: The rows.
        notes: What the figures and the marks mean; they stand below the table.
        hint: What to look at next, for readers at a terminal, or "".
    """

    name: str
    title: str
    stub: str
    columns: tuple[Column, ...]
    sections: tuple[Section, ...]
    notes: tuple[str, ...] = ()
    hint: str = ""

    def of(self, columns: Sequence[int]) -> Layout:
        """Some of the columns, of the rows that say something in them."""
        sections = [section.of(columns) for section in self.sections]
        return replace(
            self,
            columns=tuple(self.columns[i] for i in columns),
            sections=tuple(section for section in sections if section.rows),
        )

    def parts(self) -> Iterator[Layout]:
        """Cuts it where rows stand apart, into layouts with the columns that each fills."""
        own = tuple(section for section in self.sections if not section.heading)
        if own:
            yield replace(self, sections=own)
        for section in self.sections:
            if section.heading:
                places = range(len(self.columns))
                filled = [i for i in places if section.of([i]).rows]
                yield replace(self, stub=section.heading, sections=(section,)).of(filled)

    def groups(self) -> list[tuple[str, int]]:
        """Headings over columns and how many columns each spans; "" over a column of none.

        Empty where no group has several columns.
        """
        spans: list[tuple[str, int]] = []
        for column in self.columns:
            if spans and column.group and spans[-1][0] == column.group:
                spans[-1] = (column.group, spans[-1][1] + 1)
            else:
                spans.append((column.group, 1))
        shown = [(group if count > 1 else "", count) for group, count in spans]
        return shown if any(group for group, _ in shown) else []

    def headings(self) -> list[str]:
        """What stands over each column, beneath `groups`."""
        spans = [group for group, count in self.groups() for _ in range(count)]
        return [
            column.short if spans and spans[i] else column.heading
            for i, column in enumerate(self.columns)
        ]
