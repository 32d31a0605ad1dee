"""What an unfinished evaluation has done so far."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..tasks import replacing


class Partial:
    """A folder of finished units, each a file that is there whole or not at all.

    Attributes:
        folder: The folder; it is removed when the run is stored.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, unit: str, columns: Sequence[str]) -> dict[str, np.ndarray] | None:
        """Reads a unit.

        Args:
            unit: Its name.
            columns: The arrays it must have.

        Returns:
            All its arrays by name; None where it is not there, or damaged.
        """
        path = self.folder / f"{unit}.npz"
        try:
            with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None
        return arrays if all(name in arrays for name in columns) else None

    def put(self, unit: str, **arrays: np.ndarray) -> Path:
        """Stores a unit's arrays under its name."""
        path = self.folder / f"{unit}.npz"
        with replacing(path) as fresh:
            np.savez(fresh, **arrays)  # pyright: ignore[reportArgumentType]
        return path
