"""Glyphs: a generator of handwritten alphabets in the manner of Omniglot.

The data set is drawn, not stored: from a seed come alphabets with stroke primitives and
proportions of their own, characters of a few pen strokes, and twenty drawers for each alphabet
(see `pen`). The structure is that of Lake, Salakhutdinov and Tenenbaum, "Human-level concept
learning through probabilistic program induction", Science 350 (2015), figure 3: primitives,
strokes, relations, motor noise, ink. Nothing is fitted: the primitives are a table and the amounts
of variation constants, chosen so that ink, extent and the accuracy of simple scorers are near
those of Omniglot.

The same seed gives the same bits on every platform. Random numbers come from PCG64 through
`random` and `integers` alone; floating-point work is elementwise and limited to operations that
IEEE 754 defines exactly (no functions of libm, no sums whose order a library may choose); and
points are rounded to 1/64 pixel before integers turn them into ink.

All points are (x, y), x to the right and y downwards, float64, in pixels unless said otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.random import PCG64, Generator

from ..errors import TaskError
from ..progress import Progress, quiet
from .pen import DRAWERS, Stroke, bell, draw, trace, widen

VERSION = 1
"""Version of the drawings: it changes whenever any pixel for any seed does."""

# Primitives: control points, each a digit for x and one for y, in eighths of a unit box. The
# first four of a line are plain; an alphabet warps, flips, turns and proportions its own.
_ANGULAR = (
    "00-08 08-50 00-08-68 00-38-60 00-60-08-68 08-00-60-68 00-40-48-88 00-60-68-08-00 30-78-08-30 "
    "40-74-48-04-40 08-00-62-04 08-20-48-60-88 60-00-04-54-58-08 00-60-68-28-24"
)
_CURVED = (
    "00-24-08 61-30-04-38-67 00-06-38-66-60 40-46-28-06 61-20-02-34-56-38-07 30-02-16-48-66-62-30 "
    "00-05-08-38-56-34-05 08-25-52-30-12-35-68 08-02-20-32-37-32-50-62-68 04-20-44-68-83 "
    "44-55-46-24-32-72-76-48 01-30-52-24-56-38-07 02-20-52-44-25-28 50-22-06-28-56-34-06 "
    "34-12-30-62-34-06-38-66-34"
)
_RING = "30-02-16-48-66-62-30"

# No sequence of these spells the name of an alphabet of Omniglot.
_SYLLABLES = (
    "ta vi ka lo ren su mor e dha qi bel no zu hal wen o shi tor ya mek lu fa sen go ix ru pel dan"
)


@dataclass(frozen=True)
class _Style:
    """What the characters of an alphabet have in common.

    Attributes:
        primitives: control points in a unit box, and whether each is smooth; frequent ones first.
        box: ndarray (2,), width and height that a stroke of size 1 fills.
        sizes: three sizes of strokes, large to small, as fractions of `box`.
        strokes: integer weights of 1, 2, 3 and 4 strokes in a character.
        relations: integer weights of independent, at the start, at the end, along.
        repeat: probability that a stroke repeats the one before, perhaps mirrored.
        kinship: probability that a character begins like another one.
        ornament: "none", "headline", "baseline", "stem", "dots" or "rings".
        ornament_rate: probability that a character has it.
    """

    primitives: tuple[tuple[np.ndarray, bool], ...]
    box: np.ndarray
    sizes: tuple[float, float, float]
    strokes: tuple[int, ...]
    relations: tuple[int, ...]
    repeat: float
    kinship: float
    ornament: str
    ornament_rate: float


def generate(
    seed: int = 0, alphabets: int = 50, progress: Progress = quiet
) -> tuple[np.ndarray, list[tuple[str, str, str]]]:
    """Draws alphabets, with twenty drawers for each character.

    An alphabet depends on the seed, its index and the names before it, so a smaller set is always
    the beginning of a larger one. It has 14 to 55 characters, from the thirty-first on at least 20,
    as in Omniglot's evaluation set: each can hold a 20-way episode.

    Args:
        seed: not negative.
        alphabets: number of alphabets, at least 1.
        progress: shows how many alphabets are drawn.

    Returns:
        The bits, uint8 ndarray (n, 1379): each image's 105 x 105 pixels row by row, ink = 1,
        packed with `numpy.packbits`. And for each image its alphabet, character and drawer,
        such as ("Tavika", "character01", "01"), ordered by alphabet as generated, character,
        drawer.

    Raises:
        TaskError: if the seed is negative, or there is no alphabet to draw.
    """
    if seed < 0:
        raise TaskError(f"the seed of glyphs must be 0 or more, got {seed}; 0 is the usual one")
    if alphabets < 1:
        raise TaskError(f"glyphs need at least 1 alphabet, got {alphabets}; 50 is the usual number")
    names: list[str] = []
    bits: list[np.ndarray] = []
    rows: list[tuple[str, str, str]] = []
    advance = progress(alphabets, "Drawing glyphs")
    for index in range(alphabets):
        design, motor = (Generator(PCG64((seed, index, part))) for part in (0, 1))
        names.append(_name(design, names))
        characters = _design(design, fewest=14 if index < 30 else 20)
        bits.append(draw(motor, characters))
        rows += [
            (names[-1], f"character{character:02d}", f"{drawer:02d}")
            for character in range(1, len(characters) + 1)
            for drawer in range(1, DRAWERS + 1)
        ]
        advance(1)
    return np.concatenate(bits), rows


def _pick(rng: Generator, weights: tuple[int, ...]) -> int:
    """Draws an index in proportion to integer weights."""
    left = int(rng.integers(sum(weights)))
    index = 0
    while left >= weights[index]:
        left -= weights[index]
        index += 1
    return index


def _between(rng: Generator, low: float, high: float) -> float:
    """Draws a uniform number from low to high."""
    return low + (high - low) * float(rng.random())


def _name(rng: Generator, taken: list[str]) -> str:
    """Invents a name of letters and at most one underscore, not among those taken."""
    syllables = _SYLLABLES.split()
    while True:
        count = 2 + _pick(rng, (5, 4, 1))
        parts = [syllables[int(rng.integers(len(syllables)))] for _ in range(count)]
        words = ("".join(parts[:2]), "".join(parts[2:])) if count == 4 else ("".join(parts),)
        name = "_".join(word.capitalize() for word in words)
        if len(name) >= 4 and name not in taken:
            return name


def _unit(word: str) -> np.ndarray:
    """Gives the control points of a primitive in a unit box, ndarray (controls, 2)."""
    return np.array([(int(pair[0]), int(pair[1])) for pair in word.split("-")]) / 8.0


def _style(rng: Generator) -> _Style:
    """Draws the style of one alphabet."""
    curved = (0.06, 0.5, 0.94)[_pick(rng, (3, 3, 5))]
    primitives: list[tuple[np.ndarray, bool]] = []
    for number in range(4 + int(rng.integers(4))):
        smooth = bool(rng.random() < curved)
        table = (_CURVED if smooth else _ANGULAR).split()
        points = _unit(table[int(rng.integers(len(table) if number > 1 else 4))])
        if smooth and len(points) < 6 and rng.random() < 0.3:
            # A cursive primitive: a second shape goes on where the first one ends.
            more = _unit(table[int(rng.integers(4))]) * 0.6
            points = np.concatenate((points, more[1:] - more[0] + points[-1]))
        points = points + (0.045 if smooth else 0.03) * bell(rng, len(points), 2)
        points = np.where(rng.random(2) < 0.5, -points, points)
        points = points[:, ::-1] if rng.random() < 0.3 else points
        points = points - points.min(axis=0)
        primitives.append((points / max(1.0, float(points.max())), smooth))
    ornaments = ("none", "headline", "baseline", "stem", "dots", "rings")
    ornament = ornaments[_pick(rng, (12, 2, 1, 2, 3, 1))]
    return _Style(
        primitives=tuple(primitives),
        box=np.array((_between(rng, 40, 78), _between(rng, 38, 76))),
        sizes=(_between(rng, 0.85, 1.0), _between(rng, 0.5, 0.72), _between(rng, 0.3, 0.45)),
        strokes=((5, 5, 1, 0), (3, 5, 2, 0), (2, 5, 3, 1), (1, 4, 4, 1))[int(rng.integers(4))],
        relations=((2, 2, 2, 4), (1, 2, 4, 3), (4, 1, 1, 4))[int(rng.integers(3))],
        repeat=(0.05, 0.15, 0.4)[_pick(rng, (4, 4, 1))],
        kinship=_between(rng, 0.2, 0.7),
        ornament=ornament,
        ornament_rate=_between(rng, 0.3, 0.6) * (1.0 if ornament == "dots" else 1.7),
    )


def _design(rng: Generator, fewest: int) -> list[tuple[Stroke, ...]]:
    """Invents the characters of one alphabet, each visibly different from the others."""
    style = _style(rng)
    spread = float(rng.random()) * _between(rng, 0.75, 1.0)
    count = max(fewest, 14 + int(42 * spread))
    characters: list[tuple[Stroke, ...]] = []
    seen: list[tuple[np.ndarray, np.ndarray]] = []
    attempts = 0
    while len(characters) < count:
        related = bool(characters) and rng.random() < style.kinship
        kin = characters[int(rng.integers(len(characters)))] if related else ()
        character = _invent(rng, style, kin)
        paths = trace(character)
        marks, halo = _marks(paths, _extent(paths))
        # What counts as alike narrows in the end, so that a poor style still fills its alphabet.
        attempts += 1
        alike = 0.88 + 0.0005 * max(0, attempts - 3 * count)
        if all(
            np.count_nonzero(other_halo[marks]) <= alike * len(marks)
            or np.count_nonzero(halo[other]) <= alike * len(other)
            for other, other_halo in seen
        ):
            characters.append(character)
            seen.append((marks, halo))
    return characters


def _invent(rng: Generator, style: _Style, kin: Sequence[Stroke] = ()) -> tuple[Stroke, ...]:
    """Composes one character of strokes that mostly lie beside, not upon, each other.

    Args:
        rng: source of choices.
        style: of the alphabet.
        kin: strokes of another character, to share the first of them, as P and R do.
    """
    ornamented = style.ornament != "none" and rng.random() < style.ornament_rate
    strokes: list[Stroke] = []
    goal = 1 + _pick(rng, style.strokes)
    if kin:
        # Relations look back, so that the first strokes of a character are one in themselves.
        strokes += kin[: 1 + int(rng.integers(max(1, len(kin) - 1)))]
        goal = len(strokes) + 1
    elif ornamented and style.ornament == "stem":
        strokes.append(Stroke(_unit("00-08") * style.box, False))
        goal += 1
    kind, size = 0, 0
    for _ in range(12 * goal):
        if len(strokes) == goal:
            break
        again = bool(strokes) and rng.random() < style.repeat
        if not again:
            kind = min(rng.integers(len(style.primitives), size=2).tolist())
            size = _pick(rng, (2, 4, 3) if strokes else (5, 4, 0))
        points, smooth = style.primitives[kind]
        points = points * (style.box * style.sizes[size])
        if strokes and len(points) > 2 and points.max() < 5.0 * len(points) + 5.0:
            continue  # too small for its pen
        if again and rng.random() < 0.5:
            points = points * (-1.0, 1.0)
        if not strokes:
            strokes.append(Stroke(points, smooth))
            continue
        relation = 0 if again else _pick(rng, style.relations)
        candidate = _related(rng, strokes, points, smooth, relation)
        if _fits([*strokes, candidate], style.box):
            strokes.append(candidate)
    low, high = _extent(trace(strokes))
    # Letters of an alphabet are of nearly one size, however many strokes they have.
    fill = _between(rng, 0.85, 1.1) / float(((high - low) / style.box).max())
    fill = min(max(fill, 0.7), 1.5)
    strokes = [
        replace(stroke, points=stroke.points * fill, offset=stroke.offset * fill)
        for stroke in strokes
    ]
    return (*strokes, *(_ornaments(rng, strokes, style) if ornamented else ()))


def _ornaments(rng: Generator, strokes: Sequence[Stroke], style: _Style) -> list[Stroke]:
    """Gives the strokes of an alphabet's ornament for a character that is otherwise complete."""
    paths = trace(strokes)
    low, high = _extent(paths)
    start, middle, width = paths[0][0, 0], (low + high) / 2, float(style.box[0])
    if style.ornament in ("headline", "baseline"):
        line = _unit("00-80") * (high[0] - low[0] + 0.15 * width)
        row = low[1] if style.ornament == "headline" else high[1]
        corner = np.array((low[0] - 0.075 * width, row))
        return [Stroke(line, False, offset=corner - start, loose=1.5)]
    if style.ornament == "rings":
        ring = _unit(_RING) * (0.2 * width)
        return [Stroke(ring, True, at=at, loose=0.8) for at in (0, -1)]
    if style.ornament == "dots":
        row = (low[1] - 10.0, high[1] + 10.0, middle[1])[int(rng.integers(3))]
        spots = [
            np.array((middle[0] + 11.0 * step, row)) for step in range(1 + _pick(rng, (4, 3, 1)))
        ]
        dot = _unit("00-11") * 6.4
        return [Stroke(dot, False, offset=spot - start, loose=2.5) for spot in spots]
    return []


