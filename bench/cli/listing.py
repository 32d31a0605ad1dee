"""`wayshot list`."""

from __future__ import annotations

import json

import click
import tabulate

from ...tasks import SPLITS, SUFFIXES
from ...tasks.data import omniglot
from .common import data_option, examples, json_option

KINDS = ("protocols", "scorers", "datasets", "backbones", "recipes")


def _protocols() -> list[dict[str, str]]:
    rows = [{"name": "lake-runs", "what": "the 20 official one-shot runs of Lake et al. 2015"}]
    for split in SPLITS.values():
        structure = "" if split.structure else "within|between-"
        rows.append({"name": f"{split.name}-{structure}WAYSwSHOTSs", "what": split.source})
    own = {
        "folder": "your own characters, from a folder: the ink in each image",
        "images": "your own pictures, from a folder, a file of labels or arrays: as they are",
    }
    for kind, what in own.items():
        rows.append({"name": f"{kind}:PATH[@PART]-within|between-WAYSwSHOTSs", "what": what})
    return rows


def _suffixes() -> list[dict[str, str]]:
    return [{"suffix": f"-{suffix.name}", "what": suffix.what} for suffix in SUFFIXES.values()]


def _scorers() -> list[dict[str, str]]:
    from ...models import bundles
    from ..scorers import READERS, registered

    rows = []
    for name, make in registered().items():
        kind = make if isinstance(make, type) else None
        if kind:
            what = (kind.__doc__ or "").splitlines()[0]
        else:
            what = "a trained Siamese network" if name in bundles() else "from an entry point"
        rows.append({"name": name, "what": what})
    own = {
        "PATH": f"your own model: a {', '.join(READERS)} or scorer.yaml file",
        "MODULE:ATTRIBUTE": "your own: a scorer, a model, or a class or function that makes one; "
        "also FILE.py:ATTRIBUTE",
    }
    return rows + [{"name": name, "what": what} for name, what in own.items()]


def _datasets(data: str | None) -> list[dict[str, str]]:
    rows = [{"name": "glyphs", "what": "built in"}]
    for part in omniglot.PARTS.values():
        where = omniglot.find(part.name, data)
        rows.append({"name": part.name, "what": str(where) if where else "missing"})
    return rows


def _backbones() -> list[dict[str, str]]:
    from ...models.networks import BACKBONES

    rows = [{"name": one.name, "what": one.source} for one in BACKBONES.values()]
    rows.append({"name": "keras:NAME", "what": "any of keras.applications"})
    rows.append({"name": "MODULE:ATTRIBUTE", "what": "your own Keras model, or what makes it"})
    return rows


def _recipes() -> list[dict[str, str]]:
    from ...models.training import recipe

    return [{"name": name, "what": str(recipe.FOLDER / f"{name}.yaml")} for name in recipe.names()]


@click.command("list", epilog=examples("wayshot list protocols"))
@click.argument("kind", type=click.Choice(KINDS))
@data_option
@json_option
def command(kind: str, data: str | None, as_json: bool) -> None:
    """List all protocols, scorers, datasets, backbones or recipes."""
    rows = {
        "protocols": _protocols,
        "scorers": _scorers,
        "datasets": lambda: _datasets(data),
        "backbones": _backbones,
        "recipes": _recipes,
    }[kind]()
    listed = {kind: rows}
    if kind == "protocols":
        listed["suffixes"] = _suffixes()
    if as_json:
        click.echo(json.dumps(listed, indent=1))
    else:
        tables = (tabulate.tabulate(some, "keys", "plain") for some in listed.values())
        click.echo("\n\n".join(tables))
