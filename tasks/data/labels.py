"""Labels: a CSV file that says what each image of a folder shows."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import TaskError
from ..files import read_regular
from ..text import readable, reason

COLUMNS = ("filename", "label", "group", "drawer")
"""Columns of a file of labels; the last two may be missing."""

EXPECTED = "expected a first line with filename,label and, where known, group,drawer"

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


def read(path: Path) -> Iterator[Label]:
    """Reads a file of labels.

    Args:
        path: A CSV file in UTF-8, its first line the names of the columns.

    Yields:
        Its rows; rows without any text are left out.

    Raises:
        TaskError: It cannot be read, lacks a column, or a row lacks its file or label.
    """
    where = readable(path.name)
    try:
        text = read_regular(path, _LARGEST).decode("utf-8-sig")
        if "\0" in text:
            raise TaskError("not a CSV file in UTF-8 (it has NUL bytes)")
        # One spelling of letters with accents, as for the names of folders.
        text = unicodedata.normalize("NFC", text)
        rows = list(csv.reader(io.StringIO(text, newline="")))
    except (UnicodeDecodeError, csv.Error) as error:
        raise TaskError(f"{where}: not a CSV file in UTF-8 ({reason(error)})") from None
    except TaskError as error:
        raise TaskError(f"{where}: {error}") from None
    names = [name.strip().lower() for name in rows[0]] if rows else []
    missing = [name for name in COLUMNS[:2] if names.count(name) != 1]
    if missing:
        many = any(name in names for name in missing)
        what = "more than one column" if many else "no column"
        raise TaskError(f"{where}: {what} {' and '.join(missing)}; {EXPECTED}")
    places = [names.index(name) if name in names else None for name in COLUMNS]
    part = _PART_FILES.get(path.stem.lower(), "")
    for number, row in enumerate(rows[1:], start=2):
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
