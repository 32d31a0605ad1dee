"""Statements: texts and numbers with which a scorer describes itself."""

from __future__ import annotations

import numbers
from typing import Any, TypeGuard

from ...tasks import readable
from .failures import BrokenScorerError

_MOST = 65_536
"""Largest number of images in a call, and of calls at the same time."""

_LONGEST = 1000
"""Most characters of a name, an engine or a recipe."""


def is_count(value: Any) -> TypeGuard[int]:
    """Tells whether a value is a whole number, and not a truth value."""
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def text_of(said: Any, what: str, name: str) -> str | None:
    """Gives a text that a record can hold.

    Args:
        said: What the scorer says; of another type it is something else, as a layer or method.
        what: Name of the attribute.
        name: Name of the scorer.

    Returns:
        The text, or None where it says none.

    Raises:
        BrokenScorerError: It is too long, or no UTF-8.
    """
    if not isinstance(said, str):
        return None
    if len(said) > _LONGEST:
        raise BrokenScorerError(
            f"scorer {name!r}: {what} has {len(said):,} characters, expected at most {_LONGEST:,}"
        )
    try:
        said.encode()
    except UnicodeEncodeError:
        raise BrokenScorerError(
            f"scorer {name!r}: {what} {readable(said[:40])} cannot be written as UTF-8"
        ) from None
    return said


def _shown(count: int) -> str:
    """Gives a number as text, which Python does not do for one of thousands of digits."""
    return str(count) if count.bit_length() < 200 else "of more than 60 digits"


def number_of(said: Any, what: str, name: str) -> int | None:
    """Gives a number that a record can hold.

    Args:
        said: What the scorer says; of another type it is something else, as a layer or method.
        what: Name of the attribute.
        name: Name of the scorer.

    Returns:
        The number, or None where it says none.

    Raises:
        BrokenScorerError: It is negative or too large.
    """
    if not is_count(said):
        return None
    if not 0 <= (count := int(said)) < 2**63:
        raise BrokenScorerError(
            f"scorer {name!r}: {what} {_shown(count)}, expected a number from 0 to 2^63 - 1"
        )
    return count


def count_of(said: Any, what: str, name: str) -> int | None:
    """Gives a number of images or calls.

    Args:
        said: What the scorer says; of another type it is something else, as a layer or method.
        what: Name of the attribute.
        name: Name of the scorer.

    Returns:
        The number, or None where it says none.

    Raises:
        BrokenScorerError: It is less than 1 or too large.
    """
    if not is_count(said):
        return None
    count = int(said)
    if not 1 <= count <= _MOST:
        raise BrokenScorerError(
            f"scorer {name!r}: {what} {_shown(count)}, expected a number from 1 to {_MOST}"
        )
    return count
