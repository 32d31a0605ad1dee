"""Layout: what a table shows and where, for all formats."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ..errors import ResultError
from ..statistics import Estimate
from ..text import PRECISION, percent


def decimals_for(shares: Iterable[float], least: int = 1) -> int:
    """Gives the number of decimals with which no fraction looks like 0 or 100 % but is not.

    For example, 99.96 % must not become 100.0 %, nor 0.04 points 0.0.

    Args:
        shares: The fractions of one column.
        least: The smallest number of decimals.
    """
    doubtful = [share for share in shares if round(100 * share, PRECISION) not in (0, 100)]
    for decimals in range(least, PRECISION):
        if not {float(percent(share, decimals)) for share in doubtful} & {0.0, 100.0}:
            return decimals
    return max(least, PRECISION)


STYLES = ("plus-minus", "range", "asymmetric", "none")
"""How an interval can be written: 61.3 ± 7.9, 98.5 (93.4–99.7), 98.5 +1.2 −5.1, or not at all."""


def check_known(what: str, names: Iterable[str], known: Iterable[str]) -> None:
    """Refuses names that do not exist.

    Args:
        what: What they are names of.
        names: The names.
        known: Those that exist.

    Raises:
        ResultError: A name is not one of them.
    """
    unknown = [name for name in names if name not in set(known)]
    if unknown:
        raise ResultError(f"unknown {what} {unknown[0]!r}; known are {', '.join(known)}")


@dataclass(frozen=True)
class Ends:
    """The ends of an interval, as text.

    Attributes:
        low: Its lower end.
        high: Its upper end.
        below: The distance from the value to the lower end.
        above: The distance from the value to the upper end.
    """

    low: str
    high: str
    below: str
    above: str

    @classmethod
    def of(cls, one: Estimate, decimals: int = 1) -> Ends | None:
        """Writes the ends of an estimate's interval; None where there is no interval.

        Args:
            one: The estimate.
            decimals: The number of decimals.
        """
        if one.low is None or one.high is None:
            return None
        shares = one.low, one.high, one.value - one.low, one.high - one.value
        return cls(*(percent(abs(share), decimals) for share in shares))


@dataclass(frozen=True)
class Cell:
    """One cell of a table.

    Attributes:
        value: A figure or a text, without marks.
        ends: Ends of the figure's interval, or None.
        marks: Characters behind the figures, which a note explains.
        bold: Whether the figures are in bold face.
        style: One of `STYLES`; "" for the style of the format.
    """

    value: str
    ends: Ends | None = None
    marks: tuple[str, ...] = ()
    bold: bool = False
    style: str = ""

    def written(self, usual: str = "range") -> str:
        """Gives the style in which the interval is written.

        There is ± only where both ends are as far away, to the printed digit.

        Args:
            usual: The style of the format, for intervals that are not symmetric.
        """
        if self.ends is None:
            return "none"
        symmetric = self.ends.below == self.ends.above
        style = self.style or ("plus-minus" if symmetric else usual)
        return "range" if style == "plus-minus" and not symmetric else style

    @property
    def interval(self) -> str:
        """The interval as text, or ""."""
        if self.ends is None:
            return ""
        return {
            "plus-minus": f"± {self.ends.above}",
            "range": f"({self.ends.low}–{self.ends.high})",
            "asymmetric": f"+{self.ends.above} −{self.ends.below}",
            "none": "",
        }[self.written()]

    @property
    def figures(self) -> str:
        """Value and interval in one text."""
        return f"{self.value} {self.interval}".rstrip()


MISSING = Cell("–")
"""There is no value."""

BLANK = Cell("")
"""Not applicable: no value could stand here."""


@dataclass(frozen=True)
class Column:
    """A column of cells.

    Attributes:
        heading: Its full name.
        group: A heading shared with other columns, or "".
        short: The heading below the group's heading.
        kind: What it holds: `figures`, aligned at their decimal points;
            `amounts`, with units; or `names`.
        words: The group's heading and that below it, in words for a printed
            paper; None if there are none.
        alone: Whether the group's heading stands above a single column too.
        stacked: Whether a heading in words has two lines, to be narrow.
    """

    heading: str
    group: str = ""
    short: str = ""
    kind: Literal["figures", "amounts", "names"] = "figures"
    words: tuple[str, str] | None = None
    alone: bool = False
    stacked: bool = False

    @classmethod
    def of(cls, label: str) -> Column:
        """Makes a column of figures; the label lake-within-20w1s gives the group lake-within."""
        parts = re.fullmatch(r"(.+?)-(\d+(?:to\d+)?w\d+s.*)", label)
        return cls(label, parts[1], parts[2]) if parts else cls(label)


@dataclass(frozen=True)
class Section:
    """Rows that belong together.

    Attributes:
        rows: For each row its label and one cell for each column.
        heading: The heading of rows that stand apart, such as published
            figures; "" for rows of stored runs.
    """

    rows: tuple[tuple[str, tuple[Cell, ...]], ...]
    heading: str = ""

    def of(self, columns: Sequence[int]) -> Section:
        """Keeps some of the columns, and the rows that have a value in one of them."""
        rows = [(label, tuple(cells[i] for i in columns)) for label, cells in self.rows]
        kept = [row for row in rows if not set(row[1]) <= {MISSING, BLANK}]
        return replace(self, rows=tuple(kept))


@dataclass(frozen=True)
class Layout:
    """A table, laid out.

    Attributes:
        name: The table's subject in one or two words; its letters, digits and
            hyphens make a LaTeX label.
        title: What the table shows, in one line; it stands above the table.
        stub: Heading of the column of labels.
        columns: The columns.
        sections: The rows.
        notes: What the figures and the marks mean; they stand below the table.
        hint: What to look at next, for readers at a terminal, or "".
        label: The LaTeX label; "" for one that is made of `name`.
    """

    name: str
    title: str
    stub: str
    columns: tuple[Column, ...]
    sections: tuple[Section, ...]
    notes: tuple[str, ...] = ()
    hint: str = ""
    label: str = ""

    def of(self, columns: Sequence[int]) -> Layout:
        """Keeps some of the columns, and the rows that have a value in one of them."""
        sections = [section.of(columns) for section in self.sections]
        return replace(
            self,
            columns=tuple(self.columns[i] for i in columns),
            sections=tuple(section for section in sections if section.rows),
        )

    def parts(self) -> Iterator[Layout]:
        """Splits it where rows stand apart; each part keeps the columns in which it has values."""
        own = tuple(section for section in self.sections if not section.heading)
        if own:
            yield replace(self, sections=own)
        for section in self.sections:
            if section.heading:
                places = range(len(self.columns))
                filled = [i for i in places if section.of([i]).rows]
                yield replace(self, stub=section.heading, sections=(section,)).of(filled)

    def groups(self) -> list[tuple[str, int]]:
        """Gives the group headings, each with the number of columns that it spans.

        A column without a group has the heading "". The list is empty if no
        group has several columns.
        """
        spans: list[tuple[str, int]] = []
        alone = {column.group for column in self.columns if column.alone}
        for column in self.columns:
            if spans and column.group and spans[-1][0] == column.group:
                spans[-1] = (column.group, spans[-1][1] + 1)
            else:
                spans.append((column.group, 1))
        shown = [(group if count > 1 or group in alone else "", count) for group, count in spans]
        return shown if any(group for group, _ in shown) else []

    def in_words(self, stacked: bool = False) -> Layout:
        """Gives columns the headings in words that they have.

        Args:
            stacked: Whether these headings have two lines.
        """
        columns = [
            replace(one, group=one.words[0], short=one.words[1], alone=True, stacked=stacked)
            if one.words
            else one
            for one in self.columns
        ]
        return replace(self, columns=tuple(columns))

    def heading_lines(self) -> list[list[str]]:
        """Gives the lines of each column's heading; two for 5-way and 1-shot, stacked."""
        return [
            re.split(r" (?=\d+-shot)", heading, maxsplit=1) if column.stacked else [heading]
            for column, heading in zip(self.columns, self.headings(), strict=True)
        ]

    def headings(self) -> list[str]:
        """Gives the heading of each column, below `groups`."""
        spans = [group for group, count in self.groups() for _ in range(count)]
        return [
            column.short if spans and spans[i] else column.heading
            for i, column in enumerate(self.columns)
        ]
