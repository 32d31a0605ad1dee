"""Training a Siamese network by a recipe, resumable at every checkpoint."""

from __future__ import annotations

import json
import time
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ..tasks import Dataset, Protocol, Sampler, replacing
from .augmentation import draw, sample
from .backbones import backbone
from .errors import ModelError
from .pixels import area_matrix, between_size, shrink
from .recipe import Recipe
from .siamese import Siamese, WeightedProduct

# Keras's annotations have None wherever a tensor may come.
ops: Any = keras.ops

CHECKPOINT_SECONDS = 120
"""Longest time whose work a kill can lose."""


@dataclass(frozen=True)
class Report:
    """How a training stands.

    Attributes:
        stage: `tower` or `head`.
        step: Steps done in the stage.
        steps: Steps of the stage.
        loss: Mean loss since the last report.
        images_per_second: Of this process, validation apart.
        accuracy: 20-way 1-shot accuracy on the held-out alphabets, by
            structure, of the last validation.
    """

    stage: str
    step: int
    steps: int
    loss: float
    images_per_second: float
    accuracy: dict[str, float]


class CosineClassifier(keras.layers.Layer):
    """Cosines between embeddings (B, D) of length one and a direction for each class."""

    def __init__(self, classes: int, **options: Any) -> None:
        super().__init__(**options)
        self.classes = classes

    def build(self, input_shape: Any) -> None:
        """Makes a direction for each class."""
        self.kernel = self.add_weight(
            shape=(input_shape[-1], self.classes), initializer="random_normal", name="kernel"
        )

    def call(self, embedding: Any) -> Any:
        """Gives the cosines (B, classes)."""
        return ops.matmul(embedding, ops.normalize(self.kernel, axis=0))


