"""`wayshot latency`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import wait
from pathlib import Path
from typing import Any

import click
import tabulate

from ... import tasks
from ...results import plain
from ...results.statistics import SECONDS, SHARES
from ...results.store import MODES
from ...results.tables import scaled
from ..clusters import Cluster, Content, Luggage, RemoteScorer, RemoteSpec, latency_there
from ..latencies import LONGEST, QUERIES, Questions, footprint_of, measure, store
from ..machine import limited
from ..scorers import blamed, resolve
from .common import (
    SCORER,
    data_option,
    examples,
    json_option,
    option,
    patience,
    progress,
    remark,
    runs_option,
    scorers_option,
    seed_option,
    traceback_option,
    writable,
)
from .counts import Count
from .engines import engine_option
from .run import FIRST_PROTOCOL, warn


def _three(value: float | None) -> str:
    """Three digits, never as a power of ten."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if value >= 100 else f"{value:#.3g}".rstrip(".")


def _amount(value: int | None, unit: str = "") -> str:
    return "–" if value is None else f"{scaled(value)}{unit}"


def _percentile(one: dict[str, Any]) -> str:
    low, high = (_three(one[end]) for end in ("low_ms", "high_ms"))
    return f"{_three(one['ms'])} [{low}, {high}]"


def _streams(records: Sequence[dict[str, Any]]) -> str:
    """Percentiles of every stream."""
    rows, reasons = [], []
    for record in records:
        name = plain(record["scorer"]["name"])
        for mode, stream in record["single_stream"].items():
            if "percentiles" not in stream:
                rows.append([name, MODES[mode], *["–"] * (len(SHARES) + 1), ""])
                reasons.append(f"{name}, {MODES[mode]}: {stream['reason']}")
                continue
            shares = stream["percentiles"]
            cells = [_percentile(one) for one in shares.values()]
            verdict = "VALID" if stream["valid"] else "INVALID"
            rows.append([name, MODES[mode], f"{stream['queries']:,}", *cells, verdict])
            invalid: dict[str, list[str]] = {}
            for share, one in shares.items():
                if not one["valid"]:
                    invalid.setdefault(one["reason"], []).append(share)
            reasons += [
                f"INVALID: {name}, {MODES[mode]}, {', '.join(some)}: {reason}"
                for reason, some in invalid.items()
            ]
    headers = ["scorer", "one query at a time", "queries", *(f"{share} ms" for share in SHARES), ""]
    return "\n".join([tabulate.tabulate(rows, headers, disable_numparse=True), *reasons])


def _parts(records: Sequence[dict[str, Any]]) -> str:
    """What a query's time goes into, and throughput."""
    rows, reasons = [], []
    for record in records:
        name, offline = plain(record["scorer"]["name"]), record["offline"]
        mean = record["single_stream"][record["mode"]]["mean_ms"]
        verdict = "VALID" if offline["valid"] else "INVALID"
        if not offline["valid"]:
            reasons.append(f"INVALID: {name}, all queries at once: {offline['reason']}")
        rows.append(
            [
                name,
                *(_three(mean[part]) for part in ("embedding", "comparison")),
                _three(1e3 * mean["harness"]),
                *(_three(offline[rate]) for rate in ("queries_per_second", "images_per_second")),
                verdict,
            ]
        )
    headers = ["scorer", "embedding ms", "comparison ms", "harness µs", "queries/s", "images/s", ""]
    lines = ["Means of one query at a time, and all queries at once:"]
    lines += [tabulate.tabulate(rows, headers, disable_numparse=True), *reasons]
    alone = max(record["harness_us"] for record in records)
    lines.append(f"The harness with a scorer that does nothing: {_three(alone)} µs a query.")
    return "\n".join(lines)


def _footprints(records: Sequence[dict[str, Any]]) -> str:
    """What a scorer costs in a fresh process, and its size."""
    rows = []
    for record in records:
        found, scorer = record["footprint"], record["scorer"]
        rows.append(
            [
                plain(scorer["name"]),
                *(_three(found[part]) for part in ("load_ms", "first_call_ms")),
                _amount(found["peak_bytes"], "B"),
                _amount(found["weights_bytes"], "B"),
                _amount(scorer["parameters"]),
                _amount(scorer["flops"]),
                _amount(found["comparison_flops"]),
            ]
        )
    headers = ["scorer", "load ms", "first answer ms", "peak memory", "weights", "params"]
    headers += ["FLOPs to embed", "to compare"]
    table = tabulate.tabulate(rows, headers, disable_numparse=True)
    return f"In a fresh process:\n{table}"


def _heading(record: dict[str, Any]) -> str:
    here = record["environment"]
    hardware = ", ".join(plain(name) for name in (here["cpu"] or here["machine"], *here["gpus"]))
    return (
        f"{plain(record['protocol']['name'])}, seed {record['seed']}: {record['ways']}-way "
        f"{record['shots']}-shot; {hardware}, {record['threads']} of {here['cpus']} processors. "
        "Percentiles: 95 % intervals from order statistics."
    )


def _measured_here(
    source: tasks.Source,
    data: str | None,
    scorers: Sequence[str],
    engine: str,
    queries: int,
    seconds: float,
) -> Iterator[dict[str, Any]]:
    """Measures scorers in this process."""
    for name in scorers:
        scorer, known = resolve(name, engine, data=data, progress=patience)
        questions = Questions.of(source, traits=known)
        waiting = progress(1, f"{known.name}: start")
        footprints = footprint_of(name, questions, engine, data, waiting)
        record = measure(
            scorer,
            known,
            source,
            queries=queries,
            seconds=seconds,
            progress=lambda total, title, who=known.name: progress(total, f"{who}: {title}"),
        )
        yield {**record, "footprint": footprints}


def _measured_there(
    address: str,
    worker: str,
    source: tasks.Source,
    protocol: str,
    scorers: Sequence[str],
    engine: str,
    queries: int,
    seconds: float,
    threads: int | None,
) -> Iterator[dict[str, Any]]:
    """Measures scorers on a worker of a cluster."""
    with Cluster(address, warn=warn) as cluster:
        at = cluster.idle_worker(worker)
        images = cluster.hold(Content(tasks.parcel_of(source)))
        for name in scorers:
            luggage = Luggage(name)
            files = cluster.hold(luggage.content) if luggage.content else ""
            made_of = RemoteScorer(luggage.spec, files, engine)
            spec = RemoteSpec(
                protocol, source.seed, None, name, engine, source.protocol, images, made_of
            )
            asked = (spec, queries, seconds, threads)
            tick = progress(1, f"{name}: on {worker}")
            future = cluster.submit(latency_there, *asked, worker=at, limit=None)
            while not wait([future], timeout=0.5).done:
                tick(0)
            tick(1)
            with blamed(name):
                record = future.result()
            yield record


def _refuse(_: Any, __: Any, address: str | None) -> None:
    if address is not None:
        raise click.UsageError(
            "--cluster: a latency belongs to one machine on which nothing else runs; measure it on "
            "one worker: --on ADDRESS WORKER"
        )


@click.command(
    "latency",
    epilog=examples(
        "wayshot latency -s siamese-small -s hausdorff",
        "wayshot latency lake-within-5w1s -s siamese-small --threads 1 --seconds 60",
    ),
)
@click.argument("protocol", default=FIRST_PROTOCOL)
@scorers_option(f"Scorer to measure: {SCORER}.", required=True)
@option(
    "--queries",
    type=Count(1, 10**9),
    metavar="N",
    default=QUERIES,
    show_default=True,
    help="Fewest queries that are asked one at a time. A slow scorer is asked fewer: as many as it "
    f"answers in {LONGEST:g} s, or in --seconds if that is longer.",
)
@option(
    "--seconds",
    type=click.FloatRange(0, 86_400, min_open=True),
    metavar="SECONDS",
    default=SECONDS,
    show_default=True,
    help="Shortest time of each measurement.",
)
@option(
    "--threads",
    type=Count(1, 4096),
    metavar="N",
    help="Number of processors that the scorer can use.  [default: all]",
)
@option(
    "--on",
    "there",
    nargs=2,
    metavar="ADDRESS WORKER",
    help="Measure on one worker of a Dask cluster: the address of the scheduler, as for "
    "wayshot run --cluster, and the name or address of the worker.",
)
@option("--cluster", hidden=True, expose_value=False, callback=_refuse)
@engine_option
@seed_option()
@runs_option("Folder of stored runs, in which latencies are stored too.", old=("--out",))
@data_option
@traceback_option
@json_option
def command(
    protocol: str,
    scorers: tuple[str, ...],
    queries: int,
    seconds: float,
    threads: int | None,
    there: tuple[str, str] | None,
    engine: str,
    seed: int,
    folder: Path,
    data: str | None,
    as_json: bool,
) -> None:
    """Measure how long scorers take for the queries of PROTOCOL, and store the latencies.

    First one query at a time, with the support embedded beforehand and without.
    Then all queries at once. Nothing else should run at the same time. Without
    PROTOCOL, the queries are those of glyphs-within-20w1s.
    """
    parsed = tasks.parse(protocol)
    records = []
    # On another machine the limit is set there.
    with limited(None if there else threads):
        source = tasks.open_protocol(parsed, seed, data, progress)
        remark(source.protocol.title, source.remarks)
        writable(folder)
        asked = list(dict.fromkeys(scorers)), engine, queries, seconds
        measured = (
            _measured_there(*there, source, protocol, *asked, threads)
            if there
            else _measured_here(source, data, *asked)
        )
        for record in measured:
            store(folder, record)
            records.append(record)
    if as_json:
        click.echo(json.dumps({"results": records}, indent=1))
        return
    click.echo(_heading(records[0]))
    for part in (_streams, _parts, _footprints):
        click.echo(f"\n{part(records)}")
