"""Decoding: files of pictures as arrays of gray or colour, as they are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from ..errors import TaskError
from ..files import read_regular
from ..text import readable, reason
from .images import FORMATS, LARGEST_FILE, decoded
from .patience import PatientFile

_GRAY_MODES = ("1", "L", "LA", "La", "I", "F", "I;16", "I;16L", "I;16B", "I;16N")

_TURNED = (5, 6, 7, 8)
"""Orientations of EXIF that exchange height and width."""

_ORIENTATION = 0x0112


def decode(path: Path) -> np.ndarray:
    """Decodes a picture as it is.

    What is transparent is put on white; pixels of 16 bits lose the lower eight; the
    orientation that a camera has noted is applied.

    Args:
        path: The file.

    Returns:
        uint8 ndarray (height, width) where the file has shades of gray, and
        (height, width, 3) where it can have colours.

    Raises:
        TaskError: It is not a picture that can be read.
    """
    try:
        return shades(decoded(read_regular(path, LARGEST_FILE)), upright=True)
    except TaskError as error:
        raise TaskError(f"{readable(str(path))}: {error}") from None


def shades(image: Image.Image, upright: bool = False) -> np.ndarray:
    """Gives the pixels of a picture, as `decode` does.

    Args:
        image: The picture.
        upright: Whether the orientation that a camera has noted is applied.

    Raises:
        TaskError: It is damaged, or its pixels are no shades.
    """
    try:
        return _shades(ImageOps.exif_transpose(image) if upright else image)
    except TaskError:
        raise
    except Exception as error:
        raise TaskError(f"damaged image ({reason(error)})") from None


def _shades(image: Image.Image) -> np.ndarray:
    gray = image.mode in _GRAY_MODES
    if image.has_transparency_data:
        paper = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(paper, image.convert("RGBA"))
    elif image.mode.startswith(("I", "F")):
        return _eight_bits(np.asarray(image))
    return np.asarray(image.convert("L" if gray else "RGB"))


def _eight_bits(values: np.ndarray) -> np.ndarray:
    """Brings shades of more than eight bits to 0 to 255."""
    low, high = float(values.min()), float(values.max())
    if not (np.isfinite(values).all() and low >= 0 and high <= 65535):
        raise TaskError(
            f"pixels from {low:g} to {high:g}, expected shades from 0 to 1, 255 or 65535"
        )
    if values.dtype.kind == "f" and high <= 1:
        return np.rint(values * 255).astype(np.uint8)
    return (values if high <= 255 else values / 256).astype(np.uint8)


def size_of(path: Path) -> tuple[int, int]:
    """Reads height and width of a picture, without decoding it.

    Args:
        path: The file.

    Raises:
        TaskError: It is not a picture.
    """
    try:
        with PatientFile(path) as file, Image.open(file, formats=FORMATS) as image:
            width, height = image.size
            # Pillow has turned TIFF already, and reads the whole of a PNG for its own `getexif`.
            noted = 0 if image.format == "TIFF" else Image.Image.getexif(image).get(_ORIENTATION)
            turned = noted in _TURNED
            return (width, height) if turned else (height, width)
    except Exception:
        # Decoding it says what is wrong.
        return decode(path).shape[:2]


def is_coloured(picture: np.ndarray) -> bool:
    """Tells whether any pixel of a picture is not gray.

    Args:
        picture: uint8 ndarray (height, width) or (height, width, 3).
    """
    return picture.ndim == 3 and bool((picture != picture[..., :1]).any())


def in_kind(picture: np.ndarray, kind: str) -> np.ndarray:
    """Turns a picture to gray by its luminance (ITU-R 601-2), or gives gray three channels.

    Args:
        picture: uint8 ndarray (height, width) or (height, width, 3).
        kind: `gray` or `color`.

    Returns:
        uint8 ndarray (height, width) for gray, (height, width, 3) for colour.
    """
    if kind == "gray" and picture.ndim == 3:
        return np.asarray(Image.fromarray(picture).convert("L"))
    if kind == "color" and picture.ndim == 2:
        return np.repeat(picture[..., None], 3, axis=-1)
    return picture


def shapes(pictures: Sequence[tuple[int, int]]) -> str:
    """Says which sizes pictures have, from the smallest to the largest."""
    ordered = sorted(set(pictures), key=lambda size: (size[0] * size[1], size))
    return f"{ordered[0][0]} x {ordered[0][1]} to {ordered[-1][0]} x {ordered[-1][1]}"
