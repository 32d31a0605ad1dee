"""Content: a digest of files' bytes, computed anew only where a file may have changed."""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

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
        facts = (status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        seen.update(f"{name}\0{facts} {status.st_ino} {status.st_dev}\n".encode())
        last = max(last, status.st_ctime)
    # Elsewhere the third time is that of a file's creation.
    telling = os.name == "posix" and last < now - _SETTLED
    remembered = cache_folder() / "contents" / seen.hexdigest()[:32]
    if telling:
        with suppress(OSError, UnicodeDecodeError):
            known = remembered.read_text()
            if re.fullmatch("[0-9a-f]{64}", known):
                return known
    found = _read(files, largest)
    if telling:
        # Without it, the next time takes a moment longer.
        with suppress(OSError, TaskError):
            make_cache_folder(remembered.parent)
            with replacing(remembered) as fresh:
                fresh.write_text(found)
    return found


def _read(files: Sequence[tuple[str, Path]], largest: int) -> str:
    total = hashlib.sha256()
    for name, path in files:
        try:
            own = hash_regular(path, largest)
        except TaskError as error:
            raise TaskError(f"{readable(name)}: {error}") from None
        total.update(f"{name}\0{own}\n".encode())
    return total.hexdigest()
