"""More characters and drawings for a training, made of those that it has, or made up.

Made once, before the first step, from the images that are trained on alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations

import numpy as np
import pandas as pd

from ...tasks import Dataset, Images, Progress, concatenate, load_glyphs, quiet
from ..errors import ModelError
from .batches import rng_of
from .recipe import Recipe
from .strokes import Strokes, strokes_of

GLYPHS_SEED = 1964
"""Seed of the made-up alphabets; that of the protocols `glyphs-...` is another."""

_PENS = (1.0, 1.5, 2.0, 2.3, 2.9)
"""Radii of the pens that redraw, in pixels."""

_PEN = 2.3
"""Radius of the pen of Omniglot, nearly: it draws the composed characters."""

_WANDER = (2.0, 4.0)
"""Least and greatest amount by which strokes are moved; see `Strokes.wandered`."""

_GAP = 8
"""Pixels between the strokes of two characters side by side, and around all strokes."""

_AT_ONCE = 256
"""Images whose strokes are looked for at once: few enough for a processor's cache."""

_BESIDE, _ABOVE, _OVER = "beside", "above", "over"


def enlarged(recipe: Recipe, seen: Dataset, seed: int, progress: Progress = quiet) -> Dataset:
    """Gives the images that a recipe trains on, with those that are made.

    Args:
        recipe: The recipe, of which `drawers`, `redrawn`, `composed` and `glyphs` are used.
        seen: The images, without held-out alphabets.
        seed: Seed of the training.
        progress: Shows the progress.

    Returns:
        The images of the first drawers; then redrawn ones, drawings of the same characters;
        then those of composed characters, in the same alphabets; then those of made-up
        alphabets.

    Raises:
        ModelError: The images are no characters of ink, or an alphabet has too few characters
            to compose so many.
    """
    drawn = seen.table.groupby(seen.character_codes).cumcount().to_numpy()
    if (drawn >= recipe.drawers).any():
        seen = seen.select(drawn < recipe.drawers, seen.name)
    asked = {name: getattr(recipe, name) for name in ("redrawn", "composed", "glyphs")}
    asked = {name: count for name, count in asked.items() if count}
    if not asked:
        return seen
    images, side = seen.images, Images.side
    if not isinstance(images, Images) or images.side != side:
        raise ModelError(
            f"recipe {recipe.name}: {' and '.join(asked)} need images of ink, {side} x {side} "
            f"pixels, such as those of folder:; set {' and '.join(asked)} to 0"
        )
    parts = [seen]
    if recipe.redrawn:
        parts.append(_redrawn(seen, images, recipe.redrawn, seed, progress))
    if recipe.composed:
        parts.append(_composed(seen, images, recipe.composed, seed, progress))
    if recipe.glyphs:
        parts.append(_made_up(recipe, progress))
    return concatenate(parts, seen.name)


def _chunks(images: Images, rows: np.ndarray, title: str, progress: Progress) -> Iterator[Strokes]:
    """Gives the strokes of images, some at a time."""
    advance = progress(len(rows), title)
    for start in range(0, len(rows), _AT_ONCE):
        chosen = rows[start : start + _AT_ONCE]
        yield strokes_of(images[chosen])
        advance(len(chosen))


def _redrawn(seen: Dataset, images: Images, count: int, seed: int, progress: Progress) -> Dataset:
    """Redraws each image some times, by a hand that errs and with a pen of another width."""
    found: list[list[np.ndarray]] = [[] for _ in range(count)]
    everything = np.arange(len(seen))
    for chunk, strokes in enumerate(_chunks(images, everything, "Redrawing", progress)):
        for number, parts in enumerate(found):
            rng = rng_of(seed, 7, number, chunk)
            wandered = strokes.wandered(rng, rng.uniform(*_WANDER, strokes.count))
            pens = np.array(_PENS)[rng.integers(len(_PENS), size=strokes.count)]
            parts.append(Images.of(wandered.drawn(pens)).bits)
    rows = [
        (alphabet, character, f"{drawer} redrawn {number}", f"{file} redrawn {number}")
        for number in range(1, count + 1)
        for alphabet, character, drawer, file in seen.table.astype(str).to_numpy()
    ]
    bits = np.concatenate([part for parts in found for part in parts])
    return Dataset.build("redrawn", Images(bits), rows)


