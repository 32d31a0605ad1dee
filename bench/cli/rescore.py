"""`wayshot rescore`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import tabulate

from ... import results
from ...results import percent, plain
from ...results.pictures import draw_curves
from ...results.tables import EXPLAINED
from .common import examples, folders_of_runs, json_option, level_option, picture_option

_TIES = (
    "Where m classes share the highest score, accuracy counts 1/m if the true class is one of "
    "them; in hit@k they share the mean of their ranks, so that hit@1 counts nothing."
)


def _shown(estimate: dict[str, Any]) -> str:
    """An estimate in percent, with its interval if there is one."""
    if estimate["low"] is None:
        return percent(estimate["value"], 2)
    value, low, high = (percent(estimate[end], 2) for end in ("value", "low", "high"))
    return f"{value} [{low}, {high}]"


def _heading(found: dict[str, Any]) -> str:
    return plain(
        f"{found['scorer']} on {found['protocol']}, seed {found['seed']}, {found['episodes']:,} "
        f"episodes, n = {found['n']:,}, digest {found['episodes_digest'][:8]}"
    )


def show_verification(found: list[dict[str, Any]], as_json: bool) -> None:
    """Prints how well scores tell pairs, as from `results.verification_of`.

    Args:
        found: One entry a run.
        as_json: Whether JSON is wanted.
    """
    if as_json:
        click.echo(json.dumps({"results": found}, indent=1))
        return
    rows = [
        [
            plain(one["protocol"]),
            plain(one["scorer"]),
            *(_shown(estimate) for estimate in one["verification"].values()),
            *(
                [percent(value, 2) for value in one["calibration"].values()]
                if one["calibration"]
                else ["–", "–"]
            ),
        ]
        for one in found
    ]
    metrics = list(found[0]["verification"])
    headers = ["protocol", "scorer", *metrics, "calibration error", "Brier"]
    methods = {one["method"] for entry in found for one in entry["verification"].values()}
    click.echo(
        "Same or different character, %, of all pairs of query and class. Intervals: "
        f"{', '.join(sorted(methods))}, 95 %. The threshold of the accuracy is chosen on these "
        "pairs, which makes the accuracy a little too high. Same and different pairs count "
        "equally.\n"
    )
    click.echo(tabulate.tabulate(rows, headers=headers, disable_numparse=True))
    without = dict.fromkeys(plain(one["scorer"]) for one in found if not one["calibration"])
    if without:
        click.echo(
            f"\n–: scores of {', '.join(without)} are neither probabilities nor log-odds, so that "
            "they have no calibration error and no Brier score; a scorer says by its attribute "
            "scale what its scores are"
        )


@click.command("rescore", epilog=examples("wayshot rescore runs --picture curves.svg"))
@folders_of_runs
@level_option("Confidence level of the intervals.")
@picture_option("the ROC and DET curves of the runs that have scores", old=("--curves",))
@json_option
def command(folders: tuple[str, ...], level: float, picture: Path | None, as_json: bool) -> None:
    """Print all metrics and intervals of the runs that are stored in the folders DIR.

    They are computed from the stored trials, and from the scores that wayshot
    run --scores has stored. No scorer is asked again.
    """
    runs = results.find(folders)
    if picture:
        draw_curves([run for run in runs if run.record.get("scores_digest")] or runs, picture)
    found = [results.metrics(run, level) for run in runs]
    if as_json:
        click.echo(json.dumps({"results": found}, indent=1))
        return
    for one in found:
        rows = [
            [name, _shown(entry), entry["method"], entry["clusters"]]
            for name, entry in one["accuracy"].items()
            if "refused" not in entry
        ]
        click.echo(_heading(one))
        click.echo(tabulate.tabulate(rows, ["interval", "accuracy %", "method", "clusters"]))
        methods = dict.fromkeys(row[2] for row in rows)
        for method in (name for name in methods if name in EXPLAINED):
            click.echo(f"{method}: {EXPLAINED[method]}")
        ranks = ", ".join(f"{name} {value:.4f}" for name, value in one["ranks"].items())
        click.echo(ranks)
        accuracy = next((e["value"] for e in one["accuracy"].values() if "value" in e), None)
        if accuracy is not None and abs(accuracy - one["ranks"]["hit@1"]) > 1e-9:
            click.echo(_TIES)
        click.echo()
        if "refused" in one.get("verification", {}):
            click.echo(f"no verification: {one.pop('verification')['refused']}\n")
    scored = [one for one in found if "verification" in one]
    if scored:
        show_verification(scored, as_json=False)
