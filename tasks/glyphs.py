"""Glyphs: a generator of handwritten alphabets in the manner of Omniglot.

The data set is drawn, not stored: from a seed come alphabets with stroke primitives and
proportions of their own, characters of a few pen strokes, and twenty drawers for each alphabet,
each with a slant, a size, a pen and a tremor. The structure is that of Lake, Salakhutdinov and
Tenenbaum, "Human-level concept learning through probabilistic program induction", Science 350
(2015), figure 3: primitives, strokes, relations, motor noise, ink. Nothing is fitted: the
primitives are a table and the amounts of variation constants, chosen so that ink, extent and the
accuracy of simple scorers are near those of Omniglot.

The same seed gives the same bits on every platform. Random numbers come from PCG64 through
`random` and `integers` alone; floating-point work is elementwise and limited to operations that
IEEE 754 defines exactly (no functions of libm, no sums whose order a library may choose); and
points are rounded to 1/64 pixel before integers turn them into ink.

All points are (x, y), x to the right and y downwards, float64, in pixels unless said otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from .errors import TaskError

VERSION = 1
"""Version of the drawings: it changes whenever any pixel for any seed does."""

_SIDE = 105
_DRAWERS = 20
_MARGIN = 4  # px that no pen centre enters, so that the widest pen never crosses an edge

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

# Pens: a brush of one by the other side in px, joined with its transpose; and integer weights.
# Omniglot's is the first.
_PENS = ((5, 3), (4, 4), (5, 5), (6, 4))
_PEN_WEIGHTS = (15, 2, 2, 1)


_Random = np.random.Generator
_Pair = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class _Stroke:
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
    offset: np.ndarray | tuple[float, float] = (0.0, 0.0)
    loose: float = 1.8


_Strokes = Sequence[_Stroke]


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
    seed: int = 0, alphabets: int = 50, progress: Callable[[int], None] | None = None
) -> tuple[np.ndarray, list[tuple[str, str, str]]]:
    """Draw alphabets, twenty drawers for each character.

    An alphabet depends on the seed and its index alone (its name also on the names before it),
    so a smaller set is always the beginning of a larger one. It has 14 to 55 characters, from the
    thirty-first on at least 20, as in Omniglot's evaluation set: each can hold a 20-way episode.

    Args:
        seed: not negative.
        alphabets: how many, at least 1.
        progress: called with the number of alphabets done, after each.

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
    for index in range(alphabets):
        design, motor = (
            np.random.Generator(np.random.PCG64(np.random.SeedSequence((seed, index, part))))
            for part in (0, 1)
        )
        names.append(_name(design, names))
        characters = _design(design, fewest=14 if index < 30 else 20)
        bits.append(_draw(motor, characters))
        rows += [
            (names[-1], f"character{character:02d}", f"{drawer:02d}")
            for character in range(1, len(characters) + 1)
            for drawer in range(1, _DRAWERS + 1)
        ]
        if progress is not None:
            progress(index + 1)
    return np.concatenate(bits), rows


def _bell(rng: _Random, *shape: int) -> np.ndarray:
    """Nearly normal numbers of the given shape: mean 0, deviation 1, none beyond 3.5.

    They are sums of four uniform numbers, because NumPy's normal ones go through logarithms,
    which differ between platforms.
    """
    u = rng.random((4, *shape))
    return ((u[0] + u[1]) + (u[2] + u[3]) - 2.0) * 1.7320508075688772


def _pick(rng: _Random, weights: tuple[int, ...]) -> int:
    """An index, drawn in proportion to integer weights."""
    left = int(rng.integers(sum(weights)))
    index = 0
    while left >= weights[index]:
        left -= weights[index]
        index += 1
    return index


def _between(rng: _Random, low: float, high: float) -> float:
    """A uniform number from low to high."""
    return low + (high - low) * float(rng.random())


def _name(rng: _Random, taken: list[str]) -> str:
    """An invented name of letters and at most one underscore, not among those taken."""
    syllables = _SYLLABLES.split()
    while True:
        count = 2 + _pick(rng, (5, 4, 1))
        parts = [syllables[int(rng.integers(len(syllables)))] for _ in range(count)]
        words = ("".join(parts[:2]), "".join(parts[2:])) if count == 4 else ("".join(parts),)
        name = "_".join(word.capitalize() for word in words)
        if len(name) >= 4 and name not in taken:
            return name


def _unit(word: str) -> np.ndarray:
    """Control points of a primitive of the tables, ndarray (controls, 2), in a unit box."""
    return np.array([(int(pair[0]), int(pair[1])) for pair in word.split("-")]) / 8.0


