"""Arguments of `wrap` and `fewshot`, checked before anything is made of them."""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any

import msgspec
import numpy as np
from msgspec import Meta

from ...errors import ScorerError
from .inputs import Pixels, Transform
from .model import Model

_LARGEST = 1e9
"""Largest size of a number for pixels, so that float32 holds what is computed with it."""

_MOST = 65_536
"""Largest number of pixels, channels, images in a batch, and requests."""

_Count: Any = Annotated[int, Meta(ge=1, le=_MOST)]
_Number: Any = Annotated[float, Meta(ge=-_LARGEST, le=_LARGEST)]
_Spread: Any = Annotated[float, Meta(ge=1 / _LARGEST, le=_LARGEST)]
_Text: Any = Annotated[str, Meta(min_length=1)]

_FUNCTION = "a function; typed behind a scorer, module:function or file.py:function"

_CHECKED: dict[str, tuple[Any, str]] = {
    "size": (
        _Count | Annotated[list[_Count], Meta(min_length=2, max_length=2)] | None,
        "a number of pixels, or height and width, [28,28]",
    ),
    "channels": (_Count | None, f"a whole number from 1 to {_MOST}"),
    "ink": (_Number | None, "a number"),
    "paper": (_Number | None, "a number"),
    "mean": (
        _Number | Annotated[list[_Number], Meta(min_length=1)] | None,
        "a number, or a list of one for each channel, [0.5,0.5,0.5]",
    ),
    "std": (
        _Spread | Annotated[list[_Spread], Meta(min_length=1)] | None,
        "a number above 0, or a list of one for each channel, [0.5,0.5,0.5]",
    ),
    "smaller_is_closer": (bool, "true or false"),
    "batch": (_Count, f"a whole number from 1 to {_MOST}"),
    "concurrency": (_Count | None, f"a whole number from 1 to {_MOST}"),
    "retries": (Annotated[int, Meta(ge=0, le=_MOST)], f"a whole number from 0 to {_MOST}"),
    "timeout": (
        Annotated[float, Meta(gt=0, le=_LARGEST)],
        "a number of seconds, more than 0",
    ),
    "device": (_Text | None, "the name of a device, such as cuda"),
    "digest": (_Text | int | None, "a text or a whole number that says which model it is"),
    "name": (_Text | None, "a text, such as ours"),
    "trained_on": (
        _Text | list[_Text] | None,
        "the name of a part, or names of characters",
    ),
}
"""What an argument may be, and how that is said."""

_CALLED = ("transform", "head")
"""Arguments that are functions, or None."""


def _plain(value: Any) -> Any:
    """Gives numbers of Python for those of arrays and tensors, and lists for what holds several."""
    for method in ("tolist", "numpy"):
        if callable(getattr(value, method, None)) and not isinstance(value, type):
            try:
                return _plain(getattr(value, method)())
            except Exception:
                # A tensor that is not at hand; its type is refused.
                return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Iterable) and not isinstance(value, bytes | Mapping):
        return [_plain(one) for one in value]
    return value


def checked(given: Mapping[str, Any]) -> dict[str, Any]:
    """Checks arguments, each by itself.

    Args:
        given: The arguments by name.

    Returns:
        The arguments; numbers and lists of them are those of Python.

    Raises:
        ScorerError: A type or value is not what is expected.
    """
    arguments = dict(given)
    for name, value in given.items():
        if name in _CALLED and value is not None and not callable(value):
            raise ScorerError(f"{name} is {reprlib.repr(value)}, expected {_FUNCTION}")
        if name in _CHECKED:
            kind, words = _CHECKED[name]
            try:
                arguments[name] = msgspec.convert(_plain(value), kind)
            except msgspec.ValidationError:
                raise ScorerError(f"{name} is {reprlib.repr(value)}, expected {words}") from None
    ink, paper = _shades(arguments)
    if ink == paper:
        raise ScorerError(
            f"ink and paper are both {ink:g}: every image would be alike; for black ink on white "
            "paper, ink=0 and paper=1"
        )
    return arguments


def _shades(arguments: Mapping[str, Any]) -> tuple[float, float]:
    """Gives the values of ink and paper, 1 and 0 where they are not said."""
    ink, paper = arguments.get("ink"), arguments.get("paper")
    return 1.0 if ink is None else float(ink), 0.0 if paper is None else float(paper)


def _each(value: float | Sequence[float]) -> tuple[float, ...]:
    return tuple(float(one) for one in np.atleast_1d(np.asarray(value, dtype=np.float64)))


def _number(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def preparation(
    arguments: Mapping[str, Any], own: Model, channels: int, pairs: str | None = None
) -> tuple[Callable[[np.ndarray], np.ndarray], str]:
    """Makes what turns images into the input of a model.

    Args:
        arguments: What `checked` gave; of `wrap` or `fewshot`.
        own: What the model says of its input, where the arguments do not say it.
        channels: Channels of one image.
        pairs: As in `wrap`.

    Returns:
        The function from images to the input, and its settings as a text.

    Raises:
        ScorerError: The arguments do not fit each other, or the model.
    """
    transform = arguments["transform"]
    if transform is not None:
        names = ("size", "ink", "paper", "mean", "std")
        given = [name for name in names if arguments.get(name) is not None]
        if given:
            raise ScorerError(f"transform does what {', '.join(given)} would do; leave one out")
        return Transform(transform, channels), "transform"
    size = arguments["size"]
    if size is None:
        sides = own.size
        if sides is not None and pairs == "stacked":
            sides = sides[0] // 2, sides[1]
    else:
        sides = (size, size) if isinstance(size, int) else (size[0], size[1])
    scales = []
    for name, known, usual in (("mean", own.mean, 0.0), ("std", own.std, 1.0)):
        given = arguments.get(name)
        numbers = _each(given if given is not None else (known or usual))
        if len(numbers) not in (1, channels):
            more = "" if own.channels or arguments["channels"] else f", or channels={len(numbers)}"
            less = "1 number" if channels == 1 else f"1 number or {channels}"
            raise ScorerError(
                f"{name} has {_number(len(numbers), 'number')}, but the model takes "
                f"{_number(channels, 'channel')}; give {less}{more}"
            )
        scales.append(numbers)
    made = Pixels(sides, channels, own.layout, *_shades(arguments), *scales)
    _check_shape(own, made, pairs)
    return made, repr(made)


def _check_shape(own: Model, made: Pixels, pairs: str | None) -> None:
    """Checks that images have the shape that a model says it takes."""
    if not own.fixed or made.size is None:
        return
    height, width = made.size[0] * (2 if pairs == "stacked" else 1), made.size[1]
    channels = made.channels * (2 if pairs == "channels" else 1)
    if own.layout == "flat":
        if own.size and own.channels and pairs is None:
            wanted, count = own.size[0] * own.size[1] * own.channels, height * width * channels
            if wanted != count:
                raise ScorerError(
                    f"size {made.size[0]} x {made.size[1]} and {_number(made.channels, 'channel')} "
                    f"are {_number(count, 'number')}, but the model takes {wanted}; leave size "
                    "and channels out"
                )
        return
    if own.size and (height, width) != own.size:
        raise ScorerError(
            f"size {made.size[0]} x {made.size[1]}, but the model takes {own.size[0]} x "
            f"{own.size[1]} pixels; leave size out"
        )
    if own.channels and own.layout != "none" and channels != own.channels:
        raise ScorerError(
            f"{_number(channels, 'channel')}, but the model takes {own.channels}; leave "
            "channels out"
        )
