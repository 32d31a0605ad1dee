"""Worlds of which coverage is simulated: data, scorers and episodes, drawn anew each time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special
from wayshot.results import judge
from wayshot.tasks import BLOCK, Dataset, Episodes, Images, Sampler, parse

LAKE = (20, 26, 26, 26, 26, 26, 45, 45, 41, 26, 47, 40, 30, 45, 46, 28, 23, 25, 42, 26)
"""Characters of the alphabets of Lake's evaluation set."""

VINYALS = (4, 41, 26, 47, 40, 30, 45, 46, 28, 23, 25, 42, 26)
"""Those of the test part of the Vinyals split."""

DRAWERS = 20
MOST = 10_000
"""The largest number of episodes."""

DIMENSIONS = 12
FAR_APART = 0.55


def dataset(sizes: tuple[int, ...], drawers: int = DRAWERS) -> Dataset:
    """A data set of the right structure, without pixels."""
    rows = [
        (f"alphabet{a:02}", f"character{c:02}", f"{d:02}", f"{a}/{c}/{d}")
        for a, size in enumerate(sizes)
        for c in range(size)
        for d in range(drawers)
    ]
    return Dataset.build("simulated", Images(np.zeros((len(rows), 1), np.uint8), 2), rows)


@dataclass(frozen=True)
class Names:
    """Alphabet and character of each image."""

    alphabet: np.ndarray
    character: np.ndarray
    alphabet_of_character: np.ndarray


Scores = Callable[[Episodes], np.ndarray]
World = Callable[[np.random.Generator, Names], Scores]


def scattered(
    noise: float,
    rng: np.random.Generator,
    names: Names,
    of_alphabets: np.random.Generator | None = None,
) -> np.ndarray:
    """Characters are points around their alphabet's, images around their character's.

    Alphabets differ in how close their characters lie, characters in how
    alike their images are. Alphabets are drawn by a generator of their own if
    there is one. The places of images, float32 ndarray (images, dimensions).
    """
    first = of_alphabets or rng
    alphabets, characters = names.alphabet.max() + 1, names.character.max() + 1
    closeness = np.exp(0.25 * first.standard_normal(alphabets))[names.alphabet_of_character]
    middle = first.standard_normal((alphabets, DIMENSIONS))[names.alphabet_of_character]
    if of_alphabets:
        # Only then are scorers that miss the first or the last dimension equally good.
        middle[:, -1] = middle[:, 0]
    middle += closeness[:, None] * rng.standard_normal((characters, DIMENSIONS))
    spread = noise * np.exp(0.3 * rng.standard_normal(characters))
    images = middle[names.character] + spread[names.character, None] * rng.standard_normal(
        (len(names.character), DIMENSIONS)
    )
    return images.astype(np.float32)


def nearest(images: np.ndarray) -> Scores:
    """Minus squared distances, up to what all classes of a query share."""

    def scores(episodes: Episodes) -> np.ndarray:
        support, query = images[episodes.support[..., 0]], images[episodes.query]
        lengths = np.square(support).sum(axis=-1)[:, None]
        return 2 * query @ support.transpose(0, 2, 1) - lengths

    return scores


def places(noise: float) -> World:
    """Most errors are confusions within alphabets, of few pairs."""
    return lambda rng, names: nearest(scattered(noise, rng, names))


