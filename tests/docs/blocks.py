"""Fenced blocks of a page of documentation."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple


class Block(NamedTuple):
    """A fenced block.

    Attributes:
        language: The word behind the fence, or "".
        info: What else stands there, or "".
        text: The lines within.
        line: Number of the first of them, from 1.
    """

    language: str
    info: str
    text: str
    line: int

    @property
    def file(self) -> str | None:
        """The name in a first line `# file: NAME`, or None."""
        named = re.match(r"# file: (\S+)\n", self.text)
        return named[1] if named else None


def blocks(path: Path) -> list[Block]:
    """Gives the blocks of a page, in their order."""
    text = path.read_text(encoding="utf-8")
    return [
        Block(found[1], found[2].strip(), found[3], text[: found.start(3)].count("\n") + 1)
        for found in re.finditer(r"^```(\S*)(.*)\n((?:.*\n)*?)```$", text, re.MULTILINE)
    ]
