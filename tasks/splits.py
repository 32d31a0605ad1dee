"""Splits of data sets into parts, by rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .data import PARTS, Dataset, Images, album, cached, concatenate, folder, glyphs, omniglot
from .errors import TaskError
from .progress import Progress, quiet

SMALL = {
    "small1": ("Balinese", "Early_Aramaic", "Greek", "Korean", "Latin"),
    "small2": ("Greek", "Japanese_(katakana)", "Latin", "Sanskrit", "Tagalog"),
}
"""Background alphabets of the two minimal splits (Lake et al. 2015)."""

VINYALS_VALIDATION = ("Armenian", "Bengali", "Early_Aramaic", "Hebrew", "Mkhedruli_(Georgian)")
"""Validation alphabets of the Vinyals split as released with prototypical networks."""

META_VALIDATION = (
    "Alphabet_of_the_Magi",
    "Blackfoot_(Canadian_Aboriginal_Syllabics)",
    "Inuktitut_(Canadian_Aboriginal_Syllabics)",
    "Ojibwe_(Canadian_Aboriginal_Syllabics)",
    "Tagalog",
)
"""Validation alphabets of Meta-Dataset (Triantafillou et al. 2020)."""

_VINYALS_BEFORE_TEST = 1200


@dataclass(frozen=True)
class Split:
    """How a data set is divided.

    Attributes:
        name: Its name in protocol names.
        parts: Names of the parts, the one that benchmarks use first.
        structure: The structure meant where a protocol name has none, or "".
        source: One line on what it is and where it comes from.
    """

    name: str
    parts: tuple[str, ...]
    structure: str
    source: str


SPLITS = {
    split.name: split
    for split in (
        Split(
            "lake",
            ("evaluation", "background"),
            "",
            "Omniglot, 30 background and 20 evaluation alphabets (Lake et al. 2015)",
        ),
        Split(
            "small1",
            ("evaluation", "background"),
            "",
            "Omniglot, 5 background alphabets, evaluation as in lake (Lake et al. 2015)",
        ),
        Split(
            "small2",
            ("evaluation", "background"),
            "",
            "Omniglot, 5 other background alphabets, evaluation as in lake (Lake et al. 2015)",
        ),
        Split(
            "vinyals",
            ("test", "train", "validation"),
            "between",
            "Omniglot, 1028/172/423 characters (Vinyals et al. 2016, as released with "
            "prototypical networks)",
        ),
        Split(
            "meta",
            ("test", "train", "validation"),
            "within",
            "Omniglot, 25/5/20 alphabets (Meta-Dataset, Triantafillou et al. 2020)",
        ),
        Split(
            "glyphs",
            ("evaluation", "background"),
            "",
            "Glyphs, the built-in generator: 30 background and 20 evaluation alphabets",
        ),
    )
}


def is_own(split: str) -> bool:
    """Tells whether a split is data of one's own: a folder, or arrays from Python."""
    return split.startswith(("folder:", "images:")) or split == "arrays"


def read_part(name: str) -> tuple[str, str]:
    """Reads the name of a part, such as `lake-background` or `folder:letters@train`.

    Args:
        name: `SPLIT-PART`; of data of one's own, `folder:PATH` or `images:PATH`, and a part
            after an @.

    Returns:
        The split and the part.

    Raises:
        TaskError: There is no such split or part.
    """
    if is_own(name):
        path, _, part = name.rpartition("@")
        return (path, part) if path and part in parts_of(name) else (name, "all")
    split, _, part = name.rpartition("-")
    if split not in SPLITS or part not in SPLITS[split].parts:
        raise TaskError(
            f"unknown part {name!r}, expected SPLIT-PART such as lake-background, or "
            "folder:PATH@train"
        )
    return split, part