def _gumbel(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Draws from the standard Gumbel distribution, several times as fast as NumPy; float32."""
    drawn = rng.standard_exponential(shape, np.float32)
    # Of so many, some are exactly 0.
    np.maximum(drawn, np.finfo(np.float32).tiny, out=drawn)
    return -np.log(drawn, out=drawn)


def odds(ease: float, heavy: bool = False) -> World:
    """Effects of alphabet, character and image add up to how well the truth stands out.

    So does how tempting a distractor's alphabet and character are; the rest is
    drawn anew in each trial. With heavy tails a few alphabets are much harder.
    """

    def world(rng: np.random.Generator, names: Names) -> Scores:
        alphabets, characters = names.alphabet.max() + 1, names.character.max() + 1
        of_alphabet = rng.standard_t(3, alphabets) if heavy else rng.standard_normal(alphabets)
        clear = 0.6 * of_alphabet[names.alphabet_of_character]
        clear += 0.6 * rng.standard_normal(characters)
        image = ease + clear[names.character] + 0.6 * rng.standard_normal(len(names.character))
        tempting = 0.4 * rng.standard_normal(alphabets)[names.alphabet_of_character]
        tempting += 0.4 * rng.standard_normal(characters)

        def scores(episodes: Episodes) -> np.ndarray:
            support = names.character[episodes.support[..., 0]]
            found = _gumbel(rng, (*support.shape, support.shape[1]))
            found += tempting[support][:, None]
            row, column = np.indices(episodes.query.shape)
            found[row, column, episodes.target] = image[episodes.query] + _gumbel(
                rng, episodes.query.shape
            )
            return found

        return scores

    return world


WORLDS = {
    "places, images far apart": places(FAR_APART),
    "places, images close": places(0.38),
    "odds": odds(6.0),
    "odds, heavy tails": odds(7.0, heavy=True),
}
PROTOCOLS = {
    "lake-within-20w1s": LAKE,
    "lake-between-20w1s": LAKE,
    "lake-between-5w1s": LAKE,
    "vinyals-20w1s": VINYALS,
}


def trials(scores: np.ndarray, episodes: Episodes, names: Names) -> pd.DataFrame:
    """The trials, with the columns that intervals need."""
    count, queries = episodes.query.shape
    # In blocks that stay in the processor's cache, which takes little more than half the time.
    blocks = [
        judge(some.reshape(-1, some.shape[-1]), target.ravel())
        for some, target in zip(
            *(np.array_split(one, -(-count // BLOCK)) for one in (scores, episodes.target)),
            strict=True,
        )
    ]
    judged = {name: np.concatenate([one[name] for one in blocks]) for name in blocks[0]}
    number = np.repeat(np.arange(count), queries)
    query = episodes.query.ravel()
    of_query = {"alphabet": names.alphabet[query], "character": names.character[query]}
    return pd.DataFrame({"episode": number, **judged, **of_query})


def official(names: Names, rng: np.random.Generator) -> Episodes:
    """Two runs of the same 20 characters for each of ten alphabets."""
    first = np.flatnonzero(np.diff(names.character, prepend=-1)).reshape(10, 20)
    drawers = np.stack([rng.permutation(DRAWERS)[:2] for _ in range(20)])
    target = np.stack([rng.permutation(20) for _ in range(20)])
    support, query = (first.repeat(2, axis=0) + drawers[:, i, None] for i in range(2))
    query = np.take_along_axis(query, target, axis=1)
    return Episodes(support[..., None], query, target.astype(np.int16))


def draws(
    protocol: str, worlds: int, sizes: tuple[int, ...] = (), drawers: int = DRAWERS
) -> Iterator[tuple[Names, np.random.Generator, Episodes]]:
    """For each world its names, a generator, and at least 10,000 episodes (20 runs)."""
    runs = protocol == "lake-runs"
    made = dataset(sizes or ((20,) * 10 if runs else PROTOCOLS[protocol]), drawers)
    alphabet, character = made.table["alphabet"].cat.codes.to_numpy(), made.character_codes
    names = Names(alphabet, character, alphabet[np.unique(character, return_index=True)[1]])
    source = None if runs else Sampler(parse(protocol), made)
    blocks = -(-MOST // BLOCK)
    for world in range(worlds):
        rng = np.random.default_rng(np.random.SeedSequence(world))
        if source is None:
            yield names, rng, official(names, rng)
            continue
        drawn = [source.block(world * blocks + i) for i in range(blocks)]
        yield (
            names,
            rng,
            Episodes(
                *(
                    np.concatenate([getattr(one, field) for one in drawn])
                    for field in ("support", "query", "target")
                )
            ),
        )


def told(value: float, variance: float, freedom: float) -> bool:
    """Whether a two-sided t test at 5 % tells a value from 0."""
    return bool(2 * special.stdtr(freedom, -abs(value) / max(variance, 1e-12) ** 0.5) < 0.05)
