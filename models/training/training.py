"""Training a Siamese network by a recipe; it can be resumed from every checkpoint."""

from __future__ import annotations

import json
import time
import zipfile
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ...tasks import Dataset, Progress, TaskError, open_zip, quiet, replacing
from ..backend import designed_settings
from ..bundled import named_weights, read_weights
from ..errors import ModelError
from ..networks import Siamese, assemble
from .classes import ClassStage
from .enlarging import enlarged
from .episodes import EpisodeStage
from .pairs import PairStage
from .precision import chosen_policy
from .recipe import Classes, Episodes, Pairs, Recipe, complete
from .training_images import TrainingImages
from .validation import Validation

# Keras's annotations have None wherever a tensor may come.
ops: Any = keras.ops

_STAGES: dict[str, Any] = {"classes": ClassStage, "pairs": PairStage, "episodes": EpisodeStage}

CHECKPOINT_SECONDS = 120
"""Time between checkpoints: the work of so many seconds can be lost if the process is killed."""

REPORT_SECONDS = 2
"""Time between reports, where steps take less."""

LOSS_STEPS = 20
"""Steps before a validation whose mean loss is noted with it."""


@dataclass(frozen=True)
class Report:
    """The state of a training.

    Attributes:
        stage: `classes`, `pairs` or `episodes`.
        step: Number of finished steps in the stage.
        steps: Number of steps of the stage.
        loss: Mean loss of the last steps.
        images_per_second: Speed of this process, without validations.
        accuracy: 20-way 1-shot accuracy on the held-out alphabets at the last
            validation, by structure.
    """

    stage: str
    step: int
    steps: int
    loss: float
    images_per_second: float
    accuracy: dict[str, float]


def _trains_tower(plan: Classes | Pairs | Episodes) -> bool:
    return not isinstance(plan, Pairs) or plan.tower