def _style(rng: _Random) -> _Style:
    """Draw the style of one alphabet."""
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
        points = points + (0.045 if smooth else 0.03) * _bell(rng, len(points), 2)
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


def _design(rng: _Random, fewest: int) -> list[tuple[_Stroke, ...]]:
    """Invent the characters of one alphabet, each visibly different from the others."""
    style = _style(rng)
    spread = float(rng.random()) * _between(rng, 0.75, 1.0)
    count = max(fewest, 14 + int(42 * spread))
    characters: list[tuple[_Stroke, ...]] = []
    seen: list[_Pair] = []
    attempts = 0
    while len(characters) < count:
        related = bool(characters) and rng.random() < style.kinship
        kin = characters[int(rng.integers(len(characters)))] if related else ()
        character = _invent(rng, style, kin)
        marks, halo = _marks(_trace(character))
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


def _invent(rng: _Random, style: _Style, kin: _Strokes = ()) -> tuple[_Stroke, ...]:
    """Compose one character: strokes that mostly lie beside, not upon, each other.

    Args:
        rng: source of choices.
        style: of the alphabet.
        kin: strokes of another character, to share the first of them, as P and R do.
    """
    ornamented = style.ornament != "none" and rng.random() < style.ornament_rate
    strokes: list[_Stroke] = []
    goal = 1 + _pick(rng, style.strokes)
    if kin:
        # Relations look back, so that the first strokes of a character are one in themselves.
        strokes += kin[: 1 + int(rng.integers(max(1, len(kin) - 1)))]
        goal = len(strokes) + 1
    elif ornamented and style.ornament == "stem":
        strokes.append(_Stroke(_unit("00-08") * style.box, False))
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
            strokes.append(_Stroke(points, smooth))
            continue
        relation = 0 if again else _pick(rng, style.relations)
        candidate = _related(rng, strokes, points, smooth, relation)
        if _fits([*strokes, candidate], style.box):
            strokes.append(candidate)
    low, high = _extent(_trace(strokes))
    # Letters of an alphabet are of nearly one size, however many strokes they have.
    fill = _between(rng, 0.85, 1.1) / float(((high - low) / style.box).max())
    fill = min(max(fill, 0.7), 1.5)
    strokes = [
        replace(stroke, points=stroke.points * fill, offset=np.asarray(stroke.offset) * fill)
        for stroke in strokes
    ]
    return (*strokes, *(_ornaments(rng, strokes, style) if ornamented else ()))


def _ornaments(rng: _Random, strokes: _Strokes, style: _Style) -> list[_Stroke]:
    """The strokes of an alphabet's ornament for a character that is otherwise complete."""
    paths = _trace(strokes)
    low, high = _extent(paths)
    start, middle, width = paths[0][0, 0], (low + high) / 2, float(style.box[0])
    if style.ornament in ("headline", "baseline"):
        line = _unit("00-80") * (high[0] - low[0] + 0.15 * width)
        row = low[1] if style.ornament == "headline" else high[1]
        corner = np.array((low[0] - 0.075 * width, row))
        return [_Stroke(line, False, offset=corner - start, loose=1.5)]
    if style.ornament == "rings":
        ring = _unit(_RING) * (0.2 * width)
        return [_Stroke(ring, True, at=at, loose=0.8) for at in (0, -1)]
    if style.ornament == "dots":
        row = (low[1] - 10.0, high[1] + 10.0, middle[1])[int(rng.integers(3))]
        spots = [
            np.array((middle[0] + 11.0 * step, row)) for step in range(1 + _pick(rng, (4, 3, 1)))
        ]
        dot = _unit("00-11") * 6.4
        return [_Stroke(dot, False, offset=spot - start, loose=2.5) for spot in spots]
    return []


