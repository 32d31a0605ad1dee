"""Text as tables and terminals may show it."""

from __future__ import annotations

import unicodedata


def plain(text: str) -> str:
    """Makes a name that someone else chose into harmless text of one line.

    Control and formatting characters (terminal escapes, line breaks, marks
    that turn the direction of writing) become the replacement character.
    """
    return "".join("\ufffd" if _is_control(char) else char for char in text)


def _is_control(char: str) -> bool:
    category = unicodedata.category(char)
    return category.startswith("C") or category in ("Zl", "Zp")


def shown(name: str) -> str:
    """A name as it is printed: `plain`, and without blanks that cannot be seen."""
    return " ".join(plain(name).split()) or "unnamed"
