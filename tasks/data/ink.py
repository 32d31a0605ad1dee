"""Ink: which pixels of a picture are strokes, and which are paper."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from PIL import Image

CHOICES = ("auto", "dark", "light")
"""What can be said of a folder's ink: found from the images, or darker or lighter than paper."""

SMALLEST = 3
"""Pixels that the longer side of a picture needs, to show a character."""

_FAINTEST = 3.0
"""Shades of 256 by which ink and paper differ at least."""

_UNIMODAL = 2.9
"""Where the means of two groups of shades lie less than this many standard deviations apart, they
are the two halves of one: noise that is cut at its mean has 2.65."""

_BIMODAL = 4.0
"""The same for what is left without litter; an even slope of shades has 3.46."""

_SPECK = 0.01
"""The largest part of a picture that a speck takes, and at the least four pixels."""

_EDGE = 0.07
"""The part of a picture's shorter side on which a scan's edge lies, at the least two pixels."""

_BORDER = 0.04
"""The part of a picture's shorter side by whose shade paper is known, at the least two pixels."""


_FULL = 0.15
"""The part of a group whose shade is that of full strokes, or of paper; specks are fewer."""

_FEW = 0.1
"""The part of a picture that strokes do not exceed where they cannot be mistaken."""

_MANY = 0.4
"""The part of a picture that strokes do not exceed where there is paper all around."""


@dataclass(frozen=True)
class Look:
    """A picture in two groups of shades, one of which is ink.

    Attributes:
        dark: bool ndarray (side, side): the dark pixels, without litter.
        light: bool ndarray (side, side): the light pixels, without litter.
        darkness: How much speaks for dark ink; for light ink where it is negative.
        clear: Whether the picture alone decides it.
        blank: Whether it has one shade only, or nothing but noise.
        shaded: Whether it is blank though its shades differ, as those of a photograph may.
    """

    dark: np.ndarray
    light: np.ndarray
    darkness: float = 0.0
    clear: bool = False
    blank: bool = False
    shaded: bool = False


def look(shades: np.ndarray, side: int) -> Look:
    """Divides a picture into dark and light, and asks which is the ink.

    The picture is fitted into the square with its proportions kept and centred; what is
    beside it is paper. The threshold lies halfway between the shades of the two groups that
    Otsu's method finds (Otsu 1979). If one group is litter alone (specks, hot pixels, the
    edge of a scan) and the rest has two groups too, the threshold is that of the rest.

    Paper takes most of the border, and it is wider than strokes are. Where both say the
    same, the picture is clear. Characters that fill a picture to its border are not: their
    paper is inside them.

    Args:
        shades: ndarray (height, width), 0 for black to 255 for white.
        side: Side of the square, in pixels.
    """
    if shades.mean() < 127.5:
        # So that a picture and its negative give the same to the pixel.
        seen = look(255 - shades, side)
        return replace(seen, dark=seen.light, light=seen.dark, darkness=-seen.darkness)
    levels = _fitted(shades, side)
    keep = np.ones(levels.shape, dtype=bool)
    split = _otsu(levels)
    for _ in range(3):
        litter = _litter(levels, keep, split)
        if litter is None:
            break
        rest = _otsu(levels[keep & ~litter])
        if not rest.apart(_BIMODAL):
            break
        keep &= ~litter
        split = rest
    nothing = np.zeros((side, side), dtype=bool)
    if not split.apart(_UNIMODAL) or max(shades.shape) < SMALLEST:
        return Look(nothing, nothing, blank=True, shaded=split.distance >= _FAINTEST)
    # What differs no more than strokes do may be one: the dot of an i.
    keep |= _no_stronger(~keep, np.abs(levels - split.paper), 2 * split.distance)
    dark = (levels <= split.threshold) & keep
    light = (levels > split.threshold) & keep
    darkness, clear = _darkness(dark, light)
    return Look(_squared(dark, side), _squared(light, side), darkness, clear)


