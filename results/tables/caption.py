"""Caption: what a table's figures are, from protocol to interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..statistics import Estimate
from ..store import Run
from ..text import shown

COVERS = {
    "population": "new alphabets, their images, and other episodes",
    "bootstrap": "new alphabets, their images, and other episodes",
    "t": "new alphabets of queries",
    "t-run": "new runs",
    "sampler": "other episodes of the same images, nothing new",
    "sampler-z": "other episodes of the same images, nothing new",
    "open": "new images of the same characters",
    "wilson": "as if trials were independent",
    "clopper-pearson": "as if trials were independent",
}
"""What an interval covers, of those that have a name for it."""

_INDEPENDENT = ("wilson", "clopper-pearson")
"""Methods that stand in where alphabets say nothing, and cover less."""


def describe(label: str, run: Run) -> str:
    """Says what a column's episodes are.

    Args:
        label: The column's.
        run: One of its runs.
    """
    record = run.record
    protocol = record["protocol"]
    words = [f"{label}: {shown(str(protocol.get('description') or 'no description'))}"]
    if not run.is_official:
        words.append(f"{record['episodes']:,} episodes, seed {record['seed']}")
    return "; ".join(words)


def caption(interval: str, columns: Mapping[str, tuple[Run, Sequence[Estimate]]]) -> str:
    """Writes a table's caption.

    Args:
        interval: As for `estimates.estimate`.
        columns: For each label one of its runs, and its estimates.
    """
    every = [one for _, estimates in columns.values() for one in estimates]
    level = " and ".join(sorted({f"{100 * one.level:g}" for one in every}))
    words = f"Accuracy %, {level} % {interval} interval"
    methods = list(dict.fromkeys(one.method for one in every))
    if interval in COVERS and (interval in _INDEPENDENT or not {*methods} <= {*_INDEPENDENT}):
        words += f" ({COVERS[interval]})"
    if methods != [interval]:
        words += ", " + " or ".join(
            f"{method} ({COVERS[method]})" if method in _INDEPENDENT else method
            for method in methods
        )
    if any(abs(one.high + one.low - 2 * one.value) > 5e-4 for one in every):
        words += "; ± is the reach of its farther end"
    parts = [words]
    for label, (run, estimates) in columns.items():
        counts = ", ".join(f"{count:,}" for count in sorted({one.n for one in estimates}))
        clusters = sorted({one.clusters for one in estimates if one.clusters})
        if clusters:
            counts += f", {' or '.join(map(str, clusters))} clusters"
        digest = shown(run.record["episodes_digest"][:8])
        parts.append(f"{describe(label, run)}; n = {counts}, digest {digest}")
    return ". ".join(parts) + "."
