"""Files of NumPy that may be damaged, or say of themselves what is not true."""

from __future__ import annotations

import lzma
import math
import shutil
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ..errors import TaskError
from ..text import readable, reason
from ..zips import open_zip

DAMAGES = (
    *(ValueError, OSError, EOFError, RuntimeError, KeyError),
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError),
)
"""What libraries raise for files that are damaged, or are no such files."""

LARGEST_WORDS = 2**30
"""The most bytes of an array of labels."""

_DENSEST = 1032
"""How many times as long as in the file the content of a zip can be."""

_HEADERS: dict[Any, Callable[[BinaryIO], Any]] = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


@dataclass(frozen=True)
class Header:
    """What a file says of its array.

    Attributes:
        shape: The shape.
        fortran: Whether the first index varies fastest.
        dtype: The type of its numbers.
        bytes: The length of the array.
    """

    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype
    bytes: int


def _header(file: Any, there: int, name: str) -> Header:
    """Reads a header, before any memory is taken for the array.

    Args:
        file: A `.npy` file, which is then at the beginning of the array.
        there: The length of the file in bytes.
        name: What it is called in errors.
    """
    try:
        version = np.lib.format.read_magic(file)
        if version not in _HEADERS:
            raise TaskError(f"{name}: version {version} of .npy, expected 1.0 or 2.0")
        shape, fortran, dtype = _HEADERS[version](file)
        if min(shape, default=0) < 0:
            raise ValueError(f"shape {shape}")
    except TaskError:
        raise
    except Exception as error:
        # A header is a text of Python, in which much can be wrong.
        raise TaskError(
            f"{name}: no array of NumPy, or a damaged one ({reason(error)}); write it with numpy"
            ".save or numpy.savez again"
        ) from None
    if dtype.hasobject:
        raise TaskError(
            f"{name}: objects of Python, which may run code, are not read; expected numbers or "
            "text, as array.astype(str) gives"
        )
    length = math.prod(shape) * dtype.itemsize
    if length > there - file.tell():
        raise TaskError(
            f"{name}: {there - file.tell():,} bytes, expected {length:,} for shape {shape} of "
            f"{dtype}; the file is damaged, or was not written to its end: write it again"
        )
    return Header(shape, fortran, dtype, length)


def _few(head: Header, name: str, largest: int) -> None:
    if head.bytes > largest:
        raise TaskError(f"{name}: {head.bytes:,} bytes, expected at most {largest:,}")


def read(path: Path, largest: int = LARGEST_WORDS) -> np.ndarray:
    """Reads a `.npy` file into memory.

    Args:
        path: The file.
        largest: The most bytes that its array may have.

    Raises:
        TaskError: It is damaged, too large, or holds objects.
    """
    with path.open("rb") as file:
        _few(_header(file, path.stat().st_size, readable(path.name)), path.name, largest)
        file.seek(0)
        return np.lib.format.read_array(file, allow_pickle=False)


def mapped(path: Path) -> np.ndarray:
    """Maps a `.npy` file into memory.

    Args:
        path: The file.

    Raises:
        TaskError: It is damaged, or holds objects.
    """
    with path.open("rb") as file:
        head = _header(file, path.stat().st_size, readable(path.name))
        if not head.bytes:
            return np.empty(head.shape, head.dtype)
        order = "F" if head.fortran else "C"
        return np.memmap(path, head.dtype, "r", file.tell(), head.shape, order)


def is_mapped(array: np.ndarray) -> bool:
    """Tells whether an array lies in a file; what is computed of it has its type, too."""
    return getattr(array, "_mmap", None) is not None


class Archive:
    """A `.npz` file.

    Attributes:
        names: Names of its arrays.
    """

    def __init__(self, path: Path) -> None:
        """Opens the file.

        Args:
            path: The file.

        Raises:
            TaskError: It is packed in a way that is not read.
        """
        self._zip = open_zip(path)
        self._most = _DENSEST * path.stat().st_size
        names = self._zip.namelist()
        self.names = [name.removesuffix(".npy") for name in names if name.endswith(".npy")]

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *raised: object) -> None:
        self._zip.close()

    def _length(self, name: str) -> int:
        length = self._zip.getinfo(f"{name}.npy").file_size
        if length > self._most:
            raise TaskError(
                f"{name}.npy: says {length:,} bytes, which the file cannot hold; write it again"
            )
        return length

    def header(self, name: str) -> Header:
        """Reads what the file says of an array.

        Args:
            name: Name of the array.

        Raises:
            TaskError: It is damaged, or holds objects.
        """
        with self._zip.open(f"{name}.npy") as file:
            return _header(file, self._length(name), f"{name}.npy")

    def read(self, name: str, largest: int = LARGEST_WORDS) -> np.ndarray:
        """Reads an array into memory.

        Args:
            name: Name of the array.
            largest: The most bytes that it may have.

        Raises:
            TaskError: As `read`.
        """
        _few(self.header(name), f"{name}.npy", largest)
        with self._zip.open(f"{name}.npy") as file:
            return np.lib.format.read_array(file, allow_pickle=False)

    def unpack(self, name: str, file: BinaryIO, shape: tuple[int, ...]) -> None:
        """Writes an array into a `.npy` file, a part at a time.

        Args:
            name: Name of the array.
            file: The file.
            shape: The shape to write, of as many numbers as the array has.

        Raises:
            TaskError: As `header`.
        """
        with self._zip.open(f"{name}.npy") as packed:
            head = _header(packed, self._length(name), f"{name}.npy")
            said = {"descr": head.dtype.str, "fortran_order": head.fortran, "shape": shape}
            np.lib.format.write_array_header_1_0(file, said)
            shutil.copyfileobj(packed, file, 2**20)
