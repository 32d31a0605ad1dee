"""`wayshot run`."""

from __future__ import annotations

import json
import threading
from contextlib import ExitStack
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import click
from tqdm import tqdm

from ... import results, tasks
from ...models import ModelError
from ...results import plain
from ...tasks.data import omniglot
from ..errors import ScorerError
from ..evaluations import Evaluation, Settings, Workers, WorkerSpec, recognise, until_narrow
from ..scorers import (
    BrokenScorerError,
    BundledSiamese,
    CheckpointSiamese,
    Failure,
    Scorer,
    Traits,
    blamed,
    images_for,
    resolve,
)
from .common import (
    SCORER,
    data_option,
    episodes_option,
    examples,
    interval_option,
    json_option,
    option,
    patience,
    progress,
    remark,
    runs_option,
    scorers_option,
    seed_option,
    show_traceback,
    terminal_width,
    traceback_option,
    writable,
)
from .engines import engine_option
from .interrupts import Interrupts
from .rescore import show_verification

FIRST_PROTOCOL = "glyphs-within-20w1s"
DEFAULT_SCORERS = ("siamese-small", "hausdorff", "pixel-cosine", "chance")


def _default_protocols(data: str | None) -> list[str]:
    if all(omniglot.find(part, data) for part in ("images_evaluation", "all_runs")):
        return [FIRST_PROTOCOL, "lake-runs"]
    click.echo(
        f"Omniglot is not in {omniglot.data_folder(data)}. Only the built-in glyphs are run. "
        "To get Omniglot, run: wayshot data fetch. Or name its folder by --data or WAYSHOT_DATA.",
        err=True,
    )
    return [FIRST_PROTOCOL]


def _warn(line: str) -> None:
    click.echo(plain(line), err=True)


def _recognised(
    workers: Workers, names: tuple[str, ...], apart: bool, engine: str, data: str | None
) -> dict[str, tuple[Scorer | None, Traits] | BrokenScorerError]:
    """Finds the scorers, or what is wrong with their code; raises for what was typed wrong."""
    find = recognise if apart else partial(resolve, progress=patience)
    asked = {name: workers.submit(partial(find, name, engine, data=data)) for name in names}
    found = {}
    for name, answer in asked.items():
        try:
            with blamed(name):
                found[name] = (None, answer.result()) if apart else answer.result()
        except BrokenScorerError as error:
            found[name] = error
    return found


def _show(
    runs: list[results.Run],
    failures: list[Failure],
    interval: str,
    verification: bool,
    as_json: bool,
) -> None:
    """Prints the runs, and a line for each evaluation that has failed."""
    if as_json:
        shown: dict[str, Any] = {"results": []}
        if verification:
            shown["results"] = [results.verification_of(run) for run in runs]
        elif runs:
            shown = results.table(runs, interval).data()
        shown["errors"] = [failure.as_json() for failure in failures]
        click.echo(json.dumps(shown, indent=1, allow_nan=False))
        return
    # Where all have failed there is no more to say than was said on the way.
    if not runs:
        return
    if verification:
        show_verification([results.verification_of(run) for run in runs], as_json=False)
    else:
        click.echo(results.table(runs, interval).render("text", terminal_width()))
    for failure in failures:
        click.echo(plain(str(failure)))


