"""Preparation: embeddings of images, or scores of pairs, before the episodes are run."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import numpy as np

from ...tasks import Episodes, TaskError
from ..errors import ScorerError
from ..scorers import BATCH, ULPS, digits
from .dispatch import Dispatch
from .embeddings import EmbeddingCache, image_keys
from .repeats import MOST, QUERIES, Repeat, again, by_key
from .unfinished import UnfinishedRun

EMBED_UNIT = 4 * BATCH
"""Number of images in a unit of embedding."""

PAIR_UNIT = 4096
"""Number of pairs in a unit of scoring, at least."""

PER_QUERY = 8
"""Number of pairs of a query that are scored again, at most."""

MERGE = 1 << 22
"""Number of pairs' codes after which equal codes are removed."""


class Preparation:
    """The work that is done once, before the first episode is run.

    Attributes:
        embedded: Number of images that were embedded.
        repeat: Scores that were asked for twice; None if there are none.
    """

    def __init__(self, dispatch: Dispatch, unfinished: UnfinishedRun, episodes: int) -> None:
        """Keeps the arguments; nothing is prepared yet.

        Args:
            dispatch: Does the units.
            unfinished: Stores finished units.
            episodes: Number of episodes to run.
        """
        self._dispatch, self._unfinished, self._episodes = dispatch, unfinished, episodes
        self._bench, self._settings = dispatch.bench, dispatch.settings
        self.embedded = 0
        self.repeat: Repeat | None = None

    def prepare(self) -> Path:
        """Embeds images or scores pairs, and gives the file with the result.

        If units are done in this process, the result is kept in memory instead.
        """
        path = self._unfinished.path("prepared")
        level = self._bench.traits.level
        if level == 3:
            return path
        keys, values = self._embeddings() if level == 1 else self._pair_scores()
        if self._settings.worker is None:
            self._bench.hold(str(path), keys, values)
        else:
            self._unfinished.put("prepared", keys=keys, values=values)
        return path

    def _blocks(self) -> Iterator[Episodes]:
        for block in self._bench.source.blocks(self._episodes):
            self._dispatch.check()
            yield block

    @cached_property
    def used_rows(self) -> np.ndarray:
        """Rows of all images in the episodes, sorted."""
        source = self._bench.source
        turns = 1 if source.protocol.rotations == "none" else 4
        used = np.zeros(turns * len(source.dataset) + 1, dtype=bool)
        for block in self._blocks():
            # Missing images, -1, mark the last place.
            used[block.support] = used[block.query] = True
            if used[:-1].all():
                break
        return np.flatnonzero(used[:-1])

    def _embeddings(self) -> tuple[np.ndarray, np.ndarray]:
        """Embeds each different image once; gives the place of each row, and the embeddings."""
        dispatch, settings = self._dispatch, self._settings
        with dispatch.stage("sample"):
            rows = self.used_rows
        keys, first, place_of_row = np.unique(
            image_keys(self._bench.source.dataset.images, rows),
            return_index=True,
            return_inverse=True,
        )
        # Neighbours in a batch must not tell a scorer anything.
        order = by_key(keys)
        rank = np.empty(len(order), dtype=np.int32)
        rank[order] = np.arange(len(order))
        keys, images = keys[order], rows[first[order]]
        cache: EmbeddingCache | None = EmbeddingCache(
            self._bench.traits,
            None if settings.cache else self._unfinished.folder / "embeddings",
            self._bench.source.dataset.images,
        )
        with dispatch.stage("load"):
            found, values = cache.get(keys)
        for path in cache.damaged:
            settings.warn(f"{path}: damaged; its images are embedded again")
        missing = np.flatnonzero(~found)
        batch = self._bench.traits.batch
        asks = settings.audit and (len(missing) > 0 or not cache.confirmed)
        repeated = again(len(keys) if asks else 0, len(missing), batch)
        # Images that are missing for the first time, and then those that are asked again.
        asked = np.concatenate([missing, repeated])
        size = -(-EMBED_UNIT // batch) * batch
        units = [asked[start : start + size] for start in range(0, len(asked), size)]
        tick = settings.progress(len(asked), "Images")
        later: dict[int, np.ndarray] = {}
        with dispatch.stage("embed"):
            calls = [(images[unit],) for unit in units]
            numbers = {unit.tobytes(): i for i, (unit,) in enumerate(calls)}
            for (unit,), embedded in dispatch.units("embed", calls):
                number = numbers[unit.tobytes()]
                chosen = units[number]
                if values is None:
                    values = np.zeros((len(keys), embedded.shape[1]), embedded.dtype)
                if values.shape[1:] != embedded.shape[1:] or values.dtype != embedded.dtype:
                    raise ScorerError(
                        f"scorer {self._bench.traits.name}: embed gave {embedded.shape[1]} "
                        f"dimensions of {embedded.dtype}, and {values.shape[1]} of {values.dtype} "
                        "before"
                    )
                new = np.arange(len(chosen)) + number * size < len(missing)
                values[chosen[new]] = embedded[new]
                later[number] = embedded[~new]
                if new.any():
                    cache = cache and self._kept(cache, keys[chosen[new]], embedded[new])
                tick(len(unit))
        assert values is not None
        place = np.full(rows.max() + 1, -1, dtype=np.int32)
        place[rows] = rank[place_of_row]
        self.embedded = len(missing)
        if len(repeated) > 1:
            after = np.concatenate([later[number] for number in sorted(later)])
            few = np.linspace(0, len(repeated) - 1, min(len(repeated), MOST)).astype(np.intp)
            pairs = values[repeated[few]], after[few]
            ((_, repeat),) = dispatch.units("agreement", [pairs])
            self.repeat = repeat
            if cache and repeat.finding()["status"] == "passed":
                cache.confirm()
        return place, values

    def _kept(
        self, cache: EmbeddingCache, keys: np.ndarray, embedded: np.ndarray
    ) -> EmbeddingCache | None:
        """Stores embeddings; gives the cache, or None if it cannot be written any more."""
        try:
            cache.put(keys, embedded)
        except (OSError, TaskError) as error:
            # A cache in the run's own folder: the trials could not be stored either.
            if not self._settings.cache:
                raise
            reason = getattr(error, "strerror", None) or error
            self._settings.warn(f"{cache.folder}: {reason}; embeddings are not kept")
            return None
        return cache

    def _pairs(self) -> np.ndarray:
        """Gives the codes of all pairs in the episodes, sorted; see `Bench.pair_codes`."""
        known, fresh = np.empty(0, dtype=np.int64), []
        for block in self._blocks():
            query = block.query[..., None]
            support = block.support.reshape(len(block), 1, -1)
            codes = self._bench.pair_codes(query, support)
            fresh.append(np.unique(codes[(query >= 0) & (support >= 0)]))
            if sum(map(len, fresh)) > max(MERGE, len(known)):
                known, fresh = np.unique(np.concatenate([known, *fresh])), []
        return np.unique(np.concatenate([known, *fresh]))

    def _pair_scores(self) -> tuple[np.ndarray, np.ndarray]:
        """Scores each different pair once; gives the codes of the pairs, and the scores."""
        dispatch, bench = self._dispatch, self._bench
        with dispatch.stage("sample"):
            codes = self._pairs()
        order = self._scattered(codes)
        asked = codes[order]
        queries = bench.pair_rows(asked)[0]
        # A unit begins with a new query, so that calls do not depend on units.
        starts = np.flatnonzero(np.diff(queries, prepend=-1))
        _, first = np.unique(starts // PAIR_UNIT, return_index=True)
        parts = np.split(asked, starts[first][1:])
        scores: dict[int, np.ndarray] = {}
        units = {}
        tick = self._settings.progress(len(codes), "Pairs")
        for unit in parts:
            name = f"pairs-{unit[0]}-{unit[-1]}-{len(unit)}"
            stored = self._unfinished.get(name, ("codes", "scores"))
            if stored is not None and np.array_equal(stored["codes"], unit):
                scores[unit[0]] = stored["scores"]
                tick(len(unit))
            else:
                units[unit[0]] = name
        with dispatch.stage("score"):
            calls = [(unit,) for unit in parts if unit[0] in units]
            for (unit,), answer in dispatch.units("score_pairs", calls):
                self._unfinished.put(units[unit[0]], codes=unit, scores=answer)
                scores[unit[0]] = answer
                tick(len(unit))
            found = np.concatenate([scores[unit[0]] for unit in parts])
            if self._settings.audit:
                self.repeat = self._asked_again(asked, found)
        values = np.empty_like(found)
        values[order] = found
        return codes, values

    def _scattered(self, codes: np.ndarray) -> np.ndarray:
        """Gives the order in which pairs are asked: queries and their supports scattered."""
        bench = self._bench
        queries, supports = bench.pair_rows(codes)
        rows = np.union1d(queries, supports)
        rank = np.empty(rows[-1] + 1, dtype=np.int64)
        order = by_key(image_keys(bench.source.dataset.images, rows))
        rank[rows[order]] = np.arange(len(rows))
        return np.argsort(rank[queries] * len(rows) + rank[supports], kind="stable")

    def _asked_again(self, asked: np.ndarray, scores: np.ndarray) -> Repeat | None:
        """Asks some queries again, the last first, about some of their support images.

        Args:
            asked: Codes of all pairs, in the order in which they were asked.
            scores: Their scores.
        """
        queries = self._bench.pair_rows(asked)[0]
        starts = np.flatnonzero(np.diff(queries, prepend=-1))
        ends = np.append(starts[1:], len(asked))
        count = min(len(starts), MOST, max(4, len(starts) // QUERIES))
        chosen = np.linspace(len(starts) - 1, 0, count).astype(np.intp)
        width = min(int((ends - starts)[chosen].min()), PER_QUERY)
        if width < 2 or count < 2:
            return None
        # Every other one and from the end, so that they are in other company.
        places = [np.linspace(ends[one] - 1, starts[one], width).astype(np.intp) for one in chosen]
        codes = asked[np.concatenate(places)]
        ((_, answer),) = self._dispatch.units("score_pairs", [(codes,)])
        before = scores[np.concatenate(places)].astype(np.float64).reshape(count, width)
        after = answer.astype(np.float64).reshape(count, width)
        return Repeat(before, after, float(np.ptp(scores)), digits(before, ULPS))
