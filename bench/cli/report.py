"""`wayshot report`."""

from __future__ import annotations

import gc
import json
import shlex
import sys
import webbrowser
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from ... import results, tasks
from ...models import read_card
from ...results.pictures import Material, gathered
from ...results.report import in_detail, render
from ...results.store import latencies
from ...results.tables import CHOICES, EXTRAS, load
from ..drawings import drawings_of
from .common import (
    data_option,
    examples,
    folders_of_runs,
    interval_option,
    json_option,
    level_option,
    option,
    progress,
    protocols_option,
    scorers_option,
)

_PATH = click.Path(path_type=Path)
_USUAL_IMAGES = drawings_of(None)

page_option = option(
    "--report",
    "page",
    type=_PATH,
    metavar="FILE",
    help="Write a report of these scorers, too, which opens at their differences.",
)


@contextmanager
def _seldom_collected() -> Iterator[None]:
    """Lets Python look seldom for cycles among the objects that a report is made of.

    There are many, nearly all are kept, and looking takes a tenth of the time.
    """
    before = gc.get_threshold()
    gc.set_threshold(200_000, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


@click.command(
    "report",
    epilog=examples("wayshot report runs -o report.html --open", "wayshot report --no-images"),
)
@folders_of_runs
@option(
    "-o",
    "--out",
    type=_PATH,
    metavar="FILE",
    default=Path("report.html"),
    show_default=True,
    help="The page to write.",
)
@option("--open", "shown", is_flag=True, help="Open the page in the browser.")
@scorers_option("Show only this scorer.")
@protocols_option("Show only this protocol.")
@interval_option
@level_option("Confidence level of the intervals.")
@option(
    "--baseline",
    metavar="NAME",
    help="The scorer with which others are compared. Without it, the most accurate scorer of each "
    "protocol.",
)
@option(
    "--published",
    is_flag=False,
    flag_value=CHOICES[0],
    default=CHOICES[0],
    type=click.Choice((*CHOICES, "none")),
    show_default=True,
    help="Which published figures of others the table has.",
)
@option(
    "--training",
    "trainings",
    type=_PATH,
    multiple=True,
    metavar="PATH",
    help="A folder of wayshot train, or a card NAME.json in it. May be repeated.",
)
@option("--no-images", "without", is_flag=True, help="Leave the images of the data sets out.")
@option(
    "--images",
    "folders_of_images",
    multiple=True,
    metavar="folder:PATH",
    help="Where the images of runs on folder:PATH or images:PATH are, if it is not in the current "
    "folder. May be repeated.",
)
@data_option
@json_option
@_seldom_collected()
def command(
    folders: tuple[str, ...],
    out: Path,
    shown: bool,
    scorers: tuple[str, ...],
    protocols: tuple[str, ...],
    interval: str,
    level: float,
    baseline: str | None,
    published: str,
    trainings: tuple[Path, ...],
    without: bool,
    folders_of_images: tuple[str, ...],
    data: str | None,
    as_json: bool,
) -> None:
    """Write a report of the runs that are stored in the folders DIR, as a page for a browser.

    The page holds everything that it shows, and loads nothing from the
    network. Images of the data sets are taken from where the data sets are
    now.
    """
    every = load(*folders)
    runs = every.select(scorers, protocols).runs
    cards = [card for path in trainings for card in cards_in(path)]
    words = ["wayshot", "report", *map(str, folders), "-o", out.name]
    for name, values in (("-s", scorers), ("--protocol", protocols), ("--training", trainings)):
        words += [word for one in values for word in (name, str(one))]
    words += ["--baseline", baseline] if baseline else []
    material = material_of(
        runs,
        every.runs,
        baseline,
        interval,
        level,
        cards,
        None if published == "none" else published,
    )
    answer = write_report(
        material, out, shlex.join(words), None if without else drawings_of(data, folders_of_images)
    )
    if as_json:
        click.echo(json.dumps(answer, indent=1))
    else:
        size = answer["bytes"] / 1e6
        click.echo(
            f"{out}: {size:.1f} MB, {answer['scorers']} scorers on {answer['protocols']} protocols"
        )
    if shown:
        webbrowser.open(out.resolve().as_uri())


def material_of(
    runs: Sequence[results.Run],
    every: Sequence[results.Run] = (),
    baseline: str | None = None,
    interval: str = "population",
    level: float = results.LEVEL,
    cards: Sequence[dict[str, Any]] = (),
    published: str | None = None,
) -> Material:
    """Gathers what a report or a figure shows, with progress.

    Args:
        runs: The runs to show.
        every: All runs of their folders, if these are more.
        baseline: As for `gathered`.
        interval: As for `gathered`.
        level: As for `gathered`.
        cards: Cards of trained networks.
        published: As for `results.table`.
    """
    amounts = [_amounts(run) for run in runs]
    there = {name for name, (_, show) in EXTRAS.items() if any(map(show, amounts))}
    return gathered(
        runs,
        baseline,
        interval,
        level,
        every=every,
        trainings=cards,
        published=published,
        extras=[name for name in EXTRAS if name in there],
        advance=progress(len(runs), "reading"),
    )


def _amounts(run: results.Run) -> dict[str, Any]:
    scorer = run.record["scorer"]
    latency = run.record.get("latency") or latencies.latest(run, lenient=True)
    return {
        "parameters": scorer.get("parameters"),
        "flops": scorer.get("flops"),
        "latency": latency,
    }


def write_report(
    material: Material,
    out: Path,
    command: str = "",
    opened: Any = _USUAL_IMAGES,
    start: str = "",
) -> dict[str, Any]:
    """Writes a report, and says what it left out.

    Args:
        material: The runs.
        out: The file.
        command: The command that makes it again; "" for the one that was typed.
        opened: As for `render`.
        start: As for `render`.

    Returns:
        Facts on the report, in JSON's types.

    Raises:
        click.UsageError: The file cannot be written.
    """
    said: list[str] = []

    def told(run: results.Run) -> tuple[Any, str]:
        found, why = opened(run)
        if why:
            said.append(why)
            click.echo(results.plain(f"no images: {why}"), err=True)
        elif found.licence not in said:
            said.append(found.licence)
            click.echo(results.plain(found.licence), err=True)
        return found, why

    details = in_detail(material)
    advance = progress(len(details), "report")
    command = command or shlex.join(["wayshot", *sys.argv[1:]])
    page = render(material, command, told if opened else None, start, advance)
    content = page.encode("utf-8", "replace")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tasks.replacing(out) as fresh:
            fresh.write_bytes(content)
    except OSError as error:
        raise click.UsageError(f"{out}: cannot be written ({error.strerror or error})") from None
    return {
        "path": str(out),
        "bytes": len(content),
        "scorers": len(material.table.rows),
        "protocols": len(material.table.columns),
        "in_detail": details,
        "said": said,
    }


def cards_in(path: Path) -> list[dict[str, Any]]:
    """Reads the cards of a folder of trained networks, or one card.

    Args:
        path: The folder, or the card.

    Raises:
        click.UsageError: There is no card in the folder.
        ModelError: A card cannot be read.
    """
    if not path.is_dir():
        return [read_card(path)]
    found = [
        one
        for one in tasks.below(path)
        if one.suffix == ".json" and one.with_suffix(".npz").exists()
    ]
    if not found:
        raise click.UsageError(
            f"{path}: no card NAME.json beside weights NAME.npz; name a folder of wayshot train"
        )
    return [read_card(one) for one in found]
