"""Suffixes: the words at the end of a protocol's name."""

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
        value: Value of the field; None if it is the number N.
        says: Part of the sentence of `Protocol.describe`; None if this sentence
            names the field in any case.
        what: One line for lists and help.
    """

    name: str
    field: str
    value: Any
    says: str | None
    what: str

    def read(self, word: str) -> Any:
        """Gives the value that a word sets; None if the word is another suffix."""
        if self.value is not None:
            return self.value if word == self.name else None
        number = re.fullmatch(self.name.replace("N", "([0-9]{1,5})"), word)
        return int(number[1]) if number else None

    def write(self, value: Any, default: Any) -> str | None:
        """Gives the word for a field's value; None if the value needs no word, or another one.

        Args:
            value: Value of the field.
            default: Default of the field.
        """
        if self.value is not None:
            return self.name if value == self.value else None
        return None if value == default else self.name.replace("N", str(value))
