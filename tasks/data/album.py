"""An album: pictures of one's own in gray or colour, from files or arrays, as a data set."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import BinaryIO, TypeVar

import numpy as np

from ..errors import TaskError
from ..files import at_home
from ..progress import Progress, followed, quiet
from ..text import readable
from . import arrays, settings
from .content import digest, recall, remember, tree
from .dataset import Dataset
from .decoding import decode, in_kind, is_coloured, shapes, size_of
from .images import LARGEST_FILE
from .layouts import listed
from .listing import Listing
from .pictures import border_shades, paper_of, resized, spread
from .screening import Seen, mixed_remarks, of_part
from .settings import Settings
from .store import cached_pictures, stored_pictures

SIDE = 84
"""Height and width into which pictures of different sizes are fitted, as in mini-ImageNet."""

_SAMPLE = 200
"""Pictures from which the kind of a set is told, and the paper that is put around pictures."""

_THREADS = 2

_MOST = 2**35
"""Most bytes of the pixels of a data set."""

_SPEC = re.compile(r"(?P<path>.*?)(?:@(?P<size>[0-9]{1,4}))?(?:@(?P<kind>gray|color))?", re.DOTALL)


_T = TypeVar("_T")


def read_spec(spec: str) -> tuple[Path, Settings]:
    """Reads `PATH[@SIZE][@gray|@color]`, and the settings in the folder.

    Args:
        spec: What follows `images:`.

    Raises:
        TaskError: A size or kind is impossible.
    """
    match = _SPEC.fullmatch(spec)
    assert match is not None
    if not match["path"]:
        raise TaskError(f"images:{readable(spec)}: no path, expected images:PATH[@SIZE][@gray]")
    root = at_home(match["path"])
    found = settings.read(root)
    try:
        if match["size"]:
            found = replace(found, size=int(match["size"]))
        if match["size"] and not found.size:
            raise TaskError(f"size 0, expected 1 to {settings.LARGEST_SIDE} pixels")
        return root, replace(found, kind=match["kind"]) if match["kind"] else found
    except TaskError as error:
        raise TaskError(f"images:{readable(spec)}: {error}") from None


def load(spec: str, part: str = "all", progress: Progress = quiet) -> Dataset:
    """Gives pictures as they are as a data set; decoded at the first use, then memory-mapped.

    They are gray if no picture has a colour. They keep their size if all have the same;
    otherwise each is fitted into a square, see `pictures.resized`. Within a class they are
    in the order of their pixels, so that file names do not matter.

    Args:
        spec: `PATH[@SIZE][@gray|@color]`: a folder of one of the layouts of `layouts.listed`, a
            file of labels, or arrays (see `arrays.load`); the height and width in pixels; and
            what the pictures are turned into.
        part: `all`, or one of `parts.PARTS`.
        progress: Shows the progress of decoding.

    Raises:
        TaskError: The folder is not there, is laid out otherwise, has no such part, holds a
            file that is not a picture, or one picture in two classes.
    """
    where = f"images:{readable(spec)}"
    root, asked = read_spec(spec)
    if arrays.is_at(root):
        return arrays.load(root, where, asked, part, progress)
    name = f"images:{root.resolve().name}"
    start = _start(root, asked)
    known = recall(start) if start else None
    if known is not None:
        parts = {(alphabet, character): of for alphabet, character, of in known["parts"]}
        dataset = stored_pictures(known["key"], name)
        if dataset is not None:
            return of_part(dataset, part, parts, where)
    listing = listed(root, where)
    try:
        content = digest([(file.name, file.path) for file in listing.files], LARGEST_FILE)
    except TaskError as error:
        raise TaskError(f"{where}: {error}") from None
    labels = [file.kind for file in listing.files], [file.drawer for file in listing.files]
    key = f"images 3 {asked} {content} {json.dumps([labels, listing.remarks])}"
    key = hashlib.sha256(key.encode()).hexdigest()

    def make(pixels: BinaryIO) -> Dataset:
        return _Album(name, root, where, listing, asked, progress).write(pixels)

    dataset = cached_pictures(key, name, make)
    if start:
        parts = [[*pair, of] for pair, of in listing.parts.items()]
        remember(start, {"key": key, "parts": parts})
    return of_part(dataset, part, listing.parts, where)


def _start(root: Path, asked: Settings) -> str | None:
    """Gives the name under which is stored how a folder was read the last time."""
    try:
        folder = root.parent if root.is_file() else root
        found = tree(folder)
    except OSError:
        # Whoever lists the folder says what is wrong with it.
        return None
    if found is None:
        return None
    whole = f"album 5 {asked} {root.name if root.is_file() else ''} {found}"
    return hashlib.sha256(whole.encode()).hexdigest()[:32]


@dataclass
class _Album:
    """The pictures of a listing, on their way into the cache."""

    name: str
    root: Path
    where: str
    listing: Listing
    asked: Settings
    progress: Progress

    def write(self, pixels: BinaryIO) -> Dataset:
        files = self.listing.files
        sizes = [
            size_of(file.path)
            for file in followed(files, len(files), f"Measuring {self.name}", self.progress)
        ]
        sample = [decode(files[i].path) for i in spread(len(files), _SAMPLE)]
        kind = self.asked.kind or ("color" if any(map(is_coloured, sample)) else "gray")
        if not self.asked.kind and kind == "gray":
            # One picture in colour among many is enough.
            try:
                return self._write(pixels, kind, sizes, sample)
            except _ColouredError:
                kind = "color"
        return self._write(pixels, kind, sizes, sample)

    def _write(
        self,
        pixels: BinaryIO,
        kind: str,
        sizes: Sequence[tuple[int, int]],
        sample: Sequence[np.ndarray],
    ) -> Dataset:
        files, remarks = self.listing.files, list(self.listing.remarks)
        paper = paper_of([border_shades(in_kind(one, kind)[None]) for one in sample])
        size = (self.asked.size, self.asked.size) if self.asked.size else sizes[0]
        if not self.asked.size and len(set(sizes)) > 1:
            size = (SIDE, SIDE)
            remarks.append(
                f"pictures of {shapes(sizes)} pixels are fitted into {SIDE} x {SIDE}; "
                "images:PATH@SIZE names another size"
            )
        shape = (len(files), *size, *((3,) if kind == "color" else ()))
        if np.prod(shape, dtype=np.int64) > _MOST:
            raise TaskError(
                f"{self.where}: {len(files):,} pictures of {size[0]} x {size[1]} pixels are too "
                f"many; name a smaller size, as in images:{self.root}@{SIDE}"
            )
        fit = partial(_fitted, kind=kind, size=size, paper=paper, gray_only=not self.asked.kind)
        pixels.seek(0)
        pixels.truncate()
        header = {"descr": "|u1", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(pixels, header)
        seen = Seen()
        made = _ordered(fit, [file.path for file in files])
        shown = followed(made, len(files), f"Reading {self.name}", self.progress)
        gray = 0
        for picture, coloured in shown:
            gray += not coloured
            pixels.write(picture.tobytes())
            seen.add(picture[None])
        if kind == "color" and not self.asked.kind:
            remarks += mixed_remarks(gray, len(files))
        empty = np.empty((0, *shape[1:]), dtype=np.uint8)
        return seen.screened(self.name, self.where, files, empty, self.asked.ink, remarks)


class _ColouredError(Exception):
    """A picture with colours among gray ones."""


def _fitted(
    path: Path, kind: str, size: tuple[int, int], paper: Sequence[int], gray_only: bool
) -> tuple[np.ndarray, bool]:
    """Gives the pixels of a picture, and whether its file has colours."""
    picture = decode(path)
    coloured = is_coloured(picture)
    if gray_only and kind == "gray" and coloured:
        raise _ColouredError
    return np.ascontiguousarray(resized(in_kind(picture, kind), size, paper)), coloured


def _ordered(work: Callable[[Path], _T], paths: Sequence[Path]) -> Iterator[_T]:
    """Does work in threads, and gives what comes in the order of the paths, a few at a time."""
    waiting = iter(paths)
    with ThreadPoolExecutor(_THREADS) as pool:
        while part := list(islice(waiting, 64 * _THREADS)):
            yield from pool.map(work, part)
