"""A picture: the kinds of its files, and how it is saved."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ResultError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SUFFIXES = (".png", ".svg")
"""Of the files that a diagram can be written to."""


def check_suffix(path: Path) -> None:
    """Makes sure that a diagram can be written to such a file.

    Raises:
        ResultError: Its suffix is none of `SUFFIXES`.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise ResultError(f"{path}: unknown kind of picture, expected {' or '.join(SUFFIXES)}")


def save(figure: Figure, path: Path) -> None:
    """Writes a picture whole or not at all, the same bytes of the same picture.

    Args:
        figure: A figure of Matplotlib.
        path: A file of one of `SUFFIXES`; its folder is made if it is not there.

    Raises:
        ResultError: The suffix is another.
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
        # What no font has is seen as a box, or in SVG drawn by who shows it.
        warnings.filterwarnings("ignore", r"Glyph \d+")
        drawn = Path(fresh) / path.name
        metadata = {"Date": None} if kind == "svg" else None
        figure.savefig(
            drawn, format=kind, dpi=200, bbox_inches="tight", pad_inches=0.1, metadata=metadata
        )
        drawn.replace(path)
