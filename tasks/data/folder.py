"""Any folder of character images as a data set."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import yaml

from ..errors import TaskError
from ..files import read_regular
from ..progress import Progress, followed, quiet
from ..text import readable, reason
from .content import digest
from .dataset import Dataset
from .images import LARGEST_FILE, SIDE, Images, decode_shades, pack
from .ink import CHOICES, Look, decide, look
from .listing import SETTINGS, File, listed
from .store import cached

_LARGEST_SETTINGS = 2**12

_NAMED = 5
"""How many files a message names."""


def load(path: str, progress: Progress = quiet) -> Dataset:
    """Gives the images of a folder as a data set, decoded at the first use and cached.

    The layout is `alphabet/character/*.png` or `character/*.png` (one
    alphabet, `listing.ALPHABET`), in any common format and size. How they
    become 105 x 105 pixels of one bit says `ink.look`; a file `wayshot.yaml`
    in the folder with the line `ink: dark` or `ink: light` decides it for all
    images. The drawer is a file's name without its ending, or what follows the
    last `_` where all that precedes it is the same in every character
    (`0001_07.png`).

    What is not read, or left out because it is blank or there twice, the data
    set's remarks tell.

    Args:
        path: The folder.
        progress: Shows the progress of decoding.

    Raises:
        TaskError: The folder is not there, is laid out otherwise, holds a file
            that is not an image, or one picture in two characters.
    """
    root = Path(path).expanduser()
    where = f"folder:{root}"
    listing = listed(root)
    asked = asked_ink(root)
    try:
        content = digest([(file.name, file.path) for file in listing.files], LARGEST_FILE)
    except TaskError as error:
        raise TaskError(f"{where}: {error}") from None
    name = f"folder:{root.resolve().name}"

    def make() -> Dataset:
        looks = [
            _shrunk(look(decode_shades(file.path, str(file.path)), SIDE))
            for file in followed(
                listing.files, len(listing.files), f"Reading {root.name}", progress
            )
        ]
        return _dataset(name, where, listing.files, looks, asked, listing.remarks)

    key = f"folder 2 {asked} {content} {json.dumps(listing.remarks)}"
    return cached(key, name, make)


def asked_ink(root: Path) -> str:
    """Reads what a folder's `wayshot.yaml` says of the ink.

    Args:
        root: The folder.

    Returns:
        One of `ink.CHOICES`; the first where nothing is said.

    Raises:
        TaskError: The file says something else.
    """
    path = root / SETTINGS
    if not path.exists():
        return CHOICES[0]
    try:
        said = yaml.safe_load(read_regular(path, _LARGEST_SETTINGS).decode())
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise TaskError(f"{path}: cannot be read ({reason(error)})") from None
    except TaskError as error:
        raise TaskError(f"{path}: {error}") from None
    said = {} if said is None else said
    if not isinstance(said, dict) or set(said) - {"ink"}:
        raise TaskError(f"{path}: expected one line, ink: and {', '.join(CHOICES)}")
    asked = said.get("ink", CHOICES[0])
    if asked not in CHOICES:
        raise TaskError(f"{path}: ink is {asked!r}, expected {', '.join(CHOICES)}")
    return asked


def _shrunk(seen: Look) -> Look:
    """Packs the pixels, so that a large folder's fit into memory."""
    dark, light = (pack(group[None])[0] for group in (seen.dark, seen.light))
    return Look(dark, light, seen.darkness, seen.clear, seen.blank)


def _dataset(
    name: str,
    where: str,
    files: Sequence[File],
    looks: Sequence[Look],
    asked: str,
    remarks: Sequence[str],
) -> Dataset:
    """Puts a data set together, and says what it has left out."""
    is_dark = decide(looks, asked)
    bits = np.array(
        [seen.dark if dark else seen.light for seen, dark in zip(looks, is_dark, strict=True)]
    )
    blank = np.array([seen.blank for seen in looks]) | ~bits.any(axis=1)
    if blank.all():
        raise TaskError(
            f"{where}: no image has ink, all {len(files)} are of one shade; put pictures of "
            "characters there"
        )
    kept, copies = _each_once(where, files, Images(bits).keys, ~blank)
    clear = np.array([seen.clear for seen in looks], dtype=bool)[kept]
    ink = {
        "dark": int(is_dark[kept].sum()),
        "light": int((~is_dark[kept]).sum()),
        "unclear": int((~clear).sum()) if asked == "auto" else 0,
    }
    chosen = [files[i] for i in kept]
    rows = [
        (file.alphabet, file.character, drawer, file.name)
        for file, drawer in zip(chosen, _drawers(chosen), strict=True)
    ]
    said = [*remarks, *_blank_remarks(files, blank), *copies, *_ink_remarks(ink)]
    return Dataset.build(name, Images(bits[kept]), rows, remarks=said, ink=ink)


