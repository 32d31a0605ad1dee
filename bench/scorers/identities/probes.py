"""Probes: fixed images like characters, and a scorer's answers to them."""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np

from ....tasks import Images, Wants, wanted
from ..episode_size import TRIED, EpisodeSize
from ..failures import LONGEST, BrokenScorerError, answering
from ..pairwise import score
from ..precision import received
from ..validity import shape_of, valid

GROUPS, MEMBERS = 16, 16
"""Groups of images that are more or less alike, and the images of each."""

_SIDE = 105
_SEED = 20
_SIZES = (None, (84, 84), (64, 64), (32, 32), (224, 224))
"""Sizes of pictures with which a scorer is tried that fails for ink; None for that of ink."""

_SIZE, _EPISODES = EpisodeSize(4, 2, 16), 4


def _strokes(rng: np.random.Generator, thickness: float) -> np.ndarray:
    """Draws a line of four strokes, bool ndarray (105, 105)."""
    points = rng.uniform(12, _SIDE - 12, (5, 2))
    place = np.moveaxis(np.mgrid[:_SIDE, :_SIDE], 0, -1).astype(np.float64)
    ink = np.zeros((_SIDE, _SIDE), dtype=bool)
    for first, second in pairwise(points):
        along = second - first
        share = np.clip((place - first) @ along / (along @ along), 0, 1)
        apart = place - first - share[..., None] * along
        ink |= (apart**2).sum(axis=-1) <= thickness**2
    return ink


def _mixed(rng: np.random.Generator) -> np.ndarray:
    """Draws images that go from one character to another by all shares."""
    first, second = _strokes(rng, rng.uniform(1, 3)), _strokes(rng, rng.uniform(1, 3))
    shares = np.sort(rng.random(MEMBERS))
    shares[[0, -1]] = 0, 1
    lots = rng.random((_SIDE, _SIDE))
    return np.stack([np.where(lots < share, second, first) for share in shares])


