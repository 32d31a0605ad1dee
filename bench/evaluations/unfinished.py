"""An unfinished run: the finished units of an evaluation."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout

from . import array_files as archive


class UnfinishedRun:
    """A folder of finished units, each in a file that is written completely or not at all.

    Attributes:
        folder: The folder; it is removed when the run is stored.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = FileLock(f"{folder}.lock")

    @contextmanager
    def locked(self, waiting: Callable[[], None]) -> Iterator[None]:
        """Keeps other processes away from the folder.

        Args:
            waiting: Is called if another process has the folder for longer than a second.

        Raises:
            OSError: The file system cannot write or lock a file.
        """
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._lock.acquire(timeout=1)
        except Timeout:
            waiting()
            self._lock.acquire()
        try:
            yield
        finally:
            self._lock.release()

    def remove(self) -> None:
        """Removes the folder and its lock, by the process that holds it."""
        shutil.rmtree(self.folder, ignore_errors=True)
        with suppress(OSError):
            Path(self._lock.lock_file).unlink()

    def sweep(self, tidy: Callable[[], None]) -> None:
        """Has what a killed process left cleared away, unless another process has the folder.

        Args:
            tidy: Is called if there is something, while the folder is locked.
        """
        if self.folder.exists() or Path(self._lock.lock_file).exists():
            with suppress(OSError), self._lock.acquire(timeout=0):
                tidy()

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
