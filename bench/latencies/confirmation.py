"""Confirmation: whether timed answers are those that an evaluation would get."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..scorers import Asking
from .questions import Questions

TOLERANCE = 0.02
"""Largest difference, as a share of the span of the scores: one image at a time may be computed
with other kernels, of fewer digits, than a batch."""


@dataclass(frozen=True)
class Sample:
    """A timed answer.

    Attributes:
        row: Row of the query.
        number: Number that determines the pixel that was inverted.
        scores: ndarray (ways,).
    """

    row: int
    number: int
    scores: np.ndarray


def _flipped(questions: Questions, one: Sample) -> tuple[np.ndarray, np.ndarray]:
    """Gives the images of a query and its support as they were asked, (1, ...) and (S, ...)."""
    questions.flip(one.row, one.number)
    query = questions.query[one.row : one.row + 1].copy()
    support = questions.images[questions.episode[one.row], 1:].copy()
    questions.flip(one.row, one.number)
    return query, support


def _embedded(asking: Asking, images: np.ndarray) -> np.ndarray:
    """Embeds images as an evaluation does, in full batches and in another order."""
    batch, parts = asking.traits.batch, []
    backwards = images[::-1]
    for start in range(0, len(images), batch):
        part = backwards[start : start + batch]
        filled = np.zeros((batch, *part.shape[1:]), part.dtype)
        filled[: len(part)] = part
        parts.append(asking.embed(filled, count=len(part)))
    return np.concatenate(parts)[::-1]


def _expected(
    asking: Asking, questions: Questions, support: np.ndarray | None, samples: Sequence[Sample]
) -> list[np.ndarray]:
    """Gives the scores of sampled queries, (ways,) each, asked as an evaluation asks."""
    flipped = [_flipped(questions, one) for one in samples]
    queries = np.concatenate([query for query, _ in flipped])
    if asking.traits.level == 1:
        embedded = _embedded(asking, queries)
        if support is None:
            near = _embedded(asking, np.concatenate([near for _, near in flipped]))
            near = near.reshape(len(samples), -1, near.shape[-1])
            near = np.stack([questions.prepared(asking, one) for one in near])
        else:
            near = np.stack([support[questions.episode[one.row]] for one in samples])
        found = asking.compare(embedded[:, None], near)
        return [asking.pooled(one, questions.ways)[0] for one in found]
    expected = []
    for i, (query, near) in reversed([*enumerate(flipped)]):
        if asking.traits.level == 2:
            # Beside the support of another query.
            both = np.concatenate([near, flipped[i - 1][1]])
            scores = asking.score(query, both)[:, : len(near)]
            expected.append(asking.pooled(scores, questions.ways)[0])
        else:
            episode = questions.episode[samples[i].row]
            beside = questions.query[np.equal(questions.episode, episode)]
            scores = asking.classify(near, questions.labels, np.concatenate([query, beside]))
            expected.append(scores[0])
    return expected[::-1]


def confirmed(
    asking: Asking, questions: Questions, support: np.ndarray | None, samples: Sequence[Sample]
) -> dict[str, Any]:
    """Compares timed answers with those of an evaluation.

    Args:
        asking: Calls the scorer.
        questions: The queries.
        support: The support embeddings that were ready, or None.
        samples: Timed answers.

    Returns:
        A dict: number of `queries` that were compared, the largest `difference` as a share of the
        scores' span, and the `reason` why they are not the same, or "".
    """
    expected = np.stack(_expected(asking, questions, support, samples)).astype(np.float64)
    timed = np.stack([one.scores for one in samples]).astype(np.float64)
    span = float(np.ptp(np.concatenate([expected, timed])))
    difference = float(np.abs(timed - expected).max()) / span if span else 0.0
    # Of level 3, the other queries of an episode may matter, but no answer is the same for all.
    wrong = difference > TOLERANCE
    if asking.traits.level == 3:
        wrong = wrong and not np.ptp(timed, axis=1).any()
    reason = (
        f"answers that were timed differ by up to {100 * difference:.3g} % of their span from "
        "those to the same images in an evaluation"
    )
    return {
        "queries": len(samples),
        "difference": float(f"{difference:.3g}"),
        "reason": reason if wrong else "",
    }
