"""`wayshot run`."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import click

from ... import results, tasks
from ...tasks import omniglot
from ..evaluation import Evaluation
from ..registry import resolve
from ..settings import Settings
from ..stopping import until_narrow
from ..work import Order, serve
from .common import (
    bar,
    data_option,
    episodes_option,
    interval_option,
    json_option,
    seed_option,
    ticker,
    writable,
)
from .rescore import show_verification

FIRST_PROTOCOL = "glyphs-within-20w1s"
DEFAULT_SCORERS = ("siamese-small", "hausdorff", "pixel-cosine", "chance")


def _default_protocols(data: str | None) -> list[str]:
    if all(omniglot.find(part, data) for part in ("images_evaluation", "all_runs")):
        return [FIRST_PROTOCOL, "lake-runs"]
    click.echo(
        f"No Omniglot in {omniglot.data_folder(data)}: running on the built-in glyphs only. "
        "To get it: wayshot data fetch; or name its folder by --data or WAYSHOT_DATA.",
        err=True,
    )
    return [FIRST_PROTOCOL]


@click.command(
    "run",
    epilog="\b\nwayshot run lake-runs lake-within-20w1s -s siamese-small -s hausdorff\n"
    "wayshot run vinyals-5w1s-rot -s mymodule:scorer --episodes 10000",
)
@click.argument("protocols", nargs=-1, metavar="[PROTOCOL]...")
@click.option(
    "-s",
    "--scorer",
    "scorers",
    multiple=True,
    metavar="SCORER",
    help="A name of wayshot list scorers, the path of a .keras file, or module:attribute. "
    f"May be repeated.  [default: {', '.join(DEFAULT_SCORERS)}]",
)
@episodes_option(1000)
@seed_option
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("runs"),
    show_default=True,
    help="Folder of stored runs.",
)
@data_option
@click.option(
    "--jobs",
    type=click.IntRange(1, 1024),
    default=1,
    show_default=True,
    help="Processes that do the work.",
)
@click.option("--no-cache", is_flag=True, help="Keep no embeddings on disk, and use none.")
@interval_option
@click.option(
    "--until-halfwidth",
    "halfwidth",
    type=click.FloatRange(0, 50, min_open=True, max_open=True),
    metavar="POINTS",
    help="Go on, in whole blocks, until all population intervals reach no further than so many "
    "points either way on average, or cannot; then --episodes is not used.",
)
@click.option(
    "--max-episodes",
    type=click.IntRange(1, 10**9),
    default=65_536,
    show_default=True,
    help="The most episodes, with --until-halfwidth.",
)
@click.option("--scores", is_flag=True, help="Store every score too, for wayshot rescore.")
@click.option(
    "--verification",
    is_flag=True,
    help="Store every score, and print how well they tell pairs of the same character from others.",
)
@json_option
def command(
    protocols: tuple[str, ...],
    scorers: tuple[str, ...],
    episodes: int,
    seed: int,
    out: Path,
    data: str | None,
    jobs: int,
    no_cache: bool,
    interval: str,
    halfwidth: float | None,
    max_episodes: int,
    scores: bool,
    verification: bool,
    as_json: bool,
) -> int:
    """Evaluate every scorer on every protocol, store the trials, print the table.

    What is stored already is not run again. Without PROTOCOL: a first look, on
    the built-in glyphs and, where Omniglot is there, Lake's official runs.
    """
    names = list(dict.fromkeys(protocols or _default_protocols(data)))
    parsed = [tasks.parse(name) for name in names]
    found = {name: resolve(name) for name in dict.fromkeys(scorers or DEFAULT_SCORERS)}
    sources = [tasks.open_protocol(protocol, seed, data, bar) for protocol in parsed]
    writable(out)
    runs: list[results.Run] = []
    missed: list[str] = []
    stored_before = 0
    with ExitStack() as stack:
        executor: Executor | None = None
        if jobs > 1:
            # Forked copies of a process with TensorFlow's threads in it would hang.
            context = multiprocessing.get_context("spawn")
            pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=serve)
            executor = stack.enter_context(pool)
        for name, source in zip(names, sources, strict=True):

            def evaluations(
                count: int, name: str = name, source: tasks.Source = source
            ) -> list[Evaluation]:
                return [
                    Evaluation(
                        scorer,
                        traits,
                        source,
                        episodes=count,
                        root=out,
                        settings=Settings(
                            executor=executor,
                            order=Order(name, seed, data, scorer_name) if executor else None,
                            cache=not no_cache,
                            scores=scores or verification,
                            warn=lambda line: click.echo(line, err=True),
                            ticker=lambda total, title, who=f"{name} {traits.name}": ticker(
                                total, f"{who}: {title}"
                            ),
                        ),
                    )
                    for scorer_name, (scorer, traits) in found.items()
                ]

            if halfwidth is not None:
                outcome = until_narrow(evaluations, halfwidth / 100, max_episodes)
                runs += outcome.runs
                missed += outcome.missed
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
                    stored = evaluation.run()
                else:
                    stored_before += 1
                runs.append(stored)
    if stored_before:
        click.echo(f"{stored_before} of {len(runs)} runs were stored in {out} already", err=True)
    if verification:
        show_verification([results.verification_of(run) for run in runs], as_json)
    else:
        table = results.table(runs, interval)
        click.echo(table.render("json" if as_json else "text"))
    for line in missed:
        click.echo(line, err=True)
    return 1 if missed else 0
