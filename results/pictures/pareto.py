"""A picture of accuracy against latency, with the Pareto front."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import ResultError
from ..statistics import LEVEL
from ..store import MODES, Run
from ..tables import labels, result
from .picture import check_suffix, save


def front(points: Sequence[tuple[float, float]]) -> list[int]:
    """Finds the points on the Pareto front.

    A point is on the front if no other point is at least as good in latency
    and accuracy, and better in one of them. Equal points are all on the front.

    Args:
        points: Latency and accuracy of each point.

    Returns:
        Indices of the points on the front, the shortest latency first.
    """
    found: list[int] = []
    for place in sorted(
        range(len(points)), key=lambda place: (points[place][0], -points[place][1])
    ):
        if (
            not found
            or points[place][1] > points[found[-1]][1]
            or points[place] == points[found[-1]]
        ):
            found.append(place)
    return found


def _named(label: str, latency: dict[str, Any]) -> str:
    """Gives a scorer's name, with the mode of its latency if it is not the usual one."""
    said = [MODES["cold"]] if latency.get("mode") == "cold" else []
    said += [] if latency.get("valid", True) else ["INVALID"]
    return f"{label} ({', '.join(said)})" if said else label


def draw_pareto(
    runs: Sequence[Run], path: Path, interval: str = "population", level: float = LEVEL
) -> None:
    """Draws accuracy with its interval against the median latency, and the Pareto front.

    Args:
        runs: The runs; those without a latency are left out.
        path: A `.png` or `.svg` file, written completely or not at all.
        interval: As for `estimates.estimate_run`.
        level: Nominal coverage.

    Raises:
        ResultError: No run has a latency, or the file has another ending.
    """
    check_suffix(path)
    rows, columns = labels.rows(runs), labels.columns(runs)
    found: dict[str, list[tuple[str, dict, dict]]] = {}
    for run in labels.placed(runs).values():
        one = result(run, interval, level)
        if (one["latency"] or {}).get("p50_ms") is not None:
            points = found.setdefault(columns[labels.column_of(run)], [])
            points.append((rows[labels.row_of(run)], one["latency"], one["accuracy"]))
    if not found:
        raise ResultError(
            "no latency of these scorers is stored; measure some with: wayshot latency"
        )
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 5), layout="constrained")
    axes = figure.subplots()
    all_ms = [latency["p50_ms"] for points in found.values() for _, latency, _ in points]
    middle = math.sqrt(min(all_ms) * max(all_ms))
    for number, (column, points) in enumerate(found.items()):
        colour = f"C{number}"
        places = [(latency["p50_ms"], 100 * accuracy["value"]) for _, latency, accuracy in points]
        for (label, latency, accuracy), (x, y) in zip(points, places, strict=True):
            low, high = (latency.get(end) or x for end in ("low_ms", "high_ms"))
            ends = (y if accuracy[end] is None else 100 * accuracy[end] for end in ("low", "high"))
            reach = [[abs(y - end)] for end in ends]
            axes.errorbar(x, y, reach, [[x - low], [high - x]], fmt="o", color=colour, capsize=3)
            axes.annotate(
                _named(label, latency),
                (x, y),
                xytext=(6 if x <= middle else -6, 6),
                textcoords="offset points",
                ha="left" if x <= middle else "right",
                fontsize=9,
                # A name is text: nothing in it, such as $, is a formula.
                parse_math=False,
            )
        best = [places[place] for place in front(places)]
        # An accuracy reached at some latency is reached at every longer latency.
        axes.step(*zip(*best, strict=True), where="post", color=colour, alpha=0.6, label=column)
    axes.set_xscale("log")
    axes.set(
        xlabel="p50 latency of one query, ms", ylabel=f"accuracy %, {100 * level:g} % interval"
    )
    axes.xaxis.set_major_formatter("{x:g}")
    axes.grid(alpha=0.3)
    axes.margins(x=0.1)
    legend = figure.legend(title="Pareto front", loc="outside lower center", fontsize=9)
    for text in legend.get_texts():
        text.set_parse_math(False)
    save(figure, path)