def decide(looks: Sequence[Look], asked: str = "auto") -> np.ndarray:
    """Decides for each picture of a set whether its ink is dark.

    A clear picture decides for itself. The others follow the set: all pictures vote, each
    with the weight of what speaks for it.

    Args:
        looks: The pictures.
        asked: One of `CHOICES`.

    Returns:
        bool ndarray (pictures,).
    """
    if asked != "auto":
        return np.full(len(looks), asked == "dark")
    darkness = np.array([one.darkness for one in looks])
    clear = np.array([one.clear for one in looks], dtype=bool)
    return np.where(clear, darkness >= 0, darkness.sum() >= 0)


@dataclass(frozen=True)
class _Split:
    """Two groups of shades: where they are divided, their distance, the spread within.

    The paper is the mean of the larger group.
    """

    threshold: float
    distance: float
    spread: float
    paper: float

    def apart(self, deviations: float) -> bool:
        return self.distance >= max(_FAINTEST, deviations * self.spread)


def _otsu(levels: np.ndarray) -> _Split:
    """Finds the two groups of shades whose means lie farthest apart for their spread."""
    counts = np.bincount(levels.ravel(), minlength=256).astype(np.float64)
    values = np.arange(256.0)
    below, total = np.cumsum(counts)[:-1], counts.sum()
    sums = np.cumsum(counts * values)
    above = total - below
    there = (below > 0) & (above > 0)
    if not there.any():
        shade = float(levels.flat[0]) if levels.size else 0.0
        return _Split(shade, 0.0, 0.0, shade)
    low = sums[:-1][there] / below[there]
    high = (sums[-1] - sums[:-1][there]) / above[there]
    best = int(np.argmax(below[there] * above[there] * (high - low) ** 2))
    cut = np.flatnonzero(there)[best]
    low, high, share = low[best], high[best], below[there][best] / total
    mean = sums[-1] / total
    variance = (counts * (values - mean) ** 2).sum() / total
    within = max(0.0, variance - share * (1 - share) * (high - low) ** 2)
    paper = low if share > 0.5 else high
    # Halfway between the shades of full strokes and of paper, not of their edges.
    dark, light = (
        np.searchsorted(np.cumsum(group), part * group.sum())
        for part, group in ((_FULL, counts * (values <= cut)), (1 - _FULL, counts * (values > cut)))
    )
    middle = (float(dark) + float(light)) / 2
    return _Split(middle, float(high - low), float(within**0.5), float(paper))


def _litter(levels: np.ndarray, keep: np.ndarray, split: _Split) -> np.ndarray | None:
    """Finds litter that hides strokes: specks where there is nothing else, edges that stand out.

    Returns:
        bool ndarray (height, width), wider than the litter by a pixel; None if there is none.
    """
    dark = (levels <= split.threshold) & keep
    few = dark if 2 * dark.sum() <= keep.sum() else keep & ~dark
    if not few.any() or few.sum() > 4 * _EDGE * few.size:
        return None
    pieces, count = _pieces(few)
    sizes = np.bincount(pieces.ravel(), minlength=count + 1)
    edges = np.ones(count + 1, dtype=bool)
    edges[np.unique(pieces[_inside(few.shape)])] = False
    strokes = ~edges & (sizes > max(4, _SPECK * few.size))
    strokes[0] = False
    if not strokes.any():
        return _widened(few)
    strength = np.abs(levels - split.paper)
    usual = np.quantile(strength[strokes[pieces]], 0.9)
    edges[0] = False
    for piece in np.flatnonzero(edges):
        edges[piece] = np.median(strength[pieces == piece]) > 1.5 * usual
    return _widened(edges[pieces]) if edges.any() else None


def _pieces(group: np.ndarray) -> tuple[np.ndarray, int]:
    """Numbers the connected pieces of a group of pixels from 1, and says how many there are."""
    from scipy.ndimage import label

    found: Any = label(group, np.ones((3, 3)))
    return found[0], int(found[1])


def _widened(group: np.ndarray, pixels: int = 1) -> np.ndarray:
    """Gives a group of pixels and those next to it."""
    from scipy.ndimage import binary_dilation

    return np.asarray(binary_dilation(group, np.ones((3, 3)), iterations=pixels))


