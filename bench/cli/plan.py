"""`wayshot plan`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from ... import results, tasks
from ...results import plain
from ...results.statistics import Plan, plan_from_disagreement, plan_from_runs
from ...results.tables import labels
from .common import examples, json_option, level_option, option, runs_option, scorers_option


def _words(plan: Plan, least: bool) -> str:
    """Says a plan; where it is a guess of trials that share images, that it takes more."""
    points, smallest = 100 * plan.difference, 100 * plan.smallest
    test = f"a two-sided test at {100 * (1 - plan.level):g} % with {100 * plan.power:g} % power"
    lines = [f"To detect a difference of {points:g} points by {test}:"]
    if plan.episodes is None:
        lines.append(
            "no number of episodes is enough. With these data, endlessly many episodes "
            f"detect differences of {smallest:.2f} points or more."
        )
    else:
        lines.append(f"{'at least ' if least else ''}{plan.episodes:,} episodes.")
        if least:
            lines.append(
                "Trials share images, so that it takes more, or no number is enough if alphabets "
                "or characters are few; two stored runs (-s) tell which."
            )
        if smallest:
            lines.append(f"Endlessly many would detect {smallest:.2f} points.")
    return plain(" ".join([*lines, f"This follows from: {plan.basis}."]))


@click.command(
    "plan",
    epilog=examples(
        "wayshot plan lake-within-20w1s --difference 0.5 -s siamese-small -s hausdorff",
        "wayshot plan lake-within-20w1s --difference 0.5 --disagreement 4",
    ),
)
@click.argument("protocol")
@option(
    "--difference",
    type=click.FloatRange(0, 100, min_open=True, max_open=True),
    required=True,
    metavar="POINTS",
    help="The difference between two accuracies to detect, in percentage points.",
)
@scorers_option("One of the two scorers. Both need stored runs of the same episodes.")
@runs_option(old=("--in",))
@option(
    "--disagreement",
    type=click.FloatRange(0, 100, min_open=True),
    metavar="PERCENT",
    help="Without stored runs: the share of trials on which the two scorers will disagree.",
)
@level_option("Confidence level. The test is made at 1 - LEVEL: at 5 % for 0.95.")
@option(
    "--power",
    type=click.FloatRange(0.5, 1, min_open=True, max_open=True),
    metavar="POWER",
    default=0.8,
    show_default=True,
    help="Probability that the test finds the difference.",
)
@json_option
def command(
    protocol: str,
    difference: float,
    scorers: tuple[str, ...],
    folder: Path,
    disagreement: float | None,
    level: float,
    power: float,
    as_json: bool,
) -> None:
    """Say how many episodes of PROTOCOL decide a difference between two scorers."""
    asked = tasks.parse(protocol)
    least = disagreement is not None and asked.reuse != "once"
    if (len(scorers) == 2) == (disagreement is not None):
        raise click.UsageError(
            "expected either two stored runs, by -s twice, or a --disagreement in percent"
        )
    if disagreement is not None:
        queries = asked.ways * asked.queries
        plan = plan_from_disagreement(disagreement / 100, queries, difference / 100, level, power)
    else:
        runs = [run for run in results.find([folder]) if run.protocol == asked.title]
        pair = [labels.of_scorer(runs, name) for name in scorers]
        shared = {run.record["episodes_digest"] for run in pair[0]} & {
            run.record["episodes_digest"] for run in pair[1]
        }
        if not shared:
            raise click.UsageError(
                f"no runs of {' and '.join(scorers)} on the same episodes of {asked.name} in "
                f"{folder}; store some with: wayshot run {asked.name} -s {' -s '.join(scorers)}"
            )
        # The longest tell most.
        first = max(
            (run for run in pair[0] if run.record["episodes_digest"] in shared),
            key=lambda run: run.record["episodes"],
        )
        digest = first.record["episodes_digest"]
        second = next(run for run in pair[1] if run.record["episodes_digest"] == digest)
        plan = plan_from_runs(first, second, difference / 100, level, power)
    click.echo(json.dumps(asdict(plan), indent=1) if as_json else _words(plan, least))