def parts_of(split: str) -> tuple[str, ...]:
    """Names of a split's parts; data of one's own may lack all but the first.

    Raises:
        TaskError: There is no such split.
    """
    if is_own(split):
        # Of arrays, `from_arrays` gives the part that is asked for.
        return ("all", *PARTS) if ":" in split else ("all",)
    if split not in SPLITS:
        raise TaskError(
            f"unknown split {split!r}; known are {', '.join(SPLITS)}, folder:PATH and images:PATH"
        )
    return SPLITS[split].parts


def load_glyphs(progress: Progress = quiet, seed: int = 0, alphabets: int = 50) -> Dataset:
    """Gives the Glyphs data set, drawn at the first use and cached.

    Args:
        progress: Shows the progress of drawing.
        seed: Seed of the generator; 0 for the data set of the protocols.
        alphabets: Number of alphabets.
    """
    other = f" seed {seed} alphabets {alphabets}" if (seed, alphabets) != (0, 50) else ""

    def make() -> Dataset:
        bits, rows = glyphs.generate(seed, alphabets, progress)
        files = [(*row, "glyphs/" + "/".join(row)) for row in rows]
        return Dataset.build("glyphs", Images(bits), files)

    return cached(f"glyphs {glyphs.VERSION}{other}", "glyphs", make)


def _of_alphabets(dataset: Dataset, keep: Callable[[str], bool]) -> np.ndarray:
    return dataset.table["alphabet"].map(keep).to_numpy(dtype=bool)


def _load_vinyals(part: str, data: str | Path | None, progress: Progress) -> Dataset:
    evaluation = omniglot.load("images_evaluation", data, progress)
    background = 964
    if part == "test":
        keep = evaluation.character_codes >= _VINYALS_BEFORE_TEST - background
        return evaluation.select(keep, "omniglot vinyals test")
    whole = concatenate(
        [omniglot.load("images_background", data, progress), evaluation], "omniglot"
    )
    early = whole.character_codes < _VINYALS_BEFORE_TEST
    validation = _of_alphabets(whole, VINYALS_VALIDATION.__contains__)
    keep = early & (validation if part == "validation" else ~validation)
    return whole.select(keep, f"omniglot vinyals {part}")


def load(
    split: str, part: str, data: str | Path | Dataset | None = None, progress: Progress = quiet
) -> Dataset:
    """Gives the images of one part of a split.

    Args:
        split: A name in `SPLITS`; `folder:PATH` for characters, `images:PATH` for
            pictures as they are; or `arrays`.
        part: One of the split's parts.
        data: Folder of Omniglot, see `omniglot.data_folder`; for `arrays`, the
            data set.
        progress: Shows the progress of decoding or drawing.

    Raises:
        TaskError: The data are not there, or damaged.
    """
    if part not in parts_of(split):
        raise TaskError(f"{split} has the parts {', '.join(parts_of(split))}, not {part!r}")
    if split == "arrays":
        if not isinstance(data, Dataset):
            raise TaskError(
                "arrays come from Python: data=tasks.from_arrays(images, labels); for files, "
                "expected folder:PATH or images:PATH"
            )
        return data
    if isinstance(data, Dataset):
        raise TaskError(f"{split} is read from files; for data=, expected a protocol of arrays")
    kind, _, path = split.partition(":")
    if path:
        return (folder if kind == "folder" else album).load(path, part, progress)
    if split == "glyphs":
        dataset = load_glyphs(progress)
        alphabets = list(dict.fromkeys(dataset.characters["alphabet"]))
        chosen = set(alphabets[:30] if part == "background" else alphabets[30:])
        return dataset.select(_of_alphabets(dataset, chosen.__contains__), f"glyphs {part}")
    if split == "vinyals":
        return _load_vinyals(part, data, progress)
    if part in ("evaluation", "test"):
        return omniglot.load("images_evaluation", data, progress)
    dataset = omniglot.load("images_background", data, progress)
    if split in SMALL:
        keep = _of_alphabets(dataset, SMALL[split].__contains__)
    elif split == "meta":
        validation = _of_alphabets(dataset, META_VALIDATION.__contains__)
        keep = validation if part == "validation" else ~validation
    else:
        return dataset
    return dataset.select(keep, f"omniglot {split} {part}")
