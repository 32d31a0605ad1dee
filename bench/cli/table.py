"""`wayshot table`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import click

from ... import results
from ...results.pictures import draw_pareto
from ...results.tables import CHOICES, EXTRAS, PARTS, STYLES, breakdowns, confusion_tables, load
from .common import (
    examples,
    folders_of_runs,
    interval_option,
    level_option,
    option,
    picture_option,
    protocols_option,
    scorers_option,
    terminal_width,
    typed,
)
from .counts import Count


@dataclass(frozen=True)
class _View:
    """One way to show runs.

    Attributes:
        make: Makes what is printed, from the runs and the values of `options`.
        options: Those that this view needs. Others are refused.
    """

    make: Callable[..., Any]
    options: tuple[str, ...] = ()


def _accuracies(
    runs: Sequence[results.Run],
    *,
    picture: Path | None,
    columns: str | None,
    interval_style: str | None,
    each_seed: bool,
    rename: Sequence[str],
    **asked: Any,
) -> results.Table:
    if picture:
        draw_pareto(runs, picture, asked["interval"], asked["level"])
    return results.table(
        runs,
        extras=columns.split(",") if columns else (),
        style=interval_style or "",
        together=not each_seed,
        rename=dict(map(_renaming, rename)),
        **asked,
    )


def _renaming(text: str) -> tuple[str, str]:
    name, equals, shown = text.partition("=")
    if not (equals and name and shown.strip()):
        raise click.UsageError(
            f"--rename {text!r} is not understood, expected NAME=TEXT such as siamese-small=Siamese"
        )
    return name, shown.strip()


_DATA = frozenset({"csv", "json"})
"""Formats that have neither titles nor other names than the stored ones."""

_ACCURACY = "accuracy"
_VIEWS = {
    _ACCURACY: _View(
        _accuracies,
        (
            *("interval", "level", "decimals", "columns", "baseline", "published", "picture"),
            *("interval_style", "each_seed", "title", "label", "rename"),
        ),
    ),
    **{part: _View(partial(breakdowns, by=part)) for part in PARTS},
    "confusion": _View(confusion_tables, ("most",)),
    "seed": _View(results.seeds_table, ("level",)),
}
"""What `--by` can ask for; accuracies where it is not there."""


def _view(by: str | None, confusions: int | None, seeds: bool) -> tuple[str, str | None]:
    """Gives the name of the view that is asked for, and the option that asks for it."""
    given = {"--by": by, "--confusions": confusions and "confusion", "--seeds": seeds and "seed"}
    asked = [(view, name) for name, view in given.items() if view]
    if len(asked) > 1:
        raise click.UsageError(f"{asked[1][1]} does not go with {asked[0][1]}; ask for only one")
    return asked[0] if asked else (_ACCURACY, None)


def _refuse_others(view: str, asked: str | None) -> None:
    """Refuses options that were typed and that the view does not need."""
    for name in dict.fromkeys(name for one in _VIEWS.values() for name in one.options):
        if name in _VIEWS[view].options or not typed(name):
            continue
        homes = [
            "the table of accuracies" if other == _ACCURACY else f"--by {other}"
            for other, one in _VIEWS.items()
            if name in one.options
        ]
        spelled = f"--{name.replace('_', '-')}"
        where = f"{spelled} is for {' and '.join(homes)}"
        if asked:
            raise click.UsageError(
                f"{asked} does not go with {spelled}: {where}; leave one of them out"
            )
        raise click.UsageError(f"{where}; ask for that, or leave {spelled} out")


def _refuse_unseen(form: str) -> None:
    """Refuses options that were typed and would not be seen in a format."""
    for name, unseen in (
        ("title", _DATA),
        ("rename", _DATA),
        ("label", {*results.FORMATS} - {"latex"}),
    ):
        if form in unseen and typed(name):
            raise click.UsageError(f"--{name} does not go with --format {form}; leave it out")


@click.command(
    "table",
    epilog=examples(
        "wayshot table runs --format latex --published",
        "wayshot table --by alphabet -s siamese-small",
    ),
)
@folders_of_runs
@option(
    "--format",
    "form",
    type=click.Choice(results.FORMATS),
    default="text",
    show_default=True,
    help="Format of the output.",
)
@interval_option
@level_option("Confidence level of the intervals.")
@option(
    "--decimals",
    type=Count(0, 6),
    metavar="N",
    default=1,
    show_default=True,
    help="Fewest decimals of percentages. A figure such as 99.96 gets more, so that it does not "
    "look like 100.",
)
@option(
    "--interval-style",
    type=click.Choice(STYLES),
    help="How intervals are written: 61.3 ± 7.9, 98.5 (93.4–99.7), 98.5 +1.2 −5.1, or not at all. "
    "There is ± only where both ends are as far away, to the printed digit.  [default: ± there, "
    "else range; in LaTeX, asymmetric]",
)
@scorers_option("Show only this scorer.")
@protocols_option("Show only this protocol.")
@option(
    "--each-seed",
    is_flag=True,
    help="Show each training of a recipe in a row of its own. Otherwise trainings with several "
    "seeds are one row, their mean.",
)
@option(
    "--columns",
    metavar="NAME,...",
    help=f"Columns to add, separated by commas: {', '.join(EXTRAS)}.",
)
@option(
    "--baseline",
    metavar="NAME",
    help="Mark the figures that differ significantly from those of this scorer.",
)
@option(
    "--published",
    is_flag=False,
    flag_value=CHOICES[0],
    type=click.Choice(CHOICES),
    help="Add rows with the published figures of others. verified: those that were checked. all: "
    "those that nobody has checked too, with a mark.",
)
@option("--title", metavar="TEXT", default="", help="What stands above the table.")
@option(
    "--label", metavar="LABEL", default="", help="The label of --format latex, such as tab:main."
)
@option(
    "--rename",
    multiple=True,
    metavar="NAME=TEXT",
    help="Call a row TEXT; NAME is a scorer, or the row as it is printed. Not for CSV and JSON. "
    "May be repeated.",
)
@option(
    "--by",
    type=click.Choice([view for view in _VIEWS if view != _ACCURACY]),
    help="Show something else than accuracies. alphabet, character, drawer: where the errors are. "
    "confusion: which characters are taken for which other characters. seed: all trainings of a "
    "recipe together, with the spread between them.",
)
@option(
    "--most",
    type=Count(1),
    metavar="N",
    default=10,
    show_default=True,
    help="How many pairs of characters --by confusion shows.",
)
@option("--confusions", type=Count(1), hidden=True)
@option("--seeds", is_flag=True, hidden=True)
@picture_option(
    "accuracy against latency, of the scorers that wayshot latency has measured", old=("--pareto",)
)
@option("--json", "as_json", is_flag=True, help="Print the answer as JSON, as --format json does.")
def command(
    folders: tuple[str, ...],
    form: str,
    scorers: tuple[str, ...],
    protocols: tuple[str, ...],
    by: str | None,
    confusions: int | None,
    seeds: bool,
    as_json: bool,
    **asked: Any,
) -> None:
    """Print a table of the runs that are stored in the folders DIR."""
    form = "json" if as_json else form
    _refuse_unseen(form)
    name, spelling = _view(by, confusions, seeds)
    _refuse_others(name, spelling)
    # --confusions N is the old spelling of --by confusion --most N.
    asked["most"] = confusions or asked["most"]
    view = _VIEWS[name]
    runs = load(*folders).select(scorers, protocols).runs
    document = view.make(runs, **{option: asked[option] for option in view.options})
    click.echo(document.render(form, terminal_width()))
