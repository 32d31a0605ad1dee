"""Listing: what lies in a folder of images, and what of it is none."""

from __future__ import annotations

import os
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path, PurePosixPath

from ..errors import TaskError
from ..text import readable

ENDINGS = (
    *(".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".gif", ".tif", ".tiff"),
    *(".webp", ".avif", ".jp2", ".j2k", ".jpf", ".jpx", ".j2c", ".jpc"),
    *(".ppm", ".pgm", ".pbm", ".pnm"),
)
"""Endings of the names of files that are read, in any case."""

SETTINGS = "wayshot.yaml"
"""Name of a file at the top of a folder that says how to read it; see `folder.load`."""

ALPHABET = "all"
"""The alphabet of all characters, where a folder has none of its own."""

_ENDINGS_NAMED = 8

# What systems put into every folder, unasked.
_LITTER = re.compile(r"\._.*|\.DS_Store|__MACOSX|thumbs\.db|desktop\.ini", re.IGNORECASE)

_PART = re.compile(
    r"(?:images?|data)?[-_ ]?"
    r"(?P<part>training|train|testing|test|validation|valid|val|dev|evaluation|eval|background)"
    r"[-_ ]?(?:set|data|images?)?[-_ ]?\d*",
    re.IGNORECASE,
)


_PART_NAMES = {
    "training": "train",
    "train": "train",
    "background": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "testing": "test",
    "test": "test",
    "evaluation": "test",
    "eval": "test",
}


def expected(where: str) -> str:
    """Says which layouts of a folder are read.

    Args:
        where: What the folder is called in errors. Pictures have groups and classes, as in
            docs/images.md, and characters have alphabets.
    """
    group, one = ("group", "class") if where.startswith("images:") else ("alphabet", "character")
    return (
        f"expected {group}/{one}/*.png or {one}/*.png, or a file labels.csv with filename,label "
        "for images that lie anywhere"
    )


@dataclass(frozen=True)
class File:
    """An image's file.

    Attributes:
        name: Its name below the folder, with slashes, the same on every system.
        path: Where it is.
        alphabet: The alphabet, or `ALPHABET` where the folder has none of its own.
        character: The character.
        drawer: Who drew it, "" where a file of labels does not say it.
    """

    name: str
    path: Path
    alphabet: str
    character: str
    drawer: str = ""

    @classmethod
    def below(cls, name: str, path: Path) -> File:
        """Reads alphabet and character from the folders of a name.

        Args:
            name: As the attribute.
            path: As the attribute.
        """
        levels = name.split("/")
        alphabet = levels[0] if len(levels) == 3 else ALPHABET
        return cls(name, path, alphabet, levels[-2] if len(levels) > 1 else "")

    @property
    def levels(self) -> list[str]:
        """The folders of the name, and the name in the last of them."""
        return self.name.split("/")

    @property
    def kind(self) -> tuple[str, str]:
        """Alphabet and character."""
        return self.alphabet, self.character

    @property
    def title(self) -> str:
        """The class as messages name it: without `ALPHABET`."""
        return self.character if self.alphabet == ALPHABET else "/".join(self.kind)

    @property
    def stem(self) -> str:
        """The name without folders and ending."""
        return PurePosixPath(self.name).stem


@dataclass(frozen=True)
class Listing:
    """What lies in a folder.

    Attributes:
        files: The images, sorted by name.
        remarks: What is left out, and is no image: a line for each class.
        parts: The part of each class, by alphabet and character, where there are parts.
        labelled: Whether files of labels, and not the folders, say what the classes are.
    """

    files: list[File]
    remarks: list[str]
    parts: dict[tuple[str, str], str] = field(default_factory=dict)
    labelled: bool = False


def tree(root: Path, where: str) -> Listing:
    """Lists a folder of images that is laid out by folders.

    Where all of its folders are parts, such as `train` and `test`, with other
    classes in each, they are parts, and no alphabets.

    Args:
        root: The folder.
        where: What the folder is called in errors.

    Raises:
        TaskError: It is not there, cannot be read, holds no images, or is not
            laid out as `alphabet/character/*.png` or `character/*.png`.
    """
    walk = _Walk(where)
    walk.enter(root, "")
    files = sorted(walk.files, key=lambda file: file.name)
    for file, after in pairwise(files):
        if file.name == after.name:
            raise TaskError(
                f"{where}: {readable(file.name)} is there twice, in two spellings of Unicode; "
                "rename one of them"
            )
    depths = {len(file.levels): file.name for file in files}
    if not files:
        others = counted(walk.others)
        raise TaskError(
            f"{where}: no images{f', but {others}' if others else ''}; {expected(where)}"
        )
    for depth, name in depths.items():
        if depth not in (2, 3):
            hint = _hint(where, files)
            raise TaskError(f"{where}: {readable(name)} is out of place; {expected(where)}{hint}")
    if len(depths) > 1:
        names = " and ".join(readable(name) for name in depths.values())
        raise TaskError(f"{where}: images lie at two depths, as {names}; {expected(where)}")
    _refuse_parts(where, files)
    remarks = list(walk.remarks(next(iter(depths)) - 1, files))
    spoken = {file.alphabet: _spoken(file.alphabet) for file in files}
    if not all(spoken.values()):
        return Listing(files, remarks)
    parts = {(ALPHABET, file.character): spoken[file.alphabet] for file in files}
    return Listing([replace(file, alphabet=ALPHABET) for file in files], remarks, parts)


def _spoken(name: str) -> str:
    """Gives the part that the name of a folder says, "" if it says none."""
    match = _PART.fullmatch(name)
    return _PART_NAMES.get(match["part"].lower(), "") if match else ""


@dataclass
class _Walk:
    """A way through all folders below one, which notes everything that it meets."""

    where: str
    files: list[File] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    hidden: dict[str, int] = field(default_factory=dict)

    def enter(self, folder: Path, name: str) -> None:
        try:
            with os.scandir(folder) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            raise TaskError(
                f"{self.where}: {readable(name) or 'the folder'} cannot be opened "
                f"({error.strerror}); make it readable, or move it away"
            ) from None
        for entry in found:
            self._meet(entry, unicodedata.normalize("NFC", f"{name}/{entry.name}".lstrip("/")))

    def _meet(self, entry: os.DirEntry[str], name: str) -> None:
        plain = readable(name)
        if _LITTER.fullmatch(entry.name) or name == SETTINGS:
            return
        if entry.name.startswith((".", "__")):
            is_folder = entry.is_dir(follow_symlinks=False)
            self.hidden[name] = sum(1 for _ in _all_files(entry.path)) if is_folder else 1
            return
        # A link may lead in a circle, which a path takes for nothing and an entry for an error.
        real = Path(entry.path) if entry.is_symlink() else entry
        if real.is_dir():
            if entry.is_symlink():
                raise TaskError(
                    f"{self.where}: {plain} is a link to a folder, which is not followed; "
                    "put the folder itself there"
                )
            self.folders.append(name)
            self.enter(Path(entry.path), name)
            return
        if PurePosixPath(name).suffix.lower() not in ENDINGS:
            self.others.append(name)
            return
        if not real.is_file():
            raise TaskError(
                f"{self.where}: {plain} is no file but a link to nowhere, a pipe or a device; "
                "remove it"
            )
        try:
            name.encode()
        except UnicodeEncodeError:
            raise TaskError(
                f"{self.where}: {plain} has a name that is not UTF-8; rename it"
            ) from None
        self.files.append(File.below(name, Path(entry.path)))

    def remarks(self, depth: int, files: list[File]) -> Iterator[str]:
        """Says of each class what of it is not read.

        Args:
            depth: How many folders a class's name has.
            files: The images.
        """
        with_images = {"/".join(levels) for file in files for levels in _beginnings(file.levels)}
        others: dict[str, list[str]] = {}
        for name in self.others:
            levels = name.split("/")[:-1][:depth]
            for end in range(1, len(levels) + 1):
                others.setdefault("/".join(levels[:end]), []).append(name)
        for name in sorted(self.folders):
            levels = name.split("/")
            plain = readable(name)
            what = counted(others.get(name, ()))
            own = counted(one for one in self.others if one.rpartition("/")[0] == name)
            parent = "/".join(levels[:-1])
            if len(levels) > depth or (parent and parent not in with_images):
                continue
            if name not in with_images:
                yield f"{plain}: no class, as it has no images ({what or 'it is empty'})"
            elif own or (len(levels) == depth and what):
                most = what if len(levels) == depth else own
                yield f"{plain}: not read are {most}, which is no known ending of images"
        for name, count in sorted(self.hidden.items()):
            files_of = f"a folder of {count} file{'s' * (count != 1)}"
            yield (
                f"{readable(name)}: left out ({files_of if count != 1 else '1 file'}), as its "
                "name begins with . or __; rename it if it is to be read"
            )


def _beginnings(levels: list[str]) -> Iterator[list[str]]:
    for end in range(1, len(levels)):
        yield levels[:end]


def _all_files(folder: str) -> Iterator[str]:
    for _, _, names in os.walk(folder):
        yield from names


def counted(names: Iterable[str]) -> str:
    """Counts files by their endings, in words.

    Args:
        names: Their names.
    """
    endings = sorted(Counter(PurePosixPath(name).suffix for name in names).items())
    words = [
        f"{count} file{'s' * (count != 1)} ending in {readable(ending)}"
        if ending
        else f"{count} file{'s' * (count != 1)} without an ending"
        for ending, count in endings[:_ENDINGS_NAMED]
    ]
    if rest := sum(count for _, count in endings[_ENDINGS_NAMED:]):
        words.append(f"{rest} file{'s' * (rest != 1)} of other endings")
    return ", ".join(words)


def is_read_or_hidden(name: str) -> bool:
    """Tells whether a file at the top is for settings, from a system, or hidden.

    Args:
        name: Its name, without folders.
    """
    return name == SETTINGS or name.startswith(".") or bool(_LITTER.fullmatch(name))


def _hint(where: str, files: list[File]) -> str:
    """Names a folder further below, if that alone has one of the layouts."""
    tops = sorted({file.levels[0] for file in files if _PART.fullmatch(file.levels[0])})
    if tops and {len(file.levels) for file in files} == {4}:
        return f"; for one part of it, name {where}/{readable(tops[0])}"
    folders = [file.levels[:-1] for file in files]
    for end in range(1, min(map(len, folders))):
        common = {"/".join(levels[:end]) for levels in folders}
        if len(common) == 1 and {len(levels) - end for levels in folders} in ({1}, {2}):
            return f"; or name {where}/{readable(common.pop())}"
    return ""


def _refuse_parts(where: str, files: list[File]) -> None:
    """Refuses `train/` and `test/` that hold the same classes, which are no alphabets."""
    if len(files[0].levels) != 3:
        return
    pairs = {(file.alphabet, file.character) for file in files}
    for names, others, outer in (
        ([first for first, _ in pairs], lambda part: {b for a, b in pairs if a == part}, True),
        ([second for _, second in pairs], lambda part: {a for a, b in pairs if b == part}, False),
    ):
        parts = sorted({name for name in names if _PART.fullmatch(name)})
        classes = [(part, others(part)) for part in parts]
        for number, (part, own) in enumerate(classes):
            for other, theirs in classes[number + 1 :]:
                both = sorted(own & theirs)
                if both:
                    raise TaskError(_same_classes(where, part, other, both, outer))


def _same_classes(where: str, part: str, other: str, both: list[str], outer: bool) -> str:
    one = readable(both[0])
    names = [f"{name}/{one}" if outer else f"{one}/{name}" for name in (part, other)]
    what = f"{len(both)} class{'es' * (len(both) != 1)}"
    ways = (
        f"name one part, {where}/{readable(part)} or {where}/{readable(other)}"
        if outer
        else f"move the images of each class into one folder, or those of {readable(part)} away"
    )
    return (
        f"{where}: {readable(part)} and {readable(other)} both hold {what} ({names[0]} and "
        f"{names[1]}, for example), which would be tested against themselves; {ways}, or rename "
        f"{readable(part)} and {readable(other)} if they are alphabets with characters of their own"
    )
