"""`wayshot compare`."""

from __future__ import annotations

import json
import math
import textwrap
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import click
import pandas as pd
import tabulate

from ... import results
from ...results import percent, plain
from ...results.pictures import check_suffix, draw_ranks
from ...results.statistics import (
    CLUSTERS,
    POWER,
    Comparison,
    Ranking,
    compare,
    disagreeing,
    matched,
    rank,
)
from ...results.tables import labels
from .common import (
    examples,
    json_option,
    level_option,
    option,
    picture_option,
    protocols_option,
    runs_option,
    scorers_option,
    typed,
    with_words,
)
from .report import material_of, page_option, write_report

_LISTED, _WIDTH = 10, 100


@click.command(
    "compare",
    epilog=examples(
        "wayshot compare siamese-small hausdorff",
        "wayshot compare siamese-small hausdorff pixel-cosine --runs results --picture ranks.svg",
    ),
)
@click.argument("words", nargs=-1, metavar="[SCORER]...")
@scorers_option("The same as SCORER.")
@runs_option("Folder of the runs of these scorers.", old=("--in",))
@protocols_option("Compare only on this protocol.")
@level_option(
    "Confidence level of the intervals. The tests are made at 1 - LEVEL: at 5 % for 0.95."
)
@option(
    "--by",
    type=click.Choice(tuple(CLUSTERS)),
    default="alphabet",
    show_default=True,
    help="What trials are clustered by. run is for the official runs only.",
)
@option(
    "--disagreements",
    "listed",
    type=click.IntRange(0),
    metavar="N",
    help="Number of trials to list on which two scorers disagree.  "
    f"[default: {_LISTED}; all with --json]",
)
@picture_option("the mean ranks of three or more scorers", old=("--diagram",))
@page_option
@json_option
def command(
    words: tuple[str, ...],
    scorers: tuple[str, ...],
    folder: Path,
    protocols: tuple[str, ...],
    level: float,
    by: str,
    listed: int | None,
    picture: Path | None,
    page: Path | None,
    as_json: bool,
) -> None:
    """Compare scorers on the same episodes, and say which differences are real.

    SCORER is the name of a scorer in stored runs, or the folder of a single run.
    """
    # The folder of runs was once the last word.
    if len(words) > 2 and not typed("folder") and _holds_runs(words[-1]):
        words, folder = words[:-1], Path(words[-1])
    scorers = with_words(words, "scorers")
    if len(set(scorers)) < max(len(scorers), 2):
        raise click.UsageError("expected at least two scorers, each named once; name another")
    if len(scorers) > 2 and listed is not None:
        raise click.UsageError("--disagreements goes with two scorers; name two")
    if picture:
        check_suffix(picture)
        if len(scorers) < 3:
            raise click.UsageError("--picture needs at least three scorers; name more")
    groups, left_out = matched(_found(scorers, folder, protocols))
    for line in left_out:
        click.echo(f"left out: {plain(line)}", err=True)
    if picture and len(groups) > 1:
        shared = ", ".join(runs[0].protocol for runs in groups)
        raise click.UsageError(f"--picture shows one protocol; choose by --protocol from {shared}")
    if page:
        write_report(material_of([*chain(*groups)], level=level), page, start="differences")
    if len(scorers) == 2:
        _compare(groups, level, by, listed, as_json)
    else:
        _rank(groups, level, by, picture, as_json)


def _is_run(name: str) -> bool:
    return (Path(name) / "record.json").is_file()


def _holds_runs(name: str) -> bool:
    return Path(name).is_dir() and not _is_run(name)


def _compare(
    groups: Sequence[Sequence[results.Run]],
    level: float,
    by: str,
    listed: int | None,
    as_json: bool,
) -> None:
    answers: list[dict[str, Any]] = []
    blocks: list[str] = []
    for first, second in groups:
        labels = tuple(_labels((first, second)))
        one = replace(compare(first, second, level, by), scorers=labels)
        trials = disagreeing(first, second)
        if as_json:
            rows = trials.head(len(trials) if listed is None else listed)
            # By way of pandas' own JSON: a class that no trial asks for is null.
            found = json.loads(rows.to_json(orient="records", double_precision=15))
            answers.append({**one.as_json(), "trials": found})
        else:
            blocks.append(_comparison(one))
            blocks += _trials(one, trials, _LISTED if listed is None else listed)
    click.echo(json.dumps({"comparisons": answers}, indent=1) if as_json else "\n\n".join(blocks))


def _rank(
    groups: Sequence[Sequence[results.Run]],
    level: float,
    by: str,
    picture: Path | None,
    as_json: bool,
) -> None:
    found = [replace(rank(runs, level, by), scorers=tuple(_labels(runs))) for runs in groups]
    if picture:
        draw_ranks(found[0], picture)
    if as_json:
        click.echo(json.dumps({"rankings": [one.as_json() for one in found]}, indent=1))
    else:
        click.echo("\n\n".join(_ranking(one) for one in found))


