"""Sightings: the answers of scorers that declare a digest, when they were first seen."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from contextlib import suppress

from ....tasks import TaskError, cache_folder, make_cache_folder, replacing

_LARGEST = 2**16


def met(words: str, answers: Sequence[float | None]) -> list[float | None]:
    """Gives the answers with which a digest was first seen on this machine; keeps new ones.

    Args:
        words: What the scorer is known by.
        answers: Its answers now.

    Returns:
        The stored answers; those given if there are none, or the file is damaged.
    """
    entry = hashlib.sha256(f"identity 1 {words}".encode("utf-8", "replace")).hexdigest()[:32]
    with suppress(OSError, TaskError, ValueError, TypeError):
        path = cache_folder() / "identities" / f"{entry}.json"
        if path.is_file():
            with path.open("rb") as file:
                stored = json.loads(file.read(_LARGEST))
            return [None if one is None else float(one) for one in stored]
        make_cache_folder(path.parent)
        with replacing(path) as fresh:
            fresh.write_text(json.dumps(list(answers)))
    return list(answers)
