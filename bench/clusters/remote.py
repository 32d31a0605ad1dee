"""Remote: what runs on a worker of a cluster, and what it is told.

A worker does the units in a process of its own, beside that of Dask: a scorer that hangs or
kills its process costs this process only, and the worker goes on.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from multiprocessing import util
from pathlib import Path
from typing import Any

from ... import tasks
from ...models import ModelError
from ..errors import ScorerError
from ..evaluations import Evaluation, Settings, Workers, WorkerSpec
from ..scorers import OverdueScorerError, Scorer, Spec, Traits, resolve
from .contents import ContentStore, Piece, Shared
from .versions import differences, versions


@dataclass(frozen=True)
class RemoteScorer:
    """A scorer, as a worker makes it.

    Attributes:
        spec: What was typed, with the places that files have there.
        files: Digest of the files that it needs, or "".
        engine: Name of the engine.
        digest: Its digest, which is checked; "" if it is not known yet.
    """

    spec: Spec
    files: str = ""
    engine: str = "auto"
    digest: str = ""

    def __hash__(self) -> int:
        # Its keys are a dict.
        return hash((self.spec.title, self.files, self.engine, self.digest))


@dataclass(frozen=True)
class RemoteSpec(WorkerSpec):
    """What a worker of a cluster needs to make its `Bench`: all of it by content.

    Attributes:
        parsed: The protocol.
        images: Digest of the images with their names.
        made_of: The scorer.
    """

    parsed: tasks.Protocol = field(default=tasks.RUNS)
    images: str = ""
    made_of: RemoteScorer = field(default_factory=lambda: RemoteScorer(Spec("")))

    @property
    def contents(self) -> tuple[str, ...]:
        """Digests of all that it needs."""
        return tuple(filter(None, (self.images, self.made_of.files)))

    def source(self) -> tasks.Source:
        """Makes the episodes."""
        return _source(self.images, self.parsed, self.seed)

    def resolved(self) -> tuple[Scorer, Traits]:
        """Makes the scorer.

        Raises:
            ScorerError: It cannot be made, or is another one than where the work comes from.
        """
        return _resolved(self.made_of)


@dataclass(frozen=True)
class Order:
    """A call, as it is sent to a worker.

    Attributes:
        function: The function.
        arguments: Its arguments.
        contents: Digests of the contents that the call needs.
        limit: Seconds that it may take, or None.
        versions: Versions that the worker must have; None if any will do.
    """

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    contents: tuple[str, ...] = ()
    limit: float | None = None
    versions: dict[str, Any] | None = None


@dataclass(frozen=True)
class Answer:
    """What a call has given.

    Attributes:
        value: The value.
        lines: What is to be said of the way there.
    """

    value: Any
    lines: tuple[str, ...] = ()


@dataclass(frozen=True)
class Lacking:
    """A worker that does not have all contents.

    Attributes:
        worker: Its address.
        digests: Those that it does not have.
    """

    worker: str
    digests: tuple[str, ...]


@dataclass(frozen=True)
class Refusal:
    """A worker that has other versions.

    Attributes:
        worker: Its address.
        line: What is other, for the user.
    """

    worker: str
    line: str


def _worker() -> Any:
    from distributed import get_worker

    return get_worker()


@lru_cache(maxsize=1)
def _store() -> ContentStore:
    return ContentStore(Path(_worker().local_directory))


def put(digest: str, piece: Piece) -> None:
    """Stores a piece of a content on a worker; see `ContentStore.put`.

    Args:
        digest: Digest of the content.
        piece: The piece.
    """
    _store().put(digest, piece)


def finish(digest: str, *put: None) -> None:
    """Makes a content of its pieces on a worker; see `ContentStore.finish`.

    Args:
        digest: Digest of the content.
        *put: The results of `put`, for which this waits.
    """
    _store().finish(digest)


@lru_cache(maxsize=1)
def _children() -> tuple[Workers, list[str]]:
    # Dask's workers are daemons, which Python does not allow to start processes. These end with
    # the worker all the same, as each watches its parent.
    multiprocessing.current_process()._config["daemon"] = False  # pyright: ignore
    # Dask sets it for its own process. With it, the C library asks the system for the memory of
    # every larger array anew, and evaluations take twice as long.
    os.environ.pop("MALLOC_TRIM_THRESHOLD_", None)
    lines: list[str] = []
    jobs = _worker().state.nthreads
    children = Workers(jobs, processes=True, warn=lines.append)
    # Before Python waits for processes that nobody has told to end.
    util.Finalize(None, children.kill, exitpriority=100)
    return children, lines


def prepare() -> None:
    """Starts the process beside that of Dask, which takes seconds, before there is a call."""
    _children()[0].submit(call_here, _store().folder, os.getpid, ())


def perform_order(order: Order) -> Answer | Lacking | Refusal:
    """Makes a call on a worker, in a process beside that of Dask.

    Args:
        order: The call.
    """
    if order.versions is not None:
        line = differences(order.versions, versions())
        if line:
            return Refusal(_worker().address, line)
    store = _store()
    missing = tuple(digest for digest in order.contents if not store.has(digest))
    if missing:
        return Lacking(_worker().address, missing)
    children, lines = _children()
    before = len(lines)
    call = (call_here, store.folder, order.function, order.arguments)
    future = children.submit_within(order.limit, *call)
    value, spoiled = future.result()
    if spoiled:
        # Ends its process, in which a thread still hangs.
        children.shutdown(wait=False)
        _children.cache_clear()
    return Answer(value, tuple(lines[before:]))


_CONTENTS: list[Path] = []
"""The folder of contents of this process."""

_HUNG: list[str] = []
"""Scorers of which a thread of this process hangs."""


def call_here(
    folder: Path, function: Callable[..., Any], arguments: tuple[Any, ...]
) -> tuple[Any, bool]:
    """Makes a call in the process beside that of Dask.

    Args:
        folder: Folder of the contents.
        function: The function.
        arguments: Its arguments; a `Shared` becomes the path of its file.

    Returns:
        What the function gives, and whether this process should end.
    """
    _CONTENTS[:] = [folder]
    given = (
        str(folder / one.digest / one.name) if isinstance(one, Shared) else one for one in arguments
    )
    return function(*given), bool(_HUNG)


def contents_folder() -> Path:
    """Gives the folder of contents, in the process beside that of Dask."""
    return _CONTENTS[0]


def _content(digest: str) -> Path:
    return contents_folder() / digest


@lru_cache(maxsize=2)
def _dataset(images: str) -> tasks.Dataset:
    return tasks.unpack_dataset(_content(images))


@lru_cache(maxsize=32)
def _source(images: str, protocol: tasks.Protocol, seed: int) -> tasks.Source:
    return tasks.unpack(_content(images), protocol, seed, _dataset(images))


def _leave(folder: Path) -> None:
    """Forgets the modules of a folder, whose names may be those of another scorer's modules."""
    for name, module in [*sys.modules.items()]:
        if str(getattr(module, "__file__", None) or "").startswith(f"{folder}{os.sep}"):
            del sys.modules[name]
    sys.path[:] = [one for one in sys.path if not one.startswith(str(folder))]


