"""Patience: how much of a picture's file is read, and for how long."""

from __future__ import annotations

import time
from io import BufferedReader, BytesIO, FileIO
from pathlib import Path
from typing import Any

from PIL import Image

from ..errors import TaskError

SECONDS = 10
"""Time after which no more of a file is read; the largest pictures take less than a second."""

SCANS = 100
"""The largest number of scans of a JPEG file, as in libtiff; programs write about ten."""

ROOM = 2**23
"""Bytes that a file may have beside its pixels: profiles, notes, small copies."""

BYTES_A_PIXEL = 64
"""Bytes of a file for each pixel; four channels of double precision have 32."""


class _Clock:
    """Ends the reading of a file when its time is over."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._end = time.monotonic() + SECONDS

    def read(self, *args: Any) -> bytes:
        if time.monotonic() > self._end:
            raise TaskError(
                f"takes longer than {SECONDS:g} seconds to read; save the picture anew, without "
                "comments and other parts"
            )
        return super().read(*args)  # type: ignore[misc]


class PatientBytes(_Clock, BytesIO):
    """The bytes of a picture's file."""


class PatientFile(_Clock, BufferedReader):
    """A picture's file of which only the beginning is wanted."""

    def __init__(self, path: Path) -> None:
        """Opens a file.

        Args:
            path: The file.
        """
        super().__init__(FileIO(path))


def check_effort(image: Image.Image, content: bytes) -> None:
    """Refuses what takes far longer to decode than a picture of its size.

    Args:
        image: The picture, of which only the header was read.
        content: The bytes of its file.

    Raises:
        TaskError: Its file is too long for its pixels, or has too many scans.
    """
    most = ROOM + BYTES_A_PIXEL * image.width * image.height
    if len(content) > most:
        raise TaskError(
            f"{len(content):,} bytes for {image.width} x {image.height} pixels, expected at most "
            f"{most:,}; save the picture anew, without comments and other parts"
        )
    # In the data of a scan, a byte FF is never followed by DA, so that none is missed.
    if image.format in ("JPEG", "MPO") and (scans := content.count(b"\xff\xda")) > SCANS:
        raise TaskError(
            f"{scans:,} scans, expected at most {SCANS}; save the picture anew, not progressive"
        )
