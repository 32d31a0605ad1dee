"""Contents: files that travel to workers, which keep them under their digest."""

from __future__ import annotations

import hashlib
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ...tasks import TaskError, cache_folder, make_cache_folder
from ..errors import ScorerError

PIECE = 2**23
"""Bytes that are sent at a time, at most."""

KEPT = 20 * 2**30
"""Bytes that a worker keeps of contents; what was not used for longest is removed first."""

_LARGEST = 2**40

# Two workers may share a cache folder, and receive the same content at the same time.
_MARK = uuid.uuid4().hex[:12]


@dataclass(frozen=True)
class Piece:
    """A part of a file.

    Attributes:
        name: Name of the file, with `/` between folders.
        start: Its first byte in the file.
        data: The bytes.
    """

    name: str
    start: int
    data: bytes


class Content:
    """Some files, as they are sent.

    Attributes:
        digest: SHA-256 in hexadecimal over names, sizes and bytes of the files.
        size: Bytes of all files.
    """

    def __init__(self, files: Mapping[str, Path | bytes]) -> None:
        """Computes the digest.

        Args:
            files: The files, or their bytes, by name, with `/` between folders.

        Raises:
            ScorerError: A file cannot be read.
        """
        self._files = dict(sorted(files.items()))
        try:
            self.digest, self.size = _digest(self._files)
        except OSError as error:
            raise ScorerError(f"{error.filename}: {error.strerror}") from None

    def pieces(self) -> Iterator[Piece]:
        """Gives the files in pieces; an empty file is one empty piece."""
        for name, file in self._files.items():
            if isinstance(file, bytes):
                for start in range(0, max(len(file), 1), PIECE):
                    yield Piece(name, start, file[start : start + PIECE])
                continue
            with file.open("rb") as opened:
                start, data = 0, opened.read(PIECE)
                while data or not start:
                    yield Piece(name, start, data)
                    start += PIECE
                    data = opened.read(PIECE)


@dataclass(frozen=True)
class Shared:
    """A file that every worker has, as an argument of a unit.

    Attributes:
        digest: Digest of its content.
        name: Its name in the content.
    """

    digest: str
    name: str


def _digest(files: Mapping[str, Path | bytes]) -> tuple[str, int]:
    total, size = hashlib.sha256(), 0
    for name, file in sorted(files.items()):
        if isinstance(file, bytes):
            found, length = hashlib.sha256(file), len(file)
        else:
            with file.open("rb") as opened:
                found = hashlib.file_digest(opened, "sha256")
                length = opened.tell()
        total.update(f"{name}\n{length}\n{found.hexdigest()}\n".encode())
        size += length
    return total.hexdigest(), size


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


class ContentStore:
    """The contents that a worker has.

    Attributes:
        folder: The folder of all contents; each is a folder with its digest as name.
    """

    def __init__(self, spare: Path | None = None) -> None:
        """Makes the folder, in the cache folder.

        Args:
            spare: Folder to use where the cache folder cannot be written.
        """
        try:
            self.folder = cache_folder() / "contents"
            make_cache_folder(self.folder)
            usable = os.access(self.folder, os.W_OK)
        except TaskError:
            usable = False
        if not usable:
            if spare is None:
                raise ScorerError("no folder for contents can be written; name one: WAYSHOT_CACHE")
            self.folder = spare / "contents"
            self.folder.mkdir(parents=True, exist_ok=True)

    def has(self, digest: str) -> bool:
        """Tells whether a content is there, and notes that it is used."""
        path = self.folder / digest
        with suppress(OSError):
            os.utime(path)
        return path.is_dir()

    def _unfinished(self, digest: str) -> Path:
        return self.folder / f".new-{digest}-{_MARK}"

    def put(self, digest: str, piece: Piece) -> None:
        """Stores a piece of a content.

        Args:
            digest: Digest of the content.
            piece: The piece.

        Raises:
            ScorerError: Its name leads out of the content.
        """
        name = PurePosixPath(piece.name)
        if name.is_absolute() or ".." in name.parts:
            raise ScorerError(f"content {digest[:12]}: {piece.name!r} is no name of a file in it")
        path = self._unfinished(digest) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("r+b" if path.exists() else "w+b") as file:
            file.seek(piece.start)
            file.write(piece.data)

    def finish(self, digest: str) -> None:
        """Makes a content of all its pieces.

        Args:
            digest: Digest of the content.

        Raises:
            ScorerError: They are not those of this digest.
        """
        unfinished = self._unfinished(digest)
        try:
            files: dict[str, Path | bytes] = {
                path.relative_to(unfinished).as_posix(): path
                for path in unfinished.rglob("*")
                if path.is_file()
            }
            if _digest(files)[0] != digest:
                raise ScorerError(f"content {digest[:12]}: was damaged on its way")
            with suppress(OSError):
                # Another worker of the same folder may have been faster.
                unfinished.rename(self.folder / digest)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
        self._make_room(digest)

    def _make_room(self, digest: str) -> None:
        """Removes the contents that were not used for longest, but for the newest."""
        kept = [path for path in self.folder.glob("[!.]*") if path.name != digest]
        left = KEPT - _size(self.folder / digest)
        for path in sorted(kept, key=lambda one: one.stat().st_mtime, reverse=True):
            left -= _size(path)
            if left < 0:
                shutil.rmtree(path, ignore_errors=True)
