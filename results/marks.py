"""Marks: what a reader must know of a run before believing its figures."""

from __future__ import annotations

from collections.abc import Iterable

from .run import Run

LEAKAGE, AUDIT = "!", "×"
"""Stand behind figures."""

MEANING = {
    LEAKAGE: "leakage: the scorer was trained on characters that it is tested on; "
    "never bold, not compared",
    AUDIT: "the scorer failed wayshot audit; never bold, not compared",
}
"""What they mean."""


def marks(run: Run) -> tuple[str, ...]:
    """The marks that a run deserves."""
    leaked = bool(run.record["scorer"].get("leaked_characters"))
    failed = (run.record.get("audit") or {}).get("verdict") == "failed"
    return (*[LEAKAGE] * leaked, *[AUDIT] * failed)


def warnings(runs: Iterable[tuple[str, Run]]) -> list[str]:
    """What marks mean, with the labels of the runs that deserve them.

    Args:
        runs: Labels and runs.
    """
    found: dict[str, list[str]] = {}
    for label, run in runs:
        for mark in marks(run):
            found.setdefault(mark, []).append(label)
    return [f"{', '.join(found[mark])}: {MEANING[mark]}" for mark in MEANING if mark in found]
