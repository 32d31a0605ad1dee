"""Text of unknown origin for messages: names in files, errors of libraries."""

from __future__ import annotations


def readable(name: str) -> str:
    """Makes a name of unknown origin printable in one line, for an error message."""
    return name if name.isprintable() else ascii(name)[1:-1]


def reason(error: Exception) -> str:
    """Gives the message of a library's error, which may contain file content, in one line."""
    return readable(" ".join(str(error).split()))[:200] or type(error).__name__
