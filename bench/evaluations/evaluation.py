"""Evaluation: a scorer on the episodes of a protocol, stored as a run."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ... import results
from ...tasks import (
    BLOCK,
    Dataset,
    Protocol,
    Source,
    episodes_digest,
    open_protocol,
    parse,
)
from ..errors import ScorerError
from ..machine import environment
from ..scorers import Failure, Scorer, Traits, is_scorer, kind_of, resolve, title_of, traits, wrap
from .dispatch import Dispatch
from .image_names import ImageNames
from .leakage import Training
from .preparation import Preparation
from .settings import Settings
from .unfinished import UnfinishedRun
from .verdicts import audited, identity, judged
from .work import Bench

EPISODE_UNIT = 16
"""Number of episodes in a unit for scorers of level 3."""


class Evaluation:
    """One scorer on one protocol, from the first unit to the stored run.

    Attributes:
        bench: The scorer and the episodes.
        episodes: Number of episodes to run.
        root: Folder of all runs.
        folder: Folder in which the run is stored.
    """

    def __init__(
        self,
        scorer: Scorer | None,
        known: Traits,
        source: Source,
        *,
        episodes: int,
        root: Path,
        settings: Settings | None = None,
        data: str | Path | None = None,
    ) -> None:
        """Prepares an evaluation.

        Args:
            scorer: The scorer; None if workers make it from the settings'
                `worker`.
            known: The traits of the scorer, from `scorer.traits`.
            source: The episodes.
            episodes: Number of episodes; fewer are run if the protocol has
                fewer.
            root: Folder of all runs.
            settings: Settings of the evaluation; None for the defaults.
            data: Folder of Omniglot, of which a scorer may say that it was
                trained on a part.
        """
        # A scorer may change the current folder while it is asked.
        self._data, root = data, root.absolute()
        self.bench = Bench(scorer, known, source)
        self.traits, self.source = known, source
        # The official runs are always run whole: part of them is another benchmark.
        wanted = max(episodes, 20) if source.protocol.is_official else episodes
        self.episodes = min(wanted, source.episodes or wanted)
        self.settings = settings or Settings()
        protocol = source.protocol
        self._key = results.key(
            protocol.digest, source.dataset.digest, source.seed, self.episodes, known.digest
        )
        self.folder = results.place(root, protocol.title, known.name, self._key)
        self.root = root
        self._unfinished = UnfinishedRun(root / ".partial" / self._key[:32])

    def stored(self) -> results.Run | None:
        """Gives the run if it is stored already and its trials are not damaged, or None.

        It also removes files of a process that was killed after storing it.
        """
        run = self._stored()
        if run is not None and not self._fits(run):
            return None
        if run is not None:
            self._unfinished.sweep(self._tidy)
        return run

    def _stored(self) -> results.Run | None:
        try:
            run = results.read(self.folder)
            run.verify()
        except results.ResultError:
            return None
        record = run.record
        of = results.key(
            record["protocol"]["digest"],
            str(record["dataset"].get("digest")),
            record["seed"],
            record["episodes"],
            record["scorer"]["digest"],
        )
        if of != self._key or (self.settings.scores and not record.get("scores_digest")):
            return None
        return run

    def _fits(self, run: results.Run) -> bool:
        """Tells whether a stored run's scorer, of the same digest, gave the same answers."""
        stored = run.record["scorer"].get("identity") or {}
        identity = self.traits.identity
        return identity is None or identity.fits(stored.get("answers") or ())

    def run(self) -> results.Run:
        """Does all units that are not finished, and stores the run.

        Units that an interrupted evaluation has finished are not done again.

        Raises:
            ScorerError: An answer of the scorer is not valid.
            ResultError: The folder cannot be written.
            KeyboardInterrupt: The settings tell to end early.
        """
        # A process that waits for the lock finds the run stored, even if the file is gone.
        with self.writing(), self._locked():
            run = self._found() or self._run()
            self._tidy()
            return run

    def _found(self) -> results.Run | None:
        """Gives the run if it is stored; raises ScorerError if its scorer gave other answers."""
        run = self._stored()
        if run is not None and not self._fits(run):
            raise ScorerError(
                f"scorer {self.traits.name}: the run stored in {self.folder} has its digest and "
                "was made with other answers; a scorer that has changed needs another digest"
            )
        return run

    def elsewhere(self, root: Path, episodes: int) -> Evaluation:
        """Gives the same evaluation in another place.

        Args:
            root: Folder of all runs.
            episodes: Number of episodes.
        """
        return Evaluation(
            self.bench.scorer,
            self.traits,
            self.source,
            episodes=episodes,
            root=root,
            settings=self.settings,
            data=self._data,
        )

    def adopt(self, files: Mapping[str, bytes | Path]) -> results.Run:
        """Stores a run that was made elsewhere.

        Args:
            files: The bytes of its files, or files to copy, by name.

        Raises:
            ScorerError: A run with other answers is stored under the digest of the scorer.
            ResultError: They are no run of this evaluation, or the folder cannot be written.
        """
        with self.writing(), self._locked():
            run = self._found()
            if run is None:
                results.adopt(self.folder, files)
                run = self._stored()
            if run is None:
                raise results.ResultError(f"{self.folder}: what was received is another run")
            self._tidy()
            return run

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Raises a ResultError in place of an OSError."""
        try:
            yield
        except OSError as error:
            problem = " ".join(str(error.strerror or error).split())
            raise results.ResultError(
                f"{self.root}: {problem}; once that is mended, the same command goes on where it "
                "stopped"
            ) from error

    def failure(self, error: Exception) -> Failure:
        """Describes the error that `run` has raised."""
        return Failure.of(self.source.protocol.name, self.traits.name, error)

    @cached_property
    def _training(self) -> Training:
        return Training(self.traits, self.source, self._data)

    def _locked(self) -> AbstractContextManager[None]:
        return self._unfinished.locked(
            lambda: self.settings.warn(
                f"{self.source.protocol.name}, {self.traits.name}: waiting for another process "
                "that does the same"
            )
        )

    def _tidy(self) -> None:
        """Removes unfinished units, and files left by killed processes."""
        for left in self.folder.parent.glob(f".new-{self.folder.name}-*"):
            shutil.rmtree(left, ignore_errors=True)
        self._unfinished.remove()

    def _run(self) -> results.Run:
        started = time.perf_counter()
        if self.traits.identity is not None and self.traits.identity.advice:
            self.settings.warn(f"{self.traits.name}: {self.traits.identity.advice}")
        self._unfinished.folder.mkdir(parents=True, exist_ok=True)
        if self._training.warning:
            self.settings.warn(f"{self.traits.name}: {self._training.warning}")
        with Dispatch(self.bench, self.settings) as dispatch:
            audit = audited(dispatch) if self.settings.audit else None
            preparation = Preparation(dispatch, self._unfinished, self.episodes)
            path = preparation.prepare()
            prepared = self.settings.share(path) if path.exists() else str(path)
            units = self._trial_units()
            waiting = [unit for unit in units if not self._trials(*unit)]
            tick = self.settings.progress(self.episodes, "Episodes")
            tick(self.episodes - sum(last - first for first, last in waiting))
            calls = ((*unit, prepared, self.settings.scores) for unit in waiting)
            with dispatch.stage("compare"):
                for unit, columns in dispatch.units("try_episodes", calls):
                    self._unfinished.put(_name(*unit[:2]), **columns)
                    tick(unit[1] - unit[0])
            audit = judged(dispatch, audit, preparation.repeat)
            return self._store(units, dispatch, preparation, audit, started)

    def _trial_units(self) -> list[tuple[int, int]]:
        """Gives the first episode of each unit, and the one after its last, within blocks."""
        size = EPISODE_UNIT if self.traits.level == 3 else BLOCK
        return [
            (first, min(first + size, self.episodes)) for first in range(0, self.episodes, size)
        ]

    def _trials(self, first: int, last: int) -> dict[str, np.ndarray] | None:
        columns = ("episode", "row", "credit", *(["scores"] if self.settings.scores else []))
        return self._unfinished.get(_name(first, last), columns)

    def _columns(
        self, units: list[tuple[int, int]], dispatch: Dispatch
    ) -> Iterator[dict[str, Any]]:
        """Gives the trials of each unit, with the names of their images."""
        names = ImageNames(self.source)
        for unit in units:
            dispatch.check()
            columns: dict[str, Any] | None = self._trials(*unit)
            if columns is None:
                raise OSError(f"a unit in {self._unfinished.folder} cannot be read back")
            if not self.settings.scores:
                columns.pop("scores", None)
            yield columns | names.of(columns.pop("row"))

    def _store(
        self,
        units: list[tuple[int, int]],
        dispatch: Dispatch,
        preparation: Preparation,
        audit: dict[str, Any] | None,
        started: float,
    ) -> results.Run:
        protocol, dataset, known = self.source.protocol, self.source.dataset, self.traits
        timings: dict[str, Any] = {
            f"{stage}_seconds": round(seconds, 4) for stage, seconds in dispatch.seconds.items()
        }
        if known.level == 1:
            timings["images_embedded"] = preparation.embedded
        record = {
            "protocol": {
                "name": protocol.title,
                "digest": protocol.digest,
                "description": protocol.describe(),
                "fields": protocol.identity,
            },
            "dataset": {"name": dataset.name, "digest": dataset.digest, "images": len(dataset)},
            "scorer": {
                "name": known.name,
                "digest": known.digest,
                "level": known.level,
                "pooling": known.pooling,
                "smaller_is_closer": known.smaller_is_closer,
                "parameters": known.parameters,
                "leaked_characters": self._training.leaked(preparation.used_rows),
                **{
                    name: value
                    for name in ("flops", "scale", "training", "engine", "spec")
                    if (value := getattr(known, name)) is not None
                },
                **({"baseline": True} if known.baseline else {}),
                **identity(known, audit),
            },
            "seed": self.source.seed,
            "episodes": self.episodes,
            "episodes_digest": episodes_digest(self.source, self.episodes),
            "environment": environment(),
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "timings": timings,
            **({"audit": audit} if audit else {}),
        }
        timings["total_seconds"] = round(time.perf_counter() - started, 4)
        return results.write(self.folder, record, self._columns(units, dispatch))


def _name(first: int, last: int) -> str:
    return f"trials-{first:010}-{last:010}"


def evaluate(
    scorer: Any,
    protocol: Source | Protocol | str,
    *,
    name: str | None = None,
    episodes: int = 1000,
    seed: int = 1,
    data: str | Path | Dataset | None = None,
    root: str | Path = "runs",
    settings: Settings | None = None,
) -> results.Run:
    """Evaluates a scorer on a protocol; a run that is stored already is not run again.

    Args:
        scorer: A name as for `wayshot run --scorer`; an object with the
            methods of `EmbeddingScorer`, `PairScorer` or `FewShotClassifier`;
            or a trained model, which is wrapped with the defaults of `wrap`.
        protocol: A name, a protocol from `parse`, or its episodes from
            `open_protocol`.
        name: What tables call the scorer; None for what was typed, its
            attribute `name`, or the name of its class or function.
        episodes: Number of episodes.
        seed: Seed of the episodes; not used if `protocol` is episodes.
        data: Folder of Omniglot; for a protocol of `arrays`, the data set from
            `tasks.from_arrays`; not used if `protocol` is episodes.
        root: Folder of all runs.
        settings: Settings of the evaluation; None for the defaults.

    Returns:
        The stored run.

    Raises:
        ScorerError: The object is not a scorer, or its answers are not valid.
        TaskError: There is no such protocol, or its data are missing.

    Examples:
        >>> import wayshot
        >>> run = wayshot.evaluate("pixel-cosine", "glyphs-within-5w1s", episodes=100)
        >>> run.record["n"]
        500
        >>> bool(run.trials["credit"].mean() > 0.2)
        True
    """
    if episodes < 1:
        raise ScorerError(f"{episodes} episodes are none, expected at least 1")
    if name is not None and not (isinstance(name, str) and name):
        raise ScorerError(f"name is {name!r}, expected a text, such as 'ours'")
    if isinstance(protocol, str):
        protocol = parse(protocol)
    source = open_protocol(protocol, seed, data) if isinstance(protocol, Protocol) else protocol
    if isinstance(scorer, str):
        folder = str(data) if isinstance(data, str | Path) else None
        scorer, known = resolve(scorer, data=folder)
    else:
        title = name or title_of(scorer)
        if not is_scorer(scorer) and kind_of(scorer) is not None:
            scorer = wrap(scorer, name=title)
        known = traits(scorer, title)
    if name is not None:
        known = replace(known, name=name)
    evaluation = Evaluation(
        scorer,
        known,
        source,
        episodes=episodes,
        root=Path(root),
        settings=settings,
        data=None if isinstance(data, Dataset) else data,
    )
    return evaluation.stored() or evaluation.run()
