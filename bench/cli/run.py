"""`wayshot run`."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import lru_cache
from pathlib import Path
from typing import Any

import click
from tqdm import tqdm

from ... import results, tasks
from ...results import plain
from ...tasks.data import omniglot
from ..errors import ScorerError
from ..evaluations import Evaluation, until_narrow
from ..scorers import Failure, images_for
from ..sweeps import Candidate, Terms, Wanted
from .clusters import (
    ClusterOptions,
    cluster_options,
    jobs_option,
    place_of,
    unit_seconds_option,
)
from .common import (
    SCORER,
    data_option,
    episodes_option,
    examples,
    interval_option,
    json_option,
    option,
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
from .counts import Count
from .engines import engine_option
from .interrupts import Interrupts
from .rescore import show_verification
from .waiting import say, step

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


def _one_by_one(waiting: Sequence[Evaluation]) -> Iterator[Evaluation]:
    """Gives evaluations, and shows of each that it is being made until the next is asked for."""
    for number, evaluation in enumerate(waiting, start=1):
        count = f" (run {number} of {len(waiting)})" if len(waiting) > 1 else ""
        with step(f"{evaluation.source.protocol.title} {evaluation.traits.name}{count}"):
            yield evaluation


def warn(line: str) -> None:
    """Prints a line on stderr."""
    say(line)


def show(
    runs: list[results.Run],
    failures: list[Failure],
    interval: str,
    verification: bool,
    as_json: bool,
) -> None:
    """Prints runs, and a line for each evaluation that has failed.

    Args:
        runs: The runs.
        failures: The evaluations that have failed.
        interval: Kind of the intervals.
        verification: Whether to print how well scores verify, in place of accuracies.
        as_json: Whether to print JSON.
    """
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
@jobs_option
@unit_seconds_option
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
    type=Count(1, 10**9),
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
@cluster_options
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
    cluster: ClusterOptions,
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
    runs: list[results.Run] = []
    missed: list[str] = []
    failures: list[Failure] = []
    stored_before = 0

    def fail(failure: Failure) -> None:
        failures.append(failure)
        if failure.error:
            show_traceback(failure.error)
        warn(str(failure))

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
        interrupts = Interrupts()
        terms = Terms(
            folder,
            data,
            cache=not no_cache,
            scores=scores or verification,
            # A failed audit is found anew on every protocol.
            warn=lru_cache(maxsize=None)(warn),
            interrupted=interrupts.asked,
            progress=progress,
        )
        place = stack.enter_context(place_of(terms, cluster, jobs, unit_seconds))
        typed = dict.fromkeys(scorers or DEFAULT_SCORERS)
        wanted = [Wanted(text, engine, cluster.send, cluster.resources) for text in typed]
        found = dict(zip(typed, place.recognise(wanted), strict=True))
        for name, source in zip(names, sources, strict=True):
            remark(name, source.remarks)
        stack.enter_context(interrupts)
        waiting: list[Evaluation] = []
        # The place of each evaluation in the table, whatever is finished first.
        made: dict[int, results.Run] = {}
        numbers: dict[int, int] = {}
        for name, source in zip(names, sources, strict=True):
            fitting: list[Candidate] = []
            for text, known in found.items():
                try:
                    if isinstance(known, ScorerError):
                        raise known
                    images_for(known.traits, source)
                    fitting.append(known)
                except ScorerError as error:
                    fail(Failure.of(name, text, error))

            def evaluations(
                count: int,
                name: str = name,
                source: tasks.Source = source,
                fitting: list[Candidate] = fitting,
            ) -> list[Evaluation]:
                return [place.evaluation(known, source, name, seed, count) for known in fitting]

            if halfwidth is not None:
                with step(f"{name}: until the half-width is {halfwidth:g}"):
                    outcome = until_narrow(evaluations, halfwidth / 100, max_episodes)
                runs += outcome.runs
                missed += outcome.missed
                for failure in outcome.failures:
                    fail(failure)
                continue
            for evaluation in evaluations(episodes):
                number = numbers[id(evaluation)] = len(numbers)
                stored = evaluation.stored()
                if stored is None:
                    used_up = source.episodes is not None and source.episodes < episodes
                    if used_up and source.protocol.structure != "runs":
                        click.echo(
                            f"{name}: the images are used up after {evaluation.episodes} episodes",
                            err=True,
                        )
                    waiting.append(evaluation)
                    continue
                stored_before += 1
                if stored.protocol != source.protocol.title:
                    click.echo(
                        f"{plain(name)}: was run as {plain(stored.protocol)}, which has the "
                        "same images; the table calls it so",
                        err=True,
                    )
                made[number] = stored
        # A cluster makes many at the same time, and shows how many are done.
        shown = waiting if cluster.address else _one_by_one(waiting)
        for evaluation, result in place.runs(shown):
            if isinstance(result, results.Run):
                made[numbers[id(evaluation)]] = result
            else:
                fail(evaluation.failure(result))
        runs += [made[number] for number in sorted(made)]
    if stored_before:
        click.echo(f"{stored_before} of {len(runs)} runs were stored in {folder} already", err=True)
    show(runs, failures, interval, verification, as_json)
    for line in missed:
        click.echo(line, err=True)
    return 1 if missed or failures else 0