class Training:
    """A training: its data, its network, and its state.

    Attributes:
        recipe: The recipe.
        seed: Seed of weights, order and distortions.
        policy: Keras's dtype policy: `float32`, or `mixed_bfloat16`.
        siamese: The network being trained.
        steps: Number of finished steps of each stage.
        history: One entry for each validation.
        seconds: Time spent so far, in all processes that resumed the training.
        characters: Names `alphabet/character` of the training characters.
        made_characters: Names of those that are composed of these, or made up.
        background_digest: Digest of the data set.
    """

    def __init__(
        self,
        recipe: Recipe,
        background: Dataset,
        seed: int,
        precision: str = "float32",
        held_out: Dataset | None = None,
        progress: Progress = quiet,
    ) -> None:
        """Prepares data and network.

        Args:
            recipe: The recipe.
            background: The training images, including held-out alphabets.
            seed: Seed of weights, order and distortions.
            precision: `float32`, `mixed`, or `auto` for the faster of both on
                this hardware; see `precision.chosen_policy`.
            held_out: Images to validate on; None for the alphabets of
                `background` that the recipe holds out.
            progress: Shows the progress of making further characters.

        Raises:
            ModelError: The recipe names an unknown backbone or alphabet, or further
                characters cannot be made of these images.
            TaskError: The images to validate on allow no episodes.
        """
        self.recipe, self.seed, self.policy = recipe, seed, chosen_policy(precision)
        alphabets = background.table["alphabet"].astype(str)
        unknown = set(recipe.held_out) - set(alphabets)
        if unknown:
            raise ModelError(
                f"recipe {recipe.name}: held_out names alphabets that {recipe.data} does not have: "
                f"{', '.join(sorted(unknown))}"
            )
        is_held_out = alphabets.isin(recipe.held_out).to_numpy()
        own = held_out is not None
        if held_out is None and is_held_out.any():
            held_out = background.select(is_held_out, "held out")
        if held_out is None and recipe.patience:
            raise ModelError(
                f"recipe {recipe.name}: patience needs images to validate on, and {recipe.data} "
                "holds out none; give the data a part validation, or set patience to 0"
            )
        self._validation = (
            None if held_out is None else Validation(held_out, recipe.validation_episodes, own)
        )
        self.background_digest = background.digest
        keras.utils.set_random_seed(seed)
        with designed_settings(self.policy):
            self.siamese = assemble(recipe.network, recipe.name)
            seen = background.select(~is_held_out, "seen")
            size, channels, count = self.siamese.size, self.siamese.channels, len(seen.characters)
            seen = enlarged(recipe, seen, seed, progress)
            images = TrainingImages(recipe, seen, size, channels, count)
            self._stages: dict[str, Any] = {}
            for name, plan in recipe.stages.items():
                self.siamese.tower.trainable = _trains_tower(plan)
                stage = self._stages[name] = _STAGES[name](plan, self.siamese, images, seed)
                stage.model.optimizer.build(stage.model.trainable_variables)
        self.characters = images.originals
        self.made_characters = images.characters[len(images.originals) :]
        self.steps = dict.fromkeys(self._stages, 0)
        self._ended: list[str] = []
        self._best: tuple[float, dict[str, np.ndarray]] | None = None
        self.history: list[dict[str, Any]] = []
        self.seconds = 0.0

    @property
    def validation_ways(self) -> int | None:
        """Number of ways of the episodes of validation; None if nothing is held out."""
        return self._validation.ways if self._validation else None

    def finished(self) -> Siamese:
        """Gives the network in single precision, with the best weights if there is patience."""
        with designed_settings():
            siamese = assemble(self.recipe.network, self.recipe.name)
        unfinished = [
            stage
            for name, stage in self._stages.items()
            if self.steps[name] > 0 and name not in self._ended
        ]
        with unfinished[0].settled() if unfinished else nullcontext():
            trained = self._best[1] if self._best else read_weights(self.siamese)
            for name, variable in named_weights(siamese).items():
                variable.assign(trained[name])
        return siamese

    def validate(self, siamese: Siamese | None = None, stage: str = "pairs") -> dict[str, float]:
        """Measures 1-shot accuracy on the images that are held out.

        Args:
            siamese: The network; None for the one being trained.
            stage: The stage; in `classes`, embeddings are compared by their
                cosine and not by the head.

        Returns:
            Accuracy by structure; empty if nothing is held out.
        """
        if self._validation is None:
            return {}
        by_head = stage != "classes" or len(self._stages) == 1
        return self._validation.accuracy(siamese or self.siamese, by_head)

    def run(self, folder: Path) -> Iterator[Report]:
        """Trains from the present state to the end, and writes checkpoints.

        Args:
            folder: Folder of the checkpoint.

        Yields:
            A report every few steps.

        Raises:
            ModelError: The loss is not finite; the last checkpoint is kept.
        """
        for name, stage in self._stages.items():
            if name in self._ended:
                continue
            self.siamese.tower.trainable = _trains_tower(stage.plan)
            yield from self._run_stage(name, stage, folder)
            if self._best:
                variables = named_weights(self.siamese)
                for weight, array in self._best[1].items():
                    variables[weight].assign(array)
                self._best = None
            else:
                stage.settle()
            self._ended.append(name)
            self.save(folder)

    def _run_stage(self, name: str, stage: Any, folder: Path) -> Iterator[Report]:
        steps, every, count = stage.plan.steps, self.recipe.validate_every, 1
        saved = reported = time.monotonic()
        accuracy: dict[str, float] = self.history[-1]["accuracy"] if self.history else {}
        while self.steps[name] < steps:
            first = self.steps[name]
            target = min((first // every + 1) * every, steps)
            # One call, so that its mean loss does not depend on when others have ended.
            start = target - LOSS_STEPS
            last = target if first >= start else min(first + count, start)
            if first < stage.turning_point:
                last = min(last, stage.turning_point)
            loss = stage.train(first, last)
            if not np.isfinite(loss):
                raise ModelError(
                    f"steps {first + 1} to {last} of {name}: the loss is {loss}; lower the "
                    "learning rate. The last checkpoint is kept"
                )
            step = self.steps[name] = last
            measured = last == target
            now = time.monotonic()
            rate = (last - first) * stage.images_a_step / (now - reported)
            fits = int((last - first) * REPORT_SECONDS / (now - reported))
            count = max(1, min(2 * count, fits))
            self.seconds += now - reported
            reported = now
            stop = False
            if measured:
                with stage.settled():
                    accuracy = self.validate(stage=name)
                    entry = {"stage": name, "step": step, "accuracy": accuracy, "loss": loss}
                    self.history.append(entry)
                    stop = self._no_better(name, accuracy)
            yield Report(name, step, steps, loss, rate, accuracy)
            if time.monotonic() - saved > CHECKPOINT_SECONDS:
                self.save(folder)
                saved = time.monotonic()
            self.seconds += time.monotonic() - reported
            reported = time.monotonic()
            if stop:
                return

    def _no_better(self, stage: str, accuracy: dict[str, float]) -> bool:
        """Keeps the best weights; tells whether the stage has not improved for too long."""
        if not self.recipe.patience:
            return False
        mean = float(np.mean(list(accuracy.values())))
        if self._best is None or mean > self._best[0]:
            weights = read_weights(self.siamese)
            self._best = (mean, {name: array.copy() for name, array in weights.items()})
        means = [
            float(np.mean(list(entry["accuracy"].values())))
            for entry in self.history
            if entry["stage"] == stage
        ]
        return len(means) - 1 - int(np.argmax(means)) >= self.recipe.patience

    def _variables(self) -> dict[str, Any]:
        """Gives a checkpoint's variables: weights, and the optimizer and seeds of each stage."""
        variables = named_weights(self.siamese)
        for name, stage in self._stages.items():
            own = list(stage.model.optimizer.variables)
            if name == "classes":
                own += stage.model.layers[-1].variables
            variables |= {f"{name}.{i:03}": variable for i, variable in enumerate(own)}
            # The seeds of layers such as Dropout are variables, but no weights.
            kept = {id(one) for one in stage.model.weights}
            seeds = [one for one in stage.model.variables if id(one) not in kept]
            variables |= {f"{name}.seed.{i:03}": one for i, one in enumerate(seeds)}
        return variables

    def _identity(self) -> dict[str, Any]:
        return {"recipe": self.recipe.to_dict(), "seed": self.seed, "precision": self.policy}

    def save(self, folder: Path) -> None:
        """Writes the checkpoint `checkpoint.npz` into a folder, completely or not at all."""
        state = {
            **self._identity(),
            "steps": self.steps,
            "ended": self._ended,
            "history": self.history,
            "seconds": self.seconds,
            "best": self._best[0] if self._best else None,
        }
        arrays = {name: ops.convert_to_numpy(one) for name, one in self._variables().items()}
        if self._best:
            arrays |= {f"best.{name}": array for name, array in self._best[1].items()}
        with replacing(folder / "checkpoint.npz") as fresh:
            np.savez(fresh, state=np.array(json.dumps(state)), **arrays)

    def resume(self, folder: Path) -> None:
        """Restores the state from the checkpoint in a folder.

        Raises:
            ModelError: The checkpoint is damaged, or of another recipe, seed or
                precision.
        """
        path = folder / "checkpoint.npz"
        variables = self._variables()
        try:
            open_zip(path).close()
            with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
                state = json.loads(str(file["state"]))
                state["recipe"] = complete(state["recipe"])
                other = [key for key, value in self._identity().items() if state.get(key) != value]
                if other:
                    raise ModelError(
                        f"{path}: a checkpoint of another {' and '.join(other)}; train without "
                        "--resume"
                    )
                arrays = {name: file[name] for name in variables}
                best = {n[5:]: file[n] for n in file.files if n.startswith("best.")}
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, TaskError) as error:
            raise ModelError(f"{path}: cannot be read ({error}); train without --resume") from None
        for name, variable in variables.items():
            variable.assign(arrays[name])
        self._best = (state["best"], best) if best else None
        self.steps, self.history = state["steps"], state["history"]
        self._ended, self.seconds = state["ended"], state["seconds"]
