"""Charts by name, and how a chart becomes a file or a part of a page."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ResultError
from .curves import draw_det, draw_reliability, draw_roc, draw_scores
from .forest import draw_alphabets, draw_differences, draw_drawers
from .heatmap import draw_heatmap
from .material import Material
from .pareto import draw_costs
from .picture import FIGURE_SUFFIXES, check_suffix, save
from .ranks import draw_critical_differences
from .style import COLOURS, INK, Size, styled
from .trainings import draw_training
from .ways import draw_shots, draw_ways

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Chart:
    """A kind of chart.

    Attributes:
        about: What it shows, in one sentence.
        draw: Gives the figure, or None where there is nothing to draw. Its
            arguments are a `Material` and a `Size`; for a chart of one
            protocol, the label of the protocol too.
        of_protocol: Whether it is of one protocol.
        needs: What runs must have so that there is something to draw.
    """

    about: str
    draw: Callable[..., Figure | None]
    of_protocol: bool
    needs: str


CHARTS = {
    "ways": Chart(
        "Accuracy against ways, with the level of chance. A band holds the whole curve.",
        draw_ways,
        False,
        "protocols that differ in their ways only",
    ),
    "shots": Chart(
        "Accuracy against shots, with the level of chance. A band holds the whole curve.",
        draw_shots,
        False,
        "protocols that differ in their shots only",
    ),
    "latency": Chart(
        "Accuracy against the median latency of one query, with the Pareto front.",
        partial(draw_costs, what="latency"),
        False,
        "latencies; measure some with: wayshot latency",
    ),
    "params": Chart(
        "Accuracy against the number of parameters, with the Pareto front.",
        partial(draw_costs, what="params"),
        False,
        "two scorers with parameters",
    ),
    "flops": Chart(
        "Accuracy against the FLOPs of embedding one image, with the Pareto front.",
        partial(draw_costs, what="flops"),
        False,
        "two scorers with known FLOPs",
    ),
    "differences": Chart(
        "Paired differences from the baseline with their intervals. Filled markers: "
        "significant, corrected for their number.",
        draw_differences,
        True,
        "two scorers that can be compared",
    ),
    "ranks": Chart(
        "Mean ranks over alphabets. A bar joins scorers that Nemenyi's test does not tell apart.",
        draw_critical_differences,
        True,
        "three scorers and five alphabets",
    ),
    "alphabets": Chart(
        "Accuracy by alphabet of the query, the hardest first. The intervals are for new "
        "characters of the same alphabet.",
        draw_alphabets,
        True,
        "two alphabets",
    ),
    "heatmap": Chart(
        "Accuracy in percent of each scorer on each alphabet, the hardest alphabet first.",
        draw_heatmap,
        True,
        "two alphabets",
    ),
    "drawers": Chart(
        "Drawers of the queries that the most accurate scorer gets wrong most often.",
        draw_drawers,
        True,
        "errors, and two drawers",
    ),
    "roc": Chart(
        "ROC curves of all pairs of a query and a class.",
        draw_roc,
        True,
        "stored scores; run with --scores",
    ),
    "det": Chart(
        "DET curves of all pairs, on the scales of the normal distribution.",
        draw_det,
        True,
        "stored scores; run with --scores",
    ),
    "scores": Chart(
        "How the scores of pairs of the same character and of different ones are distributed.",
        draw_scores,
        True,
        "stored scores; run with --scores",
    ),
    "reliability": Chart(
        "Reliability diagram: the share of same pairs against the predicted probability, same and "
        "different pairs with equal weight.",
        draw_reliability,
        True,
        "stored scores that are probabilities or log-odds; run with --scores",
    ),
    "training": Chart(
        "Loss and validation accuracy against steps.",
        draw_training,
        False,
        "cards of trained networks with a history",
    ),
}
"""The charts by name."""


def plotted(name: str, material: Material, size: Size, column: str | None = None) -> Figure | None:
    """Draws a chart.

    Args:
        name: A key of `CHARTS`.
        material: The runs.
        size: Size of the chart.
        column: Label of the protocol, for charts of one protocol.

    Returns:
        A figure of Matplotlib; None where there is nothing to draw.

    Raises:
        ResultError: The name is unknown, or as reading the runs.
    """
    if name not in CHARTS:
        raise ResultError(f"unknown chart {name!r}; known are {', '.join(CHARTS)}")
    one = CHARTS[name]
    return one.draw(material, size, column=column) if one.of_protocol else one.draw(material, size)


def draw_chart(
    name: str, material: Material, path: Path, size: Size, column: str | None = None
) -> None:
    """Draws a chart into a file.

    Args:
        name: A key of `CHARTS`.
        material: The runs.
        path: A `.pdf`, `.svg` or `.png` file, written completely or not at all.
        size: Size of the chart.
        column: Label of the protocol, for charts of one protocol.

    Raises:
        ResultError: There is nothing to draw, the name is unknown, or the file
            has another ending.
    """
    check_suffix(path, FIGURE_SUFFIXES)
    drawn = plotted(name, material, size, column)
    if drawn is None:
        where = f" on {column}" if column else ""
        raise ResultError(f"nothing to draw for {name}{where}: it needs {CHARTS[name].needs}")
    with styled(size):
        save(drawn, path, exact=True)


def inlined(drawn: Figure, name: str, size: Size) -> str:
    """Writes a figure as SVG to be a part of a page, whose style sheet sets its colours.

    Colours of `COLOURS` and `INK` become CSS variables `--series-1` and so on
    and `--ink`. Identifiers begin with the name, so that those of several
    figures differ.

    Args:
        drawn: The figure.
        name: Letters, digits and hyphens.
        size: Size of the chart.
    """
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    stream = io.StringIO()
    with (
        styled(size),
        rc_context({"svg.fonttype": "none", "svg.hashsalt": "wayshot"}),
        warnings.catch_warnings(),
    ):
        warnings.filterwarnings("ignore", r"Glyph \d+")
        # `savefig` would draw twice, for the layout and for the file.
        FigureCanvasSVG(drawn).print_svg(stream, metadata={"Date": None})
    text = stream.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    used = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', text))
    text = re.sub(
        r' id="([^"]*)"', lambda one: one[0].replace('"', f'"{name}-', 1) * (one[1] in used), text
    )
    text = re.sub(r'(url\(#|href="#)', rf"\g<1>{name}-", text)
    for place, colour in enumerate(COLOURS, start=1):
        text = _coloured(text, colour, f"var(--series-{place})")
    text = _coloured(text, INK, "var(--ink)")
    return re.sub(r"\s*\n\s*", "\n", text).replace("xlink:href", "href")


def _coloured(svg: str, colour: str, variable: str) -> str:
    """Replaces a colour in styles, and not where a name happens to be one."""
    return re.sub(rf"((?:fill|stroke): ){colour}\b", rf"\g<1>{variable}", svg)
