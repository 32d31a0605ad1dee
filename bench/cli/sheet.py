"""`wayshot data sheet`."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import click

from ... import tasks
from ...tasks.data import sheet
from .common import examples, json_option, option, progress
from .counts import Count


@click.command(
    "sheet",
    epilog=examples(
        "wayshot data sheet folder:letters -o letters.png",
        "wayshot data sheet images:birds@84 -o birds.png",
    ),
)
@click.argument("data", metavar="folder:PATH|images:PATH")
@option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    default=Path("sheet.png"),
    show_default=True,
    help="The picture to draw. FILE ends in .png.",
)
@option(
    "--images",
    type=Count(1, 10_000),
    metavar="N",
    default=60,
    show_default=True,
    help="How many images to show at the most.",
)
@json_option
def command(data: str, out: Path, images: int, as_json: bool) -> None:
    """Draw images of a folder beside what scorers get of them.

    Of characters (folder:PATH), those whose ink could not be told from paper by
    themselves come first. Then come some images of each class.
    """
    if out.suffix.lower() != ".png":
        raise click.UsageError(f"{out}: a sheet is a PNG; name a file that ends in .png")
    split, part = tasks.read_part(data) if tasks.is_own(data) else (data, "all")
    kind, _, path = split.partition(":")
    if kind not in ("folder", "images") or not path:
        raise click.UsageError(
            f"{data!r} is no folder of images; expected folder:PATH or images:PATH"
        )
    if kind == "images":
        shown = sheet.pictures(path, part, images, progress)
    else:
        shown = sheet.characters(path, part, images, progress)
    picture = sheet.drawn(shown)
    try:
        with tasks.replacing(out) as fresh:
            picture.save(fresh)
    except OSError as error:
        raise click.UsageError(f"{out}: cannot be written ({error.strerror or error})") from None
    if as_json:
        rows = [{"file": one.name, "ink": one.what or None} for one in shown]
        click.echo(json.dumps({"path": str(out), "images": rows}, indent=1))
        return
    counts = Counter(one.what for one in shown if one.what)
    words = ", ".join(f"{count} {what}" for what, count in sorted(counts.items()))
    click.echo(f"{out}: {len(shown)} images{f' ({words})' if words else ''}")
