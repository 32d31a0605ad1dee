"""What a scorer wants: which kind of images it takes, and how others are turned into it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from numbers import Integral
from typing import Any

import numpy as np

from ..errors import TaskError
from .images import SIDE, Images
from .pictures import Pictures, resized
from .settings import LARGEST_SIDE

KINDS = ("ink", "unit", "gray", "color")
"""Kinds of images that a scorer can take. `ink`: uint8, 1 for ink and 0 for paper. `unit`: numbers
from 0 to 1, uint8 where they are ink and float32 otherwise. `gray`: uint8, 0 to 255. `color`:
the same, with a last axis of three channels."""

POLARITIES = ("bright", "dark")
"""Whether ink is bright on dark paper, or dark on bright paper."""

_TURNS_INTO = {
    "ink": ("ink", "unit", "gray", "color"),
    "gray": ("gray", "unit", "color", "ink"),
    "color": ("color",),
}
"""What each kind of data can be turned into, the nearest kind first."""


@dataclass(frozen=True)
class Wants:
    """The images that a scorer takes.

    Attributes:
        kinds: Some of `KINDS`.
        size: Height and width; None for any.
        channels: 1 or 3 for a last axis of so many equal channels; None for no such axis.
        polarity: One of `POLARITIES`; None for what the data have, where ink data have
            bright ink (ink = 1).
    """

    kinds: tuple[str, ...]
    size: tuple[int, int] | None = None
    channels: int | None = None
    polarity: str | None = None

    @classmethod
    def read(cls, said: Any) -> Wants:
        """Reads what a scorer says that it wants.

        Args:
            said: A kind, several kinds, a `Wants`, or a dict of `kind` (one or several),
                `size` (one number or two), `channels` and `polarity`.

        Raises:
            TaskError: It is none of these, or holds another value.
        """
        if isinstance(said, Wants):
            return said
        if isinstance(said, str | Sequence):
            said = {"kind": said}
        allowed = ("kind", *(one.name for one in fields(cls) if one.name != "kinds"))
        if not isinstance(said, Mapping) or set(said) - set(allowed):
            raise TaskError(f"wants {said!r}, expected a dict of {', '.join(allowed)}")
        kinds = said.get("kind", KINDS)
        kinds = (kinds,) if isinstance(kinds, str) else kinds
        if not isinstance(kinds, Sequence) or not kinds or any(one not in KINDS for one in kinds):
            raise TaskError(f"wants kind {said['kind']!r}, expected some of {', '.join(KINDS)}")
        channels = said.get("channels")
        sides = None if said.get("size") is None else _sides(said["size"])
        if channels not in (None, 1, 3):
            raise TaskError(f"wants channels {channels!r}, expected 1 or 3")
        polarity = said.get("polarity")
        if polarity not in (None, *POLARITIES):
            raise TaskError(f"wants polarity {polarity!r}, expected {' or '.join(POLARITIES)}")
        return cls(tuple(kinds), sides, channels, polarity)


def _sides(size: Any) -> tuple[int, int]:
    """Reads height and width."""
    both = (size, size) if isinstance(size, Integral) else size
    if (
        not isinstance(both, Sequence)
        or len(both) != 2
        or any(isinstance(one, bool) or not isinstance(one, Integral) for one in both)
        or not 1 <= min(map(int, both)) <= max(map(int, both)) <= LARGEST_SIDE
    ):
        raise TaskError(
            f"wants size {size!r}, expected a number of pixels, or two, up to {LARGEST_SIDE}"
        )
    return int(both[0]), int(both[1])


SHADES = Wants(("ink", "unit"), (SIDE, SIDE), polarity="bright")
"""What this project's own networks take: ink, or how much ink there is in each pixel."""


