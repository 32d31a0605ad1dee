"""The evidence on a model card: results of stored runs, and of trainings with other seeds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from .. import results
from ..models import FOLDER, ModelError, read_card
from .scorers import resolve


def _digest(path: Path, card: Mapping[str, Any], engine: str) -> str:
    """Computes the digest of a card's scorer, with the engine that a run used."""
    bundled = path.resolve().parent == FOLDER.resolve()
    name = str(card["name"]) if bundled else str(path.with_suffix(".keras"))
    return resolve(name, engine)[1].digest


def _result(run: results.Run) -> dict[str, Any]:
    found = results.estimate_run(run)
    return {
        "protocol": run.protocol,
        "seed": run.record["seed"],
        "episodes": run.record["episodes"],
        "episodes_digest": run.record["episodes_digest"],
        "n": run.record["n"],
        "errors": round(float((1 - run.trials["credit"]).sum()), 6),
        "accuracy": found.as_json(),
    }


def _values(card: Mapping[str, Any]) -> dict[str, Any]:
    found = card["evaluation"]["results"]
    return {
        "seed": card["seed"],
        "digest": card["digest"],
        "validation": card["validation"],
        "results": {one["protocol"]: one["accuracy"]["value"] for one in found},
    }


def with_results(
    path: Path, folders: Iterable[str], looks: int, statement: str, seeds: Iterable[Path] = ()
) -> dict[str, Any]:
    """Gives a card with the results of its network's runs.

    Args:
        path: The card.
        folders: Folders of stored runs.
        looks: How often the evaluation set has been looked at.
        statement: A sentence about these looks.
        seeds: Cards of the same recipe trained with other seeds, which must
            have results already; the card shows their spread.

    Raises:
        ModelError: A run is of another network, or a card of another recipe.
        ResultError: A folder holds no run.
    """
    card = read_card(path)
    runs = results.find(list(folders))
    engines = [str(run.record["scorer"].get("engine", "auto")).split()[0] for run in runs]
    digests = {engine: _digest(path, card, engine) for engine in {*engines}}
    for run, engine in zip(runs, engines, strict=True):
        if run.record["scorer"]["digest"] != digests[engine]:
            raise ModelError(f"{run.folder}: a run of another network than that of {path}")
    found = sorted((_result(run) for run in runs), key=lambda one: one["protocol"])
    names = [one["protocol"] for one in found]
    if len(names) != len(set(names)):
        raise ModelError("two runs of one protocol; name the folders of those that count")
    card["evaluation"] = {"looks": looks, "statement": statement, "results": found}
    others = []
    for other in seeds:
        one = read_card(other)
        if one["recipe"] != card["recipe"] or one["seed"] == card["seed"]:
            raise ModelError(f"{other}: of another recipe, or of the same seed {card['seed']}")
        if "evaluation" not in one:
            raise ModelError(f"{other}: has no results; give it some with wayshot card")
        others.append(_values(one))
    if others:
        every = [_values(card), *others]
        card["evaluation"]["seeds"] = sorted(every, key=lambda one: one["seed"])
    return card
