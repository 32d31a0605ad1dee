"""Any folder of character images as a data set."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from ..errors import TaskError
from ..files import at_home
from ..progress import Progress, followed, quiet
from . import settings
from .content import digest
from .dataset import Dataset
from .images import LARGEST_FILE, SIDE, Images, decode_shades, pack
from .ink import Look, decide, look
from .layouts import listed
from .listing import SETTINGS, File
from .screening import blank_remarks, each_once, of_part
from .store import cached

_OTHER = (
    "{} of {} images are not clearly strokes on paper; if they are photographs or other pictures, "
    "use images: in place of folder:"
)


def load(path: str, part: str = "all", progress: Progress = quiet) -> Dataset:
    """Gives the images of a folder as a data set, decoded at the first use and cached.

    The layouts are those of `layouts.listed`, in any common format and size. How they
    become 105 x 105 pixels of one bit says `ink.look`; a file `wayshot.yaml`
    in the folder with the line `ink: dark` or `ink: light` decides it for all
    images. The drawer is a file's name without its ending, or what follows the
    last `_` where all that precedes it is the same in every character
    (`0001_07.png`); a file of labels can say it too.

    What is not read, or left out because it is blank or there twice, the data
    set's remarks tell.

    Args:
        path: The folder, or a file of labels beside the images.
        part: `all`, or one of `parts.PARTS`.
        progress: Shows the progress of decoding.

    Raises:
        TaskError: The folder is not there, is laid out otherwise, has no such
            part, holds a file that is not an image, or one picture in two
            characters.
    """
    root = at_home(path)
    where = f"folder:{root}"
    listing = listed(root, where)
    asked = settings.read(root).ink
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

    labels = [file.kind for file in listing.files], [file.drawer for file in listing.files]
    key = f"folder 4 {asked} {content} {json.dumps([labels, listing.remarks])}"
    dataset = of_part(cached(key, name, make), part, listing.parts, where)
    return _by_labels(dataset) if listing.labelled else dataset


def _by_labels(dataset: Dataset) -> Dataset:
    """Gives a data set whose digest covers classes and drawers, which its names do not tell."""
    columns = ["file", "alphabet", "character", "drawer"]
    rows = sorted(dataset.table[columns].astype(str).itertuples(index=False, name=None))
    content = json.dumps([dataset.digest, rows])
    return replace(dataset, digest=hashlib.sha256(content.encode()).hexdigest())


def _shrunk(seen: Look) -> Look:
    """Packs the pixels, so that a large folder's fit into memory."""
    dark, light = (pack(group[None])[0] for group in (seen.dark, seen.light))
    return replace(seen, dark=dark, light=light)


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
            "characters there; for other pictures, use images: in place of folder:"
        )
    kept, copies = each_once(where, files, Images(bits).keys, ~blank)
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
    vague = sum(seen.shaded for seen in looks) + ink["unclear"]
    other = [_OTHER.format(vague, len(files))] if 2 * vague > len(files) else []
    said = [*other, *remarks, *blank_remarks(files, blank), *copies, *_ink_remarks(ink)]
    return Dataset.build(name, Images(bits[kept]), rows, remarks=said, ink=ink)


def _ink_remarks(ink: dict[str, int]) -> Iterator[str]:
    """Says how ink was told from paper, unless all images have said the same."""
    if ink["unclear"] or (ink["dark"] and ink["light"]):
        found = " and ".join(f"{kind} in {ink[kind]}" for kind in ("dark", "light") if ink[kind])
        every = ink["unclear"] == ink["dark"] + ink["light"]
        follow = "which is a guess" if every else f"{ink['unclear']} of which follow the others"
        unclear = f", {follow}" if ink["unclear"] else ""
        yield (
            f"ink is {found} images{unclear}; wayshot data sheet shows them, and a line "
            f"ink: dark or ink: light in {SETTINGS} decides it"
        )


def _drawers(files: Sequence[File]) -> list[str]:
    """Reads who drew each image from the labels or the names, unique within a character."""
    if all(file.drawer for file in files):
        return [file.drawer for file in files]
    by_class: dict[str, list[File]] = {}
    for file in files:
        by_class.setdefault(file.title, []).append(file)
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
