"""Getting Omniglot from its public home, and checking what is there."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout
from tqdm import tqdm

from ..errors import TaskError
from ..progress import Progress, quiet
from ..text import reason
from .omniglot import PARTS, Part, find, read_part, read_runs

HOME = "https://github.com/brendenlake/omniglot/raw/master/python/"
"""Address of the data set's public repository, with a slash at its end."""

LARGEST = 2**28
"""Bytes after which a download is given up; the largest official file has 9.5 MB."""

PATIENCE = 20
"""Seconds in which at least so many thousand bytes must come."""


@dataclass(frozen=True)
class Status:
    """What was found of a part.

    Attributes:
        part: Its name.
        state: `there`, `missing` or `damaged`.
        path: Where it is, or None.
        problem: Which file is damaged and how, or "".
    """

    part: str
    state: Literal["there", "missing", "damaged"]
    path: Path | None
    problem: str = ""


class _Counted(tqdm):
    """A progress bar that ends what has no end, and what nobody waits for."""

    count = 0
    abandoned = False

    def __bool__(self) -> bool:
        return True

    def update(self, n: float | None = 1) -> bool | None:
        self.count += n or 0
        if self.count > LARGEST:
            raise OSError(f"more than {LARGEST:,} bytes came")
        if self.abandoned:
            raise OSError("given up")
        return super().update(n)

    def reset(self, total: float | None = None) -> None:
        self.count = 0
        super().reset(total)


def _is_official(part: Part, path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest() == part.md5


def _check(part: Part, path: Path, progress: Progress) -> None:
    """Accepts a part by its md5, or by the digest of its pixels.

    Raises:
        TaskError: It is neither.
    """
    if _is_official(part, path):
        return
    if part.name == "all_runs":
        read_runs(path, progress)
    else:
        read_part(part, path, progress)


def verify(data: str | Path | None = None, progress: Progress = quiet) -> Iterator[Status]:
    """Says of each part of Omniglot whether it is there and sound.

    Args:
        data: Folder of Omniglot; see `omniglot.data_folder`.
        progress: Shows the progress of reading a part.
    """
    for part in PARTS.values():
        path = find(part.name, data)
        if path is None:
            yield Status(part.name, "missing", None)
            continue
        try:
            _check(part, path, progress)
        except (TaskError, OSError) as error:
            yield Status(part.name, "damaged", path, str(error).removeprefix(f"{path}: "))
        else:
            yield Status(part.name, "there", path)


def fetch(
    folder: Path, home: str = HOME, progress: Progress = quiet, show: bool = False
) -> Iterator[Status]:
    """Downloads what is missing or damaged.

    Args:
        folder: Where the zips go.
        home: Address below which they are, with a slash at its end.
        progress: Shows the progress of checking a part.
        show: Whether to show progress bars of downloads.

    Yields:
        A status for each part, when it is there.

    Raises:
        TaskError: It cannot be downloaded, or what came is not the part; what
            was there before is left alone.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TaskError(f"{folder}: cannot be made a folder ({error.strerror})") from None
    for part in PARTS.values():
        there = _sound(part, folder, progress)
        yield Status(part.name, "there", there or _fetch(part, folder, home, progress, show))


def _sound(part: Part, folder: Path, progress: Progress) -> Path | None:
    """Gives where a part is, or None if it is missing or damaged."""
    try:
        path = find(part.name, folder)
        if path is not None:
            _check(part, path, progress)
        return path
    except TaskError:
        return None


def _fetch(part: Part, folder: Path, home: str, progress: Progress, show: bool) -> Path:
    """Downloads a part, unless another process does; gives where it is."""
    # Its import takes half a second.
    import requests

    path, fresh = folder / f"{part.name}.zip", folder / f".{part.name}.new.zip"
    url = f"{home}{part.folder}{part.name}.zip"
    try:
        with _alone(folder / f".{part.name}.lock", progress):
            there = _sound(part, folder, progress)
            if there is not None:
                return there
            try:
                fresh.unlink(missing_ok=True)
                _download(url, fresh, show)
                _check(part, fresh, progress)
                fresh.replace(path)
            finally:
                fresh.unlink(missing_ok=True)
    except TaskError as error:
        raise TaskError(f"{url} is not the official file: {error}") from None
    except (requests.RequestException, OSError, ValueError) as error:
        raise TaskError(
            f"{part.name}: cannot be downloaded ({reason(error)}); try again, or download "
            f"{url} yourself into {folder}"
        ) from None
    return path


@contextmanager
def _alone(path: Path, progress: Progress) -> Iterator[None]:
    """Waits until no other process is inside, and removes the lock afterwards."""
    lock = FileLock(path)
    try:
        lock.acquire(timeout=1)
    except Timeout:
        tick = progress(1, "Waiting for another process")
        lock.acquire()
        tick(1)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        lock.release()


def _download(url: str, path: Path, show: bool) -> None:
    """Downloads a file, in a thread that can be left alone.

    A socket's own time limit begins anew with every byte.

    Raises:
        OSError: Too little comes, or too much.
        requests.RequestException: As `requests.get`.
    """
    import pooch

    # pooch takes any object as a progress bar, and any callable; its types do not say so.
    counted: Any = _Counted(unit="B", unit_scale=True, disable=not show)
    get: Callable[..., Any] = pooch.HTTPDownloader(progressbar=counted)
    failed: list[Exception] = []

    def work() -> None:
        try:
            get(url, str(path), None)
        except Exception as error:
            failed.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    while thread.is_alive():
        before, begun = counted.count, time.monotonic()
        thread.join(PATIENCE)
        seconds = time.monotonic() - begun
        if thread.is_alive() and counted.count - before < 1000 * seconds:
            counted.abandoned = True
            raise OSError(f"{counted.count - before:,} bytes came in {seconds:.0f} seconds")
    if failed:
        raise failed[0]
