"""What several subcommands share: options and progress bars."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from tqdm import tqdm

from ...results import INTERVALS, LEVEL

data_option = click.option(
    "--data",
    envvar="WAYSHOT_DATA",
    metavar="DIR",
    help="Folder of Omniglot's zips, or of what they unpack to.  [env: WAYSHOT_DATA; default: "
    "where wayshot data fetch puts them]",
)
level_option = click.option(
    "--level",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=LEVEL,
    show_default=True,
    help="Coverage of intervals, and one less the level of tests.",
)
interval_option = click.option(
    "--interval", type=click.Choice(INTERVALS), default="population", show_default=True
)
engine_option = click.option(
    "--engine",
    default="auto",
    show_default=True,
    metavar="ENGINE",
    help="What embeds, where a scorer is a Siamese network: tensorflow, torch or jax as "
    "KERAS_BACKEND says, onnxruntime, openvino, litert, one of less precision such as "
    "onnxruntime-int8-static, or auto, the fastest that is installed and agrees with Keras.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
seed_option = click.option(
    "--seed",
    type=click.IntRange(0, 2**63 - 1),
    default=1,
    show_default=True,
    help="Which random episodes.",
)


def scorers_option(more: str = "", **options: Any) -> Callable:
    """The option `--scorer`, with more to say in its help."""
    return click.option(
        "-s",
        "--scorer",
        "scorers",
        multiple=True,
        metavar="SCORER",
        help="A name of wayshot list scorers, the path of a .keras file, or module:attribute. "
        f"May be repeated.{more}",
        **options,
    )


def episodes_option(default: int) -> Callable:
    """The option `--episodes`."""
    return click.option(
        "--episodes",
        type=click.IntRange(1, 10**9),
        default=default,
        show_default=True,
        help="How many; fewer where a protocol has an end.",
    )


def progress(total: int, title: str) -> Callable[[int], None]:
    """Shows progress on a terminal, of anything over a second; see `tasks.progress.Progress`."""
    shown = tqdm(total=total, desc=title, delay=1, disable=None, leave=False)

    def advance(done: int) -> None:
        shown.update(done)
        if shown.n >= total:
            shown.close()

    return advance


def writable(folder: Path) -> Path:
    """Makes a folder if it is not there, and makes sure that files can be written into it.

    Raises:
        click.UsageError: It cannot be.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise click.UsageError(
            f"cannot write into {folder} ({error.strerror}); choose another folder"
        ) from None
    return folder
