"""Labels: what stored runs call a scorer, which is not what is typed for it."""

from __future__ import annotations

from pathlib import Path

from ...results import ResultError, find

FOLDER = Path("runs")
"""Where runs are stored unless the user says otherwise."""


def typed_for(label: str, folder: Path = FOLDER) -> str:
    """Says what was typed for the scorer of stored runs that has a label.

    Nothing is made of what the runs say: whoever wrote them must not choose which code runs here.

    Args:
        label: What the tables call it.
        folder: Folder of the runs.

    Returns:
        A message, or "" where no such run is there.
    """
    try:
        runs = find([folder])
    except (OSError, ResultError):
        return ""
    specs = {run.record["scorer"].get("spec") for run in runs if run.scorer == label} - {None}
    if not specs:
        return ""
    return (
        f"no scorer is called {label!r}; the runs in {folder} have this label for what was typed "
        f"as {' or '.join(sorted(specs))}; type that again"
    )
