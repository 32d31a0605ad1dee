"""Evaluation: a scorer on the episodes of a protocol, stored as a run."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import (
    BrokenExecutor,
    Executor,
    Future,
    ThreadPoolExecutor,
    as_completed,
)
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from filelock import FileLock

from .. import results
from ..tasks import BLOCK, Source
from ..tasks import digest as episodes_digest
from .embeddings import EmbeddingCache, environment, image_keys
from .errors import ScorerError
from .partial import Partial
from .scorer import BATCH, Scorer, Traits, traits
from .settings import Settings
from .work import Bench, perform

EMBED_UNIT = 4 * BATCH
"""Images of one unit of embedding."""

PAIR_UNIT = 4096
"""Pairs of one unit of scoring, or somewhat more."""

EPISODE_UNIT = 16
"""Episodes of one unit for scorers of level 3."""


class Evaluation:
    """One scorer on one protocol, from the first unit to the stored run.

    Attributes:
        bench: The scorer and the episodes.
        episodes: How many episodes will be run.
        folder: Where the run is stored.
    """

    def __init__(
        self,
        scorer: Scorer,
        known: Traits,
        source: Source,
        *,
        episodes: int,
        root: Path,
        settings: Settings | None = None,
    ) -> None:
        """Prepares an evaluation.

        Args:
            scorer: The scorer.
            known: What is known of it, as from `scorer.traits`.
            source: Where the episodes come from.
            episodes: How many; fewer are run where the protocol has an end.
            root: Folder of all runs.
            settings: How to go about it.
        """
        self.bench = Bench(scorer, known, source)
        self.traits, self.source = known, source
        # The official runs are always run whole: part of them is another benchmark.
        wanted = max(episodes, 20) if source.protocol.structure == "runs" else episodes
        self.episodes = min(wanted, source.episodes or wanted)
        self.settings = settings or Settings()
        protocol = source.protocol
        self._key = results.key(
            protocol.digest, source.dataset.digest, source.seed, self.episodes, known.digest
        )
        self.folder = results.place(root, protocol.name, known.name, self._key)
        self._partial = Partial(root / ".partial" / self._key[:32])
        self._seconds: dict[str, float] = {}

    def stored(self) -> results.Run | None:
        """The run, if it is stored already and its trials are sound."""
        try:
            run = results.read(self.folder)
            run.verify()
        except results.ResultError:
            return None
        return run if run.record.get("scores_digest") or not self.settings.scores else None

    def run(self) -> results.Run:
        """Does all that is not done yet, and stores the run.

        Units that an interrupted evaluation has finished are not done again.

        Raises:
            ScorerError: The scorer does not answer as it must.
            OSError: The folder cannot be written.
        """
        folder = self._partial.folder
        folder.mkdir(parents=True, exist_ok=True)
        # Who waits for the lock finds the run stored, even if the file is gone by then.
        lock = Path(f"{folder}.lock")
        with FileLock(lock):
            run = self.stored() or self._run()
            shutil.rmtree(folder, ignore_errors=True)
            with suppress(OSError):
                lock.unlink()
        return run

    def _run(self) -> results.Run:
        started = time.perf_counter()
        self._partial.folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            executor = self.settings.executor
            if executor is None:
                executor = stack.enter_context(ThreadPoolExecutor(max_workers=1))
            prepared = self._prepare(executor)
            units = self._trial_units()
            waiting = [unit for unit in units if not self._trials(*unit)]
            tick = self.settings.ticker(self.episodes, "Episodes")
            tick(self.episodes - sum(last - first for first, last in waiting))
            with self._timed("compare"):
                for unit, columns in self._submit(
                    executor,
                    "try_episodes",
                    [(*unit, str(prepared), self.settings.scores) for unit in waiting],
                ):
                    self._partial.put(_name(*unit[:2]), **columns)
                    tick(unit[1] - unit[0])
            return self._store(units, started)

    @contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self._seconds[stage] = self._seconds.get(stage, 0.0) + time.perf_counter() - start

    def _submit(
        self, executor: Executor, method: str, calls: Sequence[tuple[Any, ...]]
    ) -> Iterator[tuple[tuple[Any, ...], Any]]:
        """Does units in any order; gives the arguments and the result of each."""
        order = self.settings.order
        futures: dict[Future[Any], tuple[Any, ...]] = {}
        for call in calls:
            if order is None:
                future = executor.submit(getattr(self.bench, method), *call)
            else:
                future = executor.submit(perform, order, method, *call)
            futures[future] = call
        try:
            for future in as_completed(list(futures)):
                yield futures.pop(future), future.result()
        except BrokenExecutor:
            raise ScorerError(
                f"scorer {self.traits.name}: a worker process died; the same command goes on "
                "where it stopped, perhaps with fewer --jobs"
            ) from None
        finally:
            for future in futures:
                future.cancel()

    def _prepare(self, executor: Executor) -> Path:
        """Embeds images or scores pairs; gives the file that holds the outcome."""
        path = self._partial.folder / "prepared.npz"
        if self.traits.level == 3:
            return path
        if self.traits.level == 1:
            keys, values = self._embeddings(executor)
        else:
            keys, values = self._pair_scores(executor)
        if self.settings.order is not None:
            self._partial.put("prepared", keys=keys, values=values)
        self.bench.hold(str(path), keys, values)
        return path

    @cached_property
    def _used_rows(self) -> np.ndarray:
        """Rows of all images in the episodes, sorted."""
        turns = 1 if self.source.protocol.rotations == "none" else 4
        used = np.zeros(turns * len(self.source.dataset) + 1, dtype=bool)
        for block in self.source.blocks(self.episodes):
            # Absent images, -1, fall on the last place.
            used[block.support] = used[block.query] = True
            if used[:-1].all():
                break
        return np.flatnonzero(used[:-1])

    def _embeddings(self, executor: Executor) -> tuple[np.ndarray, np.ndarray]:
        """Embeds each different image once; gives each row's place, and embeddings."""
        with self._timed("sample"):
            rows = self._used_rows
        keys, first, place_of_row = np.unique(
            image_keys(self.source.dataset.images, rows), return_index=True, return_inverse=True
        )
        # In the order of the data set: batches are the same whatever is cached.
        order = np.argsort(first)
        rank = np.empty(len(order), dtype=np.int32)
        rank[order] = np.arange(len(order))
        keys, images = keys[order], rows[first[order]]
        cache = EmbeddingCache(
            self.traits, None if self.settings.cache else self._partial.folder / "embeddings"
        )
        with self._timed("load"):
            found, values = cache.get(keys)
        for path in cache.damaged:
            self.settings.warn(f"{path}: damaged; its embeddings are made anew")
        units = [
            (start, images[start : start + EMBED_UNIT])
            for start in range(0, len(images), EMBED_UNIT)
            if not found[start : start + EMBED_UNIT].all()
        ]
        tick = self.settings.ticker(sum(len(unit) for _, unit in units), "Images")
        with self._timed("embed"):
            done = self._submit(executor, "embed", [(unit,) for _, unit in units])
            starts = {unit[0]: start for start, unit in units}
            for (unit,), embedded in done:
                chosen = slice(starts[unit[0]], starts[unit[0]] + len(unit))
                if values is None:
                    values = np.zeros((len(keys), embedded.shape[1]), embedded.dtype)
                if values.shape[1:] != embedded.shape[1:] or values.dtype != embedded.dtype:
                    raise ScorerError(
                        f"scorer {self.traits.name}: embed gave {embedded.shape[1]} dimensions of "
                        f"{embedded.dtype}, and {values.shape[1]} of {values.dtype} before"
                    )
                new = ~found[chosen]
                values[chosen][new] = embedded[new]
                cache.put(keys[chosen][new], embedded[new])
                tick(len(unit))
        assert values is not None
        place = np.full(rows.max() + 1, -1, dtype=np.int32)
        place[rows] = rank[place_of_row]
        self._seconds["images_embedded"] = sum(len(unit) for _, unit in units)
        return place, values

    def _pairs(self) -> np.ndarray:
        """Codes of all pairs in the episodes, sorted; see `Bench.pair_codes`."""
        known = np.empty(0, dtype=np.int64)
        for block in self.source.blocks(self.episodes):
            query = block.query[..., None]
            support = block.support.reshape(len(block), 1, -1)
            codes = self.bench.pair_codes(query, support)
            known = np.union1d(known, codes[(query >= 0) & (support >= 0)])
        return known

    def _pair_scores(self, executor: Executor) -> tuple[np.ndarray, np.ndarray]:
        """Scores each pair once; gives their codes, sorted, and scores."""
        with self._timed("sample"):
            codes = self._pairs()
        queries = self.bench.pair_rows(codes)[0]
        # Units begin where a query begins, so that its calls do not depend on them.
        starts = np.flatnonzero(np.diff(queries, prepend=-1))
        _, first = np.unique(starts // PAIR_UNIT, return_index=True)
        parts = np.split(codes, starts[first][1:])
        scores: dict[int, np.ndarray] = {}
        units = {}
        tick = self.settings.ticker(len(codes), "Pairs")
        for unit in parts:
            name = f"pairs-{unit[0]}-{unit[-1]}-{len(unit)}"
            stored = self._partial.get(name, ("codes", "scores"))
            if stored is not None and np.array_equal(stored["codes"], unit):
                scores[unit[0]] = stored["scores"]
                tick(len(unit))
            else:
                units[unit[0]] = name
        with self._timed("score"):
            calls = [(unit,) for unit in parts if unit[0] in units]
            for (unit,), answer in self._submit(executor, "score_pairs", calls):
                self._partial.put(units[unit[0]], codes=unit, scores=answer)
                scores[unit[0]] = answer
                tick(len(unit))
        return codes, np.concatenate([scores[first] for first in sorted(scores)])

    def _trial_units(self) -> list[tuple[int, int]]:
        """First and last episode of each unit, within blocks."""
        size = EPISODE_UNIT if self.traits.level == 3 else BLOCK
        return [
            (first, min(first + size, self.episodes)) for first in range(0, self.episodes, size)
        ]

    def _trials(self, first: int, last: int) -> dict[str, np.ndarray] | None:
        columns = ("episode", "row", "credit", *(["scores"] if self.settings.scores else []))
        return self._partial.get(_name(first, last), columns)

    def _columns(self, units: list[tuple[int, int]]) -> Iterator[dict[str, Any]]:
        """The trials of each unit, with the names of their images."""
        dataset = self.source.dataset
        names = {
            name: (
                dataset.table[name].cat.codes.to_numpy().astype(np.int32),
                list(dataset.table[name].cat.categories),
            )
            for name in ("alphabet", "character", "drawer")
        }
        turned = self.source.protocol.rotations != "none"
        codes, categories = names["character"]
        upright = len(categories)
        if turned:
            categories = [
                *categories,
                *(f"{name}@{90 * turn}" for turn in (1, 2, 3) for name in categories),
            ]
            names["character"] = (codes, categories)
        for unit in units:
            columns: dict[str, Any] | None = self._trials(*unit)
            if columns is None:
                raise OSError(f"{self._partial.folder}: a unit cannot be read back; run again")
            if not self.settings.scores:
                columns.pop("scores", None)
            turns, rows = np.divmod(columns.pop("row"), len(dataset))
            for name, (codes, categories) in names.items():
                chosen = codes[rows] + (turns * upright if name == "character" else 0)
                columns[name] = pd.Categorical.from_codes(chosen, categories)  # pyright: ignore
            yield columns

    def _store(self, units: list[tuple[int, int]], started: float) -> results.Run:
        protocol, dataset, known = self.source.protocol, self.source.dataset, self.traits
        images = self._seconds.pop("images_embedded", None)
        timings: dict[str, Any] = {
            f"{stage}_seconds": round(seconds, 4) for stage, seconds in self._seconds.items()
        }
        if images is not None:
            timings["images_embedded"] = images
        record = {
            "protocol": {
                "name": protocol.name,
                "digest": protocol.digest,
                "description": protocol.describe(),
                "fields": asdict(protocol),
            },
            "dataset": {"name": dataset.name, "digest": dataset.digest, "images": len(dataset)},
            "scorer": {
                "name": known.name,
                "digest": known.digest,
                "level": known.level,
                "pooling": known.pooling,
                "smaller_is_closer": known.smaller_is_closer,
                "parameters": known.parameters,
                "leaked_characters": self._leaked(),
                **{
                    name: value
                    for name in ("flops", "scale", "training")
                    if (value := getattr(known, name)) is not None
                },
            },
            "seed": self.source.seed,
            "episodes": self.episodes,
            "episodes_digest": episodes_digest(self.source, self.episodes),
            "environment": environment(),
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "timings": timings,
        }
        timings["total_seconds"] = round(time.perf_counter() - started, 4)
        return results.write(self.folder, record, self._columns(units))

    def _leaked(self) -> int | None:
        """How many characters in the episodes it was trained on; None if it does not say."""
        if self.traits.trained_on is None:
            return None
        dataset = self.source.dataset
        tested = np.unique(dataset.character_codes[self._used_rows % len(dataset)])
        characters = dataset.characters.iloc[tested]
        names = set(characters["alphabet"] + "/" + characters["character"])
        return len(names & self.traits.trained_on)


def _name(first: int, last: int) -> str:
    return f"trials-{first:010}-{last:010}"


def evaluate(
    scorer: Any,
    source: Source,
    *,
    name: str = "scorer",
    episodes: int = 1000,
    root: str | Path = "runs",
    settings: Settings | None = None,
) -> results.Run:
    """Evaluates any scorer from Python; what is stored already is not run again.

    Args:
        scorer: An object with the methods of `scorer.EmbeddingScorer`,
            `scorer.PairScorer` or `scorer.FewShotClassifier`.
        source: As from `wayshot.tasks.open_protocol`.
        name: What to call the scorer where it has no `name`.
        episodes: How many.
        root: Folder of all runs.
        settings: How to go about it.

    Raises:
        ScorerError: It is no scorer, or does not answer as it must.
    """
    if episodes < 1:
        raise ScorerError(f"{episodes} episodes are none, expected at least 1")
    known = traits(scorer, name)
    evaluation = Evaluation(
        scorer, known, source, episodes=episodes, root=Path(root), settings=settings
    )
    return evaluation.stored() or evaluation.run()
