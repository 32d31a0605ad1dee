"""Curves: a picture of ROC and DET curves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy import special

from ..errors import ResultError
from ..statistics import pairs, roc
from ..store import Run
from ..text import shown
from .picture import save

_TICKS = (0.001, 0.01, 0.05, 0.2, 0.4, 0.6, 0.8, 0.95)


def draw_curves(runs: Sequence[Run], path: Path) -> None:
    """Draws the ROC and the DET curve (Martin et al. 1997) of each run.

    Args:
        runs: Runs with stored scores.
        path: A `.png` or `.svg` file, written completely or not at all.

    Raises:
        ResultError: A run has no scores, or the file has another ending.
    """
    found = []
    for run in runs:
        if run.scores is None:
            raise ResultError(f"{run.folder}: no scores are stored; run it with --scores")
        score, same, _ = pairs(run.scores, run.trials["target"].to_numpy(np.int64))
        name = f"{shown(run.scorer)[:40]}, {shown(run.protocol)[:40]}"
        found.append((name, roc(score, same)))
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4.5), layout="constrained")
    plain, normal = figure.subplots(1, 2)
    for name, curve in found:
        # A dollar sign would begin a formula.
        label = name.replace("$", r"\$")
        plain.plot(curve.far, curve.tar, label=label, drawstyle="steps-post")
        inside = (curve.far > 0) & (curve.tar < 1)
        ends = special.ndtri([curve.far[inside], 1 - curve.tar[inside]])
        normal.plot(*ends, label=label)
    plain.set(xlabel="false accepts", ylabel="true accepts", title="ROC", xlim=(0, 1), ylim=(0, 1))
    places, names = special.ndtri(_TICKS), [f"{100 * tick:g} %" for tick in _TICKS]
    normal.set(xlabel="false accepts", ylabel="false rejects", title="DET")
    normal.set(xlim=places[[0, -1]], ylim=places[[0, -1]])
    normal.set_xticks(places, names)
    normal.set_yticks(places, names)
    normal.grid(alpha=0.3)
    plain.legend(loc="lower right")
    save(figure, path)
