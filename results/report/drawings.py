"""Drawings: images for a report, put together into few pictures."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from PIL import Image

_ACROSS = 40
"""Tiles in a row of a sheet."""

_LARGEST = 64
"""The largest side of a picture in shades, in pixels; larger ones are made smaller."""


class Drawings(Protocol):
    """Where the images of a protocol's episodes come from; see `bench.drawings`.

    Attributes:
        licence: Whose the images are, in one sentence.
    """

    licence: str

    @property
    def ink(self) -> bool:
        """Whether pixels are 0 for paper and 1 for ink, not shades from 0 to 255."""
        ...

    def episode(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Gives support (ways, shots) and queries (Q,) of an episode, as rows of images."""
        ...

    def names(self, rows: Sequence[int]) -> list[tuple[str, str, str]]:
        """Names alphabet, character and drawer of images."""
        ...

    def of_character(self, alphabet: str, character: str) -> list[int]:
        """Gives the rows of all images of a character.

        Args:
            alphabet: Its alphabet.
            character: Its name within the alphabet.
        """
        ...

    def pixels(self, rows: Sequence[int]) -> np.ndarray:
        """Gives pixels (n, height, width) or (n, height, width, 3)."""
        ...


class Sheet:
    """Images that become one picture, of which a page shows parts.

    Attributes:
        rows: The image of each tile, in the order in which they were first asked for.
    """

    def __init__(self) -> None:
        self.rows: list[int] = []
        self._place: dict[int, int] = {}

    def tile(self, row: int) -> int:
        """Gives the number of an image's tile; -1 for an image that is not there."""
        if row < 0:
            return -1
        if row not in self._place:
            self._place[row] = len(self.rows)
            self.rows.append(row)
        return self._place[row]

    def drawn(self, source: Drawings) -> dict[str, object]:
        """Draws the sheet.

        Args:
            source: Where the images come from.

        Returns:
            The picture as a URL with its content (`url`), tiles in a row
            (`across`), number of rows (`down`), a tile's width divided by its
            height (`aspect`), and whether it shows ink on paper (`ink`).
        """
        pixels = source.pixels(self.rows)
        if source.ink:
            sheet = Image.fromarray(_tiled(pixels == 0)).convert("1")
        else:
            sheet = Image.fromarray(_tiled(_reduced(pixels))).quantize(64)
        stream = io.BytesIO()
        sheet.save(stream, "PNG", compress_level=7)
        height, width = pixels.shape[1:3]
        return {
            "url": "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode(),
            "across": _ACROSS,
            "down": -(-len(self.rows) // _ACROSS),
            "aspect": width / height,
            "ink": source.ink,
        }


def _reduced(pixels: np.ndarray) -> np.ndarray:
    side = max(pixels.shape[1:3])
    if side <= _LARGEST:
        return pixels
    height, width = (max(1, one * _LARGEST // side) for one in pixels.shape[1:3])
    kept = [Image.fromarray(one).resize((width, height), Image.Resampling.BOX) for one in pixels]
    return np.stack([np.asarray(one) for one in kept])


def _tiled(pixels: np.ndarray) -> np.ndarray:
    """Puts images (n, height, width, ...) side by side, `_ACROSS` in a row."""
    count, height, width, *rest = pixels.shape
    down = -(-count // _ACROSS)
    # What is left of the last row is paper.
    padded = np.full((down * _ACROSS, height, width, *rest), pixels.max(), pixels.dtype)
    padded[:count] = pixels
    grid = padded.reshape(down, _ACROSS, height, width, *rest).swapaxes(1, 2)
    return np.ascontiguousarray(grid.reshape(down * height, _ACROSS * width, *rest))
