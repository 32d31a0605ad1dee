"""Precision: what a scorer gives, from any device, as an array of the harness's own."""

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


class MaskedError(TypeError):
    """An answer that is a masked array, of which the harness would read what is masked."""

    def __init__(self) -> None:
        super().__init__("a masked array, expected numbers for all images; give array.filled(0)")


def unmasked(answer: Any) -> Any:
    """Gives an answer as it is, unless it is masked.

    Args:
        answer: What a scorer or a model gave.

    Raises:
        MaskedError: It is a masked array, or a list of them.
    """
    parts = answer if isinstance(answer, list | tuple) else [answer]
    if any(isinstance(one, np.ma.MaskedArray) for one in parts):
        raise MaskedError
    return answer


def as_numbers(answer: Any) -> np.ndarray:
    """Gives an answer as an array; numbers of 16 or 8 bits become float32.

    Args:
        answer: What a scorer gave: an array, a tensor on any device, or a list of them.

    Raises:
        MaskedError: It is a masked array.
    """
    if isinstance(answer, list | tuple):
        answer = [host(one) for one in answer]
    return widened(np.asarray(unmasked(host(answer))))


def received(answer: Any) -> np.ndarray:
    """Copies an answer, because a scorer may use the same array again in its next call.

    Args:
        answer: What a scorer gave: an array, also one that is mapped from a file, a tensor on
            any device, or a list.

    Raises:
        MaskedError: It is a masked array.
    """
    return np.array(as_numbers(answer))
