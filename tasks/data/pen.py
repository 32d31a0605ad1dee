"""The pen: from the strokes of characters to the ink of their drawings.

Each of twenty drawers has a slant, a size, a place, a pen and a tremor, and no drawing is quite
like another. The arithmetic keeps to the rules of `glyphs`, where it says why.

All points are (x, y), x to the right and y downwards, float64, in pixels unless said otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from numpy.random import Generator

from .images import SIDE

DRAWERS = 20
"""How many draw each character, as in Omniglot."""

_MARGIN = 4  # px that no pen centre enters, so that the widest pen never crosses an edge

# A brush of one by the other side in px, joined with its transpose. Each drawer takes one of
# these twenty; most have Omniglot's.
_PENS = 15 * ((5, 3),) + 2 * ((4, 4),) + 2 * ((5, 5),) + ((6, 4),)


@dataclass(frozen=True)
class Stroke:
    """One pen stroke of a character.

    Attributes:
        points: ndarray (controls, 2), anywhere: the relation decides where the stroke lies.
        smooth: whether a spline passes through the points, not straight lines.
        parent: index of the earlier stroke that this one refers to.
        at: the knot of the parent's path to which `own` refers.
        own: the knot of this stroke's path that lies `offset` from the parent's.
        offset: ndarray (2,), zero if the strokes touch.
        loose: standard deviation in px of that relation between drawings.
    """

    points: np.ndarray
    smooth: bool
    parent: int = 0
    at: int = 0
    own: int = 0
    offset: np.ndarray = field(default_factory=lambda: np.zeros(2))
    loose: float = 1.8

    @property
    def knots(self) -> int:
        """How many knots the stroke's path has."""
        return len(_basis(len(self.points), self.smooth)[0])


def bell(rng: Generator, *shape: int) -> np.ndarray:
    """Draws nearly normal numbers: mean 0, standard deviation 1, none beyond 3.5.

    They are sums of four uniform numbers, because NumPy's normal numbers use logarithms,
    which differ between platforms.

    Args:
        rng: source of random numbers.
        *shape: shape of the result.
    """
    u = rng.random((4, *shape))
    return ((u[0] + u[1]) + (u[2] + u[3]) - 2.0) * 1.7320508075688772


def trace(
    strokes: Sequence[Stroke], aims: Sequence[tuple[np.ndarray, np.ndarray]] | None = None
) -> list[np.ndarray]:
    """Computes the paths of a character's strokes, each placed by its relation to an earlier one.

    Args:
        strokes: those of the character.
        aims: for each stroke its control points, ndarray (drawings, controls, 2), and offset,
            ndarray (drawings, 2), in every drawing; None for one drawing, the ideal.

    Returns:
        For each stroke the knots of its path, ndarray (drawings, knots, 2).
    """
    if aims is None:
        aims = [(stroke.points[None], stroke.offset[None]) for stroke in strokes]
    paths: list[np.ndarray] = []
    for stroke, (points, offset) in zip(strokes, aims, strict=True):
        which, weights = _basis(len(stroke.points), stroke.smooth)
        terms = points[:, which] * weights
        path = (terms[:, :, 0] + terms[:, :, 1]) + (terms[:, :, 2] + terms[:, :, 3])
        if paths:
            shift = paths[stroke.parent][:, stroke.at] + offset - path[:, stroke.own]
            path = path + shift[:, None]
        paths.append(path)
    return paths


def draw(rng: Generator, characters: Sequence[Sequence[Stroke]]) -> np.ndarray:
    """Draws every character by twenty drawers.

    Args:
        rng: source of variation.
        characters: the strokes of each.

    Returns:
        uint8 ndarray (characters * 20, 1379), packed bits ordered by character, then drawer.
    """
    slant = 0.07 * bell(rng, DRAWERS, 1)
    size = 1.0 + 0.075 * bell(rng, DRAWERS, 1, 2)
    habit = 2.9 * bell(rng, DRAWERS, 1, 2)
    tremor = 0.2 + 0.5 * rng.random((DRAWERS, 1, 1))
    carelessness = 0.77 + 0.68 * rng.random(DRAWERS)
    pens = [_PENS[index] for index in rng.integers(len(_PENS), size=DRAWERS)]
    drawings: list[np.ndarray] = []
    lengths: list[int] = []
    for character in characters:
        hasty = 1.0 + (rng.random(DRAWERS) < 0.08)
        care = carelessness * (0.6 + 0.8 * rng.random(DRAWERS)) * hasty
        paths = trace(character, [_aim(rng, stroke, care) for stroke in character])
        knots = np.concatenate(paths, axis=1)
        x, y = knots[..., 0], knots[..., 1]
        x = x - (slant + 0.04 * bell(rng, DRAWERS, 1)) * y
        # A rotation in rational numbers: t is the tangent of half its angle.
        t = 0.022 * bell(rng, DRAWERS, 1)
        cosine, sine = (1.0 - t * t) / (1.0 + t * t), 2.0 * t / (1.0 + t * t)
        knots = np.stack((cosine * x - sine * y, sine * x + cosine * y), axis=2)
        knots = knots * (size * (1.0 + 0.075 * bell(rng, DRAWERS, 1, 2)))
        knots = knots + tremor * bell(rng, *knots.shape)
        offset = habit + 4.8 * bell(rng, DRAWERS, 1, 2) + 1.5 * bell(rng, 2)
        drawings.append(_place(knots, offset))
        lengths += [path.shape[1] for path in paths]
    knots = np.concatenate(drawings, axis=1)
    owners = np.repeat(np.arange(len(drawings)), [drawing.shape[1] for drawing in drawings])
    # The pen is up between the last knot of a stroke and the first of the next.
    lines = np.delete(np.arange(len(owners)), np.cumsum(lengths) - 1)
    return _ink(knots[:, lines], knots[:, lines + 1], owners[lines], pens)


