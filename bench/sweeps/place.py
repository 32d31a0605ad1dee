"""Places where evaluations are done: this machine, or a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from ...models import ModelError
from ...results import ResultError, Run
from ...tasks import Progress, Source, quiet
from ..clusters import RemoteScorer
from ..errors import ScorerError
from ..evaluations import Evaluation, Settings, Workers, WorkerSpec, recognise
from ..scorers import (
    BrokenScorerError,
    BundledSiamese,
    CheckpointSiamese,
    Scorer,
    Traits,
    blamed,
    images_for,
    resolve,
)


@dataclass(frozen=True)
class Candidate:
    """A scorer that is asked for, and what is known of it.

    Attributes:
        text: What was typed.
        traits: Its traits.
        engine: Name of its engine.
        scorer: The scorer; None where other processes have it.
        remote: What workers of a cluster make it from, or None.
        resources: Resources that a worker must declare.
    """

    text: str
    traits: Traits
    engine: str = "auto"
    scorer: Scorer | None = None
    remote: RemoteScorer | None = None
    resources: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Wanted:
    """A scorer that is asked for.

    Attributes:
        text: What was typed.
        engine: Name of the engine.
        files: Files that its code reads, for a cluster.
        resources: Resources that a worker of a cluster must declare.
    """

    text: str
    engine: str = "auto"
    files: tuple[str, ...] = ()
    resources: tuple[tuple[str, float], ...] = ()


Found = Candidate | ScorerError
Made = Run | ScorerError | ModelError | ResultError


@dataclass(frozen=True)
class Terms:
    """What holds for all evaluations.

    Attributes:
        root: Folder of all runs.
        data: Folder of Omniglot.
        cache: As in `Settings`.
        scores: As in `Settings`.
        warn: As in `Settings`.
        interrupted: As in `Settings`.
        progress: As in `Settings`.
    """

    root: Path
    data: str | None = None
    cache: bool = True
    scores: bool = False
    warn: Callable[[str], None] = lambda line: None
    interrupted: Callable[[], bool] = lambda: False
    progress: Progress = quiet

    def settings(self, name: str, scorer: str, **more: Any) -> Settings:
        """Gives the settings of an evaluation.

        Args:
            name: Name of the protocol.
            scorer: Name of the scorer.
            **more: Other settings.
        """
        return Settings(
            cache=self.cache,
            scores=self.scores,
            warn=self.warn,
            interrupted=self.interrupted,
            progress=lambda total, title: self.progress(total, f"{name} {scorer}: {title}"),
            **more,
        )


class LocalPlace:
    """This machine: one process, or several."""

    def __init__(self, terms: Terms, jobs: int, limit: float, patience: Progress = quiet) -> None:
        """Prepares workers.

        Args:
            terms: What holds for all evaluations.
            jobs: Number of processes.
            limit: Seconds that a unit may take.
            patience: Shows the progress of choosing an engine.
        """
        self._terms, self._apart, self._jobs = terms, jobs > 1, jobs
        self._patience = patience
        self._workers = Workers(jobs, processes=self._apart, limit=limit, warn=terms.warn)

    def __enter__(self) -> LocalPlace:
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        self._workers.__exit__(kind, error, trace)

    @property
    def size(self) -> int:
        """Number of units that are done at the same time."""
        return self._jobs

    def recognise(self, wanted: Sequence[Wanted]) -> list[Found]:
        """Finds scorers, or what is wrong with their code.

        Args:
            wanted: The scorers.

        Raises:
            ScorerError: One was typed wrong.
        """
        data = self._terms.data
        find: Any = recognise if self._apart else partial(resolve, progress=self._patience)
        asked = [
            (one, self._workers.submit(partial(find, one.text, one.engine, data=data)))
            for one in wanted
        ]
        found: list[Found] = []
        for one, answer in asked:
            try:
                with blamed(one.text):
                    got = answer.result()
                scorer, known = (None, got) if self._apart else got
                if isinstance(scorer, BundledSiamese | CheckpointSiamese):
                    for reason in scorer.passed_over.values():
                        self._terms.warn(reason)
                found.append(Candidate(one.text, known, one.engine, scorer))
            except BrokenScorerError as error:
                found.append(error)
        return found

    def evaluation(
        self, found: Candidate, source: Source, name: str, seed: int, episodes: int
    ) -> Evaluation:
        """Prepares an evaluation.

        Args:
            found: The scorer.
            source: The episodes.
            name: Name of the protocol as it was typed.
            seed: The seed.
            episodes: Number of episodes.

        Raises:
            ScorerError: The scorer does not take images of this kind.
        """
        images_for(found.traits, source)
        spec = WorkerSpec(name, seed, self._terms.data, found.text, found.engine)
        settings = self._terms.settings(
            name,
            found.traits.name,
            executor=self._workers,
            window=max(64, 2 * self._jobs),
            worker=spec if self._apart else None,
        )
        return Evaluation(
            found.scorer,
            found.traits,
            source,
            episodes=episodes,
            root=self._terms.root,
            data=self._terms.data,
            settings=settings,
        )

    def runs(self, evaluations: Iterable[Evaluation]) -> Iterator[tuple[Evaluation, Made]]:
        """Makes runs, one after the other.

        Args:
            evaluations: What is to be run.

        Yields:
            Each evaluation, with its run or the error with which it has ended.

        Raises:
            KeyboardInterrupt: The terms tell to end early.
        """
        for evaluation in evaluations:
            yield evaluation, made_here(evaluation)


def made_here(evaluation: Evaluation) -> Made:
    """Runs an evaluation from this process; gives the run, or the error with which it ends."""
    try:
        return evaluation.run()
    except (ScorerError, ModelError) as error:
        return error
    except MemoryError as error:
        # Embeddings may be too wide to be kept; other scorers' are not.
        problem = " ".join(f"the memory is used up ({error})".split()).replace(" ()", "")
        return BrokenScorerError(f"scorer {evaluation.traits.name}: {problem}")
