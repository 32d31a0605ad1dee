"""The machine: hardware and software on which latencies depend."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from typing import Any

from ..models import backend_name, processor
from ..models.engines import packages, versions
from .errors import ScorerError


def _gpus() -> list[str]:
    """Models of the NVIDIA GPUs, whether or not a scorer uses them."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return []
    words = [tool, "--query-gpu=name", "--format=csv,noheader"]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return done.stdout.splitlines() if done.returncode == 0 else []


def _processors() -> list[int]:
    """Numbers of the processors that this process may use."""
    import psutil

    process = psutil.Process()
    # macOS binds no process to processors.
    if hasattr(process, "cpu_affinity"):
        return list(process.cpu_affinity() or [])
    return list(range(os.cpu_count() or 1))


def describe_machine() -> dict[str, Any]:
    """Describes software, as `environment`, and hardware.

    Returns:
        The fields of `environment`, and `cpu` (model, or None), `gpus`
        (models), `threads` (processors that this process may use) and `pools`
        (libraries' own threads).
    """
    from threadpoolctl import threadpool_info

    names = ("internal_api", "version", "num_threads")
    return {
        **environment(),
        "cpu": processor(),
        "gpus": _gpus(),
        "threads": len(_processors()),
        "pools": [{name: pool[name] for name in names} for pool in threadpool_info()],
    }


@contextmanager
def limited(threads: int | None) -> Iterator[None]:
    """Limits this process, and those that it starts, to some processors.

    A library that is loaded later starts as many threads as it may use
    processors, so that the limit holds for every library.

    Args:
        threads: Number of processors; None for all.

    Raises:
        ScorerError: There are fewer, or the system cannot limit them.
    """
    if threads is None:
        yield
        return
    import psutil
    from threadpoolctl import threadpool_limits

    process, there = psutil.Process(), _processors()
    if not hasattr(process, "cpu_affinity"):
        raise ScorerError(f"{platform.system()} cannot limit threads; leave --threads out")
    if threads > len(there):
        raise ScorerError(f"{threads} threads, expected at most the {len(there)} processors here")
    # The last processors, because the first ones serve most interrupts.
    process.cpu_affinity(there[-threads:])
    try:
        with threadpool_limits(threads):
            yield
    finally:
        process.cpu_affinity(there)


_SINGLE = threading.Lock()
_LIMITS = ExitStack()
_inside = 0
"""Blocks of `equal_products` that have begun and not ended, in all threads."""


@contextmanager
def equal_products() -> Iterator[None]:
    """Lets products of NumPy have the same last digits on machines of any number of processors.

    They depend on the number of threads of OpenBLAS, which is one meanwhile, in the whole process.
    Other libraries keep their threads.
    """
    global _inside
    with _SINGLE:
        _LIMITS.enter_context(_openblas(len(sys.modules)).limit(limits=1))
        _inside += 1
    try:
        yield
    finally:
        with _SINGLE:
            _inside -= 1
            if not _inside:
                # The first limit knows how many threads there were before all of them.
                _LIMITS.close()


@lru_cache(maxsize=1)
def _openblas(modules: int) -> Any:
    """Finds the copies of OpenBLAS, which takes milliseconds.

    Args:
        modules: Number of modules; another one may have loaded another copy.
    """
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(internal_api="openblas")


def environment() -> dict[str, Any]:
    """Describes versions and machine, on which the last digits of embeddings depend."""
    return {
        "python": platform.python_version(),
        "platform": " ".join((platform.system(), *platform.libc_ver())).strip(),
        "machine": platform.machine(),
        "cpus": os.cpu_count(),
        "keras_backend": backend_name(),
        "packages": versions(packages()),
    }
