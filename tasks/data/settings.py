"""Settings: what a file in a folder of images says of how to read them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from ..errors import TaskError
from ..files import read_regular
from ..yaml_text import load_yaml
from .ink import CHOICES
from .listing import SETTINGS

_LARGEST = 2**12

LARGEST_SIDE = 4096
"""Largest height and width of images, in pixels."""


@dataclass(frozen=True)
class Settings:
    """How to read a folder.

    Attributes:
        ink: One of `ink.CHOICES`.
        kind: `gray` or `color` for pictures, "" for what the files are.
        size: Height and width of pictures in pixels; 0 for that of the files.
    """

    ink: str = CHOICES[0]
    kind: str = ""
    size: int = 0

    def __post_init__(self) -> None:
        if self.ink not in CHOICES:
            raise TaskError(f"ink is {_short(self.ink)}, expected {', '.join(CHOICES)}")
        if self.kind not in ("", "gray", "color"):
            raise TaskError(f"kind is {_short(self.kind)}, expected gray or color")
        if type(self.size) is not int or not 0 <= self.size <= LARGEST_SIDE:
            raise TaskError(f"size is {_short(self.size)}, expected 1 to {LARGEST_SIDE} pixels")


def _short(value: Any) -> str:
    """Shows what a file says, which may be of any kind and size."""
    small = type(value) is int and abs(value) < 10**9
    return repr(value) if small or type(value) in (str, float, bool) else type(value).__name__


def read(root: Path) -> Settings:
    """Reads the settings of a folder.

    Args:
        root: The folder, or a file in it.

    Raises:
        TaskError: The file of settings says something else.
    """
    path = (root.parent if root.is_file() else root) / SETTINGS
    if not path.exists():
        return Settings()
    names = [one.name for one in fields(Settings)]
    try:
        said = load_yaml(read_regular(path, _LARGEST))
        said = {} if said is None else said
        if not isinstance(said, dict) or set(said) - set(names):
            raise TaskError(f"expected lines such as ink: dark, of {', '.join(names)}")
        return Settings(**said)
    except TaskError as error:
        raise TaskError(f"{path}: {error}") from None
