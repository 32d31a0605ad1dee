"""`wayshot compare`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import click

from ... import results
from ...results import plain
from ...results.pictures import check_suffix, draw_ranks
from ...results.statistics import (
    CLUSTERS,
    are_trainings,
    compare,
    compare_recipes,
    disagreeing,
    error_of,
    outcome,
    practical_difference,
    rank,
    together,
    within_margin,
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
from .counts import Count
from .report import material_of, page_option, write_report
from .verdicts import comparison_text, practical_text, ranking_text, recipes_text, trials_text

_LISTED = 10


@click.command(
    "compare",
    epilog=examples(
        "wayshot compare siamese-small hausdorff",
        "wayshot compare siamese-small siamese-resnet18-eca --margin 0.5",
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
    "--margin",
    type=click.FloatRange(0, 100, min_open=True, max_open=True),
    metavar="POINTS",
    help="Also test whether two scorers are as good as one another, within POINTS percentage "
    "points. Choose POINTS before you see the results.",
)
@option(
    "--rope",
    type=click.FloatRange(0, 100, min_open=True, max_open=True),
    metavar="POINTS",
    help="Also say how probably the difference of two scorers is within POINTS percentage points "
    "(region of practical equivalence).",
)
@option(
    "--disagreements",
    "listed",
    type=Count(0),
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
    margin: float | None,
    rope: float | None,
    listed: int | None,
    picture: Path | None,
    page: Path | None,
    as_json: bool,
) -> None:
    """Compare scorers on the same episodes, and say which differences are real.

    SCORER is the name of a scorer in stored runs, or the folder of a single run.
    If a name stands for several trainings of one recipe, the recipe is compared:
    intervals and tests then cover new trainings too.
    """
    # The folder of runs was once the last word.
    if len(words) > 2 and not typed("folder") and _holds_runs(words[-1]):
        words, folder = words[:-1], Path(words[-1])
    scorers = with_words(words, "scorers")
    if len(set(scorers)) < max(len(scorers), 2):
        raise click.UsageError("expected at least two scorers, each named once; name another")
    if len(scorers) > 2 and listed is not None:
        raise click.UsageError("--disagreements goes with two scorers; name two")
    for name, value in (("--margin", margin), ("--rope", rope)):
        if len(scorers) > 2 and value is not None:
            raise click.UsageError(f"{name} goes with two scorers; name two")
    if margin is not None and level <= 0.5:
        raise click.UsageError("--margin needs a --level above 0.5, such as 0.95")
    if picture:
        check_suffix(picture)
        if len(scorers) < 3:
            raise click.UsageError("--picture needs at least three scorers; name more")
    found = _found(scorers, folder, protocols)
    groups, left_out = together(found, are_trainings)
    for line in left_out:
        click.echo(f"left out: {plain(line)}", err=True)
    if picture and len(groups) > 1:
        shared = ", ".join(sides[0][0].protocol for sides in groups)
        raise click.UsageError(f"--picture shows one protocol; choose by --protocol from {shared}")
    if page:
        runs = [run for sides in groups for run in chain(*sides)]
        write_report(material_of(runs, level=level), page, start="differences")
    if len(scorers) == 2:
        shares = tuple(None if one is None else one / 100 for one in (margin, rope))
        _compare(groups, level, by, shares, listed, as_json)
    else:
        _rank(groups, level, by, picture, as_json)


def _is_run(name: str) -> bool:
    return (Path(name) / "record.json").is_file()


def _holds_runs(name: str) -> bool:
    return Path(name).is_dir() and not _is_run(name)


def _compare(
    pairs: Sequence[Sequence[Sequence[results.Run]]],
    level: float,
    by: str,
    shares: tuple[float | None, ...],
    listed: int | None,
    as_json: bool,
) -> None:
    """Compares the two sides of every pair: single runs, or trainings of one recipe."""
    answers: dict[str, list[dict[str, Any]]] = {"comparisons": []}
    blocks: list[str] = []
    for sides in pairs:
        if all(len(runs) == 1 for runs in sides):
            (first,), (second,) = sides
            answer, texts = _compare_runs(first, second, level, by, shares, listed, as_json)
            answers["comparisons"].append(answer)
        else:
            if listed:
                raise click.UsageError(
                    "--disagreements goes with two single runs, but a name stands for several "
                    "trainings; name the folder of a run for each"
                )
            one = compare_recipes(sides[0], sides[1], level, by, *shares)
            one = replace(one, scorers=tuple(_side_labels(sides)))
            answers.setdefault("recipes", []).append(one.as_json())
            texts = [recipes_text(one)]
            if shares[1] is not None:
                texts.append(practical_text(one.scorers, shares[1], one.practical))
        blocks += texts
    click.echo(json.dumps(answers, indent=1) if as_json else "\n\n".join(blocks))


def _compare_runs(
    first: results.Run,
    second: results.Run,
    level: float,
    by: str,
    shares: tuple[float | None, ...],
    listed: int | None,
    as_json: bool,
) -> tuple[dict[str, Any], list[str]]:
    """Gives the answer as JSON, or in words."""
    sides = outcome(first, by), outcome(second, by)
    one = replace(
        compare(first, second, level, by), scorers=tuple(_side_labels([[first], [second]]))
    )
    margin, rope = shares
    equal = None if margin is None else within_margin(*sides, margin, level)
    believed = None
    if rope is not None:
        error = error_of(sides[0].influence - sides[1].influence, sides[0] - sides[1])
        believed = practical_difference(one.difference.value, error, rope)
    trials = disagreeing(first, second)
    if as_json:
        rows = trials.head(len(trials) if listed is None else listed)
        # By way of pandas' own JSON: a class that no trial asks for is null.
        found = json.loads(rows.to_json(orient="records", double_precision=15))
        shown: dict[str, Any] = {} if equal is None else {"equivalence": equal.as_json()}
        if rope is not None:
            shown["practical"] = believed.as_json() if believed else None
        return {**one.as_json(), **shown, "trials": found}, []
    texts = trials_text(one, trials, _LISTED if listed is None else listed)
    text = comparison_text(one, equal)
    if rope is not None:
        text += f"\n\n{practical_text(one.scorers, rope, believed)}"
    return {}, [text, *texts]


def _rank(
    groups: Sequence[Sequence[Sequence[results.Run]]],
    level: float,
    by: str,
    picture: Path | None,
    as_json: bool,
) -> None:
    found = []
    for sides in groups:
        # A single run beside a recipe is one run; so is a recipe with a single training.
        runs = [one if len(one) > 1 else one[0] for one in sides]
        found.append(replace(rank(runs, level, by), scorers=tuple(_side_labels(sides))))
    if picture:
        draw_ranks(found[0], picture)
    if as_json:
        click.echo(json.dumps({"rankings": [one.as_json() for one in found]}, indent=1))
    else:
        click.echo("\n\n".join(ranking_text(one) for one in found))


def _side_labels(sides: Sequence[Sequence[results.Run]]) -> list[str]:
    """Names the sides; those with the same name by the number of seeds, or by digest."""
    names = [runs[0].scorer for runs in sides]
    said = [runs[0].record["scorer"] for runs in sides]
    return [
        name
        if names.count(name) == 1
        else f"{name} ({len(runs)} seeds, {str(one['training']['recipe'])[:8]})"
        if len(runs) > 1
        else f"{name} ({one['digest'][:8]})"
        for name, runs, one in zip(names, sides, said, strict=True)
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
