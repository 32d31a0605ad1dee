"""Array files: arrays in a file that holds its own digest."""

from __future__ import annotations

import hashlib
import os
import zipfile
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ...tasks import TaskError, open_zip, replacing

_DIGEST = 64
"""Bytes at the end of the file: the SHA-256 of all bytes before, in hexadecimal."""


class DamagedError(OSError):
    """A file that has changed after it was written."""


def write(path: Path, **arrays: np.ndarray) -> None:
    """Writes arrays as an `.npz` file; the comment of this zip is its digest.

    Args:
        path: The file, which is written completely or not at all.
        **arrays: The arrays by name.
    """
    with replacing(path) as fresh, fresh.open("w+b") as file:
        np.savez(file, **arrays)  # pyright: ignore[reportArgumentType]
        # The last field of a zip without a comment is the comment's length.
        file.seek(-2, os.SEEK_END)
        file.write(_DIGEST.to_bytes(2, "little"))
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256")
        file.write(digest.hexdigest().encode())


def _is_whole(file: BinaryIO) -> bool:
    left = file.seek(0, os.SEEK_END) - _DIGEST
    file.seek(0)
    digest = hashlib.sha256()
    while left > 0 and (part := file.read(min(left, 1 << 20))):
        digest.update(part)
        left -= len(part)
    return left == 0 and file.read() == digest.hexdigest().encode()


def read(path: Path) -> dict[str, np.ndarray]:
    """Reads all arrays of a file that `write` has written.

    Raises:
        DamagedError: The file has changed after it was written.
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        if not _is_whole(file):
            raise DamagedError(f"{path}: damaged")
        file.seek(0)
        try:
            with open_zip(file):
                file.seek(0)
            with np.load(file, allow_pickle=False) as arrays:
                return {name: arrays[name] for name in arrays.files}
        except (ValueError, KeyError, EOFError, zipfile.BadZipFile, TaskError) as error:
            raise DamagedError(f"{path}: damaged ({error})") from None
