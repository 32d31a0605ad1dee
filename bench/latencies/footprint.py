"""Footprint: what a scorer costs before and besides its queries, in a process of its own."""

from __future__ import annotations

import multiprocessing
import signal
import sys
import time
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor, wait
from pathlib import Path
from typing import Any

from ...models import bundle, bundles
from ..errors import ScorerError
from ..scorers import Asking, BundledSiamese, CheckpointSiamese, answering, resolve
from .questions import Questions, cold


def _peak_bytes() -> int:
    """The most memory that this process has had."""
    status = Path("/proc/self/status")
    if status.exists():
        # On Linux what getrusage says covers the process that started this one.
        lines = status.read_text().splitlines()
        return next(1024 * int(one.split()[1]) for one in lines if one.startswith("VmHWM"))
    if sys.platform == "win32":
        import psutil

        return psutil.Process().memory_info().peak_wset
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def weights_bytes(name: str) -> int | None:
    """Size of the file of a network's weights; None where there is none.

    Args:
        name: As for `registry.resolve`.
    """
    if name in bundles():
        return bundle(name).path.stat().st_size
    return Path(name).stat().st_size if name.endswith(".keras") else None


def _comparison_flops(scorer: Any) -> int | None:
    if isinstance(scorer, BundledSiamese):
        network, width = scorer.card["network"], scorer.card["embedding"]
        join, head = network["join"], network["head"]
    elif isinstance(scorer, CheckpointSiamese):
        join, head = scorer.model.head.join, scorer.model.head.head
        width = scorer.model.tower.output_shape[-1]
    else:
        return None
    from ...models.networks import comparison_flops

    return comparison_flops(join, head, width)


def _measure(name: str, questions: Questions, engine: str, data: str | None) -> dict[str, Any]:
    """What `footprint_of` gives, of this process."""
    before = _peak_bytes()
    start = time.perf_counter()
    scorer, known = resolve(name, engine, data=data)
    network = scorer if isinstance(scorer, BundledSiamese | CheckpointSiamese) else None
    if network:
        # Networks are loaded when they are first needed.
        network.load()
    loaded = time.perf_counter()
    with answering(known.name, "the first call"):
        cold(Asking(scorer, known), questions)(0)
    answered = time.perf_counter()
    return {
        "load_ms": 1e3 * (loaded - start),
        "first_call_ms": 1e3 * (answered - loaded),
        "peak_bytes": _peak_bytes() - before,
        "weights_bytes": (network and network.exported_bytes) or weights_bytes(name),
        "comparison_flops": _comparison_flops(scorer),
    }


def footprint_of(
    name: str,
    questions: Questions,
    engine: str = "auto",
    data: str | None = None,
    waiting: Callable[[int], None] = lambda done: None,
) -> dict[str, Any]:
    """Measures a scorer in a fresh process.

    Args:
        name: As for `registry.resolve`.
        questions: The first is asked.
        engine: As for `registry.resolve`.
        data: As for `registry.resolve`.
        waiting: Is called now and then with 0, and with 1 at the end.

    Returns:
        `load_ms`, from the name to the loaded scorer, libraries included, and
        of a scorer from outside the batch of images that its digest covers;
        `first_call_ms`, until its first query is answered, support included
        (most of it compilation); `peak_bytes`, the most memory above that of
        Python with the harness; `weights_bytes` of its file, or of what the
        inference engine runs; and
        `comparison_flops` of comparing two embeddings, or None.

    Raises:
        ScorerError: It cannot be made, or the process died.
    """
    with ProcessPoolExecutor(
        1,
        mp_context=multiprocessing.get_context("spawn"),
        # Ctrl-C is for the main process.
        initializer=signal.signal,
        initargs=(signal.SIGINT, signal.SIG_IGN),
    ) as pool:
        future = pool.submit(_measure, name, questions.first(), engine, data)
        while not wait([future], timeout=0.5).done:
            waiting(0)
        waiting(1)
        try:
            return future.result()
        except BrokenExecutor:
            raise ScorerError(f"scorer {name}: its process died") from None
