"""The table of docs/reliability.md: make reliability, some fifteen minutes on one core."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import tabulate
from injections import (
    Bed,
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

INJECTIONS: tuple[tuple[Callable[[Bed, int], Row], int], ...] = (
    (kills, 200),
    (worker_kills, 10),
    (flips, 60),
    (full_disks, 30),
    (vanished_folders, 20),
    (interrupts, 20),
    (crowds, 10),
    (broken_scorers, 9),
)
"""What is injected, and how often."""


def main() -> None:
    """Prints the table as Markdown."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["WAYSHOT_CACHE"] = f"{folder}/cache"
        bed = Bed(Path(folder))
        rows = []
        for inject, times in INJECTIONS:
            rows.append(inject(bed, times))
            print(rows[-1], file=sys.stderr, flush=True)
    cells = [(row.what, row.times, row.caught, row.lost) for row in rows]
    headers = ("injected", "times", "noticed or gone on from", "results lost or altered")
    print(tabulate.tabulate(cells, headers, tablefmt="github"))


if __name__ == "__main__":
    main()
