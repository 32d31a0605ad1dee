"""Repeats: what a scorer was asked again, later and in other company, and whether it said the same.

A scorer of level 1 or 2 has no way to know which images belong together: it gets them in an order
that follows from their pixels alone. One that draws on its neighbours in a batch, or on what it
was asked before, gives other scores when it is asked again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

FEWEST = 16
"""Images of level 1 that are asked again, at least."""

MOST = 64
"""Images of level 1, and queries of level 2, that are compared, at most."""

QUERIES = 64
"""Of so many queries of level 2, one is asked again."""

_CHANGED, _ROUNDING = 1e-3, 1e-4
"""As in an audit: shares of the span of the scores."""

_CHECK = "asked again"
_DONE = "asked again later about images of the data, beside other ones and in another order"
_CAUSE = "Draws on other images of the batch, or remembers what it was asked before?"


def by_key(keys: np.ndarray) -> np.ndarray:
    """Gives the order in which images are asked about, by their keys.

    Args:
        keys: `S17` ndarray (n,) as from `image_keys`.
    """
    parts = np.frombuffer(keys.tobytes(), dtype=np.uint8).reshape(-1, 17)
    start = np.ascontiguousarray(parts[:, :8]).view("<u8").ravel()
    # The turns of one image must not be neighbours.
    mixed = start ^ (parts[:, 16].astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15))
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    return np.lexsort((keys, mixed ^ (mixed >> np.uint64(31))))


def again(count: int, asked: int, batch: int) -> np.ndarray:
    """Chooses the images of level 1 that are asked again.

    They take the free places of the last batch, where there are enough and other images are in
    the batches before; else one more batch.

    Args:
        count: Number of images in all; 0 if none shall be asked again.
        asked: Number of images that are embedded now.
        batch: Images in a batch.

    Returns:
        int ndarray (n,): their places among all images, the last first.
    """
    if not count:
        return np.empty(0, dtype=np.intp)
    free = -asked % batch
    if asked <= batch or free < min(FEWEST, batch):
        free += batch
    return np.unique(np.linspace(0, count - 1, min(count, free)).astype(np.intp))[::-1]


@dataclass(frozen=True)
class Repeat:
    """Scores that were asked for twice.

    Attributes:
        before: ndarray (n, classes).
        after: ndarray (n, classes), the same scores asked for again.
        span: Largest minus smallest score.
        floor: Largest difference that is rounding, whatever the span.
    """

    before: np.ndarray
    after: np.ndarray
    span: float
    floor: float = 0.0

    def finding(self) -> dict[str, Any]:
        """Judges the scores as an audit does, and gives its finding as a record has it."""
        with np.errstate(over="ignore", invalid="ignore"):
            apart = float(np.abs(self.after - self.before).max(initial=0.0))
        amount = apart / self.span if self.span else float(apart > 0)
        changed = int((self.before.argmax(axis=-1) != self.after.argmax(axis=-1)).sum())
        failed = not amount <= _CHANGED or (amount > _ROUNDING and changed > 0)
        failed = failed and not apart <= self.floor
        words = f"scores differ by up to {100 * amount:.3g} % of their span"
        if failed:
            words += f"; {changed} of {len(self.before)} queries get another answer"
        elif not amount:
            words = "the same scores"
        return {
            "check": _CHECK,
            "status": "failed" if failed else "passed",
            "done": _DONE,
            "found": words,
            "amount": float(f"{amount:.3g}") if np.isfinite(amount) else None,
            "cause": _CAUSE if failed else "",
        }