def _rng(seed: int, *key: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


class Training:
    """One training: its data, its networks, and where it stands.

    Attributes:
        recipe: The recipe.
        seed: Of weights, order and distortions.
        siamese: The network being trained.
        history: One entry a validation.
        seconds: Time spent so far, over all resumed sessions.
        characters: Names `alphabet/character` of the characters trained on.
        background_digest: Digest of the data set.
    """

    def __init__(self, recipe: Recipe, background: Dataset, seed: int) -> None:
        """Prepares data and networks.

        Args:
            recipe: The recipe.
            background: The images to train on, held-out alphabets included.
            seed: Of weights, order and distortions.

        Raises:
            ModelError: The recipe names a backbone or alphabets that there are not.
            TaskError: A held-out alphabet is too small for 20 ways.
        """
        self.recipe, self.seed = recipe, seed
        kind = backbone(recipe.backbone)
        alphabets = background.table["alphabet"].astype(str)
        unknown = set(recipe.held_out) - set(alphabets)
        if unknown:
            raise ModelError(f"recipe {recipe.name}: no alphabet {', '.join(sorted(unknown))}")
        held_out = alphabets.isin(recipe.held_out).to_numpy()
        self._held_out = background.select(held_out, "held out") if held_out.any() else None
        self._validation: dict[str, Sampler] = {}
        if self._held_out is not None:
            for structure in ("within", "between"):
                protocol = Protocol("lake", "background", structure, 20, 1)
                self._validation[structure] = Sampler(protocol, self._held_out, seed=0)
        self.background_digest = background.digest
        seen = background.select(~held_out, "seen")
        self.characters = list(seen.characters["alphabet"] + "/" + seen.characters["character"])
        self._labels = seen.character_codes
        self._alphabets = seen.table["alphabet"].cat.codes.to_numpy()
        between = between_size(seen.images.side, kind.size)
        matrix = area_matrix(seen.images.side, between)
        self._images = np.concatenate(
            [
                shrink(seen.images[start : start + 1024], matrix)[..., 0].astype(np.float16)
                for start in range(0, len(seen), 1024)
            ]
        )
        keras.utils.set_random_seed(seed)
        tower = kind.build()
        self.siamese = Siamese(tower, WeightedProduct(name="head"), name=recipe.name)
        self._classes = 4 * len(self.characters)
        self._classifier = keras.Sequential([tower, CosineClassifier(self._classes)])
        self._classifier.build((None, kind.size, kind.size, 1))
        self._classifier.compile(optimizer=self._optimizer(), loss=self._margin_loss)
        self._step = {"tower": 0, "head": 0}
        self._order: tuple[int, np.ndarray] = (-1, np.empty(0, np.int64))
        self.history: list[dict[str, Any]] = []
        self.seconds = 0.0

    def _optimizer(self) -> keras.optimizers.Optimizer:
        recipe = self.recipe
        schedule: Any = keras.optimizers.schedules.CosineDecay(
            0.0,
            max(recipe.steps - recipe.warmup_steps, 1),
            warmup_target=recipe.learning_rate,
            warmup_steps=recipe.warmup_steps,
        )
        optimizer = keras.optimizers.AdamW(schedule, weight_decay=recipe.weight_decay)
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
        return optimizer

    def _margin_loss(self, labels: Any, cosines: Any) -> Any:
        truth = ops.one_hot(ops.reshape(labels, (-1,)), self._classes)
        logits = self.recipe.softmax_scale * (cosines - self.recipe.softmax_margin * truth)
        return keras.losses.categorical_crossentropy(truth, logits, from_logits=True)

    def _distorted(self, rng: np.random.Generator, rows: np.ndarray, turns: np.ndarray) -> Any:
        images = self._images[rows].astype(np.float32)
        for quarter in (1, 2, 3):
            turned = turns == quarter
            images[turned] = np.rot90(images[turned], quarter, axes=(1, 2))
        where = draw(rng, len(rows), self.siamese.size, self.recipe.distortion)
        return sample(images, where)

    def _tower_step(self, step: int) -> float:
        """Trains on batch `step` of the endless sequence of shuffled epochs."""
        batch, items = self.recipe.batch, 4 * len(self._images)
        epoch, place = divmod(step, items // batch)
        if self._order[0] != epoch:
            self._order = (epoch, _rng(self.seed, 0, epoch).permutation(items))
        chosen = self._order[1][place * batch : (place + 1) * batch]
        rows, turns = np.divmod(chosen, 4)
        images = self._distorted(_rng(self.seed, 1, step), rows, turns)
        labels = self._labels[rows] * 4 + turns
        return float(np.asarray(self._classifier.train_on_batch(images, labels)))

    def _head_step(self, step: int, model: keras.Model) -> float:
        """Trains on all pairs of two drawings each of characters of one alphabet.

        Pairs of the same and of different characters have the same total weight.
        """
        rng = _rng(self.seed, 2, step)
        alphabet = self._alphabets[rng.integers(len(self._alphabets))]
        characters = rng.permutation(np.unique(self._labels[self._alphabets == alphabet]))
        characters = characters[: self.recipe.batch // 2]
        rows = np.stack(
            [rng.permutation(np.flatnonzero(self._labels == c))[:2] for c in characters]
        )
        images = self._distorted(rng, rows.T.ravel(), np.zeros(rows.size, np.int64))
        embedded = np.asarray(self.siamese.tower.predict_on_batch(images))
        count = len(characters)
        first, second = np.divmod(np.arange(count * count), count)
        same = (first == second).astype(np.float32)
        weight = np.where(same > 0, 0.5, 0.5 / max(count - 1, 1)).astype(np.float32)
        pair = (embedded[:count][first], embedded[count:][second])
        loss = model.train_on_batch(pair, same[:, None], sample_weight=weight)
        return float(np.asarray(loss))

    def validate(self) -> dict[str, float]:
        """Measures 20-way 1-shot accuracy on the held-out background alphabets.

        Returns:
            Accuracy by structure, of the cosine while the tower is trained
            and of the head afterwards; nothing where no alphabet is held out.
        """
        if self._held_out is None:
            return {}
        batch = self.recipe.batch
        images, count = self._held_out.images, len(self._held_out)
        embedded = np.concatenate(
            [
                self.siamese.embed(images[np.arange(start, start + batch) % count])
                for start in range(0, count, batch)
            ]
        )[:count]
        accuracy = {}
        for structure, sampler in self._validation.items():
            right = [
                self.siamese.head.compare(embedded[part.query], embedded[part.support[..., 0]])
                .argmax(axis=-1)
                .ravel()
                == part.target.ravel()
                for part in sampler.blocks(self.recipe.validation_episodes)
            ]
            accuracy[structure] = float(np.concatenate(right).mean())
        return accuracy

    def run(self, folder: Path) -> Iterator[Report]:
        """Trains from where it stands to the end, and keeps checkpoints.

        Args:
            folder: Where the checkpoint is written.

        Yields:
            A report every few steps.

        Raises:
            ModelError: The loss is not finite any more; the last checkpoint stays.
        """
        yield from self._stage("tower", self.recipe.steps, self._tower_step, folder)
        self.siamese.tower.trainable = False
        width = self.siamese.tower.output_shape[-1]
        pair = [keras.Input((width,)), keras.Input((width,))]
        model = keras.Model(pair, self.siamese.head(pair))
        model.compile(
            optimizer=keras.optimizers.Adam(self.recipe.head_learning_rate),
            loss=keras.losses.BinaryCrossentropy(from_logits=True),
        )
        # A stage of a minute, which a resumed training does from its start.
        self._step["head"] = 0
        yield from self._stage(
            "head", self.recipe.head_steps, lambda step: self._head_step(step, model), None
        )
        self.save(folder)

    def _stage(self, stage: str, steps: int, do: Any, folder: Path | None) -> Iterator[Report]:
        saved = reported = time.monotonic()
        losses: list[float] = []
        accuracy: dict[str, float] = self.history[-1]["accuracy"] if self.history else {}
        rate = 0.0
        while self._step[stage] < steps:
            losses.append(do(self._step[stage]))
            if not np.isfinite(losses[-1]):
                raise ModelError(
                    f"step {self._step[stage]}: the loss is {losses[-1]}; lower the learning rate. "
                    "The last checkpoint is from before"
                )
            self._step[stage] += 1
            step = self._step[stage]
            if step % 20 and step < steps:
                continue
            now = time.monotonic()
            rate = len(losses) * self.recipe.batch / (now - reported)
            self.seconds += now - reported
            reported = now
            if step % self.recipe.validate_every == 0 or step == steps:
                accuracy = self.validate()
                self.history.append(
                    {
                        "stage": stage,
                        "step": step,
                        "accuracy": accuracy,
                        "loss": float(np.mean(losses)),
                    }
                )
            yield Report(stage, step, steps, float(np.mean(losses)), rate, accuracy)
            losses = []
            if folder and (time.monotonic() - saved > CHECKPOINT_SECONDS or step == steps):
                self.save(folder)
                saved = time.monotonic()
            self.seconds += time.monotonic() - reported
            reported = time.monotonic()

    def _variables(self) -> list[Any]:
        return [
            *self._classifier.variables,
            *self._classifier.optimizer.variables,
            *self.siamese.head.variables,
        ]

    def _identity(self) -> dict[str, Any]:
        return {"recipe": json.loads(json.dumps(asdict(self.recipe))), "seed": self.seed}

    def save(self, folder: Path) -> None:
        """Writes the checkpoint `checkpoint.npz` into a folder, whole or not at all."""
        self._classifier.optimizer.build(self._classifier.trainable_variables)
        state = {
            **self._identity(),
            "step": self._step,
            "history": self.history,
            "seconds": self.seconds,
        }
        arrays = {f"{i}": ops.convert_to_numpy(v) for i, v in enumerate(self._variables())}
        with replacing(folder / "checkpoint.npz") as fresh:
            np.savez(fresh, state=np.array(json.dumps(state)), **arrays)

    def resume(self, folder: Path) -> None:
        """Goes back to the checkpoint in a folder.

        Raises:
            ModelError: It is damaged, or of another recipe or seed.
        """
        path = folder / "checkpoint.npz"
        try:
            with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
                state = json.loads(str(file["state"]))
                self._classifier.optimizer.build(self._classifier.trainable_variables)
                arrays = [file[str(i)] for i in range(len(self._variables()))]
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise ModelError(f"{path}: cannot be read ({error}); train without --resume") from None
        other = [key for key, value in self._identity().items() if state.get(key) != value]
        if other:
            raise ModelError(f"{path}: of another {' and '.join(other)}; train without --resume")
        for variable, array in zip(self._variables(), arrays, strict=True):
            variable.assign(array)
        self._step, self.history = state["step"], state["history"]
        self.seconds = state["seconds"]
