"""Published accuracies of other authors, with their sources."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ..errors import ResultError
from ..store import is_official
from .layout import BLANK, MISSING, Cell, Section

PATH = Path(__file__).with_name("literature.json")

CHOICES = ("verified", "all")
"""What can be asked for: only verified figures, or unverified figures too."""

MARKS = {
    "C": ("°", "computed from the official data, not published by others"),
    "M": ("?", "UNVERIFIED: from memory, not checked in its source"),
    "transductive": (
        "§",
        "transductive batch norm: the answer to a query depends on the other queries",
    ),
}
"""Marks behind published figures, and what they mean."""


PUBLISHED_MARKS = dict(MARKS.values())
"""What the marks behind published figures mean, by mark."""


@dataclass(frozen=True)
class Published:
    """An accuracy as published.

    Attributes:
        system: Name of the method.
        variant: Which variant of the method, or "".
        protocol: Name of the protocol in whose column it is shown.
        accuracy: In percent, with the decimals of the source.
        source: Citation: authors, title, venue and year.
        status: V: verified in the text of the source; C: computed from the
            official data; M: from memory, not verified.
        remark: A remark, or "".
        transductive: Whether batch norm saw all queries of an episode at once.
        reruns: Lowest and highest accuracy of re-runs by others, in percent,
            or None.
    """

    system: str
    variant: str
    protocol: str
    accuracy: float
    source: tuple[str, str, str]
    status: str
    remark: str = ""
    transductive: bool = False
    reruns: tuple[float, float] | None = None

    @property
    def label(self) -> str:
        """System and variant, with "unverified" if the figure is not verified."""
        label = f"{self.system} ({self.variant})" if self.variant else self.system
        return f"{label}, unverified" if self.status == "M" else label

    @property
    def citation(self) -> str:
        """The source in full."""
        return ", ".join(part for part in self.source if part)

    @property
    def marks(self) -> tuple[str, ...]:
        """The keys of `MARKS` that apply."""
        return (*([self.status] * (self.status in MARKS)), *["transductive"] * self.transductive)

    def flat(self) -> dict[str, Any]:
        """Gives the fields of a row of CSV."""
        status = {"V": "verified", "C": "computed", "M": "UNVERIFIED"}[self.status]
        source = f"as published, {status}: {self.citation}"
        value = self.as_json()["value"]
        return {"scorer": self.label, "protocol": self.protocol, "value": value, "source": source}

    def as_json(self) -> dict[str, Any]:
        """Gives the fields of the JSON interface; the accuracy is a fraction."""
        return {
            "system": self.label,
            "protocol": self.protocol,
            "value": round(self.accuracy / 100, 6),
            "source": self.citation,
            "status": self.status,
            "remark": self.remark,
            "transductive": self.transductive,
        }


@cache
def _content() -> dict[str, Any]:
    return json.loads(PATH.read_text(encoding="utf-8"))


def as_published(which: str = "verified") -> tuple[Published, ...]:
    """Lists published accuracies.

    Args:
        which: One of `CHOICES`.

    Raises:
        ResultError: `which` is not one of `CHOICES`.
    """
    if which not in CHOICES:
        raise ResultError(f"unknown published figures {which!r}; known are {', '.join(CHOICES)}")
    content = _content()
    found = (
        Published(
            **{
                "variant": "",
                **row,
                "source": tuple(content["sources"][row["source"]].values()),
                "reruns": tuple(row["reruns"]) if "reruns" in row else None,
            }
        )
        for row in content["results"]
    )
    return tuple(one for one in found if which == "all" or one.status != "M")


def is_setting_of(protocol: dict[str, Any], name: str) -> bool:
    """Tells whether published figures of a protocol's name apply to a run.

    Args:
        protocol: The protocol in the run's record.
        name: Name of a protocol, as in `Published`.
    """
    if protocol.get("name") != name:
        return False
    if name == "lake-runs":
        return is_official(protocol)
    # Another version may use a name for something else.
    return (protocol.get("fields") or {}).get("split", "vinyals") == "vinyals"


def sections_of(rows: Sequence[Published], columns: Sequence[str]) -> list[Section]:
    """Lays out published figures, one section for each setting, never in bold face.

    Args:
        rows: The figures.
        columns: Name of the protocol of each column, or "" for a column
            without published figures.
    """
    settings: dict[str, list[Published]] = {}
    for row in rows:
        settings.setdefault(row.protocol.partition("-")[0], []).append(row)
    return [_section(some, columns) for some in settings.values()]


def _section(rows: Sequence[Published], columns: Sequence[str]) -> Section:
    cells = {
        (row.label, row.protocol): Cell(
            repr(row.accuracy), marks=tuple(MARKS[key][0] for key in row.marks)
        )
        for row in rows
    }
    protocols = {row.protocol for row in rows}
    lines = tuple(
        (
            label,
            tuple(
                cells.get((label, column), MISSING) if column in protocols else BLANK
                for column in columns
            ),
        )
        for label in dict.fromkeys(row.label for row in rows)
    )
    return Section(lines, heading="as published")


def notes_on(rows: Sequence[Published]) -> list[str]:
    """Writes the notes on published figures: marks, remarks, re-runs, sources."""
    found = [
        f"{mark} {meaning}"
        for key, (mark, meaning) in MARKS.items()
        if any(key in row.marks for row in rows)
    ]
    for split, setting in _content()["settings"].items():
        if any(row.protocol.startswith(f"{split}-") for row in rows):
            found.append(f"{split}, as published: {setting}")
    remarks: dict[str, list[str]] = {}
    for row in rows:
        if row.remark and row.label not in remarks.setdefault(row.remark, []):
            remarks[row.remark].append(row.label)
    reruns: dict[str, list[str]] = {}
    for row in rows:
        if row.reruns:
            low, high = row.reruns
            reruns.setdefault(row.label, []).append(f"{low}–{high} on {row.protocol}")
    if remarks:
        said = (f"{', '.join(some)}: {remark}" for remark, some in remarks.items())
        found.append(f"Remarks. {'; '.join(said)}.")
    if reruns:
        ranges = (f"{label} {', '.join(some)}" for label, some in reruns.items())
        found.append(f"Re-runs by others, %: {'; '.join(ranges)}.")
    sources: dict[str, list[str]] = {}
    for row in rows:
        authors, _, venue = row.source
        systems = sources.setdefault(f"{authors}, {venue}", [])
        if row.system not in systems:
            systems.append(row.system)
    cited = (f"{', '.join(systems)}: {source}" for source, systems in sources.items())
    return [*found, f"Sources. {'; '.join(cited)}."]
