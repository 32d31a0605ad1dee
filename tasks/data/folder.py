"""Any folder of character images as a data set."""

from __future__ import annotations

import hashlib
import unicodedata
from pathlib import Path

import numpy as np

from ..errors import TaskError
from ..progress import Progress, followed, quiet
from ..text import readable
from .dataset import Dataset
from .images import Images, decode_any, pack
from .store import cached

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".pgm", ".pbm")
"""Endings of the names of files that are read, in any case."""

ALPHABET = "all"
"""Name of the alphabet if a folder has characters but no alphabets."""

_LAYOUT = "expected alphabet/character/*.png or character/*.png"


def _files(root: Path) -> list[tuple[str, str, Path]]:
    if not root.is_dir():
        raise TaskError(f"folder:{root}: no such folder; {_LAYOUT}")
    found = []
    for path in sorted(root.rglob("*"), key=lambda path: _name(path, root)):
        levels = _name(path, root).split("/")
        if any(level.startswith((".", "__")) for level in levels):
            continue
        name = readable(str(path.relative_to(root)))
        if path.is_symlink() and path.is_dir():
            raise TaskError(
                f"folder:{root}: {name} is a link to a folder, which is not followed; "
                "put the folder itself there"
            )
        if path.suffix.lower() not in SUFFIXES or path.is_dir():
            continue
        if not path.is_file():
            raise TaskError(
                f"folder:{root}: {name} is no file but a link to nowhere, a pipe or a device; "
                "remove it"
            )
        if len(levels) not in (2, 3):
            raise TaskError(f"folder:{root}: {name} is out of place; {_LAYOUT}")
        alphabet = levels[0] if len(levels) == 3 else ALPHABET
        found.append((alphabet, levels[-2], path))
    if len({len(path.relative_to(root).parts) for _, _, path in found}) > 1:
        raise TaskError(f"folder:{root}: images lie at two depths; {_LAYOUT}")
    if not found:
        raise TaskError(f"folder:{root}: no images; {_LAYOUT}")
    return found


def _name(path: Path, root: Path) -> str:
    """Gives the name of a file below a folder, which is the same on every system."""
    return unicodedata.normalize("NFC", path.relative_to(root).as_posix())


def load(path: str, progress: Progress = quiet) -> Dataset:
    """Gives the images of a folder as a data set, decoded at the first use and cached.

    The layout is `alphabet/character/*.png` or `character/*.png` (one
    alphabet, `ALPHABET`), in any common format and size; see
    `images.decode_any` for how they become 105 x 105 pixels of one bit. The
    drawer is the number of an image within its character, in the order of
    names: 01, 02, ...

    Args:
        path: The folder.
        progress: Shows the progress of decoding.

    Raises:
        TaskError: The folder is not there, is laid out otherwise, or holds a
            file that is not an image.
    """
    root = Path(path).expanduser()
    files = _files(root)
    state = hashlib.sha256()
    for _, _, file in files:
        try:
            str(file).encode()
        except UnicodeEncodeError:
            name = readable(str(file.relative_to(root)))
            raise TaskError(
                f"folder:{root}: {name} has a name that is not UTF-8; rename it"
            ) from None
        status = file.stat()
        state.update(f"{file}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())

    name = f"folder:{root.resolve().name}"

    def make() -> Dataset:
        rows, bits, count = [], [], dict[tuple[str, str], int]()
        for alphabet, character, file in followed(
            files, len(files), f"Reading {root.name}", progress
        ):
            number = count[alphabet, character] = count.get((alphabet, character), 0) + 1
            rows.append((alphabet, character, f"{number:02}", _name(file, root)))
            bits.append(pack(decode_any(file, str(file))[None])[0])
        return Dataset.build(name, Images(np.array(bits)), rows)

    key = f"folder 1 {root.resolve()} {state.hexdigest()}"
    return cached(key, name, make)