def _no_stronger(litter: np.ndarray, strength: np.ndarray, most: float) -> np.ndarray:
    """Gives the pieces of litter that differ from the paper no more than this."""
    pieces, count = _pieces(litter)
    weak = np.zeros(count + 1, dtype=bool)
    strongest = np.zeros(count + 1)
    np.maximum.at(strongest, pieces, strength)
    weak[1:] = strongest[1:] < most
    return weak[pieces]


def _inside(shape: tuple[int, ...]) -> np.ndarray:
    """Says where no edge of a scan lies, bool ndarray (height, width)."""
    width = max(2, round(_EDGE * min(shape)))
    inside = np.zeros(shape, dtype=bool)
    inside[width:-width, width:-width] = True
    return inside


def _darkness(dark: np.ndarray, light: np.ndarray) -> tuple[float, bool]:
    """Weighs what speaks for dark ink, and says whether it decides."""
    both = dark | light
    width = max(2, round(_BORDER * min(both.shape)))
    border = (
        both
        & _widened(np.pad(~both, width, constant_values=True), width)[width:-width, width:-width]
    )
    outside = float(((border & light).sum() - (border & dark).sum()) / border.sum())
    inner = dark if outside > 0 else light
    share = float(inner.sum() / both.sum())
    around = abs(outside) > 0.95
    if around and (share < _FEW or (share < _MANY and _evenness(inner) < 0.5)):
        # Paper all around, and strokes that are few, or no frame whose inner edge is even.
        return 2 * outside, True
    longer = float(np.clip(_length(dark) - _length(light), -2, 2))
    agreed = longer if outside > 0 else -longer
    clear = abs(outside) > 0.3 and agreed > 0.5
    # The holes of a closed character fill the room within its frame, strokes do not.
    least = -0.7 if _filling(inner) < 0.5 else 0.3
    return longer + outside * 0.8, bool(clear or (around and share < _MANY and agreed > least))


def _evenness(inner: np.ndarray) -> float:
    """The part of a group's outline that keeps its distance from the border, from each side."""
    near = total = 0
    for seen in (inner, inner[:, ::-1], inner.T, inner.T[:, ::-1]):
        depths = seen.argmax(axis=1)[seen.any(axis=1)]
        if not len(depths):
            return 1.0
        near += int((np.abs(depths - np.median(depths)) <= 2).sum())
        total += len(depths)
    return near / total


def _filling(group: np.ndarray) -> float:
    """The part that a group of pixels takes of the rectangle around it."""
    rows, columns = np.flatnonzero(group.any(axis=1)), np.flatnonzero(group.any(axis=0))
    if not len(rows):
        return 0.0
    return float(group.sum() / ((np.ptp(rows) + 1) * (np.ptp(columns) + 1)))


def _length(group: np.ndarray) -> float:
    """How long the pieces of a group of pixels are for their width: 0 for a square.

    It is the logarithm of area by squared width, the mean over all pixels.
    """
    from scipy.ndimage import distance_transform_edt

    pieces, count = _pieces(group)
    depth = np.asarray(distance_transform_edt(np.pad(group, 1)))[1:-1, 1:-1]
    area = np.bincount(pieces.ravel(), minlength=count + 1)[1:]
    width = np.bincount(pieces.ravel(), depth.ravel() - 0.5, minlength=count + 1)[1:] / area
    return float((area * np.log(area / (36 * width**2))).sum() / area.sum())


def _fitted(shades: np.ndarray, side: int) -> np.ndarray:
    """Fits a picture into the square, uint8 ndarray (at most side, at most side)."""
    picture = Image.fromarray(shades.astype(np.uint8))
    if max(picture.size) == side:
        return np.asarray(picture)
    scale = side / max(picture.size)
    width, height = (max(1, round(scale * length)) for length in picture.size)
    how = Image.Resampling.BOX if scale < 1 else Image.Resampling.BILINEAR
    return np.asarray(picture.resize((width, height), how))


def _squared(group: np.ndarray, side: int) -> np.ndarray:
    """Puts pixels into the middle of the square, bool ndarray (side, side)."""
    square = np.zeros((side, side), dtype=bool)
    top, left = ((side - length) // 2 for length in group.shape)
    square[top : top + group.shape[0], left : left + group.shape[1]] = group
    return square
