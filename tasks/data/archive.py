"""An archive: the files in a zip or folder, which may come from anyone."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

from ..errors import TaskError
from ..files import below, read_regular
from ..text import readable, reason
from ..zips import open_zip

LARGEST = 2**18
"""The largest size of a file in bytes; the largest official file has less than 2 KiB."""


def members(path: Path, suffixes: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
    """Reads the files of a part, from its zip (without unpacking) or folder.

    Args:
        path: A zip file, or a folder named like the part.
        suffixes: Which files to read, by the ends of their names.

    Yields:
        Name and content. Names are as in the zip, sorted.

    Raises:
        TaskError: The zip or a member of it is damaged, or larger than any
            official one.
    """
    if path.is_dir():
        # The official runs lie at the top of their zip, the images in a folder.
        runs = sorted(path.glob("run[0-9][0-9]"))
        top = path if runs else path.parent
        for file in sorted(file for folder in runs or [path] for file in below(folder)):
            if file.name.endswith(suffixes):
                name = file.relative_to(top).as_posix()
                try:
                    yield name, read_regular(file, LARGEST)
                except TaskError as error:
                    raise TaskError(f"{path}: {readable(name)}: {error}") from None
        return
    try:
        with open_zip(path) as archive:
            chosen = [
                one
                for one in archive.infolist()
                if one.filename.endswith(suffixes) and not one.filename.startswith("__MACOSX/")
            ]
            for member in sorted(chosen, key=lambda one: one.filename):
                yield member.filename, _content(archive, member)
    except TaskError as error:
        raise TaskError(f"{path}: {error}") from None
    except Exception as error:
        raise TaskError(
            f"{path}: damaged zip ({reason(error)}); remove it, then run: wayshot data fetch"
        ) from None


def _content(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """Reads a member, and no more of it than it may have, whatever it says of its size."""
    name = readable(member.filename)
    if member.file_size > LARGEST:
        raise TaskError(
            f"{name}: {member.file_size:,} bytes unpacked, expected at most {LARGEST:,}"
        )
    try:
        with archive.open(member) as file:
            return file.read(LARGEST + 1)
    except Exception as error:
        raise TaskError(f"{name}: damaged member ({reason(error)})") from None
