"""`wayshot train`."""

from __future__ import annotations

import json
from pathlib import Path

import click
from tqdm import tqdm

from ... import tasks
from ...models import recipe as recipes
from ...models.errors import ModelError
from .common import bar, data_option, json_option, seed_option, writable


@click.command("train")
@click.argument("recipe")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder of the checkpoint and the trained network.  [default: trained/RECIPE]",
)
@click.option("--resume", is_flag=True, help="Go on from the checkpoint in the folder.")
@seed_option
@data_option
@json_option
def command(
    recipe: str, out: Path | None, resume: bool, seed: int, data: str | None, as_json: bool
) -> None:
    """Train a Siamese network by RECIPE, a bundled one or a YAML file.

    The Keras backend is chosen by KERAS_BACKEND; the torch backend is the
    fastest on CPUs. Validation uses held-out background alphabets only.
    """
    plan = recipes.read(recipe)
    out = writable(out or Path("trained") / plan.name)
    if not resume and (out / "checkpoint.npz").exists():
        raise ModelError(f"{out} holds a checkpoint; go on with --resume, or choose another --out")
    split, _, part = plan.data.rpartition("-")
    background = tasks.load(split, part, data, bar)

    from ...models import Training, finish

    training = Training(plan, background, seed)
    if resume:
        training.resume(out)
    with tqdm(total=plan.steps + plan.head_steps, unit="step", disable=None) as shown:
        for report in training.run(out):
            done = report.step + (plan.steps if report.stage == "head" else 0)
            shown.set_description(f"{plan.name}: {report.stage}")
            shown.set_postfix(
                {
                    "loss": f"{report.loss:.3f}",
                    "images/s": f"{report.images_per_second:.0f}",
                    **{name: f"{100 * value:.1f} %" for name, value in report.accuracy.items()},
                },
                refresh=False,
            )
            shown.update(done - shown.n)
    card = finish(training, out)
    if as_json:
        click.echo(json.dumps({key: card[key] for key in card if key != "characters"}, indent=1))
    else:
        shares = ", ".join(f"{100 * v:.1f} % {k}" for k, v in card["validation"].items())
        click.echo(f"{out / plan.name}.keras: validation, 20-way 1-shot: {shares or 'none'}")
