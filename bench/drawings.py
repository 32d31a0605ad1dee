"""Drawings: the images of a run's episodes, taken again from its data set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from .. import tasks
from ..results import Run

_LICENCE = {
    "omniglot": "Images of Omniglot: Copyright (c) 2015 Brenden Lake, under the MIT licence. "
    "Please cite Lake, Salakhutdinov and Tenenbaum, Science 350 (2015).",
    "glyphs": "Images of glyphs, which wayshot has generated; no one else's rights are touched.",
}
_OWN = "Images of your own data set. Make sure that you may pass them on with this report."


class Drawings:
    """The images of a protocol's episodes, as `results.report` wants them.

    Attributes:
        licence: Whose the images are, in one sentence.
    """

    def __init__(self, source: tasks.Source) -> None:
        """Opens the images.

        Args:
            source: Where the episodes come from.
        """
        self._source = source
        self._names = [
            np.asarray(source.dataset.table[name].astype(str), object)
            for name in ("alphabet", "character", "drawer")
        ]
        self._block: tuple[int, tasks.Episodes] | None = None
        split = source.protocol.split
        kind = "glyphs" if split == "glyphs" else "omniglot"
        self.licence = _OWN if ":" in split else _LICENCE[kind]

    @property
    def ink(self) -> bool:
        """Whether pixels are 0 for paper and 1 for ink, not shades from 0 to 255."""
        return self._source.dataset.images.kind == "ink"

    def episode(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Gives the images of an episode.

        Args:
            number: Number of the episode, from 0.

        Returns:
            Support, int ndarray (ways, shots), and queries, int ndarray (Q,), as
            rows; -1 for what an episode with fewer ways does not have.
        """
        index, place = divmod(number, tasks.BLOCK)
        if self._block is None or self._block[0] != index:
            self._block = index, self._source.block(index)
        block = self._block[1]
        return block.support[place], block.query[place]

    def names(self, rows: Sequence[int]) -> list[tuple[str, str, str]]:
        """Names alphabet, character and drawer of images, as trials do.

        Args:
            rows: Their rows.
        """
        turns, images = np.divmod(np.asarray(rows, np.int64), len(self._source.dataset))
        found = zip(*(names[images] for names in self._names), turns.tolist(), strict=True)
        return [
            (alphabet, f"{character}@{90 * turn}" if turn else character, drawer)
            for alphabet, character, drawer, turn in found
        ]

    def of_character(self, alphabet: str, character: str) -> list[int]:
        """Gives the rows of all images of a character.

        Args:
            alphabet: Its alphabet.
            character: Its name within the alphabet, with the angle if it is turned.
        """
        name, _, angle = character.rpartition("@")
        turned = name and angle in ("90", "180", "270")
        alphabets, characters, _ = self._names
        there = (alphabets == alphabet) & (characters == (name if turned else character))
        turns = int(angle) // 90 if turned else 0
        rows = np.flatnonzero(there) + turns * len(self._source.dataset)
        return [int(row) for row in rows]

    def pixels(self, rows: Sequence[int]) -> np.ndarray:
        """Gives pixels, uint8 ndarray (n, height, width) or (n, height, width, 3).

        Args:
            rows: Rows of the images.
        """
        return self._source.dataset.images[np.asarray(rows, np.int64)]


def drawings_of(
    data: str | None, folders: Sequence[str] = ()
) -> Callable[[Run], tuple[Drawings | None, str]]:
    """Makes a function that opens the images of a run's episodes.

    Args:
        data: Folder of Omniglot, or None for the usual one.
        folders: Where data of one's own are: `folder:PATH` or `images:PATH`.

    Returns:
        The function. It gives None and the reason where there are no images, or
        they are no longer those of the run.
    """

    def opened(run: Run) -> tuple[Drawings | None, str]:
        try:
            protocol = tasks.parse(_typed(run.protocol, folders))
            source = tasks.open_protocol(protocol, run.record["seed"], data)
            digest = tasks.episodes_digest(source, run.record["episodes"])
        except tasks.TaskError as error:
            return None, str(error)
        if digest != run.record["episodes_digest"]:
            return None, f"{run.protocol}: the data set or wayshot has changed since it was run"
        return Drawings(source), ""

    return opened


def _typed(name: str, folders: Sequence[str]) -> str:
    """Gives a protocol's name with the whole path of its folder."""
    for one in folders:
        kind, _, path = one.partition(":")
        stored = f"{kind}:{Path(path).name}"
        if name.startswith((f"{stored}-", f"{stored}@")):
            return one + name[len(stored) :]
    return name
