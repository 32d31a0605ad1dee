"""`wayshot data`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path

import click

from ...tasks.data import fetch as fetching
from ...tasks.data import omniglot
from .common import data_option, examples, json_option, option, progress
from .sheet import command as sheet


@click.group("data", epilog=examples("wayshot data fetch", "wayshot data verify"))
def command() -> None:
    """Get Omniglot, check it, or say where it is; look at a folder of images."""


command.add_command(sheet)


def _show(statuses: Iterable[fetching.Status], as_json: bool) -> set[str]:
    """Prints the parts, as they come where they are lines; gives their states."""
    found = []
    for status in statuses:
        found.append(status)
        if not as_json:
            where = f"  {status.path}" if status.path else ""
            problem = f"  {status.problem}" if status.problem else ""
            click.echo(f"{status.part:26}{status.state}{where}{problem}")
    if as_json:
        rows = [
            {
                "part": status.part,
                "state": status.state,
                "path": str(status.path) if status.path else None,
                "problem": status.problem,
            }
            for status in found
        ]
        click.echo(json.dumps({"parts": rows}, indent=1))
    return {status.state for status in found}


@command.command(epilog=examples("wayshot data fetch --data omniglot"))
@data_option
@option(
    "--from",
    "home",
    default=fetching.HOME,
    show_default=True,
    metavar="URL",
    help="Address of the public files.",
)
@json_option
def fetch(data: str | None, home: str, as_json: bool) -> None:
    """Download missing and damaged parts, less than 20 MB."""
    folder = omniglot.data_folder(data)
    shown = sys.stderr.isatty()
    _show(fetching.fetch(folder, home.rstrip("/") + "/", progress, show=shown), as_json)


@command.command(epilog=examples("wayshot data verify --data omniglot --json"))
@data_option
@json_option
@click.pass_context
def verify(context: click.Context, data: str | None, as_json: bool) -> None:
    """Check whether each part is there, missing or damaged.

    For a damaged part, the file and its fault are shown. The exit status is 1
    if a part is damaged, or if no part is there.
    """
    states = _show(fetching.verify(data, progress), as_json)
    if "damaged" in states or "there" not in states:
        context.exit(1)


@command.command(epilog=examples("wayshot data path"))
@data_option
@json_option
def path(data: str | None, as_json: bool) -> None:
    """Print the folder in which Omniglot is looked for."""
    folder = Path(omniglot.data_folder(data)).absolute()
    click.echo(json.dumps({"path": str(folder)}) if as_json else str(folder))