def _composed(seen: Dataset, images: Images, count: int, seed: int, progress: Progress) -> Dataset:
    """Composes new characters of two characters of one alphabet, by the same drawers."""
    table = seen.table.astype(str).assign(row=np.arange(len(seen)))
    rows, sources, kinds = [], [], []
    for number, (alphabet, own) in enumerate(table.groupby("alphabet", sort=False)):
        drawings = {str(name): part for name, part in own.groupby("character", sort=False)}
        choice = [
            (kind, first, second)
            for first, second in permutations(drawings, 2)
            for kind in (_BESIDE, _ABOVE, _OVER)
            # One over the other is the same as the other over the one.
            if kind != _OVER or first < second
        ]
        if count > len(choice):
            raise ModelError(
                f"composed: {count} characters cannot be composed of the {len(drawings)} of "
                f"{alphabet}, at most {len(choice)}; lower composed"
            )
        rng = rng_of(seed, 8, number)
        for chosen in np.sort(rng.choice(len(choice), count, replace=False)):
            kind, first, second = choice[chosen]
            name = f"{first} {kind} {second}"
            for drawer, one, other in _by_same_drawer(drawings[first], drawings[second]):
                rows.append((alphabet, name, drawer, f"{alphabet}/{name}/{drawer}"))
                sources.append((one, other))
                kinds.append(kind)
    bits, pairs, kinds = [], np.array(sources), np.array(kinds)
    for start, strokes in enumerate(_chunks(images, pairs.ravel(), "Composing", progress)):
        # An even number of images at once, so that no pair is torn.
        which = slice(start * _AT_ONCE // 2, (start + 1) * _AT_ONCE // 2)
        joined = _joined(strokes, kinds[which])
        bits.append(Images.of(joined.drawn(np.full(joined.count, _PEN))).bits)
    return Dataset.build("composed", Images(np.concatenate(bits)), rows)


def _by_same_drawer(first: pd.DataFrame, second: pd.DataFrame) -> list[tuple[str, int, int]]:
    """Pairs the drawings of two characters: drawer, and the row of either drawing.

    Drawings are paired in their order where fewer than two are by a drawer of both.
    """
    one, other = (dict(zip(part["drawer"], part["row"], strict=True)) for part in (first, second))
    same = [(drawer, one[drawer], other[drawer]) for drawer in one if drawer in other]
    if len(same) >= 2:
        return same
    pairs = zip(first["row"], second["row"], strict=False)
    return [(f"{number:03}", *pair) for number, pair in enumerate(pairs, 1)]


def _joined(strokes: Strokes, kinds: np.ndarray) -> Strokes:
    """Joins every two drawings into one, squeezed so that both fit.

    Args:
        strokes: The strokes of 2 n drawings, those of a pair one after the other.
        kinds: str ndarray (n,), how the drawings of each pair lie.
    """
    room = strokes.side - 2 * _GAP
    low, high = strokes.extents()
    extent = np.maximum(high - low, 1)
    along = np.stack([kinds == _ABOVE, kinds == _BESIDE], axis=1)
    apart = np.repeat(along, 2, axis=0)
    scale = np.minimum(1, np.where(apart, (room - _GAP) / 2, room) / extent)
    pairs = (extent * scale).reshape(-1, 2, 2)
    # The middle of each drawing, from the middle of the image.
    middle = np.where(along[:, None], (pairs + _GAP)[:, ::-1] / 2, 0) * np.array([[-1], [1]])
    centre = (strokes.side - 1) / 2 + middle.reshape(-1, 2)
    places = strokes.places - ((low + high) / 2)[strokes.owners]
    places = places * scale[strokes.owners] + centre[strokes.owners]
    return Strokes(places, strokes.owners // 2, strokes.lines, len(kinds), strokes.side)


def _made_up(recipe: Recipe, progress: Progress) -> Dataset:
    """Gives made-up alphabets, under names that no other data have."""
    found = load_glyphs(progress, GLYPHS_SEED, recipe.glyphs)
    drawn = found.table.groupby(found.character_codes).cumcount().to_numpy()
    found = found.select(drawn < recipe.drawers, found.name)
    table = found.table.astype(str)
    table["alphabet"] += " (made up)"
    table["file"] = table["alphabet"] + "/" + table["character"] + "/" + table["drawer"]
    return Dataset.build("made up", found.images, table)
