"""Footprint: load time, memory and size of a scorer, measured in a fresh process."""

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
from ..evaluations import follow_parent, safe_paths
from ..scorers import Asking, BundledSiamese, CheckpointSiamese, Spec, answering, resolve
from .questions import Questions, cold


def _peak_bytes() -> int:
    """Gives the largest memory of this process so far, in bytes."""
    status = Path("/proc/self/status")
    if status.exists():
        # On Linux, getrusage includes the process that started this one.
        lines = status.read_text().splitlines()
        return next(1024 * int(one.split()[1]) for one in lines if one.startswith("VmHWM"))
    if sys.platform == "win32":
        import psutil

        return psutil.Process().memory_info().peak_wset
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def weights_bytes(name: str) -> int | None:
    """Gives the size of the file of a network's weights; None if there is no file.

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


def _begin() -> None:
    # Only the main process handles Ctrl-C.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    follow_parent()


def _measure(
    name: str | Spec, questions: Questions, engine: str, data: str | None
) -> dict[str, Any]:
    """Measures in this process what `footprint_of` gives."""
    before = _peak_bytes()
    start = time.perf_counter()
    scorer, known = resolve(name, engine, data=data)
    network = scorer if isinstance(scorer, BundledSiamese | CheckpointSiamese) else None
    if network:
        # Loaded here, because networks are loaded at their first use.
        network.load()
    loaded = time.perf_counter()
    with answering(known.name, "the first call"):
        cold(Asking(scorer, known), questions)(0)
    answered = time.perf_counter()
    return {
        "load_ms": 1e3 * (loaded - start),
        "first_call_ms": 1e3 * (answered - loaded),
        "peak_bytes": _peak_bytes() - before,
        "weights_bytes": (network and network.exported_bytes)
        or weights_bytes(name.what if isinstance(name, Spec) else name),
        "comparison_flops": _comparison_flops(scorer),
    }


def footprint_of(
    name: str | Spec,
    questions: Questions,
    engine: str = "auto",
    data: str | None = None,
    waiting: Callable[[int], None] = lambda done: None,
) -> dict[str, Any]:
    """Measures a scorer in a fresh process.

    Args:
        name: As for `registry.resolve`.
        questions: Queries, of which the first is asked.
        engine: As for `registry.resolve`.
        data: As for `registry.resolve`.
        waiting: Is called repeatedly with 0, and with 1 at the end.

    Returns:
        A dict: `load_ms`, time to load libraries and scorer (for a scorer from
        outside, including the batch of images for its digest); `first_call_ms`,
        time to answer the first query with its support (mostly compilation);
        `peak_bytes`, largest memory above that of Python with the harness;
        `weights_bytes`, size of the weights' file, or of the exported files of
        the inference engine, or None; and `comparison_flops`, operations to
        compare two embeddings, or None.

    Raises:
        ScorerError: The scorer cannot be made, or the process died.
    """
    with ProcessPoolExecutor(
        1,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_begin,
    ) as pool:
        with safe_paths():
            future = pool.submit(_measure, name, questions.first(), engine, data)
        while not wait([future], timeout=0.5).done:
            waiting(0)
        waiting(1)
        try:
            return future.result()
        except BrokenExecutor:
            title = name.title if isinstance(name, Spec) else name
            raise ScorerError(f"scorer {title}: its process died") from None