def widen(flat: np.ndarray, stride: int, width: int) -> np.ndarray:
    """Spreads each true cell of flattened grids to `width` cells along one axis.

    No cell crosses an edge, because callers keep a margin empty.

    Args:
        flat: bool ndarray (cells,).
        stride: distance of neighbours along the axis: 1, or the length of a row.
        width: number of cells; if it is even, the greater half lies ahead.

    Returns:
        bool ndarray (cells,).
    """
    wide = flat.copy()
    for step in range(1, width // 2 + 1):
        wide[step * stride :] |= flat[: -step * stride]
    for step in range(1, (width + 1) // 2):
        wide[: -step * stride] |= flat[step * stride :]
    return wide


@cache
def _basis(controls: int, smooth: bool) -> tuple[np.ndarray, np.ndarray]:
    """Gives the weights by which a path's knots follow from its control points.

    The knots lie on straight lines, or on a uniform Catmull-Rom spline with doubled ends.

    Returns:
        int64 ndarray (knots, 4), the control points of each knot, and float64 ndarray
        (knots, 4, 1), their weights.
    """
    steps = 4 if smooth else 5
    place = np.arange((controls - 1) * steps + 1)
    span = np.minimum(place // steps, controls - 2)
    t = (place - span * steps) / steps
    which = np.clip(span[:, None] + np.arange(-1, 3), 0, controls - 1)
    weights = (0.0 * t, 1.0 - t, t, 0.0 * t)
    if smooth:
        square, cube = t * t, t * t * t
        weights = (
            (2.0 * square - cube - t) / 2.0,
            (3.0 * cube - 5.0 * square + 2.0) / 2.0,
            (4.0 * square - 3.0 * cube + t) / 2.0,
            (cube - square) / 2.0,
        )
    return which, np.stack(weights, axis=1)[:, :, None]


def _aim(rng: Generator, stroke: Stroke, care: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Varies a stroke from drawing to drawing.

    Args:
        rng: source of variation.
        stroke: the ideal.
        care: ndarray (drawings,), the amount of variation of each; 1 is usual.

    Returns:
        Control points, ndarray (drawings, controls, 2), and offset, ndarray (drawings, 2).
    """
    legs = stroke.points[1:] - stroke.points[:-1]
    lengths = np.sort(np.sqrt(legs[:, 0] * legs[:, 0] + legs[:, 1] * legs[:, 1]))
    # The hand errs in proportion to how far it moves, and always a little.
    wander = min(0.8 + 0.085 * float(lengths[len(lengths) // 2]), 3.3)
    amount = care[:, None, None]
    points = stroke.points * (1.0 + 0.09 * amount * bell(rng, len(care), 1, 2))
    points = points + wander * amount * bell(rng, len(care), len(stroke.points), 2)
    return points, stroke.offset + stroke.loose * care[:, None] * bell(rng, len(care), 2)


def _place(knots: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """Places drawings, ndarray (drawers, knots, 2), off the middle of the image but inside it."""
    low, high = knots.min(axis=1, keepdims=True), knots.max(axis=1, keepdims=True)
    shrink = np.minimum(1.0, (SIDE - 1.0 - 2.0 * _MARGIN) / np.maximum(high - low, 1.0))
    half = (high - low) * shrink / 2
    centre = np.array((50.4, 50.0)) + offset
    centre = np.minimum(np.maximum(centre, _MARGIN + half), SIDE - 1.0 - _MARGIN - half)
    return (knots - (low + high) / 2) * shrink + centre


def _ink(
    starts: np.ndarray, ends: np.ndarray, owners: np.ndarray, pens: Sequence[tuple[int, int]]
) -> np.ndarray:
    """Draws straight lines with each drawer's pen.

    Args:
        starts: ndarray (drawers, lines, 2).
        ends: likewise.
        owners: int64 ndarray (lines,), ascending, the character of each line.
        pens: the sides of each drawer's brush in px.

    Returns:
        uint8 ndarray (characters * drawers, 1379), packed bits.
    """
    count = int(owners[-1]) + 1
    step = ends - starts
    # Enough parts of a line that neighbouring points are at most a pixel apart for every drawer.
    parts = np.floor(np.abs(step).max(axis=(0, 2))).astype(np.int64) + 1
    line = np.repeat(np.arange(len(parts)), parts + 1)
    first = np.cumsum(parts + 1) - (parts + 1)
    share = ((np.arange(len(line)) - first[line]) / parts[line])[:, None]
    points = np.floor((starts[:, line] + step[:, line] * share) * 64.0 + 0.5).astype(np.int64)
    pixels = np.clip((points + 32) >> 6, _MARGIN, SIDE - 1 - _MARGIN)
    spots = (owners[line] * SIDE + pixels[..., 1]) * SIDE + pixels[..., 0]
    images = np.zeros((count, len(pens), SIDE * SIDE), dtype=bool)
    for drawer, (long, short) in enumerate(pens):
        flat = np.zeros(count * SIDE * SIDE, dtype=bool)
        flat[spots[drawer]] = True
        across = widen(widen(flat, 1, long), SIDE, short)
        along = widen(widen(flat, 1, short), SIDE, long)
        images[:, drawer] = (across | along).reshape(count, -1)
    return np.packbits(images.reshape(count * len(pens), -1), axis=1)
