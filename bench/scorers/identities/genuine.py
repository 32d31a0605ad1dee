"""Genuine: whether an object is what a class of this project makes, with nothing replaced."""

from __future__ import annotations

import functools
import sys
from types import FunctionType
from typing import Any


def is_ours(kind: type) -> bool:
    """Tells whether a class is one of this project.

    Args:
        kind: The class.
    """
    return kind.__module__.partition(".")[0] == "wayshot"


def _functions(value: Any) -> list[Any] | None:
    """Gives the functions of an attribute of a class; None if it is something else to call."""
    if isinstance(value, FunctionType):
        return [value]
    if isinstance(value, staticmethod | classmethod):
        return [value.__func__]
    if isinstance(value, property):
        return [one for one in (value.fget, value.fset, value.fdel) if one is not None]
    if isinstance(value, functools.cached_property):
        return [value.func]
    return None if callable(value) and not isinstance(value, type) else []


def _is_as_written(kind: type) -> bool:
    module = sys.modules.get(kind.__module__)
    found: Any = module
    for name in kind.__qualname__.split("."):
        found = getattr(found, name, None)
    if found is not kind:
        return False
    for name, value in vars(kind).items():
        functions = _functions(value)
        if functions is None:
            return False
        for one in functions:
            written = getattr(one, "__qualname__", ""), getattr(one, "__module__", "")
            # Python gives a dataclass some methods that are in no file.
            made = name.startswith("__") and name.endswith("__")
            at = getattr(getattr(one, "__code__", None), "co_filename", None)
            if written != (f"{kind.__qualname__}.{name}", kind.__module__) or (
                at != getattr(module, "__file__", None) and not made
            ):
                return False
    return True


def _shadows(scorer: Any, name: str) -> bool:
    """Tells whether an object's own attribute stands in the place of a method."""
    of_class = getattr(type(scorer), name, None)
    return callable(of_class) and not isinstance(of_class, type)


def is_genuine(scorer: Any) -> bool:
    """Tells whether an object is what its class, of this project, makes of it.

    It is not if the class is a subclass from elsewhere, or if a method was replaced: in the
    object, in its class, or in a class above.

    Args:
        scorer: Any object.
    """
    kinds = [kind for kind in type(scorer).__mro__ if kind is not object]
    if not all(is_ours(kind) and _is_as_written(kind) for kind in kinds):
        return False
    return not any(_shadows(scorer, name) for name in getattr(scorer, "__dict__", ()))
