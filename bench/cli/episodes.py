"""`wayshot episodes`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TextIO

import click

from ... import tasks
from ...tasks import followed
from .common import (
    data_option,
    episodes_option,
    examples,
    json_option,
    option,
    progress,
    remark,
    seed_option,
    writable,
)


def _write(file: TextIO, source: tasks.Source, episodes: int, digest: str) -> None:
    """One JSON document, one episode a line."""
    dataset = source.dataset
    names = dataset.table["file"].tolist()
    protocol = source.protocol
    head = {
        "protocol": protocol.title,
        "protocol_digest": protocol.digest,
        "dataset": dataset.name,
        "dataset_digest": dataset.digest,
        "seed": source.seed,
        "episodes_digest": digest,
        "ink": 1,
    }
    file.write(json.dumps(head, indent=1)[:-2] + ',\n "episodes": [')

    def named(row: int) -> str:
        turns, image = divmod(row, len(dataset))
        return f"{names[image]}@{90 * turns}" if turns else names[image]

    before = "\n"
    for block in followed(
        source.blocks(episodes), -(-episodes // tasks.BLOCK), "Writing", progress
    ):
        for support, query, target in zip(block.support, block.query, block.target, strict=True):
            episode = {
                "support": [[named(row) for row in way] for way in support.tolist() if way[0] >= 0],
                "query": [named(row) for row in query.tolist() if row >= 0],
                "target": [way for way in target.tolist() if way >= 0],
            }
            file.write(before + json.dumps(episode, ensure_ascii=False))
            before = ",\n"
    file.write("\n]}\n")


@click.command(
    "episodes", epilog=examples("wayshot episodes lake-within-20w1s --out episodes.json")
)
@click.argument("protocol")
@option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="JSON file to write.",
    metavar="FILE",
)
@episodes_option(1000)
@seed_option()
@data_option
@json_option
def command(
    protocol: str, out: Path, episodes: int, seed: int, data: str | None, as_json: bool
) -> None:
    """Write the episodes of PROTOCOL to a JSON file, for other frameworks.

    An episode has the names of its images: in support a list for each way, in
    query a list. target is the way of each query. A name that ends in @90, @180
    or @270 is an image turned counter-clockwise.
    """
    out = out.resolve()
    if out.exists() and not out.is_file():
        raise click.UsageError(f"{out} is not a file and cannot be replaced; name another")
    source = tasks.open_protocol(tasks.parse(protocol), seed, data, progress)
    remark(source.protocol.title, source.remarks)
    count = min(episodes, source.episodes or episodes)
    writable(out.parent)
    digest = tasks.episodes_digest(source, count)
    with tasks.replacing(out) as fresh, fresh.open("w", encoding="utf-8") as file:
        _write(file, source, count, digest)
    name = source.protocol.name
    if as_json:
        facts = {"path": str(out), "protocol": name, "episodes": count, "episodes_digest": digest}
        click.echo(json.dumps(facts, indent=1))
    else:
        click.echo(f"{out}: {count} episodes of {name}, digest {digest}")
