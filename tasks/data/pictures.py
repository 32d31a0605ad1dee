"""Gray and colour pictures of one size, read by row from memory or from a file."""

from __future__ import annotations

import hashlib
import mmap
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from PIL import Image

from ..errors import TaskError
from .turning import split, turn

_LARGE = 2**26
"""Bytes of pixels from which pages are given back to the system after each reading."""


@dataclass(frozen=True, eq=False)
class Pictures:
    """Pictures of 256 shades, of one size, as their files have them.

    Indexing gives pixels: `pictures[rows]` is a uint8 ndarray of shape
    (len(rows), height, width) for gray pictures, 0 for black to 255 for white,
    and (len(rows), height, width, 3) for colour. As in `Images`, row
    `i + turns * len(pictures)` is picture `i` turned by `turns` quarter turns
    counter-clockwise; this is for square pictures only.

    Attributes:
        pixels: uint8 ndarray (m, height, width) or (m, height, width, 3),
            in memory or memory-mapped.
        order: int64 ndarray (n,): the row of `pixels` of each picture.
        keys: What each picture is, whatever its name: `V16` ndarray (n,).
        paper: The shade of the paper, or of what is around the motif: one
            number for gray, three for colour.
        ink: Whether ink is `dark` or `light`; for colour it means nothing.
    """

    pixels: np.ndarray
    order: np.ndarray
    keys: np.ndarray
    paper: tuple[int, ...]
    ink: str = "dark"

    def __len__(self) -> int:
        return len(self.order)

    @property
    def kind(self) -> str:
        """`gray` or `color`."""
        return "gray" if self.pixels.ndim == 3 else "color"

    @property
    def side(self) -> int:
        """Height in pixels."""
        return self.pixels.shape[1]

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the unturned pictures."""
        return len(self), *self.pixels.shape[1:]

    def __getitem__(self, rows: Any) -> np.ndarray:
        square = self.pixels.shape[1] == self.pixels.shape[2]
        turns, pictures, shape = split(rows, len(self), 4 if square else 1)
        chosen = np.array(self.pixels[self.order[pictures]])
        self._give_back()
        turn(chosen, turns)
        return chosen.reshape(*shape, *self.pixels.shape[1:])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self[:] if dtype is None else self[:].astype(dtype)

    def _give_back(self) -> None:
        """Gives pages of a memory-mapped file back, so that a large set needs little memory."""
        mapped = getattr(self.pixels, "_mmap", None)
        if mapped is not None and self.pixels.nbytes > _LARGE:
            with suppress(AttributeError, OSError):
                # They stay in the system's own cache while there is room.
                mapped.madvise(mmap.MADV_DONTNEED)

    def select(self, keep: np.ndarray) -> Pictures:
        """Gives some of the pictures, without copying any.

        Args:
            keep: bool ndarray (n,), or int ndarray of rows.
        """
        return replace(self, order=self.order[keep], keys=self.keys[keep])


def keys_of(pixels: np.ndarray) -> np.ndarray:
    """Computes what each picture is, `V16` ndarray (n,), from its kind, size and pixels.

    Args:
        pixels: uint8 ndarray (n, height, width) or (n, height, width, 3).
    """
    salt = "x".join(map(str, pixels.shape[1:])).encode()
    digests = [
        hashlib.blake2b(np.ascontiguousarray(one).data, digest_size=16, key=salt).digest()
        for one in pixels
    ]
    return np.frombuffer(b"".join(digests), dtype="V16")


def negatives_of(pixels: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """Computes what the negatives of gray pictures are; those of colour are themselves.

    Sorted by one or the other, a set and its negative have one order.

    Args:
        pixels: As for `keys_of`.
        keys: What that gave, `V16` ndarray (n,).

    Returns:
        `V16` ndarray (n,).
    """
    return keys_of(255 - pixels) if pixels.ndim == 3 else keys


def border_shades(pixels: np.ndarray) -> np.ndarray:
    """Gives the median shade of each picture's border.

    Args:
        pixels: uint8 ndarray (n, height, width) or (n, height, width, 3).

    Returns:
        float64 ndarray (n, 1) or (n, 3).
    """
    border = [pixels[:, 0], pixels[:, -1], pixels[:, :, 0], pixels[:, :, -1]]
    channels = pixels.shape[3] if pixels.ndim == 4 else 1
    flat = np.concatenate(border, axis=1).reshape(len(pixels), -1, channels)
    return np.median(flat, axis=1)


def paper_of(borders: Sequence[np.ndarray]) -> tuple[int, ...]:
    """Gives the paper's shade of a set: the median of its pictures' borders.

    Args:
        borders: What `border_shades` gave for parts of the pictures.
    """
    shades = np.concatenate(borders)
    middle = np.median(shades, axis=0)
    middle = np.where(middle == 127.5, shades.mean(axis=0), middle)
    # Rounded towards the middle, so that a set and its negative have opposite shades.
    rounded = np.where(middle < 127.5, np.ceil(middle), np.floor(middle))
    return tuple(int(shade) for shade in rounded)


def spread(count: int, most: int) -> list[int]:
    """Gives some numbers below `count`, evenly spread.

    Args:
        count: How many there are.
        most: How many are given at the most.
    """
    return np.unique(np.linspace(0, count - 1, min(count, most)).astype(np.int64)).tolist()


def resized(picture: np.ndarray, size: tuple[int, int], paper: Sequence[int]) -> np.ndarray:
    """Fits a picture into another size: its aspect is kept, and paper is put around it.

    Pixels are averages over areas where the picture shrinks, and linear interpolations where
    it grows. A picture of one shade stays one.

    Args:
        picture: uint8 ndarray (height, width) or (height, width, 3).
        size: The new height and width.
        paper: One shade for gray, three for colour.

    Returns:
        uint8 ndarray (*size) or (*size, 3).
    """
    if picture.shape[:2] == tuple(size):
        return picture
    if (picture == picture[0, 0]).all():
        return np.broadcast_to(picture[0, 0], (*size, *picture.shape[2:])).copy()
    scale = min(new / old for new, old in zip(size, picture.shape, strict=False))
    height, width = (max(1, round(scale * length)) for length in picture.shape[:2])
    how = Image.Resampling.BOX if scale < 1 else Image.Resampling.BILINEAR
    fitted = np.asarray(Image.fromarray(picture).resize((width, height), how))
    if fitted.shape[:2] == tuple(size):
        return fitted
    whole = np.empty((*size, *picture.shape[2:]), dtype=np.uint8)
    whole[...] = np.asarray(paper, dtype=np.uint8) if picture.ndim == 3 else paper[0]
    top, left = (size[0] - height) // 2, (size[1] - width) // 2
    whole[top : top + height, left : left + width] = fitted
    return whole


def check(pixels: np.ndarray, what: str) -> None:
    """Refuses an array that holds no pictures.

    Args:
        pixels: Any ndarray.
        what: What it is called in the error.

    Raises:
        TaskError: It is not uint8 of shape (n, height, width) or (n, height, width, 3).
    """
    shape = pixels.shape
    if pixels.dtype != np.uint8 or not (len(shape) == 3 or (len(shape) == 4 and shape[3] == 3)):
        raise TaskError(
            f"{what}: {pixels.dtype} of shape {shape}, expected uint8 of shape (n, height, width) "
            "or (n, height, width, 3)"
        )
    if 0 in shape:
        raise TaskError(f"{what}: shape {shape} holds no pictures")


def batch_size(pixels: np.ndarray) -> int:
    """Gives the number of pictures of some megabytes.

    Args:
        pixels: uint8 ndarray (n, height, width) or (n, height, width, 3).
    """
    return max(1, 2**24 // pixels[0].nbytes)


def batches(pixels: np.ndarray) -> Iterator[np.ndarray]:
    """Gives pictures in parts of some megabytes.

    Args:
        pixels: uint8 ndarray (n, height, width) or (n, height, width, 3).
    """
    step = batch_size(pixels)
    for start in range(0, len(pixels), step):
        yield np.asarray(pixels[start : start + step])
