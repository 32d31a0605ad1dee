"""Packed one-bit images, read by row and unpacked on demand."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from ..errors import TaskError
from ..files import read_regular
from ..text import readable, reason
from .ink import look
from .patience import PatientBytes, check_effort
from .turning import split, turn

SIDE = 105
"""Height and width of an image, in pixels, as in Omniglot."""

LARGEST_FILE = 2**26
"""The largest size of an image's file, in bytes."""

LARGEST_IMAGE = 2**24
"""The largest number of pixels of an image: 4096 x 4096."""

# Pillow runs Ghostscript for some of the others, and takes any text for a few of them.
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM", "JPEG2000", "AVIF")


@dataclass(frozen=True)
class Images:
    """Square one-bit images, eight pixels a byte, in memory or memory-mapped.

    Indexing gives pixels: `images[rows]` is a uint8 ndarray of shape
    (len(rows), side, side) with ink = 1. Each image exists in four
    orientations: row `i + turns * len(images)` is image `i` turned by `turns`
    quarter turns counter-clockwise, for turns 0 to 3.

    Attributes:
        bits: uint8 ndarray of shape (n, ceil(side * side / 8)): the pixels of
            an image row by row, ink = 1, packed by `numpy.packbits`.
        side: Height and width in pixels.
    """

    bits: np.ndarray
    side: int = SIDE
    kind: ClassVar[str] = "ink"

    @classmethod
    def of(cls, pixels: np.ndarray) -> Images:
        """Packs pixels.

        Args:
            pixels: ndarray (n, side, side), ink = 1 or True.
        """
        return cls(pack(pixels), pixels.shape[1])

    def __len__(self) -> int:
        return len(self.bits)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of the unpacked, unturned images."""
        return len(self), self.side, self.side

    def __getitem__(self, rows: Any) -> np.ndarray:
        turns, images, shape = split(rows, len(self))
        pixels = np.unpackbits(self.bits[images], axis=1, count=self.side**2)
        pixels = pixels.reshape(-1, self.side, self.side)
        turn(pixels, turns)
        return pixels.reshape(*shape, self.side, self.side)

    def select(self, keep: np.ndarray) -> Images:
        """Gives some of the images.

        Args:
            keep: bool ndarray (n,), or int ndarray of rows.
        """
        return Images(self.bits[keep], self.side)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self[:] if dtype is None else self[:].astype(dtype)

    @cached_property
    def keys(self) -> np.ndarray:
        """What each image is, whatever its name: `V16` ndarray of shape (n,).

        The key is a BLAKE2b digest of the side and the pixels, so that equal
        images have equal keys in every data set.
        """
        salt = self.side.to_bytes(8, "little")
        digests = [
            hashlib.blake2b(row, digest_size=16, key=salt).digest()
            for row in np.ascontiguousarray(self.bits)
        ]
        return np.frombuffer(b"".join(digests), dtype="V16")


def pack(pixels: np.ndarray) -> np.ndarray:
    """Packs pixels for `Images`.

    Args:
        pixels: ndarray of shape (n, side, side), ink = 1 or True.

    Returns:
        uint8 ndarray of shape (n, ceil(side * side / 8)).
    """
    return np.packbits(pixels.reshape(len(pixels), -1), axis=1)


def pixel_digest(names: Iterable[str], bits: np.ndarray, side: int = SIDE) -> str:
    """Identifies a set of named images whatever file format they came in.

    Args:
        names: A name for each image, in the order of `bits`.
        bits: uint8 ndarray of packed pixels, ink = 1, as in `Images`.
        side: Height and width in pixels.

    Returns:
        SHA-256 in hexadecimal over the images in the sorted order of their
        names; for each its name in UTF-8, one NUL byte, and its pixels packed
        with white = 1.
    """
    padding = np.packbits(np.arange(bits.shape[1] * 8) < side**2)
    white = np.ascontiguousarray(~np.asarray(bits) & padding)
    names = list(names)
    digest = hashlib.sha256()
    for i in sorted(range(len(names)), key=names.__getitem__):
        digest.update(names[i].encode() + b"\0")
        digest.update(white[i])
    return digest.hexdigest()


def decoded(content: bytes, formats: tuple[str, ...] = FORMATS) -> Image.Image:
    """Decodes one picture, after checking its size.

    Args:
        content: The file's bytes.
        formats: Names of Pillow's formats that it may have.

    Raises:
        TaskError: It is none, is damaged, too large or too slow to decode, or holds several
            pictures.
    """
    # Pillow's warnings are about files that are refused here, or are harmless.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            image = Image.open(PatientBytes(content), formats=formats)
            width, height = image.size
            if width * height > LARGEST_IMAGE:
                raise TaskError(f"{width} x {height} pixels, expected at most {LARGEST_IMAGE:,}")
            # A camera's file may have a small copy beside the picture.
            if getattr(image, "is_animated", False) and image.format != "MPO":
                raise TaskError("several pictures in one file, expected one")
            check_effort(image, content)
            image.load()
        except TaskError:
            raise
        except UnidentifiedImageError:
            raise TaskError("not an image") from None
        except Image.DecompressionBombError:
            raise TaskError(f"too many pixels, expected at most {LARGEST_IMAGE:,}") from None
        except Exception as error:
            raise TaskError(f"damaged image ({reason(error)})") from None
    return image


def decode_exact(content: bytes, name: str) -> np.ndarray:
    """Decodes a PNG image that must have Omniglot's size, black ink on white.

    Args:
        content: The file's bytes.
        name: The file's name, for the error.

    Returns:
        bool ndarray of shape (105, 105), ink = True.

    Raises:
        TaskError: It is not a PNG image, or not 105 x 105.
    """
    try:
        image = decoded(content, ("PNG",))
    except TaskError as error:
        raise TaskError(f"{readable(name)}: {error}") from None
    if image.size != (SIDE, SIDE):
        raise TaskError(
            f"{readable(name)}: {image.width} x {image.height} pixels, expected {SIDE} x {SIDE}"
        )
    return ~np.asarray(image.convert("1"), dtype=bool)


def decode_shades(content: bytes | Path, name: str) -> np.ndarray:
    """Decodes an image of any size and common format.

    Args:
        content: The file's bytes, or its path.
        name: The file's name, for the error.

    Returns:
        int16 ndarray of shape (height, width), 0 for black to 255 for white.

    Raises:
        TaskError: It is not an image that can be read, has more than
            `LARGEST_IMAGE` pixels, or holds several pictures.
    """
    try:
        data = content if isinstance(content, bytes) else read_regular(content, LARGEST_FILE)
        return _shades(decoded(data, FORMATS))
    except TaskError as error:
        raise TaskError(f"{readable(name)}: {error}") from None


def decode_any(content: bytes | Path, name: str) -> np.ndarray:
    """Decodes an image of any size, common format and polarity; see `ink.look`.

    Args:
        content: The file's bytes, or its path.
        name: The file's name, for the error.

    Returns:
        bool ndarray of shape (105, 105), ink = True.

    Raises:
        TaskError: As `decode_shades`.
    """
    seen = look(decode_shades(content, name), SIDE)
    return seen.dark if seen.darkness >= 0 else seen.light


def _shades(image: Image.Image) -> np.ndarray:
    """Converts a picture to 256 shades of grey, int16 ndarray (height, width)."""
    try:
        image = ImageOps.exif_transpose(image)
        if image.has_transparency_data:
            image = image.convert("RGBA")
            # On the paper that the ink stands out from.
            on = [
                Image.alpha_composite(Image.new("RGBA", image.size, paper), image).convert("L")
                for paper in ("white", "black")
            ]
            image = max(on, key=lambda shown: np.ptp(np.asarray(shown)))
        if not image.mode.startswith(("I", "F")):
            return np.asarray(image.convert("L"), dtype=np.int16)
        values = np.asarray(image, dtype=np.float64)
    except Exception as error:
        raise TaskError(f"damaged image ({reason(error)})") from None
    if not np.isfinite(values).all():
        raise TaskError("a pixel is NaN or infinite, expected shades of grey")
    span = float(np.ptp(values)) or 1.0
    return ((values - values.min()) * (255 / span)).astype(np.int16)
