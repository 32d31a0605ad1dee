"""Headings: what columns of protocols are called in a printed paper, in the field's words."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from ..store import Run
from .layout import Column

_EPISODES = re.compile(r"(?:(\d+)to)?(\d+)w(\d+)s((?:-[a-z0-9]+)*)( \(.+\))?")
_STRUCTURES = {"within": "within alphabets", "between": "between alphabets"}
_SUFFIXES = {
    "rot": "rotated",
    "rotapart": "rotated, apart",
    "once": "images once",
    "samedrawer": "same drawers",
    "distinctdrawers": "distinct drawers",
    "fitting": "all that fit",
}


def _suffix(word: str) -> str:
    queries = re.fullmatch(r"q(\d+)", word)
    return f"{queries[1]} queries" if queries else _SUFFIXES.get(word, word)


def _episodes(text: str) -> str | None:
    """Reads 5to20w1s-q3 as 5- to 20-way 1-shot, 3 queries; None if it is something else."""
    match = _EPISODES.fullmatch(text)
    if not match:
        return None
    fewest, ways, shots, suffixes, rest = match.groups()
    words = [f"{f'{fewest}- to ' if fewest else ''}{ways}-way {shots}-shot"]
    words += [_suffix(word) for word in suffixes.split("-")[1:]]
    return ", ".join(words) + (rest or "")


def _source_and_words(label: str, run: Run) -> tuple[str, str, str] | None:
    """Gives the data, how classes are drawn, and the episodes; None where a name is unusual."""
    column, fields = Column.of(label), run.record["protocol"].get("fields") or {}
    if run.is_official and label == run.protocol:
        return run.protocol.partition("-")[0], "official runs", "20-way 1-shot"
    episodes, structure = _episodes(column.short), _STRUCTURES.get(str(fields.get("structure")))
    if not episodes or not structure:
        return None
    return re.sub(r"-(?:within|between)$", "", column.group), structure, episodes


def in_words(runs: Mapping[str, Run]) -> list[Column]:
    """Makes the columns of a table, with headings in words such as 5-way 1-shot.

    Columns that would have the same words keep their names.

    Args:
        runs: A run of each column, by the column's label.
    """
    found = {label: _source_and_words(label, run) for label, run in runs.items()}
    several = len({one and one[0] for one in found.values()}) > 1
    words = {
        label: (f"{one[0]}, {one[1]}" if several else one[1], one[2]) if one else None
        for label, one in found.items()
    }
    given: Sequence[tuple[str, str] | None] = list(words.values())
    return [
        replace(Column.of(label), words=said if given.count(said) == 1 else None)
        for label, said in words.items()
    ]
