"""`wayshot train`."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from tqdm import tqdm

from ... import tasks
from ...models import ModelError
from ...models.training import PRECISIONS
from ...models.training import recipe as recipes
from ...results import percent
from .common import (
    data_option,
    examples,
    json_option,
    option,
    progress,
    seed_option,
    traceback_option,
    writable,
)
from .counts import Count

if TYPE_CHECKING:
    from ...models.training import Report


class _Logs:
    """TensorBoard's event files, without TensorFlow."""

    def __init__(self, folder: Path) -> None:
        try:
            from tensorboard.compat.proto import event_pb2, summary_pb2
            from tensorboard.summary.writer.event_file_writer import EventFileWriter
        except ImportError:
            raise ModelError(
                "--tensorboard needs the package tensorboard; install wayshot[tensorboard]"
            ) from None
        self._event: Any = event_pb2.Event  # pyright: ignore[reportAttributeAccessIssue]
        self._summary: Any = summary_pb2.Summary  # pyright: ignore[reportAttributeAccessIssue]
        self._writer = EventFileWriter(str(folder / "tensorboard"))

    def write(self, report: Report, step: int) -> None:
        """Adds one report's figures."""
        figures = {
            f"{report.stage}/loss": report.loss,
            "images per second": report.images_per_second,
            **{f"1-shot accuracy/{name}": v for name, v in report.accuracy.items()},
        }
        values = [self._summary.Value(tag=tag, simple_value=v) for tag, v in figures.items()]
        self._writer.add_event(
            self._event(wall_time=time.time(), step=step, summary=self._summary(value=values))
        )
        self._writer.flush()


def _images(name: str, data: str | None) -> tuple[tasks.Dataset, tasks.Dataset | None]:
    """Loads the images to train on and, of data of one's own, those to validate on."""
    if tasks.is_own(name):
        # As recipes of version 0.2 call a whole folder.
        name = name.removesuffix("-all")
    split, part = tasks.read_part(name)
    found = tasks.load(split, part, data, progress)
    if not tasks.is_own(split):
        return found, None
    there = {}
    for other in tasks.PARTS:
        with suppress(tasks.TaskError):
            there[other] = tasks.load(split, other, data, progress)
    if part == "all" and there:
        raise tasks.TaskError(
            f"{name} has parts, of which one is to be tested on; train on {split}@train"
        )
    return found, there.get("validation") if part == "train" else None


@click.command(
    "train",
    epilog=examples(
        "KERAS_BACKEND=torch wayshot train siamese-small --minutes 60",
        "wayshot train siamese-small --on folder:letters@train --minutes 30",
    ),
)
@click.argument("recipe")
@option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder of the checkpoint and the trained network.  [default: trained/RECIPE]",
)
@option(
    "--backbone",
    metavar="NAME",
    help="Tower to train instead of the recipe's: a name of wayshot list backbones, or "
    "module:attribute, which is then imported.",
)
@option(
    "--on",
    "own",
    metavar="DATA",
    help="Train on these images instead of the recipe's: folder:PATH@train, images:PATH@train, or "
    "a part such as lake-background. A part validation of the same data is for validation.",
)
@option("--resume", is_flag=True, help="Go on from the checkpoint in the folder of --out.")
@option(
    "--precision",
    type=click.Choice(PRECISIONS),
    default="auto",
    show_default=True,
    help="Precision of the arithmetic. auto: mixed (bfloat16) if the hardware is faster with it, "
    "else float32.",
)
@option(
    "--minutes",
    type=click.FloatRange(min=0, min_open=True),
    metavar="MINUTES",
    help="Finish after this time, with what has been learned by then. The time before --resume "
    "counts too.",
)
@option(
    "--devices",
    type=Count(1, 1024),
    metavar="N",
    default=1,
    show_default=True,
    help="Divide every batch among N devices of the backend JAX.",
)
@option("--tensorboard", is_flag=True, help="Write logs for TensorBoard into the folder of --out.")
@seed_option("the training")
@data_option
@traceback_option
@json_option
def command(
    recipe: str,
    out: Path | None,
    backbone: str | None,
    own: str | None,
    resume: bool,
    precision: str,
    minutes: float | None,
    devices: int,
    tensorboard: bool,
    seed: int,
    data: str | None,
    as_json: bool,
) -> None:
    """Train a Siamese network by RECIPE, the name of a recipe or a YAML file.

    KERAS_BACKEND chooses the backend of Keras. torch is the fastest on CPUs.
    Validation uses background alphabets that are held out from training, or
    the part validation of one's own data.
    """
    if own:
        tasks.read_part(own)
    plan = recipes.read(recipe, backbone, own)
    out = out or Path("trained") / plan.name
    if not resume and (out / "checkpoint.npz").exists():
        raise ModelError(f"{out} holds a checkpoint; go on with --resume, or choose another --out")
    background, held_out = _images(plan.data, data)
    writable(out)

    from ...models import Training, finish
    from ...models.training import keep_compiled, use_devices

    keep_compiled()
    use_devices(devices)
    training = Training(plan, background, seed, precision, held_out, progress)
    if resume:
        training.resume(out)
    steps = {name: stage.steps for name, stage in plan.stages.items()}
    logs = _Logs(out) if tensorboard else None
    with tqdm(total=sum(steps.values()), unit="step", disable=None) as shown:
        for report in training.run(out):
            before = list(steps).index(report.stage)
            done = report.step + sum([*steps.values()][:before])
            if logs:
                logs.write(report, done)
            shown.set_description(f"{plan.name}: {report.stage}")
            shown.set_postfix(
                {
                    "loss": f"{report.loss:.3f}",
                    "images/s": f"{report.images_per_second:.0f}",
                    **{name: f"{percent(value)} %" for name, value in report.accuracy.items()},
                },
                refresh=False,
            )
            shown.update(done - shown.n)
            if minutes and training.seconds > 60 * minutes:
                training.save(out)
                break
    card = finish(training, out)
    if as_json:
        shown = {key: card[key] for key in card if not key.endswith("characters")}
        click.echo(json.dumps(shown, indent=1))
    else:
        shares = ", ".join(f"{percent(v)} % {k}" for k, v in card["validation"].items())
        ways = f"{card['validation_ways']}-way 1-shot: " if shares else ""
        click.echo(f"{out / plan.name}.keras: validation, {ways}{shares or 'none'}")
