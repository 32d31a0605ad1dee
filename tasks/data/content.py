"""Content: a digest of files' bytes, computed anew only where a file may have changed."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import TaskError
from ..files import cache_folder, hash_regular, make_cache_folder, replacing
from ..text import readable

_SETTLED = 3.0
"""Seconds after which a change of a file has another time than the change before."""


def digest(files: Sequence[tuple[str, Path]], largest: int) -> str:
    """Identifies the content of files, wherever they are.

    The bytes are read. They are not read again where the size, the time of writing, the
    time of the last change of any kind (which nobody can set), the inode and the device of
    every file are as they were, and the last change was a while before the reading.

    Args:
        files: Name and path of each, in an order that is the same everywhere.
        largest: The largest allowed size of a file, in bytes.

    Returns:
        SHA-256 in hexadecimal over the names and the SHA-256 of the bytes.

    Raises:
        TaskError: A file cannot be read; the message names it.
    """
    now = time.time()
    seen = hashlib.sha256()
    last = 0.0
    for name, path in files:
        try:
            status = path.stat()
        except OSError as error:
            raise TaskError(f"{readable(name)}: cannot be read ({error.strerror})") from None
        noted = (status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        seen.update(f"{name}\0{noted} {status.st_ino} {status.st_dev}\n".encode())
        last = max(last, status.st_ctime)
    # Elsewhere the third time is that of a file's creation.
    telling = os.name == "posix" and last < now - _SETTLED
    facts = seen.hexdigest()[:32]
    known = recall(facts) if telling else None
    if known is not None:
        return known
    found = _read(files, largest)
    if telling:
        remember(facts, found)
    return found


def tree(root: Path) -> str | None:
    """Identifies a folder by the names of everything below it and what the system notes of it.

    Args:
        root: The folder.

    Returns:
        SHA-256 in hexadecimal, which is another as soon as a file is written; None where this
        cannot be told: by the system, or because something was written a moment ago.

    Raises:
        OSError: A folder cannot be opened.
    """
    if os.name != "posix":
        return None
    limit, total = int((time.time() - _SETTLED) * 1e9), hashlib.sha256()
    folders = [str(root)]
    for folder in folders:
        listing = _listing(limit, folder)
        if listing is None:
            return None
        folders += listing.below
        total.update(listing.digest)
    return total.hexdigest()


@dataclass(frozen=True)
class _Listing:
    below: list[str]
    digest: bytes


def _listing(limit: int, folder: str) -> _Listing | None:
    """Lists a folder; None if something in it was changed after a time in nanoseconds."""
    lines, below = [], []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                below.append(entry.path)
            status = entry.stat()
            changed = status.st_ctime_ns
            if changed > limit:
                return None
            place = f"{entry.name}/{status.st_ino} {status.st_dev}"
            lines.append(f"{place} {status.st_size} {status.st_mtime_ns} {changed}")
    text = "\n".join(sorted(lines)).encode(errors="surrogateescape")
    return _Listing(sorted(below), hashlib.sha256(text).digest())


def recall(name: str) -> Any:
    """Gives what `remember` has stored under a name; None if there is nothing, or it is damaged.

    Args:
        name: A digest.
    """
    try:
        digest, _, text = (cache_folder() / "contents" / name).read_text().partition("\n")
        return json.loads(text) if hashlib.sha256(text.encode()).hexdigest() == digest else None
    except (OSError, ValueError):
        return None


def remember(name: str, thing: Any) -> None:
    """Stores something small in the cache, where that is possible.

    Args:
        name: A digest.
        thing: What can be written as JSON.
    """
    text = json.dumps(thing)
    # Without it, the next time takes longer.
    with suppress(OSError, TaskError):
        path = cache_folder() / "contents" / name
        make_cache_folder(path.parent)
        with replacing(path) as fresh:
            fresh.write_text(f"{hashlib.sha256(text.encode()).hexdigest()}\n{text}")


def _read(files: Sequence[tuple[str, Path]], largest: int) -> str:
    total = hashlib.sha256()
    for name, path in files:
        try:
            own = hash_regular(path, largest)
        except TaskError as error:
            raise TaskError(f"{readable(name)}: {error}") from None
        total.update(f"{name}\0{own}\n".encode())
    return total.hexdigest()
