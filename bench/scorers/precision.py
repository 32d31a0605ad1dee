"""Precision: answers as arrays: tensors on any device, and numbers of few bits."""

from __future__ import annotations

from typing import Any

import numpy as np

_REDUCED = ("float16", "bfloat16", "float8")
"""Beginnings of the names of types that become float32."""


def widened(array: np.ndarray) -> np.ndarray:
    """Converts numbers of 16 or 8 bits, such as bfloat16, to float32; others stay as they are."""
    return array.astype(np.float32) if array.dtype.name.startswith(_REDUCED) else array


def host(tensor: Any) -> Any:
    """Gives a tensor of PyTorch as an array, from whichever device; anything else as it is.

    Other libraries' arrays come from their device by themselves when NumPy asks for them.
    """
    if not hasattr(tensor, "detach"):
        return tensor
    tensor = tensor.detach().cpu()
    if tensor.is_floating_point() and tensor.element_size() < 4:
        tensor = tensor.float()
    return tensor.numpy()


def as_numbers(answer: Any) -> np.ndarray:
    """Gives a scorer's answer as an array; numbers of 16 or 8 bits become float32.

    Args:
        answer: An array, a tensor on any device, or a list of them.
    """
    if isinstance(answer, list | tuple):
        answer = [host(one) for one in answer]
    return widened(np.asarray(host(answer)))
