"""Sheet: pictures of a folder beside what scorers see of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from ..progress import Progress, followed, quiet
from ..text import readable
from . import settings
from .images import SIDE, decode_shades
from .ink import Look, decide, look
from .layouts import listed
from .listing import File

_COLUMNS = 6
_GAP = 8
_LINE = 14
_LETTERS = 34
"""Letters of a name that fit under its pictures."""


@dataclass(frozen=True)
class Shown:
    """One picture of a sheet.

    Attributes:
        name: Name of its file, below the folder.
        shades: uint8 ndarray (height, width).
        ink: bool ndarray (105, 105): what scorers see.
        what: How its ink was told: `clear`, `unclear` or `blank`.
    """

    name: str
    shades: np.ndarray
    ink: np.ndarray
    what: str


def chosen(path: str, most: int = 60, progress: Progress = quiet) -> list[Shown]:
    """Chooses pictures of a folder to look at: unclear and blank ones, then some of each class.

    Args:
        path: The folder, as for `folder.load`.
        most: How many at the most.
        progress: Shows the progress of decoding.

    Raises:
        TaskError: As `folder.load`.
    """
    root = Path(path).expanduser()
    files = listed(root, f"folder:{root}").files
    looks: list[Look] = []
    for file in followed(files, len(files), f"Reading {root.name}", progress):
        seen = look(decode_shades(file.path, str(file.path)), SIDE)
        # Pixels are made anew for the few that are shown.
        empty = np.empty((0, 0), dtype=bool)
        looks.append(Look(empty, empty, seen.darkness, seen.clear, seen.blank))
    is_dark = decide(looks, settings.read(root).ink)
    shown = []
    for i in sorted(_order(files, looks)[:most], key=lambda i: (looks[i].clear, files[i].name)):
        shades = decode_shades(files[i].path, str(files[i].path))
        seen = look(shades, SIDE)
        what = "blank" if seen.blank else "clear" if seen.clear else "unclear"
        ink = seen.dark if is_dark[i] else seen.light
        shown.append(Shown(files[i].name, shades.astype(np.uint8), ink, what))
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


def drawn(shown: Sequence[Shown]) -> Image.Image:
    """Draws a sheet: each picture beside its ink, which is black on white.

    Args:
        shown: The pictures, from `chosen`.
    """
    columns = min(_COLUMNS, len(shown))
    width, height = 2 * SIDE + 2 * _GAP, SIDE + 2 * _LINE + _GAP
    sheet = Image.new(
        "RGB", (columns * width + _GAP, -(-len(shown) // columns) * height + _GAP), "lightgrey"
    )
    draw = ImageDraw.Draw(sheet)
    for i, one in enumerate(shown):
        left, top = _GAP + i % columns * width, _GAP + i // columns * height
        picture = Image.fromarray(one.shades)
        scale = SIDE / max(picture.size)
        picture = picture.resize([max(1, round(scale * length)) for length in picture.size])
        sheet.paste(picture, (left, top))
        sheet.paste(Image.fromarray(np.where(one.ink, 0, 255).astype(np.uint8)), (left + SIDE, top))
        # The built-in font has no other letters.
        name = readable(one.name).encode("ascii", "replace").decode()[-_LETTERS:]
        draw.text((left, top + SIDE), name, fill="black")
        colour = "black" if one.what == "clear" else "red"
        draw.text((left, top + SIDE + _LINE - 2), one.what, fill=colour)
    return sheet
