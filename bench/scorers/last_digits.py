"""Last digits: how much of a score is rounding."""

from __future__ import annotations

import numpy as np

DIGITS = 16
"""Last digits of an embedding that a network may compute otherwise in another batch."""


ULPS = 64
"""Last digits of a score that are rounding, where nothing is known of how it comes about:
single precision, of which a deep network loses up to two digits."""


def nudged(array: np.ndarray, digits: int = 1) -> np.ndarray:
    """Moves numbers up or down, at random, by a last digit of what is usual beside them.

    Scores of such embeddings are as good as those of the original ones, and rounded anew: by
    how much they differ tells how much of a score is rounding, however it comes about.

    Args:
        array: Embeddings, ndarray (..., D); whole numbers stay as they are.
        digits: How many times the last digit.
    """
    if array.dtype.kind != "f" or not array.size:
        return array
    signs = np.random.Generator(np.random.PCG64(0)).integers(0, 2, array.shape) * 2 - 1
    with np.errstate(all="ignore"):
        usual = np.sqrt(np.mean(np.square(array, dtype=np.float64), axis=-1, keepdims=True))
        digit = digits * np.spacing(usual.astype(array.dtype))
        moved = array + (signs * np.nan_to_num(digit, posinf=0.0)).astype(array.dtype)
    return moved


def rounding(found: np.ndarray, expected: np.ndarray) -> float:
    """Gives the largest difference that rounding can make, judged by scores of `nudged` numbers.

    A tenth of the scores may change by more: those of a vote or a rank jump.

    Args:
        found: Scores of nudged embeddings, ndarray.
        expected: Scores of the original ones, of the same shape.
    """
    with np.errstate(all="ignore"):
        apart = np.abs(found - expected)
    known = apart[np.isfinite(apart)]
    return 4 * float(np.quantile(known, 0.9)) if known.size else 0.0


def digits(scores: np.ndarray, count: int) -> float:
    """Gives some last digits of the largest score in single precision.

    Args:
        scores: ndarray; what is not finite does not count.
        count: How many times the last digit.
    """
    known = np.abs(scores[np.isfinite(scores)])
    return count * float(np.spacing(np.float32(min(known.max(initial=0.0), 1e30))))
