"""A picture: the formats of its file, and how it is saved."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ResultError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SUFFIXES = (".png", ".svg")
"""Endings of the files that a picture can be written to."""

FIGURE_SUFFIXES = (".pdf", *SUFFIXES)
"""Endings of the files that a figure of a paper can be written to."""


def check_suffix(path: Path, suffixes: Sequence[str] = SUFFIXES) -> None:
    """Checks the ending of a picture's file.

    Args:
        path: The file.
        suffixes: The endings that it may have.

    Raises:
        ResultError: It has another one.
    """
    if path.suffix.lower() not in suffixes:
        *most, last = suffixes
        raise ResultError(
            f"{path}: unknown format of a picture, expected {', '.join(most)} or {last}"
        )


def save(figure: Figure, path: Path, exact: bool = False) -> None:
    """Writes a picture completely or not at all; the same picture gives the same bytes.

    Args:
        figure: A figure of Matplotlib.
        path: A file with one of `FIGURE_SUFFIXES`; its folder is created if missing.
        exact: Whether the picture has exactly the figure's size; otherwise it
            is cut where it is empty, and grows where something sticks out.

    Raises:
        ResultError: The file has another ending.
    """
    check_suffix(path, FIGURE_SUFFIXES)
    from matplotlib import rc_context

    kind = path.suffix.lower()[1:]
    path.parent.mkdir(parents=True, exist_ok=True)
    # In SVG, text stays text.
    with (
        tempfile.TemporaryDirectory(prefix=".new-", dir=path.parent) as fresh,
        rc_context({"svg.fonttype": "none", "svg.hashsalt": "wayshot", "pdf.fonttype": 42}),
        warnings.catch_warnings(),
    ):
        # A character that no font has appears as a box; in SVG the viewer draws it.
        warnings.filterwarnings("ignore", r"Glyph \d+")
        drawn = Path(fresh) / path.name
        undated = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
        edge = {} if exact else {"bbox_inches": "tight", "pad_inches": 0.1}
        figure.savefig(drawn, format=kind, dpi=200, metadata=undated.get(kind), **edge)
        drawn.replace(path)
