"""Marks: warnings that stand behind the figures of a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ..store import Run

LEAKAGE, AUDIT, TRANSDUCTIVE = "!", "×", "§"
"""Stand behind figures; see `MEANING`."""

FLAWS = frozenset({LEAKAGE, AUDIT})
"""Marks of figures that are not compared with others."""

MEANING = {
    LEAKAGE: "leakage: the scorer was trained on characters that it is tested on; "
    "never bold, not compared with others",
    AUDIT: "the scorer failed wayshot audit; never bold, not compared with others",
    TRANSDUCTIVE: "transductive: the answer to a query depends on the other queries",
}
"""What the marks mean."""


def marks(run: Run) -> tuple[str, ...]:
    """Gives the marks that a run deserves."""
    leaked = bool(run.record["scorer"].get("leaked_characters"))
    audit = run.record.get("audit") or {}
    failed, transductive = audit.get("verdict") == "failed", audit.get("transductive") is True
    return (*[LEAKAGE] * leaked, *[AUDIT] * failed, *[TRANSDUCTIVE] * transductive)


def marked_in(
    members: Mapping[tuple[str, str], Sequence[Run]],
) -> dict[tuple[str, str], tuple[str, ...]]:
    """Gives the marks of each cell that has some.

    Args:
        members: The runs of each (row, column).
    """
    found = {
        place: tuple(dict.fromkeys(mark for run in runs for mark in marks(run)))
        for place, runs in members.items()
    }
    return {place: some for place, some in found.items() if some}


def warnings(runs: Iterable[tuple[str, Run]]) -> list[str]:
    """Says what marks mean, with the labels of the runs that deserve them.

    Args:
        runs: Labels and runs.
    """
    found: dict[str, list[str]] = {}
    for label, run in runs:
        for mark in marks(run):
            found.setdefault(mark, []).append(label)
    return [f"{', '.join(found[mark])}: {MEANING[mark]}" for mark in MEANING if mark in found]


def explained(
    runs: dict[tuple[str, str], Run], marked: dict[tuple[str, str], tuple[str, ...]]
) -> list[str]:
    """Explains the marks, and names the scorers that do not say what they were trained on.

    Args:
        runs: The run of each (row, column).
        marked: The marks of each (row, column) that has some.
    """
    given = {mark for some in marked.values() for mark in some}
    notes = [f"{mark} {meaning}" for mark, meaning in MEANING.items() if mark in given]
    silent = dict.fromkeys(
        label
        for (label, _), run in runs.items()
        if run.record["scorer"].get("leaked_characters") is None
    )
    if silent:
        notes.append(
            "Leakage unknown, because the scorer does not say what it was trained on: "
            f"{', '.join(silent)}"
        )
    return notes
