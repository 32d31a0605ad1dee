"""A heat map of accuracies: scorers by alphabets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .material import Material
from .style import Size, figure, short, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST = 12
"""The largest number of scorers in a heat map."""

_NARROWEST = 0.35
"""The smallest width of a column, in inches, in which figures are written."""


def draw_heatmap(material: Material, size: Size, column: str) -> Figure | None:
    """Draws the accuracy of each scorer on each alphabet, the hardest alphabet first.

    Args:
        material: The runs.
        size: Size of the chart.
        column: Label of the protocol.

    Returns:
        The chart; None where there is only one alphabet.
    """
    rows = material.rows(column, _MOST)
    found = [dict(material.errors(row, column, "alphabet")["value"]) for row in rows]
    names = sorted(found[0], key=lambda name: float(np.mean([one[name] for one in found])))
    if len(names) < 2:
        return None
    values = 100 * np.array([[one[name] for one in found] for name in names])
    with styled(size):
        line = 0.17 * size.font / 8.5
        # Names stand on two sides of the cells.
        longest = min(size.letters, int(45 * size.width / size.font))
        names_of_rows = [short(row, longest) for row in rows]
        drawn = figure(size, line * (len(names) + max(map(len, names_of_rows)) * 0.45) + 0.4)
        axes = drawn.subplots()
        # Dark for errors; in gray as well.
        mesh = axes.pcolormesh(values, cmap="cividis", vmin=0, vmax=100, edgecolor="face")
        axes.invert_yaxis()
        middles = [place + 0.5 for place in range(max(values.shape))]
        axes.set_xticks(middles[: len(rows)], names_of_rows, rotation=40, ha="right")
        axes.set_yticks(middles[: len(names)], [short(str(name), longest) for name in names])
        axes.tick_params(length=0)
        axes.grid(visible=False)
        axes.spines[:].set_visible(False)
        if size.width / len(rows) < _NARROWEST:
            drawn.colorbar(mesh, ax=axes, shrink=0.7, aspect=30, label="accuracy %")
            return drawn
        for y, x in np.ndindex(*values.shape):
            axes.text(
                x + 0.5,
                y + 0.5,
                f"{values[y, x]:.0f}",
                ha="center",
                va="center",
                fontsize=0.85 * size.font,
                color="#ffffff" if values[y, x] < 50 else "#1a1a1a",
            )
    return drawn
