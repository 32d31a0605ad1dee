"""Choosing the fastest installed engine that agrees with Keras, for a network."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ...tasks import (
    Progress,
    ReadOnlyCacheError,
    TaskError,
    cache_folder,
    make_cache_folder,
    replacing,
)
from ..backend import backend_name, processor
from ..errors import ModelError
from .engines import ENGINES, packages, versions
from .exporting import Origin, probe
from .loading import Embed, load

IMAGES = 256
"""Images in each call that is timed."""

ROUNDS = 2
"""Rounds of timing for each engine; its shortest call counts."""

CALLS, SECONDS = 2, 0.3
"""Fewest calls and shortest time of an engine in a round. The first calls are slow, because
threads of the engine before still wait for work."""

SLOW = 20.0
"""Seconds that the first call of an engine may take in any case."""


@dataclass(frozen=True)
class Choice:
    """An engine, and how it was chosen.

    Attributes:
        engine: Name of the engine.
        images_per_second: Speed of each engine that was timed.
        passed_over: For each installed engine that was not timed, the reason.
    """

    engine: str
    images_per_second: dict[str, float]
    passed_over: dict[str, str]


def _read(path: Path, names: set[str]) -> Choice | None:
    try:
        choice = Choice(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return None
    well = isinstance(choice.engine, str) and isinstance(choice.passed_over, dict)
    return choice if well and choice.engine in names else None


def _measured(origin: Origin, keras: Callable[[], Embed], engines: list[str], tick: Any) -> Choice:
    embeds: dict[str, Embed] = {}
    passed_over: dict[str, str] = {}
    images = probe(IMAGES)
    for name in engines:
        try:
            embeds[name] = load(ENGINES[name], origin)
        except (ModelError, TaskError) as error:
            passed_over[name] = str(error)
        tick(1)
    embeds[backend_name()] = keras()
    first = {}
    for name, embed in embeds.items():
        start = time.perf_counter()
        embed(images)
        first[name] = time.perf_counter() - start
    # What is slow by far is not called many times more.
    limit = max(SLOW, 10 * min(first.values()))
    for name, seconds in first.items():
        if seconds > limit and name != backend_name():
            passed_over[name] = f"{name} took {seconds:.0f} s for {IMAGES} images"
            del embeds[name]
    shortest = dict.fromkeys(embeds, float("inf"))
    for _ in range(ROUNDS):
        for name, embed in embeds.items():
            begun, calls = time.perf_counter(), 0
            while calls < CALLS or time.perf_counter() - begun < SECONDS:
                start = time.perf_counter()
                embed(images)
                shortest[name] = min(shortest[name], time.perf_counter() - start)
                calls += 1
    tick(1)
    rates = {name: round(IMAGES / seconds, 1) for name, seconds in shortest.items()}
    return Choice(min(shortest, key=lambda name: shortest[name]), rates, passed_over)


def choose(origin: Origin, keras: Callable[[], Embed], progress: Progress) -> Choice:
    """Chooses the engine for a network.

    If no inference engine is installed, it is Keras. Otherwise all engines that
    agree with Keras are timed on the same images. The choice is stored in the
    cache folder for the network, the processor and the versions of all engines;
    if that can only be read, it is Keras.

    Args:
        origin: The network.
        keras: Loads the network in Keras and gives its embedding.
        progress: Shows the progress.
    """
    engines = [one.name for one in ENGINES.values() if one.precision == "f32" and one.installed]
    if not engines:
        return Choice(backend_name(), {}, {})
    # Slow to import, and needed only here.
    from filelock import FileLock

    content = f"choice 1 {origin.digest} {backend_name()} {processor()} {versions(packages())}"
    name = hashlib.sha256(content.encode()).hexdigest()[:32]
    path = cache_folder() / "engines" / f"{name}.json"
    # Before the lock, for which a cache that is only read has no place.
    if (stored := _read(path, {*engines, backend_name()})) is not None:
        return stored
    try:
        make_cache_folder(path.parent)
    except ReadOnlyCacheError as error:
        # There is no place for exports either.
        return Choice(backend_name(), {}, dict.fromkeys(engines, f"{error}; Keras embeds"))
    with FileLock(f"{path}.lock"):
        choice = _read(path, {*engines, backend_name()})
        if choice is None:
            tick = progress(len(engines) + 1, f"{origin.network}: choosing an engine")
            choice = _measured(origin, keras, engines, tick)
            with replacing(path) as fresh:
                fresh.write_text(json.dumps(asdict(choice)))
    return choice
