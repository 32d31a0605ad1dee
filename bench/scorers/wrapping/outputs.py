"""Outputs of models: arrays of NumPy from what any library gives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..precision import host, unmasked, widened

_EMBEDDINGS = ("image_embeds", "pooler_output", "embeddings", "features", "last_hidden_state")
"""The fields in which models with several outputs give their embeddings, the best first."""


def as_array(output: Any) -> np.ndarray:
    """Converts an array, a tensor of any library, or a list of them.

    Args:
        output: An array, a tensor on any device, a sparse matrix, a list or tuple of one
            output or of equally shaped ones, or a dict such as Hugging Face models give.
            Of a dict, `image_embeds`, `pooler_output`, `embeddings`, `features` or the first
            token of `last_hidden_state` is taken, in this order.

    Returns:
        ndarray; numbers of less than 32 bits become float32.

    Raises:
        TypeError: A dict or tuple has no output that could be chosen, or the
            array is masked.
    """
    if isinstance(output, Mapping):
        name = next((one for one in _EMBEDDINGS if output.get(one) is not None), None)
        if name is None:
            raise TypeError(
                f"the output is a dict of {', '.join(map(str, output))}, expected one array; "
                "wrap a function that picks one"
            )
        array = as_array(output[name])
        return array[:, 0] if name == "last_hidden_state" and array.ndim == 3 else array
    if isinstance(output, list | tuple) and output and not np.isscalar(output[0]):
        arrays = [as_array(one) for one in output]
        if len(arrays) == 1:
            return arrays[0]
        if isinstance(output, tuple) or len({array.shape for array in arrays}) > 1:
            shapes = ", ".join(str(array.shape) for array in arrays)
            raise TypeError(
                f"the output is {len(arrays)} arrays of shape {shapes}, expected one; "
                "wrap a function that picks one"
            )
        return np.stack(arrays)
    other: Any = host(output)
    if hasattr(other, "toarray"):
        other = other.toarray()
    return widened(np.asarray(unmasked(other)))
