"""Precision: numbers of few bits, which NumPy hardly computes with."""

from __future__ import annotations

import numpy as np

_REDUCED = ("float16", "bfloat16", "float8")
"""Beginnings of the names of types that become float32."""


def widened(array: np.ndarray) -> np.ndarray:
    """Converts numbers of 16 or 8 bits, such as bfloat16, to float32; others stay as they are."""
    return array.astype(np.float32) if array.dtype.name.startswith(_REDUCED) else array
