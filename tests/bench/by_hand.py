"""Trials by a plain loop, to which wrapped models are compared."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import wayshot
from wayshot import bench, tasks
from wayshot.tasks import Dataset, Images, Sampler
from wayshot.tasks.data.images import pack

EPISODES = 4


@cache
def source() -> Sampler:
    """Episodes of 5 ways on images of random squares: 3 alphabets of 6 characters, 4 drawers."""
    rows = [
        (alphabet, f"character{c:02}", f"{d:02}", f"{alphabet}/character{c:02}/{d:02}.png")
        for alphabet in "ABC"
        for c in range(1, 7)
        for d in range(1, 5)
    ]
    squares = np.random.default_rng(7).random((len(rows), 15, 15)) < 0.3
    bits = pack(squares.repeat(7, axis=1).repeat(7, axis=2))
    protocol = tasks.parse("glyphs-within-5w1s")
    return Sampler(protocol, Dataset.build("squares", Images(bits, 105), rows), seed=1)


def blocks_of_images():
    images = source().dataset.images
    for episode in range(EPISODES):
        drawn = source().block(0)[episode : episode + 1]
        yield images[drawn.query[0]], images[drawn.support[0, :, 0]]


def predictions(score: Callable[[np.ndarray, np.ndarray], float]) -> np.ndarray:
    """The best way of each trial, by a function of one query and one support image.

    The function is given uint8 images (105, 105), ink = 1, and gives a higher number the more
    alike they are.
    """
    found = []
    for queries, supports in blocks_of_images():
        for query in queries:
            found.append(np.argmax([score(query, support) for support in supports]))
    return np.array(found)


def predicted(scorer, tmp_path, name: str = "wrapped") -> np.ndarray:
    """The best way of each trial, by an evaluation."""
    run = wayshot.evaluate(
        scorer,
        source(),
        name=name,
        episodes=EPISODES,
        root=tmp_path / "runs",
        settings=bench.Settings(cache=False, audit=False),
    )
    return run.trials["predicted"].to_numpy()


def averaged(image: np.ndarray, size: int) -> np.ndarray:
    """An image shrunk by averaging over areas, where size divides 105; float64."""
    part = 105 // size
    return image.astype(float).reshape(size, part, size, part).mean(axis=(1, 3))


def cosine(first: np.ndarray, second: np.ndarray) -> float:
    first, second = np.ravel(first).astype(float), np.ravel(second).astype(float)
    return float(first @ second / (np.linalg.norm(first) * np.linalg.norm(second)))
