"""The table of docs/reliability.md: make reliability, an hour or two on one core.

Each row is kept in the folder of --out, and is not made again while it is there.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from xml.etree import ElementTree

import tabulate
from bed import HERE, Bed
from cluster_kills import cluster_kills
from command_kills import audit_kills, latency_kills, train_kills, until_kills
from injections import (
    Row,
    broken_scorers,
    crowds,
    flips,
    full_disks,
    interrupts,
    kills,
    vanished_folders,
    worker_kills,
)
from wayshot import tasks

INJECTIONS: tuple[tuple[Callable[[Bed, int], Row], int], ...] = (
    (kills, 220),
    (until_kills, 60),
    (audit_kills, 40),
    (latency_kills, 40),
    (train_kills, 40),
    (worker_kills, 10),
    (flips, 60),
    (full_disks, 30),
    (vanished_folders, 20),
    (interrupts, 20),
    (crowds, 10),
    (broken_scorers, 9),
)
"""What is injected, and how often."""

sys.path.insert(0, str(HERE.parent / "hostile"))
from odd_scorers import FAILING, count  # noqa: E402

KILLS = 60, 10, 3
"""Kills of workers, clients and schedulers of a cluster."""

INPUTS_A_PARSER = 10_000
"""As `tests/fuzz/test_fuzz.py` makes them, which has a test that they are so many."""


def passed(path: str, folder: Path) -> dict[str, bool]:
    """Runs some tests; tells of each that is not skipped, by its name, whether it has passed."""
    report = folder / "tests.xml"
    words = [sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", str(HERE.parent / path)]
    subprocess.run(words, check=False, stdout=sys.stderr)
    cases = ElementTree.parse(report).iter("testcase")
    ran = [case for case in cases if case.find("skipped") is None]
    return {case.attrib["name"]: not len(case) for case in ran}


def counted(what: str, sound: list[bool], each: int = 1) -> Row:
    """Tests that have passed or not, each of so many injections."""
    caught = sum(sound)
    return Row(what, each * len(sound), each * caught, each * (len(sound) - caught))


def together(what: str, rows: list[Row]) -> Row:
    """Adds rows."""
    return Row(
        what,
        sum(row.times for row in rows),
        sum(row.caught for row in rows),
        sum(row.lost for row in rows),
    )


def suites(folder: Path) -> list[Row]:
    """The traps, the checks that are taken away, and the generated inputs of the test suite."""
    traps = passed("bench/audits/test_traps.py", folder)
    inputs = passed("fuzz/test_fuzz.py", folder)
    odd = passed("hostile/test_scorers.py", folder)
    among = [
        counted("", [odd[f"test_every_odd_scorer_is_a_row_or_an_error_row[{name}]"]], count(name))
        for name in FAILING
    ]
    files = [
        sound
        for name in ("images", "zips", "checkpoints", "records", "folders", "recipes")
        for sound in passed(f"hostile/test_{name}.py", folder).values()
    ]
    circumstances = passed("hostile/test_circumstances.py", folder)
    numbered: dict[str, list[bool]] = {}
    for name, sound in traps.items():
        if found := re.match(r"test_(\d+)_", name):
            numbered.setdefault(found[1], []).append(sound)
    taken = "without_its_check|without_another_process"
    parsers = [
        sound for name, sound in inputs.items() if not re.search("promised|target_sees", name)
    ]
    return [
        counted("A trap of published evaluation code", [all(one) for one in numbered.values()]),
        counted(
            "A trap for each check of the audit, with and without it",
            [sound for name, sound in traps.items() if re.search(taken, name)],
        ),
        together("An odd scorer among others", among),
        counted("A test of hostile files", files),
        counted("A test of poor circumstances", [*circumstances.values()]),
        counted(f"A generated input, {len(parsers)} parsers", parsers, INPUTS_A_PARSER),
    ]


def steps(folder: Path) -> dict[str, Callable[[], list[Row]]]:
    """What makes the rows of the table, by a name, in order."""
    bed = Bed(folder)
    (folder / "machines").mkdir()
    found: dict[str, Callable[[], list[Row]]] = {
        inject.__name__: lambda inject=inject, times=times: [inject(bed, times)]
        for inject, times in INJECTIONS
    }
    found["cluster_kills"] = lambda: cluster_kills(folder / "machines", *KILLS)
    found["suites"] = lambda: suites(folder)
    return found


def main() -> None:
    """Makes the rows that are missing, and prints the table as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("build/reliability"), help="gets the rows")
    parser.add_argument("--only", action="append", metavar="NAME", help="make these rows alone")
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        os.environ["WAYSHOT_CACHE"] = f"{folder}/cache"
        for name, make in steps(Path(folder)).items():
            place = asked.out / f"{name}.json"
            if not place.exists() and name in (asked.only or [name]):
                made = make()
                with tasks.replacing(place) as fresh:
                    fresh.write_text(json.dumps([asdict(row) for row in made]))
                print(*made, sep="\n", file=sys.stderr, flush=True)
            if place.exists():
                rows += [Row(**one) for one in json.loads(place.read_text())]
    cells = [(row.what, row.times, row.caught, row.lost) for row in rows]
    headers = ("injected", "times", "noticed or gone on from", "lost, altered or let through")
    print(tabulate.tabulate(cells, headers, tablefmt="github"))


if __name__ == "__main__":
    main()
