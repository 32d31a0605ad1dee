"""Leakage: characters of the episodes on which a scorer was trained."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...tasks import Dataset, Source, TaskError, is_own, load, read_part
from ..scorers import Traits, is_part

_OMNIGLOT = "omniglot"


def _family(split: str) -> str:
    """Gives the data that a split divides: splits of one family share their characters."""
    if split == "arrays":
        return split
    if is_own(split):
        return str(Path(split.partition(":")[2]).expanduser().resolve())
    return split if split == "glyphs" else _OMNIGLOT


def _names(dataset: Dataset) -> frozenset[str]:
    characters = dataset.characters
    return frozenset(characters["alphabet"] + "/" + characters["character"])


class Training:
    """What a scorer says that it was trained on, before the data of a protocol.

    Attributes:
        warning: What is wrong with what it says, one line; or "".
    """

    def __init__(self, traits: Traits, source: Source, data: str | Path | None = None) -> None:
        """Looks for the characters among those of the data.

        Args:
            traits: The traits of the scorer.
            source: The episodes.
            data: Folder of Omniglot.
        """
        self.warning = ""
        self._source, self._data = source, data
        self._seen = self._found(traits)

    def leaked(self, rows: np.ndarray) -> int | None:
        """Counts the episodes' characters that it was trained on; None if that is unknown.

        Args:
            rows: Rows of all images in the episodes.
        """
        if self._seen is None:
            return None
        dataset = self._source.dataset
        tested = np.unique(dataset.character_codes[rows % len(dataset)])
        characters = dataset.characters.iloc[tested]
        return len(set(characters["alphabet"] + "/" + characters["character"]) & self._seen)

    def _found(self, traits: Traits) -> frozenset[str] | None:
        if traits.trained_on is None:
            return None
        names = frozenset(one for one in traits.trained_on if not is_part(one))
        seen = set(names)
        family = _family(self._source.protocol.split)
        for part in traits.trained_on - names:
            split, which = read_part(part)
            if _family(split) != family:
                # Other data, of which no character is in these.
                continue
            try:
                seen |= _names(load(split, which, self._data))
            except TaskError as error:
                self.warning = f"trained_on {part}: {error}; leakage is unknown"
                return None
        own = traits.training is not None or not names
        if own or names & _names(self._source.dataset) or names & self._family_names():
            return frozenset(seen)
        here = min(_names(self._source.dataset))
        self.warning = (
            f"none of the {len(names):,} names in trained_on, such as {min(names)}, is in these "
            f"data, whose names are such as {here}; leakage is unknown. If it was trained on "
            "other data, trained_on may be their part, such as lake-background"
        )
        return None if len(seen) == len(names) else frozenset(seen)

    def _family_names(self) -> frozenset[str]:
        """Gives the names of all characters of the data, not only of the part that is tested."""
        split = self._source.protocol.split
        if split == "arrays":
            return frozenset()
        parts = [(split, "all")] if is_own(split) else []
        if not parts:
            base = split if split == "glyphs" else "lake"
            parts = [(base, part) for part in ("background", "evaluation")]
        found: set[str] = set()
        for part in parts:
            try:
                found |= _names(load(*part, self._data))
            except TaskError:
                # What is not there cannot be misspelt either.
                continue
        return frozenset(found)
