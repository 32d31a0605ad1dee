"""Parts: which classes of a folder are for training, for validation and for testing."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import TaskError
from ..files import read_regular
from ..text import readable, reason
from .listing import ALPHABET

PARTS = ("train", "validation", "test")
"""Parts that data of one's own can have."""

SPELLINGS = {
    "train": ("train", "training", "base"),
    "validation": ("validation", "valid", "val"),
    "test": ("test", "novel"),
}
"""What files call the parts: Meta-Dataset has train, valid, test; CUB has base, val, novel."""

_JSON = ("split.json", "splits.json")

_LARGEST = 2**26

_NAMED = 3

HOW = (
    "write the names of classes, a line each, into train.txt, validation.txt and test.txt in the "
    'folder, or {"train": [...], "test": [...]} into split.json'
)
"""How to give a folder parts."""


def files_of(root: Path) -> list[Path]:
    """Lists the files at the top of a folder that say which classes are in which part."""
    names = [f"{name}.{end}" for names in SPELLINGS.values() for name in names for end in _ENDS]
    return [root / name for name in (*_JSON, *names) if (root / name).is_file()]


_ENDS = ("txt", "json")


def _text(path: Path) -> str:
    try:
        return read_regular(path, _LARGEST).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise TaskError(f"{readable(path.name)}: not UTF-8") from None
    except TaskError as error:
        raise TaskError(f"{readable(path.name)}: {error}") from None


def _json(path: Path) -> Any:
    try:
        return json.loads(_text(path))
    except (ValueError, RecursionError) as error:
        raise TaskError(f"{readable(path.name)}: not JSON ({reason(error)})") from None


def _names(said: Any, path: Path) -> list[str]:
    """Reads the names of classes from a list, or from a file of one part of CUB's form."""
    if isinstance(said, Mapping) and isinstance(said.get("label_names"), list):
        used = said.get("image_labels", range(len(said["label_names"])))
        try:
            named = dict(enumerate(said["label_names"]))
            said = [named[i] for i in sorted(set(used))]
        except (TypeError, KeyError):
            raise TaskError(
                f"{readable(path.name)}: image_labels are no places of label_names"
            ) from None
    if not isinstance(said, list) or not all(isinstance(name, str) for name in said):
        raise TaskError(f"{readable(path.name)}: expected lists of class names; {HOW}")
    # One spelling of letters with accents, as for the names of folders.
    return [unicodedata.normalize("NFC", name) for name in said]


def read(root: Path) -> dict[str, list[str]]:
    """Reads which classes are in which part.

    Args:
        root: The folder.

    Returns:
        Names of classes, `character` or `alphabet/character`, by part; {} where no file says it.

    Raises:
        TaskError: A file cannot be read, or a class is in two parts.
    """
    parts: dict[str, list[str]] = {}
    for path in files_of(root):
        if path.name in _JSON:
            said = _json(path)
            if not isinstance(said, Mapping):
                raise TaskError(f"{readable(path.name)}: expected lists of class names; {HOW}")
            lists = {str(key).lower(): value for key, value in said.items()}
        else:
            text = path.suffix == ".txt"
            lines = [line.strip() for line in _text(path).splitlines()] if text else _json(path)
            lists = {path.stem.lower(): [line for line in lines if line] if text else lines}
        for part, spellings in SPELLINGS.items():
            for key in spellings:
                if key in lists:
                    parts.setdefault(part, []).extend(_names(lists[key], path))
    _check(parts)
    return parts


def _check(parts: Mapping[str, Sequence[str]]) -> None:
    seen: dict[str, str] = {}
    for part, names in parts.items():
        for name in names:
            other = seen.setdefault(name, part)
            if other != part:
                raise TaskError(_twice(name, other, part))


def _title(alphabet: str, character: str) -> str:
    return character if alphabet == ALPHABET else f"{alphabet}/{character}"


def _twice(name: str, one: str, other: str) -> str:
    return (
        f"class {readable(name)} is in {one} and in {other}; what is trained on cannot be tested "
        "on: leave it in one of them"
    )


def divide(
    classes: Sequence[tuple[str, str]], parts: Mapping[str, Sequence[str]]
) -> dict[tuple[str, str], str]:
    """Says for each class in which part it is.

    Args:
        classes: Alphabet and character of each class.
        parts: As from `read`.

    Returns:
        The part of each class that is in one.

    Raises:
        TaskError: A name is that of no class, or of several, or a class gets two parts.
    """
    by_name: dict[str, list[tuple[str, str]]] = {}
    for alphabet, character in classes:
        for name in (character, f"{alphabet}/{character}"):
            by_name.setdefault(name, []).append((alphabet, character))
    found: dict[tuple[str, str], str] = {}
    for part, names in parts.items():
        for name in names:
            of = by_name.get(name, [])
            if len(of) != 1:
                what = "no class" if not of else f"{len(of)} classes"
                some = ", ".join(readable(_title(*one)) for one in (of or classes)[:_NAMED])
                raise TaskError(
                    f"{part}: {readable(name)} is the name of {what}; write one of the names that "
                    f"there are, such as {some}"
                )
            if found.setdefault(of[0], part) != part:
                raise TaskError(_twice(name, found[of[0]], part))
    return found
