"""The panel: fixed images about which every scorer is asked."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ...tasks import Images, Wants, wanted
from ...tasks.data import glyphs
from ..scorers import EpisodeSize

STANDARD = EpisodeSize(12, 1, 24)
"""Size of the episode where no protocol says another."""

SEED = 3
"""Of the glyphs that are shown; no data set has it."""

_OTHERS, _MOST_ALPHABETS = 256, 8


@dataclass(frozen=True, eq=False)
class Panel:
    """The fixed images, ndarrays (n, height, width) or (n, height, width, channels).

    Drawn by `tasks.glyphs` with a seed that no data set has.

    Attributes:
        whole: What full ink is: 1 or 255.
        of_ink: Whether all pixels are 0 or 1.
        support: One of each of 12 characters, by one drawer; or as many as the episode has,
            those of one class beside each other.
        queries: Two of each, by two others; or as many as the episode has.
        others: More of the same alphabets.
        labels: Class of each support image, int64 ndarray.
        truth: Class of each query, int64 ndarray.
        classes: Images of each class, those of the support first, by drawer; ndarray (ways,
            drawers, height, width) or with channels.
    """

    whole: int
    of_ink: bool
    support: np.ndarray
    queries: np.ndarray
    others: np.ndarray
    labels: np.ndarray
    truth: np.ndarray
    classes: np.ndarray


@lru_cache(maxsize=4)
def panel(wants: Wants | None = None, size: EpisodeSize = STANDARD) -> Panel:
    """Draws the fixed images.

    Args:
        wants: What they are turned into; None for 105 x 105 pixels of ink.
        size: Size of the episode. Images come again if there are not enough of them.
    """
    alphabets = 1
    bits, rows = glyphs.generate(SEED, alphabets=alphabets)
    while _characters(rows) < size.ways and alphabets < _MOST_ALPHABETS:
        alphabets *= 2
        bits, rows = glyphs.generate(SEED, alphabets=alphabets)
    # Rows come by character, and then by drawer.
    places = np.arange(len(rows)).reshape(_characters(rows), -1)
    each = -(-size.queries // size.ways)
    classes = np.resize(places, (size.ways, places.shape[1]))
    chosen = np.resize(classes.T, (size.shots + each, size.ways))
    support, queries = chosen[: size.shots].T.ravel(), chosen[size.shots :].ravel()[: size.queries]
    unused = np.setdiff1d(places, chosen)
    others = np.resize(
        unused if len(unused) else places, max(_OTHERS, 2 * (len(support) + len(queries)))
    )
    images = wanted(Images(bits), wants)
    drawn = [images[part] for part in (support, queries, others)]
    return Panel(
        max(int(part.max()) for part in drawn),
        all(part.ndim == 3 and bool(np.isin(part, (0, 1)).all()) for part in drawn),
        *drawn,
        labels=np.repeat(np.arange(size.ways), size.shots),
        truth=np.arange(size.queries) % size.ways,
        classes=images[classes.ravel()].reshape(*classes.shape, *drawn[0].shape[1:]),
    )


def _characters(rows: list[tuple[str, str, str]]) -> int:
    return len({row[:2] for row in rows})