def _moved(rng: np.random.Generator) -> np.ndarray:
    """Draws one character at several places, thin and thick."""
    points = np.random.Generator(np.random.PCG64(int(rng.integers(2**32)))).bit_generator.state
    images = []
    for step in range(MEMBERS):
        again = np.random.Generator(np.random.PCG64())
        again.bit_generator.state = points
        ink = _strokes(again, (0.5, 1, 2, 4)[step % 4])
        images.append(np.roll(ink, (step, step // 2), axis=(0, 1)))
    return np.stack(images)


def _odd(rng: np.random.Generator) -> np.ndarray:
    """Draws specks, bars, blanks and what is full of ink."""
    images = np.zeros((MEMBERS, _SIDE, _SIDE), dtype=bool)
    for i, side in enumerate((1, 2, 4, 8)):
        row, column = rng.integers(_SIDE - side, size=2)
        images[1 + i, row : row + side, column : column + side] = True
    for i, width in enumerate((1, 3, 9)):
        images[5 + i, 50 : 50 + width], images[8 + i, :, 50 : 50 + width] = True, True
    images[11], images[12, :52], images[13, :, :52] = True, True, True
    images[14], images[15] = ~_strokes(rng, 2), np.eye(_SIDE, dtype=bool)
    return images


@lru_cache(maxsize=1)
def _fixed() -> np.ndarray:
    """Draws the images, uint8 ndarray (`GROUPS` * `MEMBERS`, 105, 105), ink = 1."""
    rng = np.random.Generator(np.random.PCG64(_SEED))
    kinds = (_mixed, _mixed, _moved)
    groups = [kinds[i % 3](rng) for i in range(GROUPS - 1)]
    images = np.concatenate([*groups, _odd(rng)]).astype(np.uint8)
    images.flags.writeable = False
    return images


class Probes:
    """Asks a scorer about images, in the same way every time.

    Attributes:
        asked_for: Which images the scorer says that it takes.
        wants: What the images are turned into; None for ink as it is.
    """

    def __init__(
        self, scorer: Any, level: int, name: str, wants: Wants | None, batch: int | None
    ) -> None:
        """Keeps the scorer.

        Args:
            scorer: The scorer.
            level: Its level.
            name: What the user called it.
            wants: Which images it takes; None for any kind, of which it need not
                take more than that of the data.
            batch: Images in a call of `embed`, where the scorer says so; else None.
        """
        self._scorer, self._level, self._name, self._batch = scorer, level, name, batch
        self.asked_for = self.wants = wants
        self._taken: tuple[EpisodeSize, int] | None = None

    def answers(self) -> list[np.ndarray]:
        """Asks about the fixed images.

        Returns:
            Arrays of answers: at level 1 embeddings, and then at every level scores.

        Raises:
            BrokenScorerError: It raises an exception for images of every kind.
        """
        if self.wants is not None:
            return self._of(self._turned(_fixed()))
        try:
            return self._of(_fixed().copy())
        except BrokenScorerError as error:
            # It may be made for pictures in colour, and those only of one size.
            for size in _SIZES:
                with suppress(BrokenScorerError):
                    wants = Wants(("color",), size)
                    found = self._of(wanted(Images.of(_fixed()), wants)[:])
                    self.wants = wants
                    return found
            hint = "; wants = {...} says which images it takes"
            line = str(error)
            line = line + hint if len(line + hint) <= LONGEST else line
            raise BrokenScorerError(line) from error.__cause__

    def scores(self, answers: list[np.ndarray]) -> np.ndarray:
        """Gives the scores among answers, ndarray (n,).

        Args:
            answers: As from `answers`.
        """
        return np.concatenate([one.ravel() for one in answers[self._level == 1 :]])

    def few(self) -> list[np.ndarray]:
        """Asks about a few of the fixed images, with one call of each kind."""
        images = self._turned(_fixed())
        if self._level == 1:
            embedded = self._embedded(images[:MEMBERS])
            return [embedded, self._asked("compare", embedded[:4], embedded[2:])]
        if self._level == 2:
            return [self._asked("score", images[:1], images[1:5])]
        return [self._episode(images, 0)]

    def _embedded(self, images: np.ndarray) -> np.ndarray:
        if self._batch is None:
            return self._asked("embed", images)
        parts = []
        for start in range(0, len(images), self._batch):
            part = images[start : start + self._batch]
            filled = np.zeros((self._batch, *part.shape[1:]), part.dtype)
            filled[: len(part)] = part
            parts.append(self._asked("embed", filled)[: len(part)])
        return np.concatenate(parts)

    def _turned(self, images: np.ndarray) -> np.ndarray:
        return wanted(Images.of(images), self.wants)[:] if self.wants else images.copy()

    def _asked(self, method: str, *arguments: np.ndarray) -> np.ndarray:
        what = f"fails on a first batch: {method}"
        # Before it is asked, and copies, because it may write into what it is given.
        shape, arguments = shape_of(method, *arguments), tuple(one.copy() for one in arguments)
        with answering(self._name, what, *arguments):
            if method == "score":
                answer = received(score(self._scorer, *arguments))
            else:
                answer = received(getattr(self._scorer, method)(*arguments))
        if method == "classify" and answer.ndim == len(arguments[-1]) == 1:
            # Who takes one query in a call may leave its axis out.
            answer = answer[None]
        return valid(answer, shape, self._name, what)

    def _of(self, images: np.ndarray) -> list[np.ndarray]:
        groups = range(GROUPS)
        if self._level == 1:
            embedded = self._embedded(images)
            # One of each group, which is more or less like the others of its own.
            queries = np.arange(GROUPS) * (MEMBERS + 1)
            return [embedded, self._asked("compare", embedded[queries], embedded)]
        if self._level == 2:
            return [
                self._asked("score", images[MEMBERS * i + i :][:1], images[MEMBERS * i :][:MEMBERS])
                for i in groups
            ]
        return [self._episode(images, i) for i in range(_EPISODES)]

    def _episode(self, images: np.ndarray, number: int) -> np.ndarray:
        """Asks about an episode whose classes are groups.

        A classifier that does not take it is asked about those of other sizes, and then with
        one query in a call.
        """
        if self._taken is not None:
            return self._classified(images, number, *self._taken)
        errors: list[BrokenScorerError] = []
        for size in (_SIZE, *TRIED):
            for queries in (size.queries, 1):
                try:
                    answer = self._classified(images, number, size, queries)
                except BrokenScorerError as error:
                    errors.append(error)
                else:
                    self._taken = size, queries
                    return answer
        raise errors[0]

    def _classified(
        self, images: np.ndarray, number: int, size: EpisodeSize, queries: int
    ) -> np.ndarray:
        by_group = images.reshape(-1, MEMBERS, *images.shape[1:])
        classes = (np.arange(size.ways) * 3 + number) % len(by_group)
        members = (number + 9 * np.arange(size.shots)) % MEMBERS
        support = by_group[classes[:, None], members].reshape(-1, *images.shape[1:])
        each = -(-size.queries // size.ways)
        members = (number + 1 + 3 * np.arange(each)) % MEMBERS
        asked = by_group[classes[::-1, None], members].reshape(-1, *images.shape[1:])
        labels = np.repeat(np.arange(size.ways), size.shots)
        return self._asked("classify", support, labels, asked[:queries])
