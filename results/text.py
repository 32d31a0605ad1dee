"""Text that is safe for tables and terminals, and figures that are rounded the same everywhere."""

from __future__ import annotations

import unicodedata
from decimal import ROUND_HALF_UP, Decimal

PRECISION = 9
"""Decimals of a percentage beyond which there is only rounding noise."""

_JOINERS = "\u200c\u200d"


def plain(text: str) -> str:
    """Makes a text that may come from anyone harmless, in one line.

    Control and formatting characters (terminal escapes, line breaks, marks
    that change the writing direction) become the replacement character. The
    joiners of scripts such as Persian stay between the characters that they join.
    """
    if text.isprintable():
        return text
    return "".join(
        "\ufffd" if _is_control(char) and not _joins(text, place) else char
        for place, char in enumerate(text)
    )


def _joins(text: str, place: int) -> bool:
    """Tells whether a character is a joiner between two characters that can be joined."""
    around = text[max(place - 1, 0) : place] + text[place + 1 : place + 2]
    return (
        text[place] in _JOINERS
        and len(around) == 2
        # Letters, marks and emoji; in ASCII a joiner would only hide.
        and all(unicodedata.category(char)[0] in "LMS" and not char.isascii() for char in around)
    )


def _is_control(char: str) -> bool:
    category = unicodedata.category(char)
    return category.startswith("C") or category in ("Zl", "Zp")


def shown(name: str) -> str:
    """Gives a name as it is printed: `plain`, with single spaces, never empty."""
    return " ".join(plain(name).split()) or "unnamed"


def percent(share: float, decimals: int = 1) -> str:
    """Writes a fraction in percent, halves rounded up.

    Args:
        share: The fraction.
        decimals: The number of decimals.
    """
    exact = Decimal(repr(round(100 * float(share) + 0.0, PRECISION)))
    return str(exact.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP))