def _related(
    rng: _Random, strokes: _Strokes, points: np.ndarray, smooth: bool, relation: int
) -> _Stroke:
    """Relate a new stroke to an earlier one: independent, at its start, at its end, along it."""
    paths = _trace(strokes)
    if relation:
        parent = int(rng.integers(len(strokes)))
        there, knots = paths[parent].shape[1], len(_basis(len(points), smooth)[0])
        at = (0, there - 1, there * (1 + int(rng.integers(3))) // 4)[relation - 1]
        own = (0, knots - 1, knots // 2)[_pick(rng, (5, 2, 2))]
        return _Stroke(points, smooth, parent, at, own)
    low, high = _extent(paths)
    least, extent = points.min(axis=0), points.max(axis=0) - points.min(axis=0)
    # Beside, below, above or within what is there, always about the same middle.
    direction = np.array(((1, 0), (0, 1), (0, -1), (0, 0)))[_pick(rng, (5, 2, 2, 3))]
    middle = (low + high) / 2 + direction * ((high - low + extent) / 2 + _between(rng, 7.0, 13.0))
    offset = middle - extent / 2 + (points[0] - least) - paths[0][0, 0]
    return _Stroke(points, smooth, offset=offset, loose=2.2)


def _fits(strokes: _Strokes, box: np.ndarray) -> bool:
    """Whether the last stroke keeps to the box and does not run over the others."""
    paths = _trace(strokes)
    low, high = _extent(paths)
    if np.any(high - low > np.minimum(box * 1.2, 84.0)):
        return False
    marks = _marks(paths, slice(-1, None))[0]
    halo = _marks(paths, slice(-1))[1]
    return int(np.count_nonzero(halo[marks])) <= 0.16 * len(marks) + 2


def _extent(paths: list[np.ndarray]) -> _Pair:
    """Least and greatest (x, y) of the first drawing, ndarrays (2,)."""
    points = np.concatenate(paths, axis=1)[0]
    return points.min(axis=0), points.max(axis=0)


def _marks(paths: list[np.ndarray], which: slice = slice(None)) -> _Pair:
    """Cells of 4 px, of a grid about the middle of the paths, that some of them pass.

    Args:
        paths: ndarrays (drawings, knots, 2), of which the first drawing counts.
        which: the paths to mark.

    Returns:
        int64 ndarray of the cells' indices, each once; and a bool ndarray (4096,), true at and
        around them.
    """
    low, high = _extent(paths)
    pieces = [path[0] - (low + high) / 2 for path in paths[which]]
    points = np.concatenate((*pieces, *((piece[1:] + piece[:-1]) / 2 for piece in pieces)))
    cells = np.clip(np.floor(points / 4.0).astype(np.int64) + 32, 1, 62)
    grid = np.zeros(64 * 64, dtype=bool)
    grid[cells[:, 1] * 64 + cells[:, 0]] = True
    return np.flatnonzero(grid), _widen(_widen(grid, 1, 3), 64, 3)


@cache
def _basis(controls: int, smooth: bool) -> _Pair:
    """How the knots of a path follow from its control points.

    They lie on straight lines, or on a uniform Catmull-Rom spline with doubled ends.

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


def _vary(stroke: _Stroke, rng: _Random, care: np.ndarray) -> _Pair:
    """Control points (drawings, controls, 2) and offsets (drawings, 2) as hands aim at them."""
    legs = stroke.points[1:] - stroke.points[:-1]
    lengths = np.sort(np.sqrt(legs[:, 0] * legs[:, 0] + legs[:, 1] * legs[:, 1]))
    # The hand errs in proportion to how far it moves, and always a little.
    wander = min(0.8 + 0.085 * float(lengths[len(lengths) // 2]), 3.3)
    amount = care[:, None, None]
    points = stroke.points * (1.0 + 0.09 * amount * _bell(rng, len(care), 1, 2))
    points = points + wander * amount * _bell(rng, len(care), len(stroke.points), 2)
    return points, stroke.offset + stroke.loose * care[:, None] * _bell(rng, len(care), 2)


def _trace(
    strokes: _Strokes, rng: _Random | None = None, care: np.ndarray | None = None
) -> list[np.ndarray]:
    """Follow the strokes of a character, each placed by its relation to an earlier one.

    Args:
        strokes: those of the character.
        rng: source of variation; without it there is one drawing, the ideal one.
        care: float64 ndarray (drawings,), each drawing's amount of variation; 1 is usual.

    Returns:
        For each stroke the knots of its path, ndarray (drawings, knots, 2).
    """
    paths: list[np.ndarray] = []
    for stroke in strokes:
        points, offset = stroke.points[None], np.asarray(stroke.offset)[None]
        if rng is not None and care is not None:
            points, offset = _vary(stroke, rng, care)
        which, weights = _basis(len(stroke.points), stroke.smooth)
        terms = [points[:, which[:, term]] * weights[:, term] for term in range(4)]
        path = (terms[0] + terms[1]) + (terms[2] + terms[3])
        if paths:
            shift = paths[stroke.parent][:, stroke.at] + offset - path[:, stroke.own]
            path = path + shift[:, None]
        paths.append(path)
    return paths


def _draw(rng: _Random, characters: list[tuple[_Stroke, ...]]) -> np.ndarray:
    """Let twenty drawers draw every character.

    Returns:
        uint8 ndarray (characters * 20, 1379), packed bits ordered by character, then drawer.
    """
    slant = 0.07 * _bell(rng, _DRAWERS, 1)
    size = 1.0 + 0.075 * _bell(rng, _DRAWERS, 1, 2)
    habit = 2.9 * _bell(rng, _DRAWERS, 1, 2)
    tremor = 0.2 + 0.5 * rng.random((_DRAWERS, 1, 1))
    carelessness = 0.77 + 0.68 * rng.random(_DRAWERS)
    pens = [_PENS[_pick(rng, _PEN_WEIGHTS)] for _ in range(_DRAWERS)]
    starts: list[np.ndarray] = []
    ends: list[np.ndarray] = []
    owners: list[np.ndarray] = []
    for number, character in enumerate(characters):
        hasty = 1.0 + (rng.random(_DRAWERS) < 0.08)
        paths = _trace(character, rng, carelessness * (0.6 + 0.8 * rng.random(_DRAWERS)) * hasty)
        knots = np.concatenate(paths, axis=1)
        x, y = knots[..., 0], knots[..., 1]
        x = x - (slant + 0.04 * _bell(rng, _DRAWERS, 1)) * y
        # A rotation in rational numbers: t is the tangent of half its angle.
        t = 0.022 * _bell(rng, _DRAWERS, 1)
        cosine, sine = (1.0 - t * t) / (1.0 + t * t), 2.0 * t / (1.0 + t * t)
        knots = np.stack((cosine * x - sine * y, sine * x + cosine * y), axis=2)
        knots = knots * (size * (1.0 + 0.075 * _bell(rng, _DRAWERS, 1, 2)))
        knots = knots + tremor * _bell(rng, *knots.shape)
        knots = _place(knots, habit + 4.8 * _bell(rng, _DRAWERS, 1, 2) + 1.5 * _bell(rng, 2))
        # The pen is up between the last knot of a stroke and the first of the next.
        down = np.ones(knots.shape[1], dtype=bool)
        down[np.cumsum([path.shape[1] for path in paths]) - 1] = False
        lines = np.flatnonzero(down)
        starts.append(knots[:, lines])
        ends.append(knots[:, lines + 1])
        owners.append(np.full(len(lines), number))
    return _ink(
        np.concatenate(starts, axis=1), np.concatenate(ends, axis=1), np.concatenate(owners), pens
    )


def _place(knots: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """Put drawings, ndarray (drawers, knots, 2), off the middle of the image but inside it."""
    low, high = knots.min(axis=1, keepdims=True), knots.max(axis=1, keepdims=True)
    shrink = np.minimum(1.0, (_SIDE - 1.0 - 2.0 * _MARGIN) / np.maximum(high - low, 1.0))
    half = (high - low) * shrink / 2
    centre = np.array((50.4, 50.0)) + offset
    centre = np.minimum(np.maximum(centre, _MARGIN + half), _SIDE - 1.0 - _MARGIN - half)
    return (knots - (low + high) / 2) * shrink + centre


def _ink(
    starts: np.ndarray, ends: np.ndarray, owners: np.ndarray, pens: list[tuple[int, int]]
) -> np.ndarray:
    """Draw straight lines with each drawer's pen.

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
    # Enough points on a line that neighbours are at most a pixel apart for every drawer.
    parts = np.floor(np.abs(step).max(axis=(0, 2))).astype(np.int64) + 1
    line = np.repeat(np.arange(len(parts)), parts + 1)
    first = np.repeat(np.cumsum(parts + 1) - (parts + 1), parts + 1)
    share = ((np.arange(len(line)) - first) / parts[line])[:, None]
    points = np.floor((starts[:, line] + step[:, line] * share) * 64.0 + 0.5).astype(np.int64)
    pixels = np.clip((points + 32) >> 6, _MARGIN, _SIDE - 1 - _MARGIN)
    spots = (owners[line] * _SIDE + pixels[..., 1]) * _SIDE + pixels[..., 0]
    images = np.zeros((count, len(pens), _SIDE * _SIDE), dtype=bool)
    for drawer, (long, short) in enumerate(pens):
        flat = np.zeros(count * _SIDE * _SIDE, dtype=bool)
        flat[spots[drawer]] = True
        across = _widen(_widen(flat, 1, long), _SIDE, short)
        along = _widen(_widen(flat, 1, short), _SIDE, long)
        images[:, drawer] = (across | along).reshape(count, -1)
    return np.packbits(images.reshape(count * len(pens), -1), axis=1)


def _widen(flat: np.ndarray, stride: int, width: int) -> np.ndarray:
    """Spread what is true in flattened grids to `width` cells along the axis of a stride.

    Nothing crosses an edge, because callers keep a margin empty.
    """
    wide = flat.copy()
    for step in range(stride, (width // 2 + 1) * stride, stride):
        wide[step:] |= flat[:-step]
    for step in range(stride, ((width + 1) // 2) * stride, stride):
        wide[:-step] |= flat[step:]
    return wide