def _related(
    rng: Generator, strokes: Sequence[Stroke], points: np.ndarray, smooth: bool, relation: int
) -> Stroke:
    """Relates a new stroke to earlier ones: 0 independent, 1 at a start, 2 at an end, 3 along."""
    if relation:
        parent = int(rng.integers(len(strokes)))
        along = strokes[parent].knots * (1 + int(rng.integers(3))) // 4
        at = (0, -1, along)[relation - 1]
        own = (0, -1, Stroke(points, smooth).knots // 2)[_pick(rng, (5, 2, 2))]
        return Stroke(points, smooth, parent, at, own)
    paths = trace(strokes)
    low, high = _extent(paths)
    least, extent = points.min(axis=0), points.max(axis=0) - points.min(axis=0)
    # Beside, below, above or within what is there, always about the same middle.
    direction = np.array(((1, 0), (0, 1), (0, -1), (0, 0)))[_pick(rng, (5, 2, 2, 3))]
    middle = (low + high) / 2 + direction * ((high - low + extent) / 2 + _between(rng, 7.0, 13.0))
    offset = middle - extent / 2 + (points[0] - least) - paths[0][0, 0]
    return Stroke(points, smooth, offset=offset, loose=2.2)


def _fits(strokes: Sequence[Stroke], box: np.ndarray) -> bool:
    """Tells whether the last stroke stays in the box and does not run over the others."""
    paths = trace(strokes)
    low, high = _extent(paths)
    if np.any(high - low > np.minimum(box * 1.2, 84.0)):
        return False
    marks, _ = _marks(paths[-1:], (low, high))
    _, halo = _marks(paths[:-1], (low, high))
    return int(np.count_nonzero(halo[marks])) <= 0.16 * len(marks) + 2


def _extent(paths: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Gives the least and greatest (x, y) of the first drawing, ndarrays (2,)."""
    points = np.concatenate(paths, axis=1)[0]
    return points.min(axis=0), points.max(axis=0)


def _marks(
    paths: list[np.ndarray], extent: tuple[np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Cells of 4 px, of a grid about the middle of an extent, that some of the paths pass.

    Args:
        paths: ndarrays (drawings, knots, 2), of which the first drawing counts.
        extent: least and greatest (x, y), ndarrays (2,).

    Returns:
        int64 ndarray of the cells' indices, each once; and a bool ndarray (4096,), true at and
        around them.
    """
    middle = (extent[0] + extent[1]) / 2
    pieces = [path[0] - middle for path in paths]
    points = np.concatenate((*pieces, *((piece[1:] + piece[:-1]) / 2 for piece in pieces)))
    cells = np.clip(np.floor(points / 4.0).astype(np.int64) + 32, 1, 62)
    grid = np.zeros(64 * 64, dtype=bool)
    grid[cells[:, 1] * 64 + cells[:, 0]] = True
    return np.flatnonzero(grid), widen(widen(grid, 1, 3), 64, 3)
