"""Caption: a table's title, and the notes that say what its figures are."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from ..statistics import INTERVALS, Estimate, covered
from ..store import Run
from ..text import shown

_FALLBACK = "wilson"
"""The method that is used where the alphabets do not differ or are too few, and covers less."""

EXPLAINED = {
    _FALLBACK: INTERVALS[_FALLBACK].covers,
    "constant": "every trial has the same credit, so that the interval has no width",
}
"""Methods whose names alone would be misread."""


def describe(label: str, run: Run) -> str:
    """Describes a column's episodes.

    Args:
        label: The column's label.
        run: One of its runs.
    """
    record = run.record
    protocol = record["protocol"]
    words = [f"{label}: {shown(str(protocol.get('description') or 'no description'))}"]
    if not run.is_official:
        words.append(f"{record['episodes']:,} episodes, seed {record['seed']}")
    return "; ".join(words)


def title_of(interval: str, estimates: Sequence[Estimate]) -> str:
    """Writes the title of a table of accuracies.

    Args:
        interval: As for `estimates.estimate`.
        estimates: Those in the table.
    """
    if all(one.low is None for one in estimates):
        return "Accuracy (%)"
    level = " and ".join(sorted({f"{100 * one.level:g}" for one in estimates}))
    return f"Accuracy (%) with {level} % {interval} intervals"


def _covered(interval: str, columns: Mapping[str, tuple[Run, Sequence[Estimate]]]) -> list[str]:
    """Says what the intervals cover, with the columns where these are different things."""
    found: dict[str, list[str]] = {}
    for label, (_, estimates) in columns.items():
        for words in dict.fromkeys(covered(interval, one) for one in estimates):
            if words:
                found.setdefault(words, []).append(label)
    several = len(found) > 1
    return [
        f"The {interval} interval {f'of {_listed(where)} ' if several else ''}{words}."
        for words, where in found.items()
    ]


def _listed(labels: Sequence[str]) -> str:
    return ", ".join(labels)


def comparison_notes(
    compared: Mapping[str, Sequence[str]], bold: Collection[str], baseline: str | None, mark: str
) -> list[str]:
    """Says what bold face and the mark of differences mean, and where there is none.

    Args:
        compared: For each column the labels of the scorers that may be compared.
        bold: The columns with bold face.
        baseline: Label of the scorer with which the others are compared, or None.
        mark: What marks figures that differ from it.
    """
    notes: list[str] = []
    if bold:
        notes.append(
            "Bold: all scorers that may be the best of their column, at 95 % confidence: no other "
            "is better (paired tests, corrected for the number of all pairs)."
        )
    without = [one for one, rows in compared.items() if len(rows) > 1 and one not in bold]
    if without:
        notes.append(
            f"No bold in {_listed(without)}: with so few alphabets and characters, no scorer can "
            "be told from the best."
        )
    if baseline:
        notes.append(
            f"{mark} differs significantly from {baseline} (paired tests at 5 %, corrected for "
            "their number)."
        )
        silent = [one for one, rows in compared.items() if baseline not in rows]
        if silent:
            notes.append(
                f"No {mark} in {_listed(silent)}: there is no run of {baseline} to compare with."
            )
    return notes


def figure_notes(
    interval: str, columns: Mapping[str, tuple[Run, Sequence[Estimate]]]
) -> tuple[str, ...]:
    """Says what the figures of a table are: the intervals, and each column's episodes.

    Args:
        interval: As for `estimates.estimate`.
        columns: For each label one of its runs, and its estimates.
    """
    every = [one for _, estimates in columns.values() for one in estimates]
    methods = list(dict.fromkeys(one.method for one in every))
    words = _covered(interval, columns)
    if methods != [interval]:
        named = (
            f"{method} ({EXPLAINED[method]})" if method in EXPLAINED else method
            for method in methods
        )
        words.append(f"Method: {'; or '.join(named)}.")
    notes = [" ".join(words)] if words else []
    for label, (run, estimates) in columns.items():
        counts = ", ".join(f"{count:,}" for count in sorted({one.n for one in estimates}))
        clusters = sorted({one.clusters for one in estimates if one.clusters})
        if clusters:
            counts += f" trials in {' or '.join(map(str, clusters))} clusters"
        digest = shown(run.record["episodes_digest"][:8])
        notes.append(f"{describe(label, run)}; n = {counts}, digest {digest}.")
    return tuple(notes)
