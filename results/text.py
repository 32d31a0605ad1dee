"""Text that is safe for tables and terminals."""

from __future__ import annotations

import unicodedata


def plain(text: str) -> str:
    """Makes a text that may come from anyone harmless, in one line.

    Control and formatting characters (terminal escapes, line breaks, marks
    that change the writing direction) become the replacement character.
    """
    return "".join("\ufffd" if _is_control(char) else char for char in text)


def _is_control(char: str) -> bool:
    category = unicodedata.category(char)
    return category.startswith("C") or category in ("Zl", "Zp")


def shown(name: str) -> str:
    """Gives a name as it is printed: `plain`, with single spaces, never empty."""
    return " ".join(plain(name).split()) or "unnamed"