def _labels(runs: Sequence[results.Run]) -> list[str]:
    names = [run.scorer for run in runs]
    return [
        name if names.count(name) == 1 else f"{name} ({run.record['scorer']['digest'][:8]})"
        for name, run in zip(names, runs, strict=True)
    ]


def _found(
    names: Sequence[str], folder: Path, protocols: Sequence[str]
) -> dict[str, list[results.Run]]:
    """Finds the runs that are meant by each name."""
    stored = [] if all(map(_is_run, names)) else results.find([folder])
    found: dict[str, list[results.Run]] = {}
    for name in names:
        named = _is_run(name)
        runs = [results.read(Path(name))] if named else labels.of_scorer(stored, name)
        if not runs:
            known = f"there are runs of {', '.join(sorted({run.scorer for run in stored}))}"
            raise click.UsageError(f"no run of {name!r} in {folder}; {known}")
        chosen = [run for one in protocols for run in labels.of_protocol(runs, one)]
        found[name] = chosen if protocols else runs
        if not found[name]:
            raise click.UsageError(f"no run of {name!r} on {' or '.join(protocols)}; run it there")
    return found


def _percent(share: float) -> str:
    return f"{100 * share:g} %"


def _signed(share: float, digits: int = 1) -> str:
    return f"{'' if share < 0 else '+'}{percent(share, digits)}"


def _probability(p: float | None) -> str:
    if p is None:
        return "–"
    return f"{p:.2g}" if p >= 1e-4 else "below 0.0001"


def _points(one: results.Estimate) -> tuple[str, str]:
    """A difference and its interval in points, to two places of the interval's half."""
    if one.low is None or one.high is None or one.halfwidth is None:
        return _signed(one.value), "–"
    half = 100 * one.halfwidth
    digits = min(max(1, 1 - math.floor(math.log10(half))), 6) if half else 1
    value, low, high = (_signed(end, digits) for end in (one.value, one.low, one.high))
    return value, f"{low} to {high}"


def _method(one: results.Estimate) -> str:
    return f"{one.method}, {one.clusters}" if one.clusters else one.method


def _heading(one: Comparison | Ranking, scorers: str) -> str:
    return textwrap.fill(
        f"{plain(one.protocol)}: {scorers}; {one.n:,} trials of {one.episodes:,} episodes, "
        f"digest {one.episodes_digest[:8]}",
        _WIDTH,
    )


def _comparison(one: Comparison) -> str:
    first, second = map(plain, one.scorers)
    value, interval = _points(one.difference)
    level = _percent(round(1 - one.difference.level, 12))
    flips = f"all {one.flips:,}" if one.flips % 2 == 0 else f"{one.flips:,} random"
    trust = "" if one.independent else "; takes trials as independent, which share images here"
    detectable = "cannot be told, as all trials are alike"
    if one.detectable is not None and one.detectable_at_best is not None:
        best = f"; with endlessly many episodes {100 * one.detectable_at_best:.2g}"
        detectable = (
            f"{100 * one.detectable:.2g} points ({_percent(POWER)} power at {level})"
            f"{best if one.detectable_at_best else ''}"
        )
    rows = [
        (first, f"{percent(one.accuracies[0])} %"),
        (second, f"{percent(one.accuracies[1])} %"),
        (
            "difference",
            f"{value} points, {_percent(one.difference.level)} interval {interval} "
            f"({_method(one.difference)})",
        ),
        ("p-value", _probability(one.p_value)),
        ("  flips of signs", f"{_probability(one.sign_flip)} (by {one.by}, {flips})"),
        ("  McNemar", f"{_probability(one.mcnemar)} (exact{trust})"),
        (
            "disagreements",
            f"{one.disagreements:,} of {one.n:,} trials ({percent(one.disagreements / one.n)} %): "
            f"{one.wins[0]:,} for {first}, {one.wins[1]:,} for {second}",
        ),
        ("smallest detectable", detectable),
    ]
    if one.p_value is None:
        # Without an interval, nothing can be tested or detected.
        untested = [("difference", f"{value} points, no interval"), rows[-2]]
        rows = [*rows[:2], *untested]
    facts = tabulate.tabulate(rows, tablefmt="plain", disable_numparse=True)
    verdict = textwrap.fill(_verdict(one, level), _WIDTH)
    return "\n\n".join([_heading(one, f"{first} against {second}"), facts, verdict])


_FOR = {
    "character of one alphabet": "for new characters of this alphabet; it says nothing about new "
    "alphabets",
    "character within alphabets": "for new characters of these alphabets; it says nothing about "
    "new alphabets",
    "episode": "for new images of the same characters",
}
"""What a verdict is for where the alphabets are too few, by `Comparison.by`."""


