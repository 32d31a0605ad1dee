"""Strokes: the skeletons of images of ink as lines, which can be moved and drawn anew.

All places are (row, column), in pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph
from scipy.sparse.linalg import splu

_REACH = 15.0
"""How far along a stroke, in pixels, neighbouring points move alike."""

_LONG = 50
"""From how many pixels on a connected stroke bends by the full amount."""

_SMOOTHED = 4
"""How often a point is moved towards its neighbours, so that the steps of pixels are gone."""


@dataclass(frozen=True)
class Strokes:
    """The skeletons of some images.

    Attributes:
        places: float64 ndarray (p, 2), the points.
        owners: int64 ndarray (p,), the index of each point's image, ascending.
        lines: int64 ndarray (q, 2), the two points that each line joins; the same point twice
            for a dot.
        count: Number of images.
        side: Height and width of the images.
    """

    places: np.ndarray
    owners: np.ndarray
    lines: np.ndarray
    count: int
    side: int

    def extents(self) -> tuple[np.ndarray, np.ndarray]:
        """Gives the least and the greatest place of each image, float64 ndarrays (count, 2)."""
        low, high = np.full((self.count, 2), np.inf), np.full((self.count, 2), -np.inf)
        np.minimum.at(low, self.owners, self.places)
        np.maximum.at(high, self.owners, self.places)
        # An image without ink.
        empty = low > high
        low[empty] = high[empty] = self.side / 2
        return low, high

    def wandered(self, rng: np.random.Generator, amounts: np.ndarray) -> Strokes:
        """Moves strokes as a hand does that draws the same again.

        Points move at random, and points that follow one another on a stroke move nearly
        alike, so that a stroke bends, and strokes that meet still meet. Strokes that do not
        touch move independently, each as a whole by half the amount besides.

        Args:
            rng: Source of random numbers.
            amounts: float ndarray (count,), for each image the root mean square of the
                movements that bend a long stroke, in pixels.
        """
        size = len(self.places)
        if not size:
            return self
        first, second = self.lines.T
        ones = np.ones(len(self.lines))
        beside = sparse.coo_array((ones, (first, second)), shape=(size, size))
        beside.setdiag(0)
        beside = (beside + beside.T).tocsc()
        degrees = np.asarray(beside.sum(axis=1)).ravel()
        # Two passes of a filter whose gain falls with the square of the frequency.
        stiff = sparse.diags_array(1 + _REACH**2 * degrees) - _REACH**2 * beside
        solve = splu(stiff.tocsc(), permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True})
        moved = solve.solve(solve.solve(rng.standard_normal((size, 2))))
        pieces, piece = csgraph.connected_components(beside, directed=False)
        owners = np.zeros(pieces, dtype=np.int64)
        owners[piece] = self.owners
        sizes = np.bincount(piece)
        means = np.stack([np.bincount(piece, moved[:, axis]) for axis in range(2)], axis=1)
        moved -= (means / sizes[:, None])[piece]
        square = np.bincount(piece, (moved**2).sum(axis=1)) / sizes
        # A hand errs in proportion to how far it moves.
        bent = amounts[owners] * np.minimum(sizes / _LONG, 1)
        moved *= (bent / np.sqrt(np.maximum(square, 1e-12)))[piece, None]
        moved += (rng.standard_normal((pieces, 2)) * (amounts[owners] / 2)[:, None])[piece]
        inner = sparse.diags_array(np.where(degrees > 1, 0.5 / np.maximum(degrees, 1), 0)) @ beside
        stays, places = np.where(degrees > 1, 0.5, 1)[:, None], self.places
        for _ in range(_SMOOTHED):
            places = stays * places + inner @ places
        return Strokes(places + moved, self.owners, self.lines, self.count, self.side)

    def drawn(self, pens: np.ndarray) -> np.ndarray:
        """Draws the strokes; what lies outside an image is not drawn.

        Args:
            pens: float ndarray (count,), the radius of each image's pen, in pixels.

        Returns:
            bool ndarray (count, side, side), ink = True.
        """
        reach = int(np.ceil(pens.max(initial=0)))
        # Wide enough that what is clipped does not reach into the image.
        margin = 2 * reach + 1
        width = self.side + 2 * margin
        ink = np.zeros(self.count * width * width, dtype=bool)
        start, end = self.places[self.lines[:, 0]], self.places[self.lines[:, 1]]
        owners = self.owners[self.lines[:, 0]]
        # The points of a skeleton are pixels that touch, and hardly ever move further apart.
        for share in (0, 1 / 3, 2 / 3, 1):
            place = np.rint(start + (end - start) * share).astype(np.int64) + margin
            place = np.clip(place, reach, width - 1 - reach)
            spots = (owners * width + place[:, 0]) * width + place[:, 1]
            for radius in np.unique(pens):
                here = np.unique(spots[pens[owners] == radius])
                for down, right in _disc(float(radius)):
                    ink[here + down * width + right] = True
        inside = slice(margin, width - margin)
        return ink.reshape(-1, width, width)[:, inside, inside]


@cache
def _disc(radius: float) -> list[tuple[int, int]]:
    reach = range(-int(radius), int(radius) + 1)
    return [(down, right) for down in reach for right in reach if down**2 + right**2 <= radius**2]


@cache
def _removable() -> np.ndarray:
    """Tells for each code of eight neighbours whether a pixel goes, bool ndarray (2, 256).

    Guo and Hall, "Parallel thinning with two-subiteration algorithms", 1989, algorithm A1; bit 0
    is the neighbour above, and the others follow clockwise.
    """
    codes = np.arange(256)
    above, p3, right, p5, below, p7, left, p9 = (codes >> bit & 1 for bit in range(8))
    crossings = sum(
        (1 - side) & (corner | after)
        for side, corner, after in (
            *((above, p3, right), (right, p5, below)),
            *((below, p7, left), (left, p9, above)),
        )
    )
    pairs = (p9 | above) + (p3 | right) + (p5 | below) + (p7 | left)
    others = (above | p3) + (right | p5) + (below | p7) + (left | p9)
    neighbours = np.minimum(pairs, others)
    thinned = (crossings == 1) & (neighbours >= 2) & (neighbours <= 3)
    kept = ((below | p7 | (1 - p9)) & left, (above | p3 | (1 - p5)) & right)
    return np.stack([thinned & (one == 0) for one in kept])


def strokes_of(pixels: np.ndarray) -> Strokes:
    """Finds the skeletons of images.

    Args:
        pixels: ndarray (n, side, side), ink = 1 or True.
    """
    count, side = pixels.shape[:2]
    # A margin of paper: neighbours of one image never lie in another.
    width = side + 2
    flat = np.pad(pixels.astype(np.uint8), ((0, 0), (1, 1), (1, 1))).ravel()
    around = (-width, 1 - width, 1, 1 + width, width, width - 1, -1, -1 - width)
    spots, before = np.flatnonzero(flat), -1
    while len(spots) != before:
        before = len(spots)
        for removable in _removable():
            codes = np.zeros(len(spots), dtype=np.uint8)
            for bit, step in enumerate(around):
                codes |= flat[spots + step] << bit
            goes = removable[codes]
            flat[spots[goes]] = 0
            spots = spots[~goes]
    number = np.full(len(flat), -1)
    number[spots] = np.arange(len(spots))
    found = []
    for step, beside in ((1, ()), (width, ()), (width + 1, (1, width)), (width - 1, (-1, width))):
        joins = flat[spots + step] > 0
        # A diagonal is a line only where no way round is.
        for other in beside:
            joins &= flat[spots + other] == 0
        found.append(np.stack([number[spots[joins]], number[spots[joins] + step]], axis=1))
    joined = np.zeros(len(spots), dtype=bool)
    joined[np.concatenate(found)] = True
    alone = np.flatnonzero(~joined)
    lines = np.concatenate([*found, np.stack([alone, alone], axis=1)])
    lines = lines[np.argsort(lines[:, 0], kind="stable")]
    owners, place = np.divmod(spots, width * width)
    places = np.stack(np.divmod(place, width), axis=1) - 1.0
    return Strokes(places, owners, lines, count, side)
