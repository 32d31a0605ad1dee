"""Suggestions: names that the user may have meant."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

_MOST = 8
"""Most names that are listed where none is close."""


def suggested(name: str, names: Iterable[str], start: str = "") -> str:
    """Gives the end of a message: the names closest to one that does not exist.

    Args:
        name: What was typed.
        names: The names that exist.
        start: What is typed before each of them.

    Returns:
        Such as `; closest: Corners`; all names where none is close and they are few; or "".
    """
    names = list(dict.fromkeys(names))
    lower: dict[str, list[str]] = {}
    for one in names:
        lower.setdefault(one.lower(), []).append(one)
    near = difflib.get_close_matches(name.lower(), lower, n=3, cutoff=0.7)
    close = [one for key in near for one in lower[key]]
    if close:
        return f"; closest: {', '.join(start + one for one in close)}"
    if names and len(names) <= _MOST:
        return f"; it has {', '.join(start + one for one in names)}"
    return ""


def names_of(module: ModuleType) -> list[str]:
    """Lists what a module defines itself, and what could be a scorer or make one."""
    return [
        name
        for name, thing in vars(module).items()
        if not name.startswith("_")
        and getattr(thing, "__module__", None) == module.__name__
        and (callable(thing) or hasattr(thing, "score") or hasattr(thing, "embed"))
    ]


def names_in(path: Path) -> list[str]:
    """Lists the functions, classes and variables of a Python file, which is not run.

    Args:
        path: The file.

    Returns:
        The names; none if the file cannot be read.
    """
    try:
        body = ast.parse(path.read_bytes()).body
    except (OSError, ValueError, SyntaxError, RecursionError, MemoryError):
        return []
    names = []
    for part in body:
        if isinstance(part, ast.FunctionDef | ast.ClassDef):
            names.append(part.name)
        elif isinstance(part, ast.Assign):
            names += [one.id for one in part.targets if isinstance(one, ast.Name)]
    return [name for name in names if not name.startswith("_")]
