"""Omniglot (Lake, Salakhutdinov and Tenenbaum 2015): its files, read and checked."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import TaskError
from ..files import at_home, below, cache_folder
from ..progress import Progress, followed, quiet
from ..text import readable
from .archive import LARGEST, members
from .content import digest as content_digest
from .dataset import Dataset
from .images import Images, decode_exact, pack, pixel_digest
from .store import cached


@dataclass(frozen=True)
class Part:
    """One of the files in which Omniglot is published.

    Attributes:
        name: Name of the file without `.zip`, and of its folder.
        md5: MD5 of the official file.
        pixels: `pixel_digest` of its images, which stays the same if the file is
            packed again; for the runs, SHA-256 of it and the labels, see
            `read_runs`.
        images: Number of images.
        folder: Folder of the file in the public repository.
    """

    name: str
    md5: str
    pixels: str
    images: int
    folder: str = ""


PARTS = {
    part.name: part
    for part in (
        Part(
            "images_background",
            "68d2efa1b9178cc56df9314c21c6e718",
            "72b29e700cff186ed4eec511699ee2b6466aab8e2fa6daf852264b72ab606d32",
            19280,
        ),
        Part(
            "images_evaluation",
            "6b91aef0f799c5bb55b94e3f2daec811",
            "3bccfcf54110b862e4f04c62a4d7d432b0f2bf145889b45d9b824cbd9191ccd5",
            13180,
        ),
        Part(
            "images_background_small1",
            "e704a628b5459e08445c13499850abc4",
            "d0b935f84ee928383ee178376340d273134e12423fe9e4ba2abc510d48a234e4",
            2720,
        ),
        Part(
            "images_background_small2",
            "b75a71a51d3b13f821f212756fe481fd",
            "b6dd370176f287052b8ec8223e32ad05e3e5b975123fb383d5dc578716223536",
            3120,
        ),
        Part(
            "all_runs",
            "e8996daecdf12afeeb4a53a179f06b19",
            "312a8568a5486817a222bbd2802e1956cb9898c9b9749e2484f430c9109a7ce1",
            800,
            "one-shot-classification/",
        ),
    )
}

_MEMBER = re.compile(
    r"(?P<alphabet>[^/]+)/(?P<character>character\d+)/\d+_(?P<drawer>\d+)\.png", re.ASCII
)
_RUN_MEMBER = re.compile(
    r"run(?P<run>\d\d)/(?:training/class|test/item)(?P<item>\d\d)\.png", re.ASCII
)
_RUN_LABEL = re.compile(r"run(\d\d)/test/item(\d\d)\.png run\1/training/class(\d\d)\.png", re.ASCII)
_HOW = "give its folder by --data or WAYSHOT_DATA, or run: wayshot data fetch"


def data_folder(data: str | Path | None = None) -> Path:
    """Gives the folder in which Omniglot is searched.

    Args:
        data: The folder; if None, that of the variable `WAYSHOT_DATA`, or else
            the folder into which `wayshot data fetch` downloads.
    """
    chosen = data or os.environ.get("WAYSHOT_DATA")
    return at_home(chosen) if chosen else cache_folder() / "omniglot"


def find(part: str, data: str | Path | None = None) -> Path | None:
    """Finds a part of Omniglot: its zip, or the folder it unpacks to.

    Args:
        part: A name in `PARTS`.
        data: As in `data_folder`.

    Returns:
        The path; None if there is neither. The folder may also be `python/` of
        a copy of the public repository.
    """
    folder = data_folder(data)
    places = [folder / f"{part}.zip", folder / part, folder / PARTS[part].folder / f"{part}.zip"]
    if part == "all_runs" and (folder / "run01").is_dir():
        # The zip of the runs has no folder of its own around them.
        places.append(folder)
    for path in places:
        # Not a pipe or a device, whose end might never come.
        if path.is_file() or path.is_dir():
            return path
    return None


def _require(part: str, data: str | Path | None) -> Path:
    path = find(part, data)
    if path is None:
        folder = data_folder(data)
        where = f"not in {folder}" if folder.is_dir() else f"missing, there is no folder {folder}"
        raise TaskError(f"Omniglot's {part}.zip is {where}; {_HOW}")
    return path


def _read_images(
    part: Part, path: Path, pattern: re.Pattern[str], progress: Progress
) -> tuple[list[re.Match[str]], np.ndarray]:
    matches: dict[str, re.Match[str]] = {}
    rows = []
    files = members(path, (".png",))
    for name, content in followed(files, part.images, f"Reading {part.name}", progress):
        match = pattern.fullmatch(name.removeprefix(f"{part.name}/"))
        if match is None:
            raise TaskError(
                f"{path}: {readable(name)}: unexpected name, expected as in the official file"
            )
        if match.string in matches:
            raise TaskError(f"{path}: {readable(name)}: is there twice; fetch it again")
        try:
            rows.append(pack(decode_exact(content, name)[None])[0])
        except TaskError as error:
            raise TaskError(f"{path}: {error}") from None
        matches[match.string] = match
        if len(rows) == 2 * part.images:
            # A zip with far too many images is not read to its end.
            break
    if len(rows) != part.images:
        raise TaskError(f"{path}: {len(rows)} images, expected {part.images}; fetch it again")
    return list(matches.values()), np.array(rows)


def short_digests(bits: np.ndarray) -> np.ndarray:
    """Computes a digest of 16 bits for each image, to find altered images.

    Args:
        bits: uint8 ndarray (n, 1379), packed pixels.

    Returns:
        uint16 ndarray (n,).
    """
    digests = b"".join(hashlib.blake2b(row, digest_size=2).digest() for row in bits)
    return np.frombuffer(digests, dtype="<u2")


def _check(part: Part, path: Path, digest: str, names: list[str], bits: np.ndarray) -> None:
    """Compares the digest of all images with the official one; names the first difference."""
    if digest == part.pixels:
        return
    with np.load(Path(__file__).with_name("official.npz"), allow_pickle=False) as official:
        expected = official[part.name] if part.name in official else np.empty(0, "<u2")
    found = short_digests(bits)
    differs = np.flatnonzero(found != expected) if len(found) == len(expected) else []
    which = (
        f"{readable(names[differs[0]])}: not the official image"
        if len(differs)
        else "not the official content"
    )
    raise TaskError(
        f"{path}: {which} (every file can be read, but the digest of all is {digest[:12]}…, "
        f"expected {part.pixels[:12]}…); fetch it again, or use images of your own as folder:PATH"
    )


def read_part(part: Part, path: Path, progress: Progress = quiet) -> Dataset:
    """Decodes and checks one of the parts that hold images by alphabet.

    Args:
        part: The part.
        path: Its zip or folder.
        progress: Shows the progress.

    Returns:
        The data set, in the sorted order of the names in the zip.

    Raises:
        TaskError: A file is damaged, missing or superfluous, or the pixels
            are not the official ones; the message names the first such file.
    """
    matches, bits = _read_images(part, path, _MEMBER, progress)
    names = [f"{part.name}/{match.string}" for match in matches]
    digest = pixel_digest(names, bits)
    _check(part, path, digest, names, bits)
    rows = [
        (match["alphabet"], match["character"], match["drawer"], name)
        for match, name in zip(matches, names, strict=True)
    ]
    return Dataset.build(part.name, Images(bits), rows, digest)


def _state(path: Path) -> str:
    """Computes a digest of the content of a zip, or of all files in a folder."""
    if path.is_file():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    files = [file for file in below(path) if file.is_file()]
    named = [(file.relative_to(path).as_posix(), file) for file in files]
    try:
        return content_digest(named, LARGEST)
    except TaskError as error:
        raise TaskError(f"{path}: {error}") from None


def load(part: str, data: str | Path | None = None, progress: Progress = quiet) -> Dataset:
    """Gives a part of Omniglot, decoded at the first use and cached.

    Args:
        part: `images_background`, `images_evaluation`, or one of the small sets.
        data: As in `data_folder`.
        progress: Shows the progress of decoding.

    Raises:
        TaskError: The part is missing or damaged.
    """
    path = _require(part, data)
    return cached(
        f"omniglot 2 {part} {_state(path)}", part, lambda: read_part(PARTS[part], path, progress)
    )


@dataclass(frozen=True)
class Runs:
    """The 20 official one-shot runs.

    Attributes:
        support: uint8 ndarray (20, 20, 1379): packed images of the classes.
        query: uint8 ndarray (20, 20, 1379): packed images of the items.
        target: int16 ndarray (20, 20): the class of each item.
    """

    support: np.ndarray
    query: np.ndarray
    target: np.ndarray


def read_labels(content: bytes) -> dict[tuple[int, int], int]:
    """Reads the `class_labels.txt` of a run.

    Args:
        content: Lines such as
            `run01/test/item01.png run01/training/class17.png`.

    Returns:
        The class of each run and item, all of them counted from 0 to 19.

    Raises:
        TaskError: A line is something else, or an item is there twice.
    """
    labels: dict[tuple[int, int], int] = {}
    for line in content.decode("ascii", "replace").splitlines():
        label = _RUN_LABEL.fullmatch(line.strip())
        if label is None or not all(1 <= int(group) <= 20 for group in label.groups()):
            raise TaskError(f"unexpected line {line[:80]!r}")
        run, item, character = (int(group) - 1 for group in label.groups())
        if (run, item) in labels:
            raise TaskError(f"run{run + 1:02}/test/item{item + 1:02}.png is there twice")
        labels[run, item] = character
    return labels


def read_runs(path: Path, progress: Progress = quiet) -> Runs:
    """Reads the official runs.

    Args:
        path: `all_runs.zip` or the folder it unpacks to.
        progress: Shows the progress.

    Raises:
        TaskError: A file is damaged or missing, or labels do not fit.
    """
    matches, bits = _read_images(PARTS["all_runs"], path, _RUN_MEMBER, progress)
    runs = Runs(
        np.zeros((20, 20, bits.shape[1]), np.uint8),
        np.zeros((20, 20, bits.shape[1]), np.uint8),
        np.full((20, 20), -1, np.int16),
    )
    for match, row in zip(matches, bits, strict=True):
        which = runs.support if "/training/" in match.string else runs.query
        run, item = int(match["run"]), int(match["item"])
        if not (1 <= run <= 20 and 1 <= item <= 20):
            raise TaskError(f"{path}: {match.string}: expected runs and items from 01 to 20")
        which[run - 1, item - 1] = row
    for name, content in members(path, ("class_labels.txt",)):
        try:
            labels = read_labels(content)
        except TaskError as error:
            raise TaskError(f"{path}: {readable(name)}: {error}") from None
        for (run, item), character in labels.items():
            runs.target[run, item] = character
    if sorted(runs.target.ravel()) != sorted(list(range(20)) * 20):
        raise TaskError(f"{path}: class_labels.txt of a run is missing or incomplete")
    names = [match.string for match in matches]
    answers = hashlib.sha256(np.ascontiguousarray(runs.target, dtype="<i2").data).digest()
    whole = hashlib.sha256(pixel_digest(names, bits).encode() + answers).hexdigest()
    _check(PARTS["all_runs"], path, whole, names, bits)
    return runs


def load_runs(data: str | Path | None = None, progress: Progress = quiet) -> Runs:
    """Gives the official runs.

    Args:
        data: As in `data_folder`.
        progress: Shows the progress of reading.

    Raises:
        TaskError: The runs are missing or damaged.
    """
    return read_runs(_require("all_runs", data), progress)