def _each_once(
    where: str, files: Sequence[File], keys: np.ndarray, there: np.ndarray
) -> tuple[np.ndarray, list[str]]:
    """Finds pictures that are there twice, whatever their files are called.

    Of several in one character the one with the shortest name is kept.

    Args:
        where: The folder, for the error.
        files: The images.
        keys: What scorers see of each, as `Images.keys`.
        there: bool ndarray (files,): those to look at.

    Returns:
        Numbers of those that are kept, and a remark for each of the others.

    Raises:
        TaskError: A picture is in two characters.
    """
    first: dict[bytes, int] = {}
    kept, copies, torn = [], [], []
    for i in sorted(
        np.flatnonzero(there).tolist(), key=lambda i: (len(files[i].name), files[i].name)
    ):
        before = first.setdefault(keys[i].tobytes(), i)
        both = f"{readable(files[before].name)} and {readable(files[i].name)}"
        if before == i:
            kept.append(i)
        elif files[before].levels[:-1] == files[i].levels[:-1]:
            copies.append(f"{both} are the same picture, which is counted once")
        else:
            torn.append(both)
    if torn:
        more = f" (and {len(torn) - _NAMED} more)" if len(torn) > _NAMED else ""
        raise TaskError(
            f"{where}: one picture is in two characters, so that no answer is right: "
            f"{'; '.join(torn[:_NAMED])}{more}; remove it from one of them, or put both "
            "characters into one folder"
        )
    return np.sort(np.array(kept)), sorted(copies)


def _blank_remarks(files: Sequence[File], blank: np.ndarray) -> Iterator[str]:
    """Names the images without ink, for each class."""
    by_class: dict[str, list[int]] = {}
    for i, file in enumerate(files):
        by_class.setdefault("/".join(file.levels[:-1]), []).append(i)
    for one, members in by_class.items():
        without = [readable(files[i].levels[-1]) for i in members if blank[i]]
        if without:
            names = ", ".join(without[:_NAMED]) + (", ..." if len(without) > _NAMED else "")
            end = ", so that it is no class" if len(without) == len(members) else ""
            yield (
                f"{readable(one)}: {len(without)} of {len(members)} images left out ({names}), "
                f"which show nothing: one shade, or too small{end}"
            )


def _ink_remarks(ink: dict[str, int]) -> Iterator[str]:
    """Says how ink was told from paper, unless all images have said the same."""
    if ink["unclear"] or (ink["dark"] and ink["light"]):
        found = " and ".join(f"{kind} in {ink[kind]}" for kind in ("dark", "light") if ink[kind])
        unclear = f", {ink['unclear']} of which follow the others" if ink["unclear"] else ""
        yield (
            f"ink is {found} images{unclear}; wayshot data sheet shows them, and a line "
            f"ink: dark or ink: light in {SETTINGS} decides it"
        )


def _drawers(files: Sequence[File]) -> list[str]:
    """Reads who drew each image from the names, unique within a character."""
    by_class: dict[str, list[File]] = {}
    for file in files:
        by_class.setdefault("/".join(file.levels[:-1]), []).append(file)
    numbered = all(
        len({file.stem.rpartition("_")[0] for file in members}) == 1
        and all(file.stem.rpartition("_")[2] for file in members)
        for members in by_class.values()
    )
    names = {file.name: file.stem.rpartition("_")[2] if numbered else file.stem for file in files}
    twice = any(
        len({names[file.name] for file in members}) < len(members) for members in by_class.values()
    )
    return [file.levels[-1] if twice else names[file.name] for file in files]
