"""Suffixes: what the end of a protocol's name says of its episodes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Suffix:
    """A word at the end of a protocol's name, and the field of `Protocol` that it sets.

    Attributes:
        name: The word. In `qN`, N stands for a number.
        field: Name of the field.
        value: What the field becomes; None where it is the number N.
        says: What episodes are then, for the sentence about a protocol; None
            where `Protocol.describe` says it in any case.
        what: The same for lists and help, in one line.
    """

    name: str
    field: str
    value: Any
    says: str | None
    what: str

    def read(self, word: str) -> Any:
        """Gives the value that a word sets, or None where it is another suffix."""
        if self.value is not None:
            return self.value if word == self.name else None
        number = re.fullmatch(self.name.replace("N", "([0-9]{1,5})"), word)
        return int(number[1]) if number else None

    def write(self, value: Any, default: Any) -> str | None:
        """Gives the word for a field's value, or None where it needs none, or another."""
        if self.value is not None:
            return self.name if value == self.value else None
        return None if value == default else self.name.replace("N", str(value))


SUFFIXES = {
    suffix.name: suffix
    for suffix in (
        Suffix("qN", "queries", None, None, "N query images a class instead of 1"),
        Suffix(
            "distinctdrawers",
            "drawers",
            "distinct",
            "support and queries by distinct drawers",
            "no drawer of a support image drew a query of the episode",
        ),
        Suffix(
            "samedrawer",
            "drawers",
            "same",
            "support of all classes by the same drawers, queries by others",
            "the same drawers drew the support of all classes, and others drew the queries",
        ),
        Suffix(
            "rot",
            "rotations",
            "classes",
            "rotated characters as classes",
            "the four orientations of a character are four classes",
        ),
        Suffix(
            "rotapart",
            "rotations",
            "apart",
            "rotated characters as classes, no character at two rotations in an episode",
            "as -rot, but never two orientations of one character in an episode",
        ),
        Suffix(
            "once",
            "reuse",
            "once",
            "every image at most once",
            "every image is used at most once in all episodes",
        ),
        Suffix(
            "fitting",
            "small",
            "leave out",
            "classes with too few images left out",
            "characters with too few images, and alphabets with too few characters, are left out",
        ),
    )
}
"""All suffixes, in the order in which a name has them."""