@lru_cache(maxsize=1)
def _entered(files: str) -> None:
    """Makes the folder of a scorer's files the current one; for a scorer without, an empty one."""
    _leave(_CONTENTS[0])
    os.chdir(_content(files) if files else tempfile.gettempdir())


@lru_cache(maxsize=1)
def _resolved(made_of: RemoteScorer) -> tuple[Scorer, Traits]:
    _entered(made_of.files)
    try:
        scorer, known = resolve(made_of.spec, made_of.engine)
    except ScorerError as error:
        if "ModuleNotFoundError" in str(error) or "FileNotFoundError" in str(error):
            raise type(error)(
                f"{error}; on a worker there is only what is installed there and what was sent: "
                "name other files of the scorer by --send"
            ) from error
        raise
    if made_of.digest not in ("", known.digest):
        raise ScorerError(
            f"scorer {known.name}: is another one on this worker: an installed package, or its "
            "answers on this processor differ; give it an attribute digest if they are near enough"
        )
    return scorer, known


def recognise_there(made_of: RemoteScorer) -> Traits:
    """Gives the traits of a scorer, on a worker.

    Args:
        made_of: The scorer.
    """
    return _resolved(made_of)[1]


@dataclass(frozen=True)
class WholeRun:
    """A run that was made on a worker.

    Attributes:
        files: The bytes of its files by name; empty if it has failed.
        error: What went wrong, or None.
        lines: What the evaluation has warned of.
    """

    files: dict[str, bytes]
    error: Exception | None = None
    lines: tuple[str, ...] = ()


def whole_runs(
    asked: tuple[tuple[RemoteSpec, int], ...],
    known: Traits,
    scores: bool = False,
    limit: float | None = None,
) -> list[WholeRun]:
    """Makes several runs of one scorer, on a worker.

    Args:
        asked: What each is of, and the number of episodes.
        known: The traits of the scorer, as tables call it.
        scores: As in `Settings`.
        limit: As in `Settings`.
    """
    made = []
    for spec, episodes in asked:
        lines: list[str] = []
        settings = Settings(scores=scores, limit=limit, warn=lines.append)
        folder = Path(tempfile.mkdtemp(prefix="wayshot-"))
        try:
            run = Evaluation(
                spec.resolved()[0],
                known,
                spec.source(),
                episodes=episodes,
                root=folder,
                settings=settings,
            ).run()
            files = {path.name: path.read_bytes() for path in run.folder.iterdir()}
            made.append(WholeRun(files, lines=tuple(lines)))
        except (ScorerError, ModelError) as error:
            made.append(WholeRun({}, error, tuple(lines)))
            if isinstance(error, OverdueScorerError):
                _HUNG.append(known.name)
                break
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    # What a hanging scorer would do next is known.
    made += [made[-1]] * (len(asked) - len(made))
    return made


def needs(argument: Any) -> tuple[str, ...]:
    """Gives the digests of the contents that an argument of a call needs.

    Args:
        argument: The argument.
    """
    if isinstance(argument, Shared):
        return (argument.digest,)
    if isinstance(argument, RemoteSpec):
        return argument.contents
    if isinstance(argument, RemoteScorer):
        return (argument.files,) if argument.files else ()
    if isinstance(argument, tuple | list):
        return tuple(digest for one in argument for digest in needs(one))
    return ()
