"""The option `--engine`."""

from __future__ import annotations

import textwrap

import click

from ...models.engines import ENGINES, KERAS
from .common import option

_HELP = "\n".join(
    [
        # Or names would be broken at their hyphens.
        "\b",
        "The engine that runs Siamese networks.",
        "auto: the fastest that agrees with Keras.",
        "keras: Keras, whatever its backend is.",
        f"{', '.join(KERAS)}: Keras on this backend,",
        "which KERAS_BACKEND has to name.",
        "With wayshot[engines] installed, these too:",
        textwrap.fill(", ".join(ENGINES), 45, break_on_hyphens=False) + ".",
    ]
)

engine_option = option(
    "--engine",
    type=click.Choice(["auto", "keras", *KERAS, *ENGINES]),
    default="auto",
    show_default=True,
    metavar="ENGINE",
    help=_HELP,
)
