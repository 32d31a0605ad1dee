"""Zips from anyone: their members are stored or deflated, or the zip is not read."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import BinaryIO

from .errors import TaskError
from .text import readable

_PACKED = {zipfile.ZIP_BZIP2: "bzip2", zipfile.ZIP_LZMA: "LZMA"}


def open_zip(file: Path | BinaryIO) -> zipfile.ZipFile:
    """Opens a zip whose members can be unpacked a part at a time.

    Python's readers of bzip2 and LZMA unpack whatever a block holds at once, and some
    kilobytes can hold gigabytes.

    Args:
        file: The zip.

    Returns:
        The open zip.

    Raises:
        TaskError: A member is neither stored nor deflated; the message does not name the zip.
        OSError, zipfile.BadZipFile: It cannot be read, or is no zip.
    """
    archive = zipfile.ZipFile(file)
    for member in archive.infolist():
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            archive.close()
            how = _PACKED.get(member.compress_type, f"method {member.compress_type}")
            raise TaskError(
                f"{readable(member.filename)[:100]}: packed by {how}, expected stored or "
                "deflated; pack the zip again, as zip does without options"
            )
    return archive
