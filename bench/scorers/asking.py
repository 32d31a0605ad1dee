"""Asking: the one place where a scorer is called, and where its answers are judged."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ...models import ModelError
from ..errors import ScorerError
from .failures import BrokenScorerError
from .scorer import Traits


@contextmanager
def answering(scorer: str, method: str) -> Iterator[None]:
    """Turns whatever a scorer raises into one line for the user.

    Args:
        scorer: Its name.
        method: What is called.

    Raises:
        BrokenScorerError: It raised something. A `ScorerError` or `ModelError`
            says what is wrong already, and is raised as it is.
    """
    try:
        yield
    except (ScorerError, ModelError):
        raise
    except (Exception, SystemExit) as error:
        problem = " ".join(f"{type(error).__name__}: {error}".split())
        raise BrokenScorerError(f"scorer {scorer}: {method} raised {problem}") from error


class Asking:
    """Asks a scorer, and makes sure that it answers as it must.

    Attributes:
        scorer: The scorer.
        traits: What is known of it.
        finite: Whether scores and embeddings have to be finite.
    """

    def __init__(self, scorer: Any, traits: Traits, *, finite: bool = True) -> None:
        self.scorer, self.traits, self.finite = scorer, traits, finite

    def broken(self, problem: str) -> BrokenScorerError:
        """The error that says what is wrong with the scorer."""
        return BrokenScorerError(f"scorer {self.traits.name}: {problem}")

    def _call(
        self, method: str, shape: tuple[int | None, ...], arguments: tuple[np.ndarray, ...]
    ) -> np.ndarray:
        with answering(self.traits.name, method):
            # A copy, as a scorer may fill the same array again at the next call.
            answer = np.array(getattr(self.scorer, method)(*arguments))
        return self.checked(answer, shape, method)

    def checked(
        self, answer: np.ndarray, shape: tuple[int | None, ...], method: str = ""
    ) -> np.ndarray:
        """Gives an answer back if it is numbers of the right shape.

        Args:
            answer: What a scorer gave.
            shape: What it must have; None where any length will do.
            method: Which of its methods gave it.

        Raises:
            BrokenScorerError: It is something else.
        """
        method = f"{method} " if method else ""
        if answer.dtype.kind not in "fiu":
            raise self.broken(f"{method}gave {answer.dtype}, expected numbers")
        if len(answer.shape) != len(shape) or any(
            wanted not in (None, length) for wanted, length in zip(shape, answer.shape, strict=True)
        ):
            names = ("D" if length is None else str(length) for length in shape)
            expected = ", ".join(names) + ("," if len(shape) == 1 else "")
            raise self.broken(f"{method}gave shape {answer.shape}, expected ({expected})")
        return answer

    def check_finite(self, answer: np.ndarray, method: str = "") -> None:
        """Makes sure that an answer is finite, where it has to be.

        Raises:
            BrokenScorerError: A number is NaN or infinite.
        """
        if self.finite and answer.dtype.kind == "f" and not np.isfinite(answer).all():
            method = f"{method} " if method else ""
            raise self.broken(f"{method}gave NaN or infinity, expected finite numbers")

    def turned(self, scores: np.ndarray) -> np.ndarray:
        """Turns what a scorer gave into floats that are higher for what is more alike."""
        # Unsigned numbers would wrap when a distance is turned into a score.
        small = scores.dtype.kind == "f" and scores.dtype.itemsize <= 4
        scores = scores.astype(np.float32 if small else np.float64, copy=False)
        return -scores if self.traits.smaller_is_closer else scores

    def _scores(self, method: str, shape: tuple[int, ...], *arguments: np.ndarray) -> np.ndarray:
        scores = self.turned(self._call(method, shape, arguments))
        self.check_finite(scores, method)
        return scores

    def embed(
        self, images: np.ndarray, width: int | None = None, count: int | None = None
    ) -> np.ndarray:
        """Embeds images.

        Args:
            images: uint8 ndarray (B, height, width).
            width: Dimensions that the embeddings must have; None for any.
            count: How many of the images are looked at afterwards: those behind
                them only fill up the batch. All where None.

        Returns:
            ndarray (count, D).
        """
        embedded = self._call("embed", (len(images), width), (images,))[:count]
        self.check_finite(embedded, "embed")
        return embedded

    def compare(self, query: np.ndarray, support: np.ndarray) -> np.ndarray:
        """Compares embeddings (..., Q, D) with (..., S, D): (..., Q, S), higher more alike."""
        shape = (*query.shape[:-1], support.shape[-2])
        return self._scores("compare", shape, query, support)

    def score(self, query: np.ndarray, support: np.ndarray) -> np.ndarray:
        """Compares images (Q, height, width) with (S, height, width): (Q, S), likewise."""
        return self._scores("score", (len(query), len(support)), query, support)

    def classify(self, support: np.ndarray, labels: np.ndarray, query: np.ndarray) -> np.ndarray:
        """Classifies images (Q, height, width) by labelled ones: (Q, ways), likewise."""
        shape = len(query), int(labels.max()) + 1
        return self._scores("classify", shape, support, labels, query)

    def pooled(self, scores: np.ndarray, ways: int) -> np.ndarray:
        """Turns scores (..., ways * shots), or of prototypes (..., ways), into (..., ways).

        Raises:
            BrokenScorerError: Finite scores have an infinite mean.
        """
        if scores.shape[-1] == ways:
            return scores
        by_shot = scores.reshape(*scores.shape[:-1], ways, -1)
        if self.traits.pooling == "max":
            return by_shot.max(axis=-1)
        with np.errstate(over="ignore"):
            pooled = by_shot.mean(axis=-1)
        if self.finite and not np.isfinite(pooled).all():
            raise self.broken("scores are so large that their mean over the shots is infinite")
        return pooled

    def prepared(self, support: np.ndarray) -> np.ndarray:
        """Turns support embeddings (..., ways, shots, D) into what is compared: (..., S, D)."""
        if self.traits.pooling == "prototype" and support.shape[-2] > 1:
            with np.errstate(over="ignore"):
                return support.mean(axis=-2)
        return support.reshape(*support.shape[:-3], -1, support.shape[-1])
