"""`wayshot curve`."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import click
import tabulate

from ...results import Run, percent, plain
from ...results.pictures import check_suffix, draw_accuracy_curves
from ...results.statistics import (
    AccuracyCurve,
    Estimate,
    MostWays,
    curve_over_runs,
    curve_over_ways,
    families,
    ranks_tell,
    steps,
)
from ...results.tables import labels, load
from .common import (
    examples,
    folders_of_runs,
    json_option,
    level_option,
    option,
    picture_option,
    progress,
    protocols_option,
    scorers_option,
)
from .counts import Count

_WIDTH = 100
_SHOWN = 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 500
_WHAT = "ways", "shots"


@click.command(
    "curve",
    epilog=examples(
        "wayshot curve ways runs --accuracy 95 --beyond 50 --picture curve.svg",
        "wayshot curve shots runs -s siamese-small",
    ),
)
@click.argument("what", type=click.Choice(_WHAT), metavar="ways|shots")
@folders_of_runs
@scorers_option("Show only this scorer.")
@protocols_option("Show only this protocol.")
@option(
    "--accuracy",
    type=click.FloatRange(0, 100, min_open=True, max_open=True),
    metavar="PERCENT",
    default=95,
    show_default=True,
    help="Say up to how many ways this accuracy is reached.",
)
@option(
    "--beyond",
    type=Count(3, 10**6),
    multiple=True,
    metavar="WAYS",
    help="Extrapolate to WAYS, more than were run. May be repeated.",
)
@level_option("Confidence that the band holds the whole curve.")
@picture_option("the curves with their bands", old=())
@json_option
def command(
    what: str,
    folders: tuple[str, ...],
    scorers: tuple[str, ...],
    protocols: tuple[str, ...],
    accuracy: float,
    beyond: tuple[int, ...],
    level: float,
    picture: Path | None,
    as_json: bool,
) -> None:
    """Say how accuracy falls with ways, or rises with shots.

    The accuracies are those of the runs in the folders DIR. With fewer ways they
    follow from the ranks of a run with more ways, so that a single run has a
    curve over ways. A curve over shots needs runs with several numbers of shots.
    """
    if what == "shots" and beyond:
        raise click.UsageError("--beyond is a number of ways; ask for: wayshot curve ways")
    if picture:
        check_suffix(picture)
    runs = load(*folders).select(scorers, protocols).runs
    asked, left = families(runs, what)
    asked = [one for one in asked if len(one) > 1 or (what == "ways" and _is_told(one))]
    if not asked:
        raise click.UsageError(
            f"no runs that differ in their {what} only; run a scorer with several numbers of {what}"
        )
    for run in left:
        click.echo(
            plain(
                f"left out: {run.folder}: the number of {what} varies, or another run has more "
                "episodes"
            ),
            err=True,
        )
    total = sum(steps(one[max(one)], one) for one in asked if what == "ways" and _is_told(one))
    advance = progress(total, "curves") if total else lambda done: None
    named, found = labels.rows(runs), list[AccuracyCurve]()
    for one in asked:
        last = one[max(one)]
        name = named[labels.row_of(last)]
        if what == "ways" and _is_told(one):
            others = {n: run for n, run in one.items() if run is not last}
            curve = curve_over_ways(last, level, accuracy / 100, beyond, others, advance)
        else:
            if beyond:
                click.echo(
                    plain(f"{name} sees all classes of an episode: nothing is said of more ways"),
                    err=True,
                )
            curve = curve_over_runs(one, what, level, accuracy / 100)
        found.append(replace(curve, scorer=name))
    if picture:
        draw_accuracy_curves(found, picture)
    if as_json:
        click.echo(json.dumps({"curves": [one.as_json() for one in found]}, indent=1))
    else:
        click.echo("\n\n".join(map(_text, found)))


def _is_told(runs: Mapping[int, Run]) -> bool:
    """Whether a curve over ways follows from the ranks of the run with the most ways."""
    return ranks_tell(runs[max(runs)])


def _row(number: int, one: Estimate, beside: str = "") -> list[str]:
    ends = "–"
    if one.low is not None and one.high is not None:
        ends = f"{percent(one.low, 2)} to {percent(one.high, 2)}"
    return [str(number), percent(one.value, 2), ends, beside]


def _text(one: AccuracyCurve) -> str:
    """Says what a curve is in words, with some of its points."""
    where = ", ".join(map(plain, one.protocols))
    source = "from the ranks of" if one.from_ranks else "from the runs of"
    heading = f"{where}: {plain(one.scorer)}, {source} {one.episodes:,} episodes"
    numbers = [*one.points]
    if one.from_ranks:
        numbers = [n for n in numbers if n in {*_SHOWN, *one.runs, numbers[-1]}]
    beside = {n: f"{percent(value, 2)} in a run of its own" for n, value in one.runs.items()}
    rows = [_row(n, one.points[n], beside.get(n, "")) for n in numbers]
    rows += [_row(n, e, "extrapolated") for n, e in (one.beyond or {}).items()]
    heads = [one.what, "accuracy %", f"{100 * one.level:g} % band", ""]
    last = one.points[max(one.points)]
    method = last.method.removesuffix(", whole curve")
    parts = [f"The band holds the whole curve ({method}; {last.clusters or last.n:,} in all)."]
    if one.most_ways:
        parts.append(_most(one.most_ways))
    if one.beyond:
        parts.append(
            "What is extrapolated has an interval of its own at each number of ways, as if there "
            "were so many classes of the same kind."
        )
    if one.held_out:
        held = one.held_out
        parts.append(
            f"Check: from ranks in {held.fewer} ways, {percent(held.predicted, 2)} % are predicted "
            f"for {held.ways} ways, and {percent(held.measured, 2)} % are measured."
        )
    elif one.beyond:
        parts.append("Ranks in so few ways tell little: there is no check of what is extrapolated.")
    table = tabulate.tabulate(rows, headers=heads, disable_numparse=True)
    return "\n\n".join(
        textwrap.fill(part, _WIDTH) if part != table else part
        for part in (heading, table, " ".join(parts))
    )


def _most(one: MostWays) -> str:
    """Says up to how many ways an accuracy is reached."""

    def number(ways: int | None) -> str:
        if ways is None:
            return "none"
        return f"{ways} or more" if ways == one.offered else str(ways)

    reached = f"{100 * one.accuracy:g} %"
    if one.ways is None:
        said = f"No number of ways that was run reaches {reached}"
    else:
        said = f"{reached} is reached up to {number(one.ways)} ways"
    return f"{said} (by the edges of the band: {number(one.low)} to {number(one.high)})."
