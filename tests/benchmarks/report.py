"""Writes the figures of make bench as Markdown: report.py RESULTS.json > performance.md."""

from __future__ import annotations

import json
import sys
from pathlib import Path


def seconds(value: float) -> str:
    """A time in the unit that suits it."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value * 1e9:.3g} ns"


def main(path: str) -> None:
    """Prints the machine and a table of ratios."""
    stored = json.loads(Path(path).read_text())
    info = [one["extra_info"] for one in stored["benchmarks"]]
    machine = next(one["machine"] for one in info if "machine" in one)
    print(f"Measured on {machine}.\n")
    print("| work | took | yardstick | took | ratio | goal | |")
    print("|---|---|---|---|---|---|---|")
    for found in (figure for one in info for figure in one.get("figures", ())):
        mark = {True: "met", False: "**missed**", None: ""}[found["met"]]
        took = (seconds(found[name]) for name in ("took", "beside"))
        print(
            f"| {found['work']} | {next(took)} | {found['yardstick']} | {next(took)} | "
            f"{found['ratio']:,.3g} | {found['goal']} | {mark} |"
        )


main(sys.argv[1])
