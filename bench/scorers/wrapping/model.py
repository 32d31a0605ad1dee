"""A model of any library: what it says of its input, and how it is called."""

from __future__ import annotations

import hashlib
import inspect
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar

import numpy as np

from .outputs import as_array

_CHANNELS = (1, 2, 3, 4, 6)
"""Lengths by which an axis is known as that of the channels: one image or two."""


def takes_two(function: Callable[..., Any]) -> bool:
    """Tells whether a function takes two arguments, rather than a list of two."""
    try:
        found = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return True
    if any(one.kind is one.VAR_POSITIONAL for one in found):
        return True
    needed = [
        one
        for one in found
        if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD) and one.default is one.empty
    ]
    return len(needed) >= 2


class Model:
    """A model of one kind. This base class is the kind of plain functions on arrays.

    Attributes:
        kind: What the kind is called.
        devices: Where it can compute, in words; "" for any device of its library.
        packages: Distribution packages whose versions may change what its models give; they
            are in every record and in the keys of all caches.
        model: The user's object.
        size: Height and width of the input, or None where the model does not know it.
        channels: Channels of the input, or None.
        layout: `last` (B, H, W, C), `first` (B, C, H, W), `none` (B, H, W) or `flat`
            (B, H * W * C).
        batch: The only number of images that it takes at once, or None.
        inputs: Number of inputs.
        fixed: Whether it takes no other shape than it says.
        mean: Mean of the pixels that it was trained with, or None.
        std: Standard deviation of them, or None.
        parameters: Numbers learned, or None.
    """

    kind: ClassVar[str] = "a function"
    devices: ClassVar[str] = "where it computes is in the function"
    packages: ClassVar[tuple[str, ...]] = ()
    size: tuple[int, int] | None = None
    channels: int | None = None
    layout: str = "last"
    batch: int | None = None
    inputs: int = 1
    fixed: bool = False
    mean: Sequence[float] | None = None
    std: Sequence[float] | None = None
    parameters: int | None = None

    def __init__(self, model: Any, device: str | None = None) -> None:
        """Reads what the model says of itself.

        Args:
            model: The user's object.
            device: Where it computes, for libraries that have devices; None leaves it
                where it is.
        """
        self.model, self.device = model, device

    @classmethod
    def recognises(cls, model: Any) -> bool:
        """Tells whether an object is of this kind."""
        return callable(model)

    def run(self, *images: np.ndarray) -> np.ndarray:
        """Runs the model on arrays of its layout, one for each of its inputs."""
        return as_array(self.model(*images))

    def join(self, head: Any, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Calls a head with the tensors of this library.

        Args:
            head: The head.
            first: Embeddings (n, D).
            second: Embeddings (n, D).

        Returns:
            What it gives, as an array.
        """
        both = first, second
        return as_array(head(*both) if takes_two(head) else head(list(both)))

    def weights(self) -> str:
        """Computes a digest of all numbers that were learned."""
        return ""

    def flops(self, *images: np.ndarray) -> int | None:
        """Counts the floating-point operations of a run, where the library can.

        A multiplication and an addition count as two.

        Args:
            *images: One image, or one pair, as for `run`.

        Returns:
            The operations, or None if they are unknown.
        """
        return None

    def tower(self, *images: np.ndarray) -> str | None:
        """Gives the name of the part that is applied to both images, if that can be told.

        Args:
            *images: One pair, as for `run`.
        """
        return None

    def read_shape(self, shape: Iterable[Any], layout: str) -> None:
        """Takes size, channels, layout and a fixed batch from the shape of the input.

        Args:
            shape: The shape; a length that is not a positive int is free.
            layout: The layout where the shape does not tell.
        """
        lengths = [
            int(one) if isinstance(one, int | np.integer) and one > 0 else None for one in shape
        ]
        if len(lengths) not in (2, 3, 4):
            return
        self.batch = lengths[0]
        if len(lengths) == 2:
            self.layout = "flat"
            self.size, self.channels = square(lengths[1])
            return
        if len(lengths) == 3:
            self.layout, sides, self.channels = "none", lengths[1:], 1
        else:
            first, last = lengths[1] in _CHANNELS, lengths[3] in _CHANNELS
            self.layout = ("first" if first else "last") if first != last else layout
            channels = lengths.pop(1 if self.layout == "first" else 3)
            sides, self.channels = lengths[1:], channels
        if sides[0] and sides[1]:
            self.size = sides[0], sides[1]


def square(length: int | None) -> tuple[tuple[int, int] | None, int | None]:
    """Gives size and channels of a square image with this many numbers, or None."""
    for channels in (1, 3):
        side = math.isqrt((length or 0) // channels)
        if length and side * side * channels == length:
            return (side, side), channels
    return None, None


def digest(arrays: Iterable[tuple[str, np.ndarray]]) -> str:
    """Computes a digest of named arrays."""
    found = hashlib.sha256()
    for name, array in arrays:
        found.update(f"{name} {array.dtype} {array.shape}\n".encode())
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()
