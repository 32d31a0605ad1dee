"""An unfinished run: the finished units of an evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from . import array_files as archive


class UnfinishedRun:
    """A folder of finished units, each in a file that is written completely or not at all.

    Attributes:
        folder: The folder; it is removed when the run is stored.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, unit: str) -> Path:
        """Gives the file of a unit, which need not exist."""
        return self.folder / f"{unit}.npz"

    def get(self, unit: str, columns: Sequence[str]) -> dict[str, np.ndarray] | None:
        """Reads a unit.

        Args:
            unit: Name of the unit.
            columns: Names of arrays that it must have.

        Returns:
            All its arrays by name; None if it is missing or damaged.
        """
        try:
            arrays = archive.read(self.path(unit))
        except OSError:
            return None
        return arrays if all(name in arrays for name in columns) else None

    def put(self, unit: str, **arrays: np.ndarray) -> Path:
        """Stores a unit.

        Args:
            unit: Name of the unit.
            **arrays: Its arrays by name.

        Returns:
            The file of the unit.
        """
        path = self.path(unit)
        archive.write(path, **arrays)
        return path