class Wanted:
    """Images as a scorer wants them, turned into that when they are read.

    It is indexed as `Images` and `Pictures` are.
    """

    def __init__(self, images: Images | Pictures, kind: str, wants: Wants) -> None:
        """Keeps the images.

        Args:
            images: The images.
            kind: The kind that they are turned into.
            wants: What else is wanted.
        """
        self.images, self.kind, self._wants = images, kind, wants
        self._from_ink = isinstance(images, Images)
        # In `Images`, ink is bright.
        paper, ink = ((0,), "light") if isinstance(images, Images) else (images.paper, images.ink)
        polarity = wants.polarity or ("bright" if kind == "ink" else None)
        self._inverted = images.kind != "color" and (polarity, ink) in (
            ("bright", "dark"),
            ("dark", "light"),
        )
        self._paper = tuple(255 - shade if self._inverted else shade for shade in paper)

    def __len__(self) -> int:
        return len(self.images)

    @property
    def side(self) -> int:
        """Height of an image in pixels."""
        return (self._wants.size or self.images.shape[1:])[0]

    def __getitem__(self, rows: Any) -> np.ndarray:
        return self.turned(self.images[rows])

    def turned(self, pixels: np.ndarray) -> np.ndarray:
        """Turns pixels of the data into what is wanted.

        Args:
            pixels: uint8 ndarray (..., height, width), or (..., height, width, 3) for colour.

        Returns:
            ndarray of the kind, size, channels and polarity that are wanted.
        """
        sides = -3 if self.images.kind == "color" else -2
        size = self._wants.size or (self.images.shape[1], self.images.shape[2])
        plain = size == self.images.shape[1:3]
        if self._from_ink and plain and self.kind in ("ink", "unit"):
            return self._deep(1 - pixels if self._inverted else pixels)
        if self._from_ink:
            pixels = pixels * np.uint8(255)
        if self._inverted:
            pixels = 255 - pixels
        if not plain:
            flat = pixels.reshape(-1, *pixels.shape[sides:])
            fitted = [resized(one, size, self._paper) for one in flat]
            shape = (*pixels.shape[:sides], *size, *pixels.shape[sides:][2:])
            pixels = np.array(fitted, dtype=np.uint8).reshape(shape)
        if self.kind == "ink":
            pixels = (pixels > 127).astype(np.uint8)
        elif self.kind == "unit":
            pixels = pixels.astype(np.float32) / np.float32(255)
        return self._deep(pixels)

    def _deep(self, pixels: np.ndarray) -> np.ndarray:
        """Gives the last axis that is wanted."""
        if self.images.kind == "color":
            return pixels
        channels = 3 if self.kind == "color" else self._wants.channels
        return pixels if channels is None else np.repeat(pixels[..., None], channels, axis=-1)


def wanted(images: Images | Pictures, wants: Wants | None) -> Images | Pictures | Wanted:
    """Gives images as a scorer wants them.

    Pixels are turned in this order: ink becomes 255 and paper 0; shades are inverted where the
    polarity is another; the size is changed as `pictures.resized` does; for `ink`, what is
    brighter than 127 is ink; for `unit`, shades are divided by 255; channels are repeated.
    Colour is never turned into anything else: `images:PATH@gray` reads colour files as gray.

    Args:
        images: The images.
        wants: What the scorer wants; None for what they are.

    Raises:
        TaskError: They cannot be turned into that.
    """
    if wants is None:
        return images
    kind = next((kind for kind in _TURNS_INTO[images.kind] if kind in wants.kinds), None)
    if kind is None:
        takes = " or ".join("gray" if kind == "unit" else kind for kind in wants.kinds)
        raise TaskError(
            f"takes {takes} images, and these are in colour; images:PATH@gray turns them to gray "
            "by their luminance"
        )
    turned = Wanted(images, kind, wants)
    same_size = wants.size in (None, images.shape[1:3])
    same = kind == images.kind or (images.kind == "ink" and kind == "unit")
    unchanged = same and same_size and wants.channels is None and wants.polarity in (None, "bright")
    return images if unchanged and isinstance(images, Images) else turned
