"""Getting Omniglot from its public home, and checking what is there."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tqdm import tqdm

from ..errors import TaskError
from ..progress import Progress, quiet
from ..text import reason
from .omniglot import PARTS, Part, find, read_part, read_runs

HOME = "https://github.com/brendenlake/omniglot/raw/master/python/"
"""Address of the data set's public repository, with a slash at its end."""

LARGEST = 2**28
"""Bytes after which a download is given up; the largest official file has 9.5 MB."""


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
    """A progress bar that ends what has no end."""

    count = 0

    def __bool__(self) -> bool:
        return True

    def update(self, n: float | None = 1) -> bool | None:
        self.count += n or 0
        if self.count > LARGEST:
            raise OSError(f"more than {LARGEST:,} bytes came")
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
    # Only this function needs pooch, whose import takes half a second.
    import pooch
    import requests

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TaskError(f"{folder}: cannot be made a folder ({error.strerror})") from None
    pooch.get_logger().setLevel("WARNING")
    for part in PARTS.values():
        path = folder / f"{part.name}.zip"
        try:
            there = find(part.name, folder)
            if there is not None:
                _check(part, there, progress)
                yield Status(part.name, "there", there)
                continue
        except TaskError:
            pass
        url = f"{home}{part.folder}{part.name}.zip"
        fresh = f".{part.name}.new.zip"
        (folder / fresh).unlink(missing_ok=True)
        try:
            # pooch takes any object as a progress bar, and any callable; its types do not say so.
            counted: Any = _Counted(unit="B", unit_scale=True, disable=not show)
            downloader: Any = pooch.HTTPDownloader(progressbar=counted)
            pooch.retrieve(url, None, fname=fresh, path=folder, downloader=downloader)
            _check(part, folder / fresh, progress)
            (folder / fresh).replace(path)
        except TaskError as error:
            raise TaskError(f"{url} is not the official file: {error}") from None
        except (requests.RequestException, OSError, ValueError) as error:
            raise TaskError(
                f"{part.name}: cannot be downloaded ({reason(error)}); try again, or download "
                f"{url} yourself into {folder}"
            ) from None
        finally:
            (folder / fresh).unlink(missing_ok=True)
        yield Status(part.name, "there", path)
