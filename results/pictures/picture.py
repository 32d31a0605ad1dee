"""A picture: the formats of its file, and how it is saved."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ResultError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SUFFIXES = (".png", ".svg")
"""Endings of the files that a picture can be written to."""


def check_suffix(path: Path) -> None:
    """Checks that the ending of a picture's file is one of `SUFFIXES`.

    Raises:
        ResultError: It is not.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise ResultError(f"{path}: unknown format of a picture, expected {' or '.join(SUFFIXES)}")


def save(figure: Figure, path: Path) -> None:
    """Writes a picture completely or not at all; the same picture gives the same bytes.

    Args:
        figure: A figure of Matplotlib.
        path: A file with one of `SUFFIXES`; its folder is created if missing.

    Raises:
        ResultError: The file has another ending.
    """
    check_suffix(path)
    from matplotlib import rc_context

    kind = path.suffix.lower()[1:]
    path.parent.mkdir(parents=True, exist_ok=True)
    # In SVG, text stays text.
    with (
        tempfile.TemporaryDirectory(prefix=".new-", dir=path.parent) as fresh,
        rc_context({"svg.fonttype": "none", "svg.hashsalt": "wayshot"}),
        warnings.catch_warnings(),
    ):
        # A character that no font has appears as a box; in SVG the viewer draws it.
        warnings.filterwarnings("ignore", r"Glyph \d+")
        drawn = Path(fresh) / path.name
        metadata = {"Date": None} if kind == "svg" else None
        figure.savefig(
            drawn, format=kind, dpi=200, bbox_inches="tight", pad_inches=0.1, metadata=metadata
        )
        drawn.replace(path)
