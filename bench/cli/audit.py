"""`wayshot audit`."""

from __future__ import annotations

import json
import textwrap
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import click
import tabulate

from ... import tasks
from ...results import plain
from ...results.tables import WIDTH
from ..audits import Audit, audit, audit_episodes, reference
from ..evaluations import Workers
from ..scorers import EpisodeSize, Traits, resolve
from .common import (
    data_option,
    examples,
    json_option,
    patience,
    progress,
    protocols_option,
    remark,
    scorers_option,
    seed_option,
    traceback_option,
    with_words,
)
from .engines import engine_option


def _elsewhere(*asked: Any) -> Any:
    """Scores of the fixed images, found by a process of its own."""
    with Workers(processes=True) as workers:
        return workers.submit(reference, *asked).result()


def _audited(
    name: str,
    engine: str,
    data: str | None,
    size: EpisodeSize | None,
    scorer: Any,
    traits: Traits,
) -> Audit:
    return audit(
        scorer,
        traits,
        remake=lambda: resolve(name, engine, data=data)[0],
        elsewhere=lambda: _elsewhere(name, engine, data, size),
        size=size,
        progress=lambda total, title: progress(total, f"{name}: {title}"),
    )


def _drawn(name: str, source: tasks.Source) -> Audit:
    def make(seed: int) -> tasks.Source:
        # The official runs have no seed.
        if isinstance(source, tasks.Sampler):
            return tasks.Sampler(source.protocol, source.dataset, seed)
        return source

    return audit_episodes(
        make,
        seed=source.seed,
        progress=lambda total, title: progress(total, f"{name}: {title}"),
    )


def _show(name: str, found: Audit) -> None:
    counts = Counter(one.status for one in found.checks)
    verdict = f"{name}: {found.verdict}"
    if found.transductive:
        verdict += ", transductive"
    click.echo(plain(f"{verdict} ({', '.join(f'{n} {status}' for status, n in counts.items())})"))
    rows = [[one.check, one.status, plain(one.found)] for one in found.checks]
    click.echo(tabulate.tabulate(rows, ["check", "status", "what came back"]))
    for one in found.checks:
        if one.cause:
            words = f"{one.check} {one.status}. Done: {one.done}. Came back: {one.found}."
            words = plain(f"{words} Likely cause: {one.cause}")
            click.echo(textwrap.fill(words, WIDTH, subsequent_indent="  ", break_on_hyphens=False))
    click.echo()


@click.command(
    "audit",
    epilog=examples(
        "wayshot audit siamese-small mymodule:scorer",
        "wayshot audit --protocol lake-within-20w1s",
    ),
)
@click.argument("words", nargs=-1, metavar="[SCORER]...")
@scorers_option("The same as SCORER.")
@protocols_option(
    "Check that the episodes are what this protocol says, and fairly drawn; a few-shot method "
    "is asked with its ways, shots and queries.",
    stored=False,
)
@engine_option
@seed_option()
@data_option
@traceback_option
@json_option
def command(
    words: tuple[str, ...],
    scorers: tuple[str, ...],
    protocols: tuple[str, ...],
    engine: str,
    seed: int,
    data: str | None,
    as_json: bool,
) -> int:
    """Check whether a scorer, or the episodes of a protocol, can be trusted.

    SCORER is asked about fixed images in many ways that must not change its
    answers: with other images in the batch, in another order, with other
    memory, in another process. The exit status is 1 if a check fails.
    """
    scorers = with_words(words, "scorers")
    if not scorers and not protocols:
        raise click.UsageError("expected a SCORER or a --protocol; see wayshot list")
    resolved = {name: resolve(name, engine, data=data, progress=patience) for name in scorers}
    sources = {
        name: tasks.open_protocol(tasks.parse(name), seed, data, progress) for name in protocols
    }
    for name, source in sources.items():
        remark(name, source.remarks)
    sizes = list(dict.fromkeys(EpisodeSize.of(source.protocol) for source in sources.values()))
    asked: list[tuple[str, str, Callable[[], Audit]]] = [
        *(
            ("scorer", name, partial(_audited, name, engine, data, size, *found))
            for name, found in resolved.items()
            for size in ((sizes or [None]) if found[1].level == 3 else [None])
        ),
        *(("protocol", name, partial(_drawn, name, source)) for name, source in sources.items()),
    ]
    entries: list[dict[str, Any]] = []
    for kind, name, ask in asked:
        found = ask()
        entries.append({kind: name, **found.as_json()})
        if not as_json:
            _show(name, found)
    if as_json:
        click.echo(json.dumps({"results": entries}, indent=1))
    return int(any(entry["verdict"] == "failed" for entry in entries))
