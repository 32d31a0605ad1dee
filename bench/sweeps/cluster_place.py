"""A cluster as the place where evaluations are done."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...models import ModelError
from ...models.engines import ENGINES, KERAS
from ...tasks import BLOCK, Source, parcel_of
from ..clusters import (
    Cluster,
    Content,
    Luggage,
    RemoteScorer,
    RemoteSpec,
    Shared,
    WholeRun,
    recognise_there,
    whole_runs,
)
from ..errors import ScorerError
from ..evaluations import EPISODE_UNIT, PAIR_UNIT, Evaluation
from ..scorers import BrokenScorerError, Traits, blamed, images_for, is_part
from .place import Candidate, Found, Made, Terms, Wanted, made_here

UNITS = 64
"""Units of a run from which it is spread over the cluster, and not made whole by one worker."""

TRIALS = 4_000_000
"""Trials that a worker makes before it sends its runs, at most, if there are several."""

_AHEAD = 16
"""Units and runs that are given to a cluster at a time, at least: an adaptive one grows by them."""


class ClusterPlace:
    """The workers of a Dask scheduler, which may have no data and no disk in common."""

    def __init__(self, terms: Terms, cluster: Cluster, limit: float) -> None:
        """Keeps the arguments.

        Args:
            terms: What holds for all evaluations.
            cluster: The cluster.
            limit: Seconds that a unit may take.
        """
        self._terms, self._cluster, self._limit = terms, cluster, limit
        self._images: dict[int, tuple[Source, str]] = {}
        self._specs: dict[int, RemoteSpec] = {}
        self._resources: dict[int, Mapping[str, float]] = {}
        self._shared: list[Shared] = []

    def __enter__(self) -> ClusterPlace:
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        self._cluster.__exit__(kind, error, trace)

    @property
    def size(self) -> int:
        """Number of units that are done at the same time."""
        return self._cluster.size

    @property
    def _ahead(self) -> int:
        return max(_AHEAD, 2 * self._cluster.size)

    def recognise(self, wanted: Sequence[Wanted]) -> list[Found]:
        """Finds scorers on workers, or what is wrong with their code; as `LocalPlace.recognise`.

        Args:
            wanted: The scorers.
        """
        asked: list[tuple[Wanted, RemoteScorer, Future[Any]]] = []
        for one in wanted:
            luggage = Luggage(one.text, map(Path, one.files))
            files = self._cluster.hold(luggage.content) if luggage.content else ""
            remote = RemoteScorer(luggage.spec, files, one.engine)
            resources = dict(one.resources)
            future = self._cluster.submit(recognise_there, remote, resources=resources)
            asked.append((one, remote, future))
        found: list[Found] = []
        tick = self._terms.progress(len(asked), "Scorers")
        for one, remote, future in asked:
            try:
                with blamed(one.text):
                    known: Traits = future.result()
            except BrokenScorerError as error:
                found.append(error)
                continue
            finally:
                tick(1)
            engine = (known.engine or "").partition(" ")[0]
            # Another worker must not choose another engine.
            engine = engine if engine in (*KERAS, *ENGINES) else one.engine
            remote = replace(remote, engine=engine, digest=known.digest)
            found.append(Candidate(one.text, known, engine, None, remote, dict(one.resources)))
        return found

    def evaluation(
        self, found: Candidate, source: Source, name: str, seed: int, episodes: int
    ) -> Evaluation:
        """Prepares an evaluation; as `LocalPlace.evaluation`.

        Args:
            found: The scorer.
            source: The episodes.
            name: Name of the protocol as it was typed.
            seed: The seed.
            episodes: Number of episodes.
        """
        images_for(found.traits, source)
        assert found.remote is not None
        if id(source) not in self._images:
            self._images[id(source)] = source, self._cluster.hold(Content(parcel_of(source)))
        spec = RemoteSpec(
            name,
            seed,
            None,
            found.text,
            found.engine,
            source.protocol,
            self._images[id(source)][1],
            found.remote,
        )
        settings = self._terms.settings(
            name,
            found.traits.name,
            executor=_WithResources(self._cluster, found.resources),
            window=self._ahead,
            worker=spec,
            share=self._share,
        )
        evaluation = Evaluation(
            None,
            found.traits,
            source,
            episodes=episodes,
            root=self._terms.root,
            data=self._terms.data,
            settings=settings,
        )
        self._specs[id(evaluation)] = spec
        self._resources[id(evaluation)] = found.resources
        return evaluation

    def runs(self, evaluations: Iterable[Evaluation]) -> Iterator[tuple[Evaluation, Made]]:
        """Makes runs; as `LocalPlace.runs`, but in the order in which they are finished.

        Runs of few units are made whole by one worker, all those of a scorer together, so that it
        embeds every image once. Where that would leave workers without work, and for runs of
        many units, the units are spread over the cluster.

        Args:
            evaluations: What is to be run.
        """
        waiting = list(evaluations)
        small = [one for one in waiting if self._is_small(one)]
        bundles = _bundles(small)
        if self._cluster.size > 1 and len(bundles) < 2 * self._cluster.size:
            small, bundles = [], []
        yield from self._whole(bundles)
        chosen = set(map(id, small))
        for evaluation in waiting:
            if id(evaluation) not in chosen:
                yield evaluation, made_here(evaluation)
                while self._shared:
                    self._cluster.forget(self._shared.pop())

    def _share(self, path: Path) -> Shared:
        self._shared.append(self._cluster.share(path))
        return self._shared[-1]

    def _is_small(self, evaluation: Evaluation) -> bool:
        protocol, level = evaluation.source.protocol, evaluation.traits.level
        # Whether it was trained on a part that only this machine has.
        if any(map(is_part, evaluation.traits.trained_on or ())):
            return False
        pairs = protocol.ways * protocol.queries * protocol.ways * protocol.shots
        units = {
            1: evaluation.episodes / BLOCK,
            2: evaluation.episodes * pairs / PAIR_UNIT,
            3: evaluation.episodes / EPISODE_UNIT,
        }
        return units[level] <= UNITS

    def _sent(self, bundle: Sequence[Evaluation]) -> Future[list[WholeRun]]:
        asked = tuple((self._specs[id(one)], one.episodes) for one in bundle)
        return self._cluster.submit(
            whole_runs,
            asked,
            bundle[0].traits,
            self._terms.scores,
            self._limit,
            resources=self._resources[id(bundle[0])],
            limit=None,
        )

    def _whole(self, bundles: list[list[Evaluation]]) -> Iterator[tuple[Evaluation, Made]]:
        tick = self._terms.progress(sum(map(len, bundles)), "Runs")
        flying: dict[Future[list[WholeRun]], list[Evaluation]] = {}
        rest = iter(bundles)
        try:
            while True:
                if not self._terms.interrupted():
                    while len(flying) < self._ahead:
                        bundle = next(rest, None)
                        if bundle is None:
                            break
                        flying[self._sent(bundle)] = bundle
                if not flying:
                    break
                done, _ = wait(flying, 0.2, FIRST_COMPLETED)
                for future in done:
                    bundle = flying.pop(future)
                    yield from self._adopted(bundle, future)
                    tick(len(bundle))
        finally:
            for future in flying:
                future.cancel()
        if self._terms.interrupted():
            raise KeyboardInterrupt

    def _adopted(
        self, bundle: Sequence[Evaluation], future: Future[list[WholeRun]]
    ) -> Iterator[tuple[Evaluation, Made]]:
        name = bundle[0].traits.name
        try:
            with blamed(name):
                made = future.result()
        except (ScorerError, ModelError) as error:
            yield from ((evaluation, error) for evaluation in bundle)
            return
        for evaluation, whole in zip(bundle, made, strict=True):
            for line in whole.lines:
                self._terms.warn(line)
            error = whole.error
            if error is None:
                yield evaluation, evaluation.adopt(whole.files)
            elif isinstance(error, ScorerError | ModelError):
                yield evaluation, error
            else:
                raise error


class _WithResources(Executor):
    """The cluster, for the units of a scorer that needs workers with certain resources."""

    def __init__(self, cluster: Cluster, resources: Mapping[str, float]) -> None:
        self._cluster, self._resources = cluster, resources

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        return self._cluster.submit(fn, *args, resources=self._resources)


def _bundles(evaluations: Sequence[Evaluation]) -> list[list[Evaluation]]:
    """Puts the runs of a scorer together, those with most trials first."""
    bundles: list[list[Evaluation]] = []
    by_scorer: dict[str, list[Evaluation]] = {}
    for one in evaluations:
        by_scorer.setdefault(f"{one.traits.digest} {one.traits.name}", []).append(one)
    for some in by_scorer.values():
        trials = 0
        for one in some:
            protocol = one.source.protocol
            more = one.episodes * protocol.ways * protocol.queries
            if not trials or trials + more > TRIALS:
                bundles.append([])
                trials = 0
            bundles[-1].append(one)
            trials += more
    return sorted(bundles, key=lambda some: -sum(one.episodes for one in some))
