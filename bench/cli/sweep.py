"""`wayshot sweep`."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import click
import tabulate
from tqdm import tqdm

from ... import results, tasks
from ...results import plain
from ..errors import ScorerError
from ..evaluations import Evaluation
from ..scorers import Failure
from ..sweeps import (
    Candidate,
    ClusterPlace,
    LocalPlace,
    Sweep,
    Terms,
    Wanted,
    estimated_seconds,
)
from .clusters import (
    ClusterOptions,
    cluster_options,
    jobs_option,
    place_of,
    unit_seconds_option,
)
from .common import (
    RUNS,
    data_option,
    examples,
    interval_option,
    json_option,
    option,
    progress,
    remark,
    show_traceback,
    traceback_option,
    writable,
)
from .interrupts import Interrupts
from .run import show, warn

_SHOWN = 200
"""Runs that are shown as a table, at most."""


@dataclass
class _Row:
    """A scorer of the sweep: what is stored and what is to be done."""

    scorer: str
    engine: str
    stored: list[results.Run]
    missing: list[Evaluation]
    seconds: float | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "scorer": self.scorer,
            "engine": self.engine,
            "stored": len(self.stored),
            "missing": len(self.missing),
            "seconds": None if self.seconds is None else round(self.seconds, 1),
        }


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _show_plan(rows: list[_Row], failures: list[Failure], workers: int, as_json: bool) -> None:
    known = [row.seconds for row in rows if row.seconds is not None]
    total = sum(known)
    if as_json:
        shown = {
            "scorers": [row.as_json() for row in rows],
            "seconds": round(total, 1),
            "workers": workers,
            "errors": [failure.as_json() for failure in failures],
        }
        click.echo(json.dumps(shown, indent=1))
        return
    cells = [
        [plain(row.scorer), row.engine, len(row.stored), len(row.missing), _duration(row.seconds)]
        for row in rows
    ]
    headers = ["scorer", "engine", "runs stored", "to do", "time"]
    click.echo(tabulate.tabulate(cells, headers, disable_numparse=True))
    click.echo(
        f"About {_duration(total)} of work, estimated from the first units; "
        f"{_duration(total / workers)} with {workers} at the same time."
    )
    for failure in failures:
        click.echo(plain(str(failure)))


@click.command(
    "sweep",
    epilog=examples(
        "wayshot sweep sweep.yaml --plan",
        "wayshot sweep sweep.yaml --cluster tcp://127.0.0.1:8786",
    ),
)
@click.argument("file", type=click.Path(path_type=Path))
@option("--plan", "planned", is_flag=True, help="Say what would be done, and how long it takes.")
@option(
    "--runs",
    "folder",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder in which the runs are stored.  [default: runs, or what FILE says]",
)
@data_option
@jobs_option
@unit_seconds_option
@cluster_options
@interval_option
@traceback_option
@json_option
def command(
    file: Path,
    planned: bool,
    folder: Path | None,
    data: str | None,
    jobs: int,
    unit_seconds: float,
    cluster: ClusterOptions,
    interval: str,
    as_json: bool,
) -> int:
    """Evaluate all scorers of FILE on all its protocols, here or on a cluster.

    FILE is in YAML. Scorers are what is typed after -s of wayshot run, paths
    with * and ?, or fields: scorer, label, files (that its code reads),
    resources (that a worker must have), engines, and keys of the scorer.
    Braces stand for several names: {5,20}, {1..5}. All of FILE is checked
    before anything is run. Runs that are stored already are not made again.

    \b
    scorers:
      - siamese-small
      - networks/*.keras
      - {scorer: 'mymodel.py:Net', weights: best.pt, label: mine}
    protocols: ['glyphs-within-{5,20}w{1,5}s', lake-runs]
    seeds: [1, 2]
    episodes: 1000
    engines: [auto]
    runs: runs
    """  # noqa: D301 - click keeps the lines after this sign
    tqdm.set_lock(threading.RLock())
    sweep = Sweep.read(file)
    for line in sweep.left_out:
        warn(line)
    data = data or sweep.data
    folder = folder or Path(sweep.runs or RUNS)
    failures: list[Failure] = []
    with ExitStack() as stack:
        interrupts = Interrupts()
        terms = Terms(
            folder,
            data,
            scores=sweep.scores,
            warn=lru_cache(maxsize=None)(warn),
            interrupted=interrupts.asked,
            # One bar for all runs tells more than one for each part of a run.
            progress=_only("Scorers"),
        )
        place = stack.enter_context(place_of(terms, cluster, jobs, unit_seconds))
        sources = _opened(sweep, data)
        writable(folder)
        wanted = [_joined(one, cluster) for one in sweep.scorers]
        found = place.recognise(wanted)
        stack.enter_context(interrupts)
        rows = []
        for one, known in zip(wanted, found, strict=True):
            if isinstance(known, ScorerError):
                failures += [Failure.of(name, one.text, known) for name, _ in sources]
                warn(str(known))
            else:
                rows.append(_row(place, known, sources, sweep.episodes, failures))
        if planned:
            for row in rows:
                _estimate(row, failures)
            size = place.size
            _show_plan(rows, failures, size, as_json)
            return 1 if failures else 0
        runs = _run(place, rows, failures)
    stored = sum(len(row.stored) for row in rows)
    if stored:
        click.echo(f"{stored} of {len(runs)} runs were stored in {folder} already", err=True)
    if len(runs) > _SHOWN and not as_json:
        click.echo(f"{len(runs):,} runs are in {folder}; print them with: wayshot table {folder}")
        for failure in failures:
            click.echo(plain(str(failure)))
    else:
        show(runs, failures, interval, False, as_json)
    return 1 if failures else 0


def _only(*titles: str) -> tasks.Progress:
    """Shows only bars of some titles."""

    def shown(total: int, title: str) -> Callable[[int], None]:
        return progress(total, title) if title in titles else tasks.quiet(total, title)

    return shown


def _joined(one: Wanted, cluster: ClusterOptions) -> Wanted:
    resources = {**dict(cluster.resources), **dict(one.resources)}
    return replace(
        one,
        files=(*one.files, *cluster.send) if cluster.address else one.files,
        resources=tuple(resources.items()),
    )


def _opened(sweep: Sweep, data: str | None) -> list[tuple[str, tasks.Source]]:
    """Opens the episodes of every protocol and seed."""
    found = []
    for name, protocol in sweep.protocols.items():
        # The official runs have no seed.
        for seed in sweep.seeds[:1] if protocol.is_official else sweep.seeds:
            source = tasks.open_protocol(protocol, seed, data, progress)
            remark(name, source.remarks)
            found.append((name, source))
    return found


def _row(
    place: LocalPlace | ClusterPlace,
    known: Candidate,
    sources: list[tuple[str, tasks.Source]],
    episodes: int,
    failures: list[Failure],
) -> _Row:
    row = _Row(known.traits.name, known.engine, [], [])
    for name, source in sources:
        try:
            evaluation = place.evaluation(known, source, name, source.seed, episodes)
        except ScorerError as error:
            failures.append(Failure.of(name, known.text, error))
            continue
        stored = evaluation.stored()
        if stored is None:
            row.missing.append(evaluation)
        else:
            row.stored.append(stored)
    return row


def _estimate(row: _Row, failures: list[Failure]) -> None:
    try:
        row.seconds = sum(estimated_seconds(row.missing))
    except ScorerError as error:
        failures += [evaluation.failure(error) for evaluation in row.missing]


def _run(
    place: LocalPlace | ClusterPlace, rows: list[_Row], failures: list[Failure]
) -> list[results.Run]:
    waiting = [evaluation for row in rows for evaluation in row.missing]
    made: dict[int, results.Run] = {}
    tick = progress(len(waiting), "Runs")
    for evaluation, result in place.runs(waiting):
        tick(1)
        if isinstance(result, results.Run):
            made[id(evaluation)] = result
            continue
        failure = evaluation.failure(result)
        failures.append(failure)
        if failure.error:
            show_traceback(failure.error)
        warn(str(failure))
    return [
        run
        for row in rows
        for run in (
            *row.stored,
            *(made[id(one)] for one in row.missing if id(one) in made),
        )
    ]