def _verdict(one: Comparison, level: str) -> str:
    value = one.difference.value
    if one.p_value is None:
        reason = one.difference.method.removeprefix("none ").strip("()")
        if one.independent:
            return f"No verdict: {reason}. Add images, characters or alphabets."
        return (
            f"No verdict: {reason}. Add characters or alphabets; or, for a verdict on new images "
            "of the same characters, run a -once protocol."
        )
    if one.p_value < 1 - one.difference.level:
        what = f", {_FOR[one.by]}" if one.by in _FOR else ""
        return f"{plain(one.scorers[value < 0])} is better, at the level of {level}{what}."
    words = f"They cannot be told apart at the level of {level}."
    if one.detectable_at_best is None or one.detectable is None or not value:
        return words
    if one.episodes_needed:
        images = ", if there are images for so many" if one.independent else ""
        return (
            f"{words} About {one.episodes_needed:,} episodes would decide a difference as large "
            f"as this one{images} ({_percent(POWER)} power)."
        )
    if abs(value) > one.detectable_at_best:
        return f"{words} The official runs are too few to decide a difference as large as this one."
    return (
        f"{words} No number of episodes would decide a difference as large as this one: these "
        f"{one.difference.clusters} {one.by.partition(' ')[0]}s limit it; it takes others, or more "
        "of them."
    )


def _trials(one: Comparison, trials: pd.DataFrame, listed: int) -> list[str]:
    if not listed or not len(trials):
        return []

    def says(row: Any, side: str) -> str:
        credit, alphabet = row[f"credit_{side}"], row[f"predicted_alphabet_{side}"]
        within = "" if alphabet == row["alphabet"] else f"{alphabet}/"
        words = f"{within}{row[f'predicted_character_{side}']}"
        if credit:
            words = "right" if credit == 1 else f"tied for {credit:.2g}"
        return f"{plain(words)} ({row[f'margin_{side}']:+.3g})"

    headers = ["episode", "query", "character", "drawer", *map(plain, one.scorers)]
    rows = [
        [
            *(row["episode"], row["query"], plain(f"{row['alphabet']}/{row['character']}")),
            *(plain(str(row["drawer"])), says(row, "first"), says(row, "second")),
        ]
        for row in trials.head(listed).to_dict("records")
    ]
    table = tabulate.tabulate(rows, headers=headers, disable_numparse=True)
    all_of = f"; --disagreements {len(trials)} lists all" if len(rows) < len(trials) else ""
    title = (
        "Trials on which they disagree, by what each says and its margin: "
        f"{len(rows):,} of {len(trials):,}{all_of}"
    )
    return [title, table]


def _ranking(one: Ranking) -> str:
    level, names = _percent(round(1 - one.level, 12)), list(map(plain, one.scorers))
    order = [place for group in one.groups for place in group]
    scorers = [
        {
            "scorer": names[place],
            "accuracy %": percent(one.accuracies[place]),
            "group": one.letters[place],
            "mean rank": f"{one.ranks.means[place]:.2f}" if one.ranks else "–",
        }
        for place in dict.fromkeys(order)
    ]
    pairs = []
    for (first, second), pair in one.pairs.items():
        value, interval = _points(pair.difference)
        pairs.append(
            {
                "pair": f"{names[first]} less {names[second]}",
                "points": value,
                f"{_percent(one.level)} interval": interval,
                "p-value": _probability(pair.p_value),
                "corrected": _probability(one.adjusted[first, second]),
                "disagreements": f"{percent(pair.disagreements / pair.n)} %",
            }
        )
    tested = [pair for pair in one.pairs.values() if pair.p_value is not None]
    methods = " or ".join(dict.fromkeys(_method(pair.difference) for pair in one.pairs.values()))
    letters = (
        f"Scorers that share a letter cannot be told apart: paired differences ({methods}), "
        f"corrected for the number of pairs, {level}."
    )
    if not tested:
        letters = _verdict(next(iter(one.pairs.values())), level)
    return "\n\n".join(
        [
            _heading(one, f"{len(names)} scorers"),
            tabulate.tabulate(scorers, headers="keys", disable_numparse=True),
            textwrap.fill(letters, _WIDTH),
            tabulate.tabulate(pairs, headers="keys", disable_numparse=True),
            textwrap.fill(_ranks(one, level), _WIDTH),
        ]
    )


def _ranks(one: Ranking, level: str) -> str:
    if not one.ranks:
        return f"Too few {one.what}s to rank on."
    found = one.ranks
    davenport = "every ranking the same"
    if found.iman_davenport is not None and found.iman_davenport_p is not None:
        p_value = _probability(found.iman_davenport_p)
        davenport = f"Iman and Davenport's F {found.iman_davenport:.2f}, p {p_value}"
    return (
        f"Ranks over {found.blocks} {one.what}s: Friedman's chi-squared {found.friedman:.2f}, "
        f"p {_probability(found.friedman_p)}; {davenport}. Nemenyi: mean ranks differ at {level} "
        f"from {found.critical_difference:.2f} on."
    )
