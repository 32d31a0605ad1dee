"""Units of work, which are done by workers and depend only on their arguments."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from ...results import ResultError, judge
from ...tasks import BLOCK, Episodes, Source
from ..machine import equal_products
from ..scorers import (
    DIGITS,
    Asking,
    BrokenScorerError,
    NotFiniteError,
    Scorer,
    Traits,
    images_for,
    nudged,
    rounding,
)
from . import array_files as archive
from .repeats import Repeat
from .worker_spec import WorkerSpec

CHUNK = 64 * 20 * 20
"""Number of pairs compared in a call, at least one episode: they fit the processor's cache."""

CHUNK_NUMBERS = 2**26
"""Numbers of the pairs' embeddings in one call: 512 MiB for a scorer that subtracts them all."""

_LATER = 8
"""Episodes at the end of a unit of which queries are compared again."""

_ULPS = 4
"""Last digits by which two answers of the same arithmetic may differ."""

_SHARE = 1e-3
"""Share of the span of all scores by which they may differ where that is rounding."""


def _apart(one: np.ndarray, other: np.ndarray) -> float:
    """Gives the largest difference, which overflows for extremely large scores."""
    with np.errstate(over="ignore"):
        return float(np.abs(one - other).max())


class Bench:
    """A scorer and the episodes of a protocol.

    Attributes:
        scorer: The scorer; None if only other processes call it.
        traits: The traits of the scorer.
        source: The episodes.
        images: The images of the episodes, as the scorer wants them.
    """

    def __init__(self, scorer: Scorer | None, traits: Traits, source: Source) -> None:
        """Keeps scorer and episodes.

        Args:
            scorer: The scorer; None if only other processes call it.
            traits: The traits of the scorer.
            source: The episodes.

        Raises:
            ScorerError: The scorer does not take images of this kind.
        """
        self.scorer, self.traits, self.source = scorer, traits, source
        self.images = images_for(traits, source)
        self._asking = Asking(scorer, traits)
        self._loaded: tuple[str, np.ndarray, np.ndarray] | None = None

    @contextmanager
    def _naming(self, rows: Callable[[tuple[int, ...]], list[int]]) -> Iterator[None]:
        """Adds to an error about NaN or infinity which images it is about.

        Args:
            rows: Gives the rows of the images behind a place in the answer.
        """
        try:
            yield
        except NotFiniteError as error:
            dataset, names = self.source.dataset, []
            for row in rows(error.place):
                turns, image = divmod(int(row), len(dataset))
                turned = f" turned by {90 * turns} degrees" if turns else ""
                names.append(f"{dataset.table['file'].iloc[image]}{turned}")
            raise BrokenScorerError(f"{error}; first for {' and '.join(names)}") from error

    def apply(self, function: Callable[[Scorer | None, Traits], Any]) -> Any:
        """Calls a function with the scorer and its traits, in the process of the scorer."""
        return function(self.scorer, self.traits)

    def embed(self, rows: np.ndarray) -> np.ndarray:
        """Embeds images in batches of one size; the last batch is filled with blank images.

        Args:
            rows: int ndarray (n,) of rows of the data set's images.

        Returns:
            ndarray (n, D).
        """
        batch = self.traits.batch
        batches = [rows[start : start + batch] for start in range(0, len(rows), batch)]
        parts: list[np.ndarray] = []
        for embedded in self._at_once(self._embed, batches):
            if parts and (embedded.shape[1:], embedded.dtype) != (
                parts[0].shape[1:],
                parts[0].dtype,
            ):
                raise self._asking.broken(
                    f"embed gave {embedded.shape[1]} dimensions of {embedded.dtype}, and "
                    f"{parts[0].shape[1]} of {parts[0].dtype} before"
                )
            parts.append(embedded)
        return np.concatenate(parts)

    def _embed(self, rows: np.ndarray) -> np.ndarray:
        pixels, batch = self.images[rows], self.traits.batch
        if len(rows) < batch:
            spare = (batch - len(rows), *pixels.shape[1:])
            pixels = np.concatenate([pixels, np.zeros(spare, pixels.dtype)])
        with self._naming(lambda place: [rows[place[0]]]):
            return self._asking.embed(pixels, count=len(rows))

    def _at_once(
        self, ask: Callable[[Any], np.ndarray], arguments: Sequence[Any]
    ) -> Iterator[np.ndarray]:
        """Makes calls, as many at a time as the scorer allows; gives the answers in order."""
        if self.traits.concurrency == 1 or len(arguments) < 2:
            yield from map(ask, arguments)
            return
        with ThreadPoolExecutor(self.traits.concurrency) as threads:
            futures = [threads.submit(ask, one) for one in arguments]
            try:
                for future in futures:
                    yield future.result()
            finally:
                for future in futures:
                    future.cancel()

    def agreement(self, before: np.ndarray, after: np.ndarray) -> Repeat:
        """Compares images by their embeddings, and again by those from a later call.

        Args:
            before: ndarray (n, D).
            after: ndarray (n, D), of the same images.
        """
        half = len(before) // 2

        def scores(embedded: np.ndarray) -> np.ndarray:
            # Copies, because a scorer may write into what it is given.
            query, support = embedded[None, :half].copy(), embedded[None, half:].copy()
            return self._asking.compare(query, support)[0].astype(np.float64)

        first = scores(before)
        # A batch of other images may be summed in another order.
        floor = rounding(scores(nudged(before, DIGITS)), first)
        return Repeat(first, scores(after), float(np.ptp(first)) if first.size else 0.0, floor)

    def score_pairs(self, codes: np.ndarray) -> np.ndarray:
        """Scores pairs of images; the scorer sees one query at a time.

        Args:
            codes: int64 ndarray (n,), those of a query together; see `pair_codes`.

        Returns:
            ndarray (n,) of scores.
        """
        queries, supports = self.pair_rows(codes)
        starts = np.flatnonzero(np.diff(queries, prepend=-1))
        calls = [
            (queries[first], supports[start : min(start + self.traits.batch, last)])
            for first, last in zip(starts, [*starts[1:], len(codes)], strict=True)
            for start in range(first, last, self.traits.batch)
        ]
        return np.concatenate(list(self._at_once(self._score, calls)))

    def _score(self, call: tuple[int, np.ndarray]) -> np.ndarray:
        query, rows = call
        with self._naming(lambda place: [query, rows[place[1]]]):
            return self._asking.score(self.images[np.array([query])], self.images[rows])[0]

    def pair_codes(self, query: np.ndarray, support: np.ndarray) -> np.ndarray:
        """Gives a number for each pair of rows, in the order of queries, then supports.

        Args:
            query: int ndarray, rows of the query images.
            support: int ndarray, rows of the support images, broadcast with
                `query`.

        Returns:
            int64 ndarray.
        """
        return query.astype(np.int64) * (4 * len(self.source.dataset)) + support

    def pair_rows(self, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Gives the rows of the query and of the support image of each code."""
        queries, supports = np.divmod(codes, 4 * len(self.source.dataset))
        return queries, supports

    def _compare(self, part: Episodes, place: np.ndarray, embeddings: np.ndarray) -> np.ndarray:
        # Twice as fast as indexing with an array.
        query, support = (
            embeddings.take(place[rows], axis=0) for rows in (part.query, part.support)
        )
        with self._naming(lambda place: self._compared(part, place)):
            scores = self._asking.compare(query, self._asking.prepared(support))
        return self._asking.pooled(scores, part.support.shape[1])

    def _compared(self, part: Episodes, place: tuple[int, ...]) -> list[int]:
        """Rows of the query and the support images behind a score of a block."""
        episode, query, column = place
        support = part.support[episode].ravel()
        shots = part.support.shape[2]
        one_each = self.traits.pooling != "prototype" or shots == 1
        of = slice(column, column + 1) if one_each else slice(column * shots, (column + 1) * shots)
        return [part.query[episode, query], *support[of]]

    def _check_company(self, part: Episodes, place: np.ndarray, embeddings: np.ndarray) -> None:
        """Refuses a scorer whose scores for a query change with the other queries.

        The first query of every other episode keeps its place, and support images take the
        places of all other queries. Both calls have the same arrays, at the same place in
        memory: the same numbers are summed in the same order, and a score that changes by more
        than its last digits has been changed by the other queries, however little that is.
        """
        others = np.resize(part.support.reshape(len(part), -1), part.query.shape)
        others[::2, 0] = part.query[::2, 0]
        support = self._asking.prepared(embeddings.take(place[part.support], axis=0))
        query = np.empty((*part.query.shape, embeddings.shape[1]), embeddings.dtype)
        given = np.empty_like(support)

        def asked(rows: np.ndarray) -> np.ndarray:
            np.take(embeddings, place[rows], axis=0, out=query)
            # A scorer may write into what it is given.
            given[...] = support
            return self._asking.compare(query, given)[::2, 0]

        found, changed = asked(part.query), asked(others)
        apart = _apart(changed, found)
        # Whoever takes float32 computes in it, even if the scores are float64.
        double = embeddings.dtype == found.dtype == np.float64
        with np.errstate(over="ignore"):
            largest = np.abs(found).max().astype(np.float64 if double else np.float32)
        if apart <= _ULPS * np.spacing(largest):
            return
        # A scorer that gives other answers to the same call has another fault, which audits tell.
        noise = max(_apart(asked(part.query), found) for _ in range(2))
        np.take(embeddings, place[part.query], axis=0, out=query)
        query[...], given[...] = nudged(query), support
        nudge = rounding(self._asking.compare(query, given)[::2, 0], found)
        if apart > 4 * noise + min(nudge, _SHARE * float(np.ptp(found))):
            problem = "compare scores a query otherwise when the other queries are others"
            raise self._asking.broken(f"{problem}; it must not look at other queries")

    def _look_up(self, part: Episodes, codes: np.ndarray, values: np.ndarray) -> np.ndarray:
        episodes, ways, _ = part.support.shape
        support = part.support.reshape(episodes, 1, -1)
        wanted = self.pair_codes(part.query[..., None], support)
        places = np.minimum(np.searchsorted(codes, wanted), len(codes) - 1)
        return self._asking.pooled(values[places], ways)

    def _classify(self, part: Episodes) -> np.ndarray:
        images = self.images
        episodes, ways, shots = part.support.shape
        scores = np.full((*part.query.shape, ways), -np.inf)
        for e in range(episodes):
            query = part.query[e][part.query[e] >= 0]
            count = int((part.support[e, :, 0] >= 0).sum())
            with self._naming(lambda place, query=query: [query[place[0]]]):
                scores[e, : len(query), :count] = self._asking.classify(
                    images[part.support[e, :count].ravel()],
                    np.repeat(np.arange(count), shots),
                    images[query],
                )
        return scores

    def _load(self, path: str) -> tuple[np.ndarray, np.ndarray]:
        if self._loaded is None or self._loaded[0] != path:
            arrays = archive.read(Path(path))
            self._loaded = (path, arrays["keys"], arrays["values"])
        return self._loaded[1:]

    def _width(self, prepared: str) -> int:
        """Gives the dimensions of an embedding, 1 for scorers that have none."""
        return self._load(prepared)[1].shape[1] if self.traits.level == 1 else 1

    def hold(self, path: str, keys: np.ndarray, values: np.ndarray) -> None:
        """Keeps the result of the preparation in memory, instead of in a file.

        Args:
            path: Path of the file, which need not exist.
            keys: As in `try_episodes`: places of rows, or codes of pairs.
            values: Embeddings, or scores.
        """
        self._loaded = (path, keys, values)

    def try_episodes(
        self, first: int, last: int, prepared: str, keep: bool = False
    ) -> dict[str, np.ndarray]:
        """Runs some episodes of one block.

        Args:
            first: Number of the first episode.
            last: Number of the last episode plus 1.
            prepared: Path of the file with the preparation: for level 1 the
                place of each row's embedding and the embeddings, for level 2
                the sorted codes of pairs and their scores.
            keep: Whether to give the scores too.

        Returns:
            An array (n,) for each of episode, query, row (of the query image),
            target, predicted, credit, margin, rank; and (n, ways) for scores.
        """
        block, start = divmod(first, BLOCK)
        episodes = self.source.block(block)[start : start + last - first]
        collected: list[dict[str, np.ndarray]] = []
        pairs = episodes.query.shape[1] * episodes.support[0].size
        chunk = max(1, min(CHUNK, CHUNK_NUMBERS // self._width(prepared)) // pairs)
        for offset in range(0, len(episodes), chunk):
            part = episodes[offset : offset + chunk]
            if self.traits.level == 3:
                scores = self._classify(part)
            elif self.traits.level == 1:
                scores = self._compare(part, *self._load(prepared))
                if first + offset == 0:
                    self._check_company(part, *self._load(prepared))
                elif offset + chunk >= len(episodes):
                    # Later too, as it may look at other queries only after some calls.
                    self._check_company(part[-_LATER:], *self._load(prepared))
            else:
                scores = self._look_up(part, *self._load(prepared))
            collected.append(self._judged(part, scores, first + offset, keep))
        return {
            name: np.concatenate([columns[name] for columns in collected]) for name in collected[0]
        }

    def _judged(
        self, part: Episodes, scores: np.ndarray, first: int, keep: bool
    ) -> dict[str, np.ndarray]:
        number = np.arange(first, first + len(part), dtype=np.int64)
        columns = {
            "episode": np.repeat(number, part.query.shape[1]),
            "query": np.tile(np.arange(part.query.shape[1], dtype=np.int32), len(part)),
            "row": part.query.ravel(),
        }
        scores = scores.reshape(-1, scores.shape[-1])
        target = part.target.ravel()
        if part.support.min() < 0:
            absent = np.repeat(part.support[..., 0] < 0, part.query.shape[1], axis=0)
            scores = np.where(absent, -np.inf, scores)
            present = target >= 0
            scores, target = scores[present], target[present]
            columns = {name: column[present] for name, column in columns.items()}
        if keep:
            columns["scores"] = scores
        try:
            # Margins of extremely large scores are cut to the largest number.
            with np.errstate(over="ignore"):
                return columns | judge(scores, target)
        except ResultError as error:
            raise self._asking.broken(str(error)) from None


def unit(bench: Bench, method: str, *arguments: Any) -> Any:
    """Does a unit of work, in any process.

    Args:
        bench: The scorer and the episodes.
        method: Name of the method of `Bench`.
        *arguments: Its arguments.
    """
    with equal_products():
        return getattr(bench, method)(*arguments)


@lru_cache(maxsize=1)
def _bench(worker: WorkerSpec) -> Bench:
    source = worker.source()
    return Bench(*worker.resolved(), source)


def perform(worker: WorkerSpec, method: str, *arguments: Any) -> Any:
    """Does a unit of work in a worker process.

    Args:
        worker: Names from which the worker makes its `Bench`, once.
        method: Name of the method of `Bench`.
        *arguments: Its arguments.
    """
    return unit(_bench(worker), method, *arguments)
