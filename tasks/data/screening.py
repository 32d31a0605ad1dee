"""Screening: which pictures of a folder are used, and in which part they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from ..errors import TaskError
from ..text import readable
from .dataset import Dataset
from .ink import CHOICES
from .listing import File
from .parts import HOW
from .pictures import Pictures, border_shades, keys_of, negatives_of, paper_of

_NAMED = 5
"""How many files a message names."""


def each_once(
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
        elif files[before].kind == files[i].kind:
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


def blank_remarks(files: Sequence[File], blank: np.ndarray) -> Iterator[str]:
    """Names the images without ink, for each class.

    Args:
        files: The images.
        blank: bool ndarray (files,).
    """
    by_class: dict[str, list[int]] = {}
    for i, file in enumerate(files):
        by_class.setdefault(file.title, []).append(i)
    for one, members in by_class.items():
        without = [readable(files[i].levels[-1]) for i in members if blank[i]]
        if without:
            names = ", ".join(without[:_NAMED]) + (", ..." if len(without) > _NAMED else "")
            end = ", so that it is no class" if len(without) == len(members) else ""
            yield (
                f"{readable(one)}: {len(without)} of {len(members)} images left out ({names}), "
                f"which show nothing: one shade, or too small{end}"
            )


def mixed_remarks(gray: int, count: int) -> Iterator[str]:
    """Says how many pictures are gray in a set that is read in colour because others have colours.

    Args:
        gray: Number of gray pictures.
        count: Number of all.
    """
    if gray:
        yield (
            f"{gray} of {count} pictures are gray, and shown in colour beside the others; @gray "
            "after the path, or kind: gray in the settings, reads all as gray"
        )


def of_part(
    dataset: Dataset, part: str, parts: Mapping[tuple[str, str], str], where: str
) -> Dataset:
    """Gives the images of one part.

    Args:
        dataset: All images.
        part: `all`, or one of `parts.PARTS`.
        parts: The part of each class, by alphabet and character.
        where: What the folder is called in errors.

    Raises:
        TaskError: There is no such part.
    """
    if part == "all" and parts:
        has = ", ".join(dict.fromkeys(parts.values()))
        said = f"all classes are read, of the parts {has}; @test after the path names one part"
        return replace(dataset, remarks=(*dataset.remarks, said))
    if part == "all":
        return dataset
    if part not in parts.values():
        has = ", ".join(dict.fromkeys(parts.values()))
        raise TaskError(f"{where}: has {f'the parts {has}' if has else 'no parts'}; {HOW}")
    pairs = zip(dataset.characters["alphabet"], dataset.characters["character"], strict=True)
    chosen = np.array([parts.get(pair) == part for pair in pairs])
    return dataset.select(chosen[dataset.character_codes], f"{dataset.name} {part}")


def ink_of(paper: Sequence[int], asked: str = CHOICES[0]) -> str:
    """Says whether ink is `dark` or `light`.

    Args:
        paper: The shade of the paper.
        asked: One of `ink.CHOICES`.
    """
    if asked != CHOICES[0]:
        return asked
    return "dark" if paper[0] > 127 else "light"


class Seen:
    """What is found out of all pictures of a set while they are read, whatever their order."""

    def __init__(self) -> None:
        self._keys: list[np.ndarray] = []
        self._negatives: list[np.ndarray] = []
        self._borders: list[np.ndarray] = []
        self._blank: list[np.ndarray] = []

    def add(self, pixels: np.ndarray) -> None:
        """Looks at the next pictures.

        Args:
            pixels: uint8 ndarray (n, height, width) or (n, height, width, 3).
        """
        self._keys.append(keys_of(pixels))
        self._negatives.append(negatives_of(pixels, self._keys[-1]))
        self._borders.append(border_shades(pixels))
        flat = pixels.reshape(len(pixels), -1, *pixels.shape[3:])
        self._blank.append((flat == flat[:, :1]).reshape(len(pixels), -1).all(axis=1))

    def screened(
        self,
        name: str,
        where: str,
        files: Sequence[File],
        pixels: np.ndarray,
        ink: str,
        remarks: Sequence[str],
    ) -> Dataset:
        """Makes a data set of the pictures, each once and none blank, and says what is left out.

        Args:
            name: What it is called.
            where: What it is called in errors.
            files: Name and class of each picture.
            pixels: All of them, or none if they are in a file.
            ink: One of `ink.CHOICES`.
            remarks: What is to be said of them already.

        Raises:
            TaskError: All are blank, or one picture is in two classes.
        """
        keys, blank = np.concatenate(self._keys), np.concatenate(self._blank)
        paper = paper_of(self._borders)
        ink = ink_of(paper, ink)
        if blank.all():
            raise TaskError(
                f"{where}: all {len(files)} pictures are of one shade; put pictures there that "
                "show something"
            )
        kept, copies = each_once(where, files, keys, ~blank)
        # In an order that does not depend on names.
        ranks = np.concatenate(self._negatives) if ink == "dark" else keys
        order = sorted(kept.tolist(), key=lambda i: (*files[i].kind, ranks[i].tobytes()))
        chosen = Pictures(pixels, np.array(order), keys[order], paper, ink)
        drawn = all(file.drawer for file in files)
        rows = [
            # Without drawers, each picture is by its own.
            (
                file.alphabet,
                file.character,
                file.drawer if drawn else key.tobytes().hex(),
                file.name,
            )
            for file, key in zip((files[i] for i in order), chosen.keys, strict=True)
        ]
        said = [*remarks, *(readable(one) for one in blank_remarks(files, blank)), *copies]
        return Dataset.build(name, chosen, rows, remarks=said)
