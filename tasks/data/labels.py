"""Labels: a CSV file that says what each image of a folder shows."""

from __future__ import annotations

import csv
import difflib
import io
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import TaskError
from ..files import read_regular
from ..text import readable, reason

COLUMNS = ("filename", "label", "group", "drawer")
"""Columns of a file of labels; the last two may be missing."""

EXPECTED = (
    "expected a first line with filename,label and, where known, group,drawer, separated by commas"
)

_CALLED = {
    "filename": ("filename", "filenames"),
    "label": ("label", "labels", "target", "targets"),
    "group": ("group", "groups", "alphabet", "alphabets"),
    "drawer": ("drawer", "drawers"),
}
"""What files call the columns, the most telling name first, as `array_names` has it."""

_NEAR = 0.8
"""How alike, from 0 to 1, two names are of which the one is taken for the other, misspelt."""

_LARGEST = 2**28

_PART_FILES = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
}
"""Names of files of labels that are for one part, as mini-ImageNet has them."""


@dataclass(frozen=True)
class Label:
    """A row of a file of labels.

    Attributes:
        filename: Path of the image below the folder.
        label: The class.
        group: The group of classes, "" where there is none.
        drawer: Who drew it, "" where that is unknown.
        part: `train`, `validation` or `test`, "" where the file is for no part.
    """

    filename: str
    label: str
    group: str
    drawer: str
    part: str


def files_of(root: Path) -> list[Path]:
    """Finds the files of labels at the top of a folder.

    Args:
        root: The folder, or a file of labels itself.

    Returns:
        `labels.csv`, or those of parts such as `train.csv`, or the only CSV file; none if there
        is no CSV file.

    Raises:
        TaskError: There are several other CSV files.
    """
    if root.is_file():
        return [root]
    found = sorted(path for path in root.glob("*.[cC][sS][vV]") if not path.name.startswith("."))
    named = [path for path in found if path.name.lower() == "labels.csv"]
    parts = [path for path in found if path.stem.lower() in _PART_FILES]
    chosen = named or parts or found
    if len(chosen) > 1 and not parts:
        names = ", ".join(readable(path.name) for path in chosen[:5])
        raise TaskError(f"several CSV files ({names}); call the one with the labels labels.csv")
    return chosen


def unread(path: Path) -> list[str]:
    """Says which columns of a file of labels are not read.

    Args:
        path: As for `read`.

    Returns:
        A line that names them; none if all are read.

    Raises:
        TaskError: As `read`.
    """
    where, rows = _rows(path)
    names = next(rows, [])
    places = _places(names, where)
    others = [
        readable(name.strip()) or "one without a name"
        for place, name in enumerate(names)
        if place not in places.values()
    ]
    if not others:
        return []
    known = ", ".join(
        called if (called := _plain(names[place])) == column else f"{called} as {column}"
        for column, place in places.items()
    )
    return [f"{where}: columns not read: {', '.join(others)}; read are {known}"]


def _rows(path: Path) -> tuple[str, Iterator[list[str]]]:
    """Gives the name of a file in messages, and its rows."""
    where = readable(path.name)
    try:
        text = read_regular(path, _LARGEST).decode("utf-8-sig")
        if "\0" in text:
            raise TaskError("not a CSV file in UTF-8 (it has NUL bytes)")
    except UnicodeDecodeError as error:
        raise TaskError(f"{where}: not a CSV file in UTF-8 ({reason(error)})") from None
    except TaskError as error:
        raise TaskError(f"{where}: {error}") from None
    # One spelling of letters with accents, as for the names of folders.
    return where, _cells(unicodedata.normalize("NFC", text), where)


def _cells(text: str, where: str) -> Iterator[list[str]]:
    try:
        yield from csv.reader(io.StringIO(text, newline=""))
    except csv.Error as error:
        raise TaskError(f"{where}: not a CSV file in UTF-8 ({reason(error)})") from None


def _plain(name: str) -> str:
    """The name of a column in small letters, without spaces and strokes."""
    return re.sub(r"[\s_-]", "", name).lower()


def _places(names: Sequence[str], where: str) -> dict[str, int]:
    """Finds the columns.

    Args:
        names: The first line.
        where: What the file is called in errors.

    Returns:
        Where each of `COLUMNS` is that is there.

    Raises:
        TaskError: One is missing or there twice, or a name looks like a misspelt one.
    """
    plain = [_plain(name) for name in names]
    places, missing = dict[str, int](), list[str]()
    for column, calls in _CALLED.items():
        called = next((call for call in calls if call in plain), None)
        if called is None:
            missing.append(column)
            continue
        if plain.count(called) > 1:
            raise TaskError(f"{where}: more than one column {called}; {EXPECTED}")
        places[column] = plain.index(called)
    if needed := [column for column in COLUMNS[:2] if column in missing]:
        raise TaskError(f"{where}: no column {' and '.join(needed)}; {EXPECTED}")
    for column in missing:
        for near in difflib.get_close_matches(column, plain, n=1, cutoff=_NEAR):
            given = readable(names[plain.index(near)].strip())
            raise TaskError(
                f"{where}: column {given} is not read; call it {column}, or, if it is something "
                f"else, give it a name that is less like {column}"
            )
    return places


def read(path: Path) -> Iterator[Label]:
    """Reads a file of labels.

    Args:
        path: A CSV file in UTF-8, its first line the names of the columns.

    Yields:
        Its rows; rows without any text are left out.

    Raises:
        TaskError: It cannot be read, lacks a column, has one of a name that looks misspelt, or a
            row lacks its file or label.
    """
    where, rows = _rows(path)
    names = next(rows, [])
    found = _places(names, where)
    places = [found.get(column) for column in COLUMNS]
    part = _PART_FILES.get(path.stem.lower(), "")
    for number, row in enumerate(rows, start=2):
        if not any(cell.strip() for cell in row):
            continue
        cells = [
            row[place].strip() if place is not None and place < len(row) else "" for place in places
        ]
        filename, label, group, drawer = cells
        if not filename or not label or len(row) > len(names):
            raise TaskError(
                f"{where}: line {number} has {len(row)} cells of {len(names)}, or no filename or "
                f"label; {EXPECTED}"
            )
        yield Label(filename.replace("\\", "/"), label, group, drawer, part)
