"""An estimate of how long evaluations take, from their first units."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from ..evaluations import Dispatch, Evaluation, UnfinishedRun

_EPISODES = 64
_SLOW_EPISODES = 2
_QUERIES = 4
"""Sizes of the units that are timed: episodes, episodes of level 3, and queries of level 2."""


def _timed(dispatch: Dispatch, method: str, *call: Any) -> tuple[float, Any]:
    """Does a unit twice, as the first time loads what it needs; gives the second's seconds."""
    for _ in dispatch.units(method, [call]):
        pass
    start = time.perf_counter()
    ((_, value),) = dispatch.units(method, [call])
    return time.perf_counter() - start, value


def _of_level_1(dispatch: Dispatch, evaluation: Evaluation, new: bool) -> float:
    source, batch = evaluation.source, evaluation.traits.batch
    count = len(source.dataset)
    embed, values = _timed(dispatch, "embed", np.arange(min(batch, count)))
    turns = 1 if source.protocol.rotations == "none" else 4
    place = (np.arange(turns * count) % len(values)).astype(np.int32)
    episodes = min(_EPISODES, evaluation.episodes)
    with tempfile.TemporaryDirectory() as folder:
        path = UnfinishedRun(Path(folder)).put("prepared", keys=place, values=values)
        compare, _ = _timed(
            dispatch, "try_episodes", 0, episodes, evaluation.settings.share(path), False
        )
    batches = -(-turns * count // batch) if new else 0
    return embed * batches + compare * evaluation.episodes / episodes


def _of_level_2(dispatch: Dispatch, evaluation: Evaluation) -> float:
    part = evaluation.source.block(0)[:1]
    bench = evaluation.bench
    query, support = part.query[0, :_QUERIES, None], part.support[0].reshape(1, -1)
    codes = np.unique(bench.pair_codes(query, support))
    seconds, _ = _timed(dispatch, "score_pairs", codes)
    pairs = part.query.shape[1] * part.support[0].size * evaluation.episodes
    # A pair that comes again is scored once.
    rows = len(evaluation.source.dataset) * (
        1 if evaluation.source.protocol.rotations == "none" else 4
    )
    return seconds / len(codes) * min(pairs, rows * (rows - 1))


def estimated_seconds(evaluations: Iterable[Evaluation]) -> list[float]:
    """Estimates how long evaluations of one scorer take, one unit after the other.

    Of level 1 the time to embed images counts once for each data set; images that the cache has
    count too.

    Args:
        evaluations: The evaluations.

    Returns:
        The seconds of each.

    Raises:
        ScorerError: An answer of the scorer is not valid.
    """
    found, seen = [], set[tuple[str, bool]]()
    for evaluation in evaluations:
        source, level = evaluation.source, evaluation.traits.level
        with Dispatch(evaluation.bench, evaluation.settings) as dispatch:
            if level == 1:
                key = (source.dataset.digest, source.protocol.rotations == "none")
                found.append(_of_level_1(dispatch, evaluation, key not in seen))
                seen.add(key)
            elif level == 2:
                found.append(_of_level_2(dispatch, evaluation))
            else:
                few = min(_SLOW_EPISODES, evaluation.episodes)
                taken, _ = _timed(dispatch, "try_episodes", 0, few, "", False)
                found.append(taken * evaluation.episodes / few)
    return found
