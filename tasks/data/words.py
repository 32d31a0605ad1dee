"""Words: the names of classes, groups and drawers that somebody has given for images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..errors import TaskError
from ..text import reason


def words_of(values: Any, count: int, what: str) -> list[str]:
    """Gives what is said of each image as text.

    Args:
        values: A name or number for each image: a sequence, an array or a column of a table.
        count: Number of images.
        what: What they are called in errors, such as `labels`.

    Raises:
        TaskError: They are no names, not as many as images, one-hot, or one is missing or empty.
    """
    try:
        found = np.asarray(values)
        found = np.char.decode(found, "utf-8") if found.dtype.kind == "S" else found
        words = [str(one) for one in found.ravel().tolist()]
        "".join(words).encode()
    except ValueError as error:
        # Rows of unequal lengths, or what is no text.
        raise TaskError(f"{what}: expected a name for each image ({reason(error)})") from None
    if _is_one_hot(found):
        raise TaskError(
            f"{what} are one-hot, {' x '.join(map(str, found.shape))}; give class numbers: "
            f"{what}.argmax(axis=1)"
        )
    if len(words) != count:
        raise TaskError(f"{len(words)} {what} for {count} images, expected one for each")
    missing = np.flatnonzero(_missing(values, found))
    if len(missing):
        raise TaskError(
            f"{what}: {len(missing)} of {count} are missing (NaN or None; the first is number "
            f"{missing[0]}, from 0), expected a name for each image; leave out images without one"
        )
    if not all(word.strip() for word in words) or any("\0" in word for word in words):
        raise TaskError(f"{what}: one is empty or has a NUL, expected a name for each image")
    return words


def are_missing(values: Any) -> bool:
    """Tells whether nothing is said of any image: None, or only None and NaN.

    Args:
        values: As for `words_of`, or None.
    """
    if values is None:
        return True
    try:
        missing = _missing(values, np.asarray(values))
    except ValueError:
        # Rows of unequal lengths.
        return False
    return bool(len(missing) and missing.all())


def _missing(values: Any, found: np.ndarray) -> np.ndarray:
    """Tells which values are missing, bool ndarray (n,).

    Args:
        values: As they were given. In an array of text or numbers, NaN and None are text or
            numbers, too.
        found: The same as an array.
    """
    if isinstance(values, np.ma.MaskedArray):
        return np.ma.getmaskarray(values).ravel() | pd.isna(found).ravel()
    if isinstance(values, Sequence) and not isinstance(values, str) and found.ndim == 1:
        return np.array([pd.api.types.is_scalar(one) and pd.isna(one) for one in values], bool)
    return np.asarray(pd.isna(found)).ravel()


def _is_one_hot(found: np.ndarray) -> bool:
    if found.ndim != 2 or found.shape[1] < 2 or found.dtype.kind not in "bfiu":
        return False
    return bool(
        len(found) and ((found != 0).sum(axis=1) == 1).all() and (found.max(axis=1) == 1).all()
    )
