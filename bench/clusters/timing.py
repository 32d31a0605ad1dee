"""Timing: the latency of a scorer on one worker, in a process of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..evaluations import Workers
from ..latencies import Questions, footprint_of, measure
from ..machine import limited
from .remote import RemoteSpec, call_here, contents_folder

_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
"""Variables by which Dask limits the threads of its workers' libraries."""


@contextmanager
def _all_threads() -> Iterator[None]:
    """Lets processes that are started meanwhile use as many threads as on any machine."""
    held = {name: os.environ.pop(name) for name in _THREADS if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(held)


def latency_there(
    spec: RemoteSpec, queries: int, seconds: float, threads: int | None
) -> dict[str, Any]:
    """Measures a scorer on a worker, in a process that has done nothing else.

    Args:
        spec: What is measured: scorer and episodes.
        queries: As for `measure`.
        seconds: As for `measure`.
        threads: Number of processors; None for all.

    Returns:
        The record of `measure`, with `footprint`.
    """
    with _all_threads(), Workers(processes=True) as fresh:
        call = (call_here, contents_folder(), _measured, (spec, queries, seconds, threads))
        return fresh.submit(*call).result()[0]


def _measured(
    spec: RemoteSpec, queries: int, seconds: float, threads: int | None
) -> dict[str, Any]:
    with limited(threads):
        source = spec.source()
        scorer, known = spec.resolved()
        questions = Questions.of(source, traits=known)
        footprint = footprint_of(spec.made_of.spec, questions, spec.made_of.engine)
        record = measure(scorer, known, source, queries=queries, seconds=seconds)
    return {**record, "footprint": footprint}
