"""Marks: warnings that stand behind the figures of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from ..store import Run

LEAKAGE, AUDIT, TRANSDUCTIVE, VERSIONS = "!", "×", "§", "‡"
"""Stand behind figures; see `MEANING`."""

FLAWS = frozenset({LEAKAGE, AUDIT})
"""Marks of figures that are not compared with others."""

MEANING = {
    LEAKAGE: "leakage: the scorer was trained on characters that it is tested on; "
    "never bold, not compared with others",
    AUDIT: "the scorer failed wayshot audit; never bold, not compared with others",
    TRANSDUCTIVE: "transductive: the answer to a query depends on the other queries",
    VERSIONS: "run with other versions of packages than most of its column",
}
"""What the marks mean."""


def marks(run: Run) -> tuple[str, ...]:
    """Gives the marks that a run deserves."""
    leaked = bool(run.record["scorer"].get("leaked_characters"))
    audit = run.record.get("audit") or {}
    failed, transductive = audit.get("verdict") == "failed", audit.get("transductive") is True
    return (*[LEAKAGE] * leaked, *[AUDIT] * failed, *[TRANSDUCTIVE] * transductive)


def _packages(run: Run) -> dict[str, str]:
    found = run.record["environment"].get("packages")
    named = found if isinstance(found, dict) else {}
    return {str(name): str(version) for name, version in named.items()}


def other_versions(
    members: Mapping[tuple[str, str], Sequence[Run]],
) -> dict[tuple[str, str], list[str]]:
    """Says which runs have other versions of packages than most runs of their column.

    Args:
        members: The runs of each (row, column).

    Returns:
        For each cell with such runs the versions, as "numpy 2.4.0, not 2.5.2".
    """
    usual: dict[tuple[str, str], Counter[str]] = {}
    for (_, column), runs in members.items():
        for run in runs:
            for name, version in _packages(run).items():
                usual.setdefault((column, name), Counter())[version] += 1
    found: dict[tuple[str, str], list[str]] = {}
    for place, runs in members.items():
        for run in runs:
            for name, version in _packages(run).items():
                ((most, _),) = usual[place[1], name].most_common(1)
                words = f"{name} {version}, not {most}"
                if version != most and words not in found.setdefault(place, []):
                    found[place].append(words)
    return {place: words for place, words in found.items() if words}


def marked_in(
    members: Mapping[tuple[str, str], Sequence[Run]],
) -> dict[tuple[str, str], tuple[str, ...]]:
    """Gives the marks of each cell that has some.

    Args:
        members: The runs of each (row, column).
    """
    others = other_versions(members)
    found = {
        place: (
            *dict.fromkeys(mark for run in runs for mark in marks(run)),
            *[VERSIONS] * (place in others),
        )
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
    members: Mapping[tuple[str, str], Sequence[Run]],
    marked: Mapping[tuple[str, str], tuple[str, ...]],
) -> list[str]:
    """Explains the marks, and names the scorers that do not say what they were trained on.

    Args:
        members: The runs of each (row, column).
        marked: The marks of each (row, column) that has some.
    """
    given = {mark for some in marked.values() for mark in some}
    notes = [f"{mark} {meaning}" for mark, meaning in MEANING.items() if mark in given]
    if VERSIONS in given:
        rows: dict[str, dict[str, None]] = {}
        for (row, _), words in other_versions(members).items():
            rows.setdefault(row, {}).update(dict.fromkeys(words))
        notes[-1] += ": " + "; ".join(f"{row} ({', '.join(some)})" for row, some in rows.items())
    silent = dict.fromkeys(
        label
        for (label, _), (run, *_) in members.items()
        if run.record["scorer"].get("leaked_characters") is None
    )
    if silent:
        notes.append(
            "Leakage unknown, because the scorer does not say what it was trained on: "
            f"{', '.join(silent)}"
        )
    return notes
