"""`wayshot describe`."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import numpy as np
import yaml

from ... import tasks
from ...tasks import SPLITS, TaskError, load_glyphs
from ...tasks.data import omniglot
from .common import (
    data_option,
    examples,
    json_option,
    progress,
    traceback_option,
)


def _protocol(name: str, data: str | None) -> dict[str, Any]:
    protocol = tasks.parse(name)
    facts: dict[str, Any] = {
        "kind": "protocol",
        "name": protocol.name,
        "description": protocol.describe(),
        "digest": protocol.digest,
        **asdict(protocol),
    }
    try:
        tasks.open_protocol(protocol, 1, data, progress)
    except TaskError as error:
        facts["cannot_be_run"] = str(error)
    return facts


def _scorer(name: str) -> dict[str, Any]:
    from ..scorers import is_part, resolve

    scorer, traits = resolve(name, "keras")
    facts: dict[str, Any] = {"kind": "scorer", **asdict(traits)}
    seen = facts.pop("trained_on")
    known = {} if traits.identity is None else traits.identity.as_json()
    facts["identity"] = {key: value for key, value in known.items() if key != "answers"}
    parts = sorted(one for one in seen or () if is_part(one))
    facts["characters_trained_on"] = None if seen is None else len(seen) - len(parts)
    if parts:
        facts["parts_trained_on"] = parts
    card = getattr(scorer, "card", None)
    if card:
        facts["card"] = {key: value for key, value in card.items() if key != "characters"}
    return facts


def _dataset(name: str, data: str | None) -> dict[str, Any]:
    if name in omniglot.PARTS:
        part = omniglot.PARTS[name]
        where = omniglot.find(name, data)
        facts = {"kind": "dataset", **asdict(part), "path": str(where) if where else None}
        del facts["folder"]
        return facts
    dataset = (
        load_glyphs(progress)
        if name == "glyphs"
        else tasks.load(*tasks.read_part(name), progress=progress)
    )
    return {
        "kind": "dataset",
        "name": dataset.name,
        "digest": dataset.digest,
        "images": len(dataset),
        "characters": len(dataset.characters),
        "alphabets": dataset.characters["alphabet"].nunique(),
        **({"ink": dict(dataset.ink)} if dataset.ink else {}),
        "remarks": list(dataset.remarks),
    }


def _backbone(name: str) -> dict[str, Any]:
    from ...models.networks import Network, assemble, backbone, dissect, tower_flops

    found = backbone(name)
    network = Network(backbone=name, join=found.join, head=found.head)
    siamese = assemble(network, name)
    tower = siamese.tower
    layers = dissect(tower)
    return {
        "kind": "backbone",
        "name": name,
        "source": found.source,
        "input": list(tower.input_shape[1:]),
        "embedding": tower.output_shape[-1],
        "parameters": tower.count_params(),
        "trainable_parameters": sum(int(np.prod(one.shape)) for one in tower.trainable_weights),
        "join": found.join,
        "head": found.head,
        "parameters_with_head": siamese.count_params(),
        "flops_per_image": tower_flops(tower),
        "receptive_field": max(layer.receptive_field for layer in layers),
        "layers": [asdict(layer) for layer in layers],
    }


def _readable(value: Any) -> Any:
    """Has text say that FLOPs are unknown."""
    if isinstance(value, list):
        return [_readable(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        name: "unknown" if one is None and name.startswith("flops") else _readable(one)
        for name, one in value.items()
    }


def _recipe(name: str) -> dict[str, Any]:
    from ...models.training import recipe

    return {"kind": "recipe", **recipe.read(name).to_dict()}


def _find(name: str, data: str | None) -> dict[str, Any]:
    from ...models.training import recipe
    from ..scorers import registered

    kind, _, rest = name.partition(" ")
    if rest and kind in ("recipe", "backbone"):
        return _recipe(rest) if kind == "recipe" else _backbone(rest)
    if tasks.is_own(name):
        with suppress(TaskError):
            return _protocol(name, data)
        return _dataset(name, data)
    if name in registered() or "=" in name or Path(name).is_file() or name.endswith(".keras"):
        return _scorer(name)
    try:
        return _protocol(name, data)
    except TaskError as error:
        problem = error
    if name in omniglot.PARTS or name == "glyphs":
        return _dataset(name, data)
    if name in SPLITS:
        return {"kind": "split", **asdict(SPLITS[name])}
    if name.startswith("keras:"):
        return _backbone(name)
    if ":" in name:
        return _scorer(name)
    from ...models.networks import BACKBONES

    if name in BACKBONES:
        return _backbone(name)
    if name in recipe.names():
        return _recipe(name)
    raise click.UsageError(f"nothing is called {name!r}; see wayshot list. {problem}")


@click.command(
    "describe",
    epilog=examples("wayshot describe lake-within-20w1s", "wayshot describe recipe siamese-small"),
)
@click.argument("name", nargs=-1, required=True)
@data_option
@traceback_option
@json_option
def command(name: tuple[str, ...], data: str | None, as_json: bool) -> None:
    """Describe NAME: a protocol, scorer, dataset, split, backbone or recipe.

    A recipe can have the name of the network that it trains, or of its
    backbone: for the recipe, type recipe NAME. For a backbone of your own, type
    backbone module:attribute.
    """
    facts = _find(" ".join(name), data)
    if as_json:
        click.echo(json.dumps(facts, indent=1))
    else:
        plain = _readable(json.loads(json.dumps(facts)))
        click.echo(yaml.safe_dump(plain, sort_keys=False, allow_unicode=True).rstrip())
