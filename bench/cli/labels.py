"""Labels: what stored runs call a scorer, which is not what is typed for it."""

from __future__ import annotations

from ...results import ResultError, find
from .common import RUNS


def typed_for(label: str) -> str:
    """Says what was typed for a scorer that has a label in the usual folder of runs.

    Nothing is made of what the runs say: whoever wrote them must not choose which code runs here.

    Args:
        label: What the tables call it.

    Returns:
        A message, or "" where no such run is there.
    """
    try:
        runs = find([RUNS])
    except (OSError, ResultError):
        return ""
    specs = {run.record["scorer"].get("spec") for run in runs if run.scorer == label} - {None}
    if not specs:
        return ""
    return (
        f"no scorer is called {label!r}; the runs in {RUNS} have this label for what was typed "
        f"as {' or '.join(sorted(specs))}; type that again"
    )
