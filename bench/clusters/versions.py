"""Versions that must be the same here and on the workers of a cluster."""

from __future__ import annotations

from typing import Any

from ..machine import environment

_COMPARED = ("python", "machine", "keras_backend", "packages")
"""Fields of `environment` that must be the same everywhere."""


def versions() -> dict[str, Any]:
    """Gives what must be the same on all workers: versions of Python and of libraries."""
    found = environment()
    return {name: found[name] for name in _COMPARED}


def differences(here: dict[str, Any], there: dict[str, Any]) -> str:
    """Says in which versions a worker differs; "" if in none.

    Args:
        here: `versions` of this process.
        there: Those of the worker.
    """
    flat = [
        {**one["packages"], **{name: one[name] for name in _COMPARED if name != "packages"}}
        for one in (here, there)
    ]
    ours, theirs = flat
    return ", ".join(
        f"{name} {theirs.get(name) or 'missing'} (here {ours.get(name) or 'missing'})"
        for name in sorted({*ours, *theirs})
        if ours.get(name) != theirs.get(name)
    )
