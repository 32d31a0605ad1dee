"""Files: written whole or not at all, read only if regular; the cache folder."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedReader
from pathlib import Path

import platformdirs

from .errors import TaskError
from .text import readable

_ABANDONED = 24 * 3600
"""Seconds after which an unfinished file is taken as left by a killed process."""


class ReadOnlyCacheError(TaskError):
    """A cache folder that cannot be made or written."""


def cache_folder() -> Path:
    """Gives the cache folder, for everything that can be made again.

    It is `WAYSHOT_CACHE` if this variable is set, else the user's cache folder.

    Raises:
        TaskError: The user has no home folder.
    """
    try:
        named = os.environ.get("WAYSHOT_CACHE")
        theirs = Path(named).expanduser() if named else None
        folder = theirs or Path(platformdirs.user_cache_dir("wayshot"))
    except (RuntimeError, KeyError):
        folder = Path("~")
    if folder.parts[:1] == ("~",):
        raise TaskError(
            "cache folder: this user has no home folder; name a folder by WAYSHOT_CACHE"
        )
    # A scorer may change the current folder.
    return folder.absolute()


def at_home(path: str | Path) -> Path:
    """Gives a path with the home folder in the place of a `~` at its beginning.

    Args:
        path: The path. It stays as it is if nobody has such a home.
    """
    return Path(os.path.expanduser(path))  # noqa: PTH111  (pathlib raises if nobody has)


def make_cache_folder(folder: Path) -> None:
    """Makes a folder below the cache folder, and removes old unfinished files from it.

    Raises:
        ReadOnlyCacheError: The folder cannot be made, or not be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ReadOnlyCacheError(
            f"cache folder {folder}: cannot be made ({error.strerror}); "
            "name another by WAYSHOT_CACHE"
        ) from None
    if not os.access(folder, os.W_OK):
        raise ReadOnlyCacheError(
            f"cache folder {folder}: can only be read; name another by WAYSHOT_CACHE"
        )
    sweep(folder)


def sweep(folder: Path) -> None:
    """Removes unfinished files that killed processes have left in a folder long ago."""
    for left in folder.glob(".new-*"):
        with suppress(OSError):
            if time.time() - left.lstat().st_mtime > _ABANDONED:
                shutil.rmtree(left) if left.is_dir() else left.unlink()


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Replaces a file completely, or not at all.

    Args:
        path: The file.

    Yields:
        A path beside it, with the same ending, to write to. It becomes the
        file if no exception is raised.
    """
    fresh = path.with_name(f".new-{uuid.uuid4().hex[:8]}-{path.name}")
    try:
        yield fresh
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def below(folder: Path) -> list[Path]:
    """Lists everything below a folder, sorted; links to folders are not followed.

    Args:
        folder: The folder.

    Raises:
        TaskError: A folder cannot be listed; what lies in it would be missing in silence.
    """

    def refuse(error: OSError) -> None:
        raise TaskError(
            f"{readable(str(error.filename))}: cannot be listed ({error.strerror}); make it "
            "readable, or move it away"
        )

    walk = os.walk(folder, onerror=refuse)
    return sorted(Path(top, name) for top, inner, names in walk for name in (*inner, *names))


@contextmanager
def _opened(path: Path, largest: int) -> Iterator[BufferedReader]:
    try:
        if not path.is_file():
            raise TaskError("not a file; a link to nowhere, a pipe or a device cannot be read")
        size = path.stat().st_size
        if size > largest:
            raise TaskError(f"{size:,} bytes, expected at most {largest:,}")
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise TaskError(f"cannot be read ({error.strerror})") from None


def read_regular(path: Path, largest: int) -> bytes:
    """Reads a regular file; devices and pipes are refused, because they may be endless.

    Args:
        path: The file, or a link to it.
        largest: The largest allowed size, in bytes.

    Raises:
        TaskError: The file is missing, too large, or not a regular file; the
            message does not name the file.
    """
    with _opened(path, largest) as file:
        return file.read()


def hash_regular(path: Path, largest: int) -> str:
    """Computes the SHA-256 of a regular file in hexadecimal, without holding it in memory.

    Args:
        path: As for `read_regular`.
        largest: As for `read_regular`.

    Raises:
        TaskError: As `read_regular`.
    """
    with _opened(path, largest) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
