"""Layouts: the ways in which people keep images, and how each is listed."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from ..errors import TaskError
from ..text import readable
from . import labels, parts
from .listing import (
    ALPHABET,
    ENDINGS,
    File,
    Listing,
    counted,
    expected,
    is_read_or_hidden,
    tree,
)

_NAMED = 5


def listed(root: Path, where: str) -> Listing:
    """Lists a folder of images, whatever its layout.

    Images lie as `alphabet/character/*.png` or `character/*.png`; or anywhere, with a file of
    labels (see `labels`). Files such as `train.txt` or `split.json` say which classes are in which
    part (see `parts`).

    Args:
        root: The folder, or a file of labels beside the images.
        where: What the folder is called in errors.

    Raises:
        TaskError: It is not there, cannot be read, or is laid out otherwise.
    """
    if not root.is_dir() and not (root.is_file() and root.suffix.lower() == ".csv"):
        raise TaskError(f"{where}: {_misread(root, where) or f'no such folder; {expected(where)}'}")
    try:
        tables = labels.files_of(root)
        top = root.parent if root.is_file() else root
        found = _labelled(top, tables) if tables else tree(root, where)
        if not tables:
            names = [entry.name for entry in os.scandir(top) if not entry.is_dir()]
            beside = [f"beside the classes: {one}" for one in _no_images(top, names, tables)]
            found = replace(found, remarks=[*found.remarks, *beside])
        said = parts.read(top)
        if said and not found.parts:
            classes = list(dict.fromkeys(file.kind for file in found.files))
            found = replace(found, parts=parts.divide(classes, said))
    except TaskError as error:
        line = str(error)
        raise TaskError(line if line.startswith(where) else f"{where}: {line}") from None
    return found


def _no_images(top: Path, names: Iterable[str], tables: list[Path]) -> Iterator[str]:
    """Says how many files of a folder are no images, and nothing else that is read."""
    known = {path.name for path in (*tables, *parts.files_of(top))}
    others = (
        name
        for name in names
        if not (_is_image(name) or is_read_or_hidden(name.rpartition("/")[2]) or name in known)
    )
    if what := counted(others):
        yield f"not read are {what}, which is no known ending of images"


def _misread(root: Path, where: str) -> str:
    """Says what is wrong with words after an @, if what stands before them is a path."""
    words = str(root).split("@")
    for count in range(len(words) - 1, 0, -1):
        path = "@".join(words[:count])
        if Path(path).exists():
            kind, _, _ = where.partition(":")
            wrong, known = readable("@".join(words[count:])), ", ".join(parts.PARTS)
            expected = f"folder:PATH@PART, where PART is one of {known}; sizes are for images:PATH"
            if kind == "images":
                expected = (
                    "images:PATH@SIZE@gray@PART in this order, each @ only where it is needed; "
                    f"SIZE is in pixels, gray can be color, PART is one of {known}"
                )
            return f"@{wrong} cannot be read here, expected {expected}"
    return ""


def _labelled(root: Path, tables: list[Path]) -> Listing:
    """Lists the images that files of labels name."""
    every = dict(_files(root))
    there = {name: path for name, path in every.items() if _is_image(name)}
    files: dict[str, File] = {}
    divided: dict[tuple[str, str], str] = {}
    missing: list[tuple[Path, str]] = []
    remarks: list[str] = []
    for table in tables:
        remarks += labels.unread(table)
        for row in labels.read(table):
            plain = row.filename.removeprefix("./")
            name = next((one for one in (plain, f"images/{plain}") if one in there), None)
            if name is None:
                missing.append((table, row.filename))
                continue
            file = File(name, there[name], row.group or ALPHABET, row.label, row.drawer)
            if name in files:
                raise TaskError(f"{readable(table.name)}: {readable(name)} has two rows; keep one")
            if row.part and divided.setdefault(file.kind, row.part) != row.part:
                raise TaskError(
                    f"class {readable(file.title)} is in {divided[file.kind]} and in {row.part}; "
                    "what is trained on cannot be tested on: leave it in one of them"
                )
            files[name] = file
    if missing:
        names = ", ".join(readable(name) for _, name in missing[:_NAMED])
        more = ", ..." if len(missing) > _NAMED else ""
        raise TaskError(
            f"{readable(missing[0][0].name)}: {len(missing)} of its images are not there ({names}"
            f"{more}); file names are looked for in the folder and in its folder images: put them "
            "there, or remove the rows"
        )
    if not files:
        raise TaskError(f"{readable(tables[0].name)}: no images; {labels.EXPECTED}")
    ordered = [files[name] for name in sorted(files)]
    remarks += _incomplete(ordered)
    remarks += _unlisted(sorted(there.keys() - files.keys()))
    remarks += _no_images(root, every, tables)
    return Listing(ordered, remarks, divided, labelled=True)


def _is_image(name: str) -> bool:
    return name[name.rfind(".") :].lower() in ENDINGS


def _files(root: Path) -> Iterator[tuple[str, Path]]:
    """Gives the name and the path of every file below a folder; links are not followed."""

    def refuse(error: OSError) -> None:
        name = Path(error.filename).relative_to(root).as_posix()
        raise TaskError(
            f"{readable(name)} cannot be opened ({error.strerror}); make it readable, or move it "
            "away"
        )

    for folder, folders, names in os.walk(root, onerror=refuse):
        folders[:] = [one for one in folders if not one.startswith(".")]
        below = "" if folder == str(root) else f"{Path(folder).relative_to(root).as_posix()}/"
        for one in names:
            if not one.startswith("."):
                yield unicodedata.normalize("NFC", f"{below}{one}"), Path(folder, one)


def _incomplete(files: list[File]) -> Iterator[str]:
    """Says how many images have no group or drawer, where others have."""
    grouped = sum(file.alphabet != ALPHABET for file in files)
    if 0 < grouped < len(files):
        yield (
            f"{len(files) - grouped} of {len(files)} images have no group in the labels; their "
            f"group is called {ALPHABET}"
        )
    drawn = sum(bool(file.drawer) for file in files)
    if 0 < drawn < len(files):
        yield (
            f"{len(files) - drawn} of {len(files)} images have no drawer in the labels, so that "
            "its drawers are not used"
        )


def _unlisted(others: list[str]) -> list[str]:
    """Says how many images of the folder no file of labels names."""
    if not others:
        return []
    names = ", ".join(readable(name) for name in others[:_NAMED])
    more = ", ..." if len(others) > _NAMED else ""
    return [f"not read are {len(others)} images that the labels do not name ({names}{more})"]
