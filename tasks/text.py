"""Text from outside, made fit for a message: names that strangers chose, errors of libraries."""

from __future__ import annotations


def readable(name: str) -> str:
    """A name that someone else chose, for an error message: one line, nothing but text."""
    return name if name.isprintable() else ascii(name)[1:-1]


def reason(error: Exception) -> str:
    """What an error of a library says, which may repeat what was read: a line of text."""
    return readable(" ".join(str(error).split()))[:200] or type(error).__name__
