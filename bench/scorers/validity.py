"""Validity: whether an answer of a scorer consists of numbers and has the right shape."""

from __future__ import annotations

import numpy as np

from .failures import BrokenScorerError


def shape_of(method: str, *arguments: np.ndarray) -> tuple[int | None, ...]:
    """Gives the shape that an answer must have; None for any length.

    Args:
        method: `embed`, `compare`, `score` or `classify`.
        *arguments: What it is given.
    """
    if method == "embed":
        return len(arguments[0]), None
    if method == "compare":
        query, support = arguments
        return *query.shape[:-1], support.shape[-2]
    if method == "score":
        return len(arguments[0]), len(arguments[1])
    _, labels, query = arguments
    return len(query), int(labels.max()) + 1


def valid(
    answer: np.ndarray, shape: tuple[int | None, ...], scorer: str, method: str = ""
) -> np.ndarray:
    """Checks the type and the shape of an answer.

    Args:
        answer: The answer of the scorer.
        shape: The shape that it must have; None for any length.
        scorer: Name of the scorer.
        method: Name of the method that gave it.

    Returns:
        The answer.

    Raises:
        BrokenScorerError: It has another type or shape.
    """
    start = f"scorer {scorer}: {method} gave" if method else f"scorer {scorer}: gave"
    if answer.dtype == object and not answer.shape:
        raise BrokenScorerError(f"{start} a {type(answer[()]).__name__}, expected an array")
    if answer.dtype.kind not in "fiu":
        raise BrokenScorerError(f"{start} {answer.dtype}, expected numbers")
    if len(answer.shape) != len(shape) or any(
        wanted not in (None, length) for wanted, length in zip(shape, answer.shape, strict=True)
    ):
        names = ("D" if length is None else str(length) for length in shape)
        expected = ", ".join(names) + ("," if len(shape) == 1 else "")
        raise BrokenScorerError(f"{start} shape {answer.shape}, expected ({expected})")
    if None in shape and not answer.size:
        raise BrokenScorerError(f"{start} shape {answer.shape}, expected at least one number each")
    return answer