@click.command(
    "run",
    epilog=examples(
        "wayshot run lake-runs lake-within-20w1s -s siamese-small -s hausdorff",
        "wayshot run vinyals-5w1s-rot -s mymodule:scorer --episodes 10000",
    ),
)
@click.argument("protocols", nargs=-1, metavar="[PROTOCOL]...")
@scorers_option(f"Scorer to evaluate: {SCORER}. Without this option: {', '.join(DEFAULT_SCORERS)}.")
@episodes_option(1000)
@seed_option()
@runs_option("Folder in which the runs are stored.", old=("--out",))
@data_option
@option(
    "--jobs",
    type=click.IntRange(1, 1024),
    metavar="N",
    default=1,
    show_default=True,
    help="Number of processes.",
)
@option(
    "--unit-seconds",
    type=click.FloatRange(0, min_open=True),
    default=600,
    show_default=True,
    metavar="SECONDS",
    help="Time limit for a unit of work, which is at most 1,024 images or episodes or about 4,096 "
    "pairs. A scorer that takes longer has failed.",
)
@engine_option
@option("--no-cache", is_flag=True, help="Do not read or write the cache of embeddings.")
@interval_option
@option(
    "--until-halfwidth",
    "halfwidth",
    type=click.FloatRange(0, 50, min_open=True, max_open=True),
    metavar="POINTS",
    help="Add episodes until the half-width of every population interval is at most this many "
    "percentage points, or until no number of episodes can do it. --episodes is then not used.",
)
@option(
    "--max-episodes",
    type=click.IntRange(1, 10**9),
    metavar="N",
    default=65_536,
    show_default=True,
    help="Largest number of episodes for --until-halfwidth.",
)
@option("--scores", is_flag=True, help="Store every score too. wayshot rescore reads them.")
@option(
    "--verification",
    is_flag=True,
    help="Store every score, and print how well the scores tell pairs of the same character from "
    "other pairs.",
)
@traceback_option
@json_option
def command(
    protocols: tuple[str, ...],
    scorers: tuple[str, ...],
    episodes: int,
    seed: int,
    folder: Path,
    data: str | None,
    jobs: int,
    unit_seconds: float,
    engine: str,
    no_cache: bool,
    interval: str,
    halfwidth: float | None,
    max_episodes: int,
    scores: bool,
    verification: bool,
    as_json: bool,
) -> int:
    """Evaluate every scorer on every protocol, store the trials and print the table.

    Runs that are stored already are not made again. If a scorer fails, the
    others go on. Without PROTOCOL, the command runs a first benchmark: the
    built-in glyphs, and Lake's official runs if Omniglot is there.
    """
    # The lock between processes that bars have by default would outlive one that is killed.
    tqdm.set_lock(threading.RLock())
    names = list(dict.fromkeys(protocols or _default_protocols(data)))
    parsed = [tasks.parse(name) for name in names]
    apart = jobs > 1
    runs: list[results.Run] = []
    missed: list[str] = []
    failures: list[Failure] = []
    stored_before = 0

    # A failed audit is found anew on every protocol.
    warn_once = lru_cache(maxsize=None)(_warn)

    def fail(failure: Failure) -> None:
        failures.append(failure)
        if failure.error:
            show_traceback(failure.error)
        _warn(str(failure))

    # Before the scorers, which take longer to load.
    sources = [tasks.open_protocol(protocol, seed, data, progress) for protocol in parsed]
    for name, source in zip(names, sources, strict=True):
        if verification and source.dataset.characters["alphabet"].nunique() < 2:
            raise click.UsageError(
                f"{name}: all characters are in one alphabet, and the intervals of --verification "
                "are over alphabets; leave it out, or put the classes into two groups or more"
            )
    writable(folder)
    with ExitStack() as stack:
        workers = Workers(jobs, processes=apart, limit=unit_seconds, warn=_warn)
        stack.enter_context(workers)
        wanted = tuple(dict.fromkeys(scorers or DEFAULT_SCORERS))
        found = _recognised(workers, wanted, apart, engine, data)
        for known in found.values():
            scorer = None if isinstance(known, BrokenScorerError) else known[0]
            if isinstance(scorer, BundledSiamese | CheckpointSiamese):
                for reason in scorer.passed_over.values():
                    _warn(reason)
        for name, source in zip(names, sources, strict=True):
            remark(name, source.remarks)
        interrupts = stack.enter_context(Interrupts())
        for name, source in zip(names, sources, strict=True):
            fitting: dict[str, tuple[Scorer | None, Traits]] = {}
            for scorer_name, known in found.items():
                try:
                    if isinstance(known, BrokenScorerError):
                        raise known
                    images_for(known[1], source)
                    fitting[scorer_name] = known
                except ScorerError as error:
                    fail(Failure.of(name, scorer_name, error))

            def evaluations(
                count: int,
                name: str = name,
                source: tasks.Source = source,
                fitting: dict[str, tuple[Scorer | None, Traits]] = fitting,
            ) -> list[Evaluation]:
                return [
                    Evaluation(
                        *known,
                        source,
                        episodes=count,
                        root=folder,
                        data=data,
                        settings=Settings(
                            executor=workers,
                            window=max(64, 2 * jobs),
                            worker=WorkerSpec(name, seed, data, scorer_name, engine)
                            if apart
                            else None,
                            cache=not no_cache,
                            scores=scores or verification,
                            warn=warn_once,
                            interrupted=interrupts.asked,
                            progress=lambda total, title, who=f"{name} {known[1].name}": progress(
                                total, f"{who}: {title}"
                            ),
                        ),
                    )
                    for scorer_name, known in fitting.items()
                ]

            if halfwidth is not None:
                outcome = until_narrow(evaluations, halfwidth / 100, max_episodes)
                runs += outcome.runs
                missed += outcome.missed
                for failure in outcome.failures:
                    fail(failure)
                continue
            for evaluation in evaluations(episodes):
                stored = evaluation.stored()
                if stored is None:
                    used_up = source.episodes is not None and source.episodes < episodes
                    if used_up and source.protocol.structure != "runs":
                        click.echo(
                            f"{name}: the images are used up after {evaluation.episodes} episodes",
                            err=True,
                        )
                    try:
                        stored = evaluation.run()
                    except (ScorerError, ModelError) as error:
                        fail(evaluation.failure(error))
                        continue
                else:
                    stored_before += 1
                    if stored.protocol != source.protocol.title:
                        click.echo(
                            f"{plain(name)}: was run as {plain(stored.protocol)}, which has the "
                            "same images; the table calls it so",
                            err=True,
                        )
                runs.append(stored)
    if stored_before:
        click.echo(f"{stored_before} of {len(runs)} runs were stored in {folder} already", err=True)
    _show(runs, failures, interval, verification, as_json)
    for line in missed:
        click.echo(line, err=True)
    return 1 if missed or failures else 0
