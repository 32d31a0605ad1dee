"""Nodes: the state of an object as a tree of digests, and what of it changes by use."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Set
from dataclasses import dataclass


@dataclass(frozen=True)
class Node:
    """Part of a state.

    Attributes:
        digest: Of all that is in it.
        kind: `value`, `fields` (of an object) or `items` (of a container).
        parts: What is in it, by name of the field or key of the item.
    """

    digest: str
    kind: str = "value"
    parts: Mapping[str, Node] | None = None


def digest(*words: str | bytes) -> str:
    """Computes a digest of words.

    Args:
        *words: The words; which of them a byte belongs to matters.
    """
    found = hashlib.sha256()
    for word in words:
        word = word.encode("utf-8", "surrogatepass") if isinstance(word, str) else word
        found.update(len(word).to_bytes(8, "little") + word)
    return found.hexdigest()


LEFT_OUT = Node("")
"""What is no part of a state."""


def joined(kind: str, name: str, parts: Mapping[str, Node]) -> Node:
    """Makes a node of its parts.

    Args:
        kind: `fields` or `items`.
        name: What they are the parts of.
        parts: The parts.
    """
    words = (word for key in sorted(parts) for word in (key, parts[key].digest))
    return Node(digest(kind, name, *words), kind, parts)


Path = tuple[str, ...]
"""Where a part of a state is: names of fields and keys of items, from the outside in."""


def changed(before: Node, after: Node, place: Path = ()) -> set[Path]:
    """Finds what has changed by use: values, and whole containers that have other items.

    Such a container is a cache: what it holds depends on what came before.

    Args:
        before: The state before an object was used.
        after: The state afterwards.
        place: Where both are.
    """
    if before.digest == after.digest:
        return set()
    if before.kind != after.kind or before.parts is None or after.parts is None:
        return {place}
    if before.kind == "items" and before.parts.keys() != after.parts.keys():
        return {place}
    found = {(*place, key) for key in before.parts.keys() ^ after.parts.keys()}
    for key in before.parts.keys() & after.parts.keys():
        found |= changed(before.parts[key], after.parts[key], (*place, key))
    return found


def lasting(state: Node, left_out: Set[Path], place: Path = ()) -> str:
    """Computes a digest of a state without some of its parts.

    Args:
        state: The state.
        left_out: Where those parts are.
        place: Where the state is.
    """
    if place in left_out:
        return ""
    if state.parts is None or not any(one[: len(place)] == place for one in left_out):
        return state.digest
    return digest(
        state.kind,
        *(
            word
            for key in sorted(state.parts)
            if (*place, key) not in left_out
            for word in (key, lasting(state.parts[key], left_out, (*place, key)))
        ),
    )
