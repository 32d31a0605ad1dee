"""Sheet: images of a data set beside what scorers get of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from ..errors import TaskError
from ..files import at_home
from ..progress import Progress, followed, quiet
from ..text import readable
from . import album, settings
from .decoding import decode
from .images import SIDE, decode_shades
from .ink import Look, decide, look
from .layouts import listed
from .listing import File
from .parts import HOW

_COLUMNS = 6
_GAP = 8
_LINE = 14
_LETTERS = 34
"""Letters of a name that fit under its pictures."""


@dataclass(frozen=True)
class Shown:
    """One image of a sheet.

    Attributes:
        name: Name of its file, below the folder.
        original: The picture in the file, uint8 ndarray (height, width) or (height, width, 3);
            None if there is no file.
        seen: What scorers get, of the same kind; ink is 0 and paper 255.
        what: How its ink was told: `clear`, `unclear` or `blank`; "" for `images:`, where
            nothing is to be told.
    """

    name: str
    original: np.ndarray | None
    seen: np.ndarray
    what: str


def pictures(spec: str, part: str, most: int = 60, progress: Progress = quiet) -> list[Shown]:
    """Chooses pictures to look at: the first of each class, then the second, and so on.

    Args:
        spec: As for `album.load`.
        part: As for `album.load`.
        most: How many at the most.
        progress: Shows the progress of decoding.

    Raises:
        TaskError: As `album.load`.
    """
    dataset = album.load(spec, part, progress)
    root, _ = album.read_spec(spec)
    top = root.parent if root.is_file() else root
    turns = dataset.table.groupby(dataset.character_codes).cumcount().to_numpy()
    few = np.sort(np.argsort(turns, kind="stable")[:most])
    names = dataset.table["file"].astype(str).to_numpy()[few]
    files = [top / name for name in names]
    return [
        Shown(name, decode(file) if file.is_file() else None, picture, "")
        for name, file, picture in zip(names, files, dataset.images[few], strict=True)
    ]


def characters(path: str, part: str, most: int = 60, progress: Progress = quiet) -> list[Shown]:
    """Chooses images of ink to look at: unclear and blank ones, then some of each class.

    Args:
        path: The folder, as for `folder.load`.
        part: As for `folder.load`.
        most: How many at the most.
        progress: Shows the progress of decoding.

    Raises:
        TaskError: As `folder.load`.
    """
    root = at_home(path)
    listing = listed(root, f"folder:{root}")
    files = listing.files
    if part != "all" and part not in listing.parts.values():
        raise TaskError(f"folder:{readable(path)}: has no part {part}; {HOW}")
    looks: list[Look] = []
    for file in followed(files, len(files), f"Reading {root.name}", progress):
        seen = look(decode_shades(file.path, str(file.path)), SIDE)
        # Pixels are made anew for the few that are shown.
        empty = np.empty((0, 0), dtype=bool)
        looks.append(Look(empty, empty, seen.darkness, seen.clear, seen.blank))
    is_dark = decide(looks, settings.read(root).ink)
    shown = []
    order = [i for i in _order(files, looks) if part in ("all", listing.parts.get(files[i].kind))]
    for i in sorted(order[:most], key=lambda i: (looks[i].clear, files[i].name)):
        shades = decode_shades(files[i].path, str(files[i].path))
        seen = look(shades, SIDE)
        what = "blank" if seen.blank else "clear" if seen.clear else "unclear"
        ink = seen.dark if is_dark[i] else seen.light
        paper = np.where(ink, 0, 255).astype(np.uint8)
        shown.append(Shown(files[i].name, shades.astype(np.uint8), paper, what))
    return shown


def _order(files: Sequence[File], looks: Sequence[Look]) -> list[int]:
    """Puts the numbers of files into the order in which they are worth looking at."""
    count: dict[tuple[str, str], int] = {}
    keys = []
    for i, file in enumerate(files):
        of = (file.alphabet, file.character)
        count[of] = count.get(of, 0) + 1
        # The first of each class, then the second; the least clear before all.
        keys.append((looks[i].clear, count[of] if looks[i].clear else abs(looks[i].darkness), i))
    return [i for _, _, i in sorted(keys)]


def _fitted(pixels: np.ndarray) -> Image.Image:
    picture = Image.fromarray(pixels)
    scale = SIDE / max(picture.size)
    width, height = (max(1, round(scale * length)) for length in picture.size)
    return picture.resize((width, height))


def drawn(shown: Sequence[Shown]) -> Image.Image:
    """Draws a sheet: each picture beside what scorers get of it.

    Args:
        shown: The images, from `characters` or `pictures`.
    """
    columns = min(_COLUMNS, len(shown))
    width, height = 2 * SIDE + 2 * _GAP, SIDE + 2 * _LINE + _GAP
    sheet = Image.new(
        "RGB", (columns * width + _GAP, -(-len(shown) // columns) * height + _GAP), "lightgrey"
    )
    draw = ImageDraw.Draw(sheet)
    for i, one in enumerate(shown):
        left, top = _GAP + i % columns * width, _GAP + i // columns * height
        if one.original is not None:
            sheet.paste(_fitted(one.original), (left, top))
        sheet.paste(_fitted(one.seen), (left + SIDE, top))
        # The built-in font has no other letters.
        name = readable(one.name).encode("ascii", "replace").decode()[-_LETTERS:]
        draw.text((left, top + SIDE), name, fill="black")
        colour = "black" if one.what == "clear" else "red"
        draw.text((left, top + SIDE + _LINE - 2), one.what, fill=colour)
    return sheet
