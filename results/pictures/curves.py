"""Charts of pairs: ROC and DET curves, distributions of scores, reliability."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import special

from ..errors import ResultError
from ..statistics import Curve, calibrated, pairs, roc
from ..store import Run
from ..text import shown
from .material import Material
from .picture import check_suffix, save
from .style import INK, Look, Size, figure, legend, looks, short, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TICKS = (0.001, 0.01, 0.05, 0.2, 0.4, 0.6, 0.8, 0.95)
_POINTS = 300
"""Points along each axis to which a curve is thinned; more cannot be seen."""


def _pairs(run: Run) -> tuple[np.ndarray, np.ndarray]:
    """Gives the score of every pair of a query and a class, and whether they are the same."""
    if run.scores is None:
        raise ResultError(f"{run.folder}: no scores are stored; run it with --scores")
    score, same, _ = pairs(run.scores, run.trials["target"].to_numpy(np.int64))
    return score, same


def _thinned(curve: Curve) -> tuple[np.ndarray, np.ndarray]:
    """Gives the points of a curve that can be told apart in a picture."""
    grid = np.arange(_POINTS + 1) / _POINTS
    # Both ends of the DET curve need more.
    grid = np.unique(np.concatenate([grid, special.ndtr(np.linspace(-3.3, 3.3, _POINTS))]))
    places = np.concatenate(
        [
            np.searchsorted(curve.far, grid, "right") - 1,
            np.searchsorted(curve.tar, grid),
            [0, len(curve.far) - 1],
        ]
    )
    places = np.unique(np.clip(places, 0, len(curve.far) - 1))
    return curve.far[places], curve.tar[places]


def _roc(axes: Any, curves: Mapping[str, Curve], look: Mapping[str, Look]) -> None:
    for name, curve in curves.items():
        far, tar = _thinned(curve)
        style = {"color": look[name].colour, "linestyle": look[name].dashes}
        axes.plot(100 * far, 100 * tar, label=short(name), **style)
    axes.plot([0, 100], [0, 100], color=INK, linewidth=0.6, linestyle=(0, (1, 3)))
    axes.set(xlabel="false accepts %", ylabel="true accepts %", xlim=(0, 100), ylim=(0, 100))


def _det(axes: Any, curves: Mapping[str, Curve], look: Mapping[str, Look]) -> None:
    for name, curve in curves.items():
        far, tar = _thinned(curve)
        inside = (far > 0) & (tar < 1)
        ends = special.ndtri([far[inside], 1 - tar[inside]])
        style = {"color": look[name].colour, "linestyle": look[name].dashes}
        axes.plot(*ends, label=short(name), **style)
    places, names = special.ndtri(_TICKS), [f"{100 * tick:g}" for tick in _TICKS]
    axes.set(xlabel="false accepts %", ylabel="false rejects %")
    axes.set(xlim=places[[0, -1]], ylim=places[[0, -1]])
    axes.set_xticks(places, names)
    axes.set_yticks(places, names)


def draw_curves(runs: Sequence[Run], path: Path) -> None:
    """Draws the ROC and the DET curve (Martin et al. 1997) of each run.

    Args:
        runs: Runs with stored scores.
        path: A `.png` or `.svg` file, written completely or not at all.

    Raises:
        ResultError: A run has no scores, or the file has another ending.
    """
    check_suffix(path)
    found = {
        f"{shown(run.scorer)[:40]}, {shown(run.protocol)[:40]}": roc(*_pairs(run)) for run in runs
    }
    size, look = Size(9, 10), looks(list(found))
    with styled(size):
        drawn = figure(size, 4.5)
        plain, normal = drawn.subplots(1, 2)
        _roc(plain, found, look)
        _det(normal, found, look)
        plain.set(title="ROC")
        normal.set(title="DET")
        drawn.legend(*plain.get_legend_handles_labels(), loc="outside lower center", ncols=2)
        save(drawn, path)


def scored(material: Material, column: str) -> dict[str, Run]:
    """Gives the runs on a protocol that have stored scores, by the label of the scorer.

    Args:
        material: The runs.
        column: Label of the protocol.
    """
    there = {row: material.run(row, column) for row in material.rows(column)}
    return {row: run for row, run in there.items() if run.record.get("scores_digest")}


def _drawn(material: Material, size: Size, column: str, draw: Any) -> Figure | None:
    runs = scored(material, column)
    if not runs:
        return None
    found = {row: roc(*_pairs(run)) for row, run in runs.items()}
    with styled(size):
        made = figure(size, 0.85 * size.width)
        axes = made.subplots()
        draw(axes, found, material.looks)
        legend(made, size)
    return made


def draw_roc(material: Material, size: Size, column: str) -> Figure | None:
    """Draws the ROC curves of the scorers with stored scores.

    Args:
        material: The runs.
        size: Size of the chart.
        column: Label of the protocol.

    Returns:
        The chart; None where no scores are stored.
    """
    return _drawn(material, size, column, _roc)


def draw_det(material: Material, size: Size, column: str) -> Figure | None:
    """Draws the DET curves (Martin et al. 1997) of the scorers with stored scores.

    Args:
        material: The runs.
        size: Size of the chart.
        column: Label of the protocol.

    Returns:
        The chart; None where no scores are stored.
    """
    return _drawn(material, size, column, _det)


def draw_scores(material: Material, size: Size, column: str) -> Figure | None:
    """Draws how the scores of same and of different pairs are distributed.

    Args:
        material: The runs.
        size: Size of the chart.
        column: Label of the protocol.

    Returns:
        The chart; None where no scores are stored.
    """
    found = {row: _pairs(run) for row, run in scored(material, column).items()}
    # A constant scorer has no distribution.
    found = {row: one for row, one in found.items() if one[0].min() < one[0].max()}
    if not found:
        return None
    with styled(size):
        made = figure(size, 1.15 * len(found) + 0.7)
        every = made.subplots(len(found), squeeze=False)[:, 0]
        for axes, (row, (score, same)) in zip(every, found.items(), strict=True):
            edges = np.linspace(float(score.min()), float(score.max()), 41)
            for chosen, name, hatch in ((~same, "different", ""), (same, "same", "////")):
                share = np.histogram(score[chosen], edges)[0] / chosen.sum()
                colour = material.looks[row].colour if name == "same" else "#7f7f7f"
                axes.stairs(
                    100 * share,
                    edges,
                    fill=True,
                    color=colour,
                    alpha=0.45,
                    hatch=hatch,
                    label=f"{name} character",
                )
                axes.stairs(100 * share, edges, color=colour, linewidth=1)
            axes.set(title=short(row), ylabel="pairs %")
        made.legend(*every[0].get_legend_handles_labels(), loc="outside lower left", ncols=2)
        every[-1].set(xlabel="score, in the scorer's own units")
    return made


def draw_reliability(material: Material, size: Size, column: str) -> Figure | None:
    """Draws shares of same pairs against predicted probabilities (Niculescu-Mizil 2005).

    Same and different pairs have equal weight, as in `calibrated`.

    Args:
        material: The runs.
        size: Size of the chart.
        column: Label of the protocol.

    Returns:
        The chart; None where no scores of a scorer are probabilities or log-odds.
    """
    runs = {
        row: run
        for row, run in scored(material, column).items()
        if run.record["scorer"].get("scale")
    }
    if not runs:
        return None
    with styled(size):
        made = figure(size, 0.85 * size.width)
        axes = made.subplots()
        axes.plot([0, 1], [0, 1], color=INK, linewidth=0.6, linestyle=(0, (1, 3)))
        for row, run in runs.items():
            score, same = _pairs(run)
            bins = calibrated(score, same, run.record["scorer"]["scale"]).bins
            look = material.looks[row]
            axes.plot(
                [one.probability for one in bins],
                [one.share for one in bins],
                color=look.colour,
                marker=look.marker,
                linestyle=look.dashes,
                label=short(row),
            )
        axes.set(xlabel="predicted probability of the same character", ylabel="share of same pairs")
        axes.set(xlim=(0, 1), ylim=(0, 1))
        legend(made, size)
    return made
