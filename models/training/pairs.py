"""The second stage of a training: the network learns to compare pairs of images."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from scipy import optimize

from ..errors import ModelError
from ..networks import HIDDEN, Siamese, joined, unit
from .batches import Epochs, Stage, rng_of
from .optimizers import RisingMomentum, without_decay
from .recipe import Pairs
from .training_images import TrainingImages

# Keras's annotations have None wherever a tensor may come.
ops: Any = keras.ops

PAIRS_EACH = 10
"""For `fixed` sampling: same pairs, and different pairs, for each character."""


class PairModel(keras.Model):
    """A Siamese network for a batch of distorted images and pairs of them."""

    def __init__(self, images: Any, siamese: Siamese, tower: bool) -> None:
        """Keeps the network.

        Args:
            images: The layer that distorts images.
            siamese: The network.
            tower: Whether the tower is trained too.
        """
        super().__init__()
        self.images, self.siamese, self._learns = images, siamese, tower

    def call(self, batch: Any, training: bool | None = None) -> Any:
        """Gives the logits (P, 1) of pairs.

        Args:
            batch: What `TrainingImages.drawn` has drawn, and as `places` the
                two places in it of each pair's images, (P, 2).
            training: Whether batches are normalised by themselves, if the
                tower is trained.
        """
        siamese, places = self.siamese, batch["places"]
        embedded = siamese.tower(self.images(batch), training=bool(training) and self._learns)
        first, second = (ops.take(embedded, places[:, i], axis=0) for i in range(2))
        return siamese.head([first, second])


class PairStage(Stage):
    """The stage in which the network learns whether two images show the same character.

    Attributes:
        model: The Keras model that is trained, with its optimizer.
        plan: The recipe's part for this stage.
        images_a_step: Number of images in a step.
    """

    def __init__(self, plan: Pairs, siamese: Siamese, images: TrainingImages, seed: int) -> None:
        """Compiles the pair model.

        Args:
            plan: The recipe's part for this stage.
            siamese: The network.
            images: The training images.
            seed: Seed of pairs and distortions.

        Raises:
            ModelError: A character has only one image, or the recipe sets
                `fitted` but the head cannot be fitted.
        """
        if np.bincount(images.labels).min() < 2:
            raise ModelError(
                "pairs need at least two drawings of each character, but a character has only one; "
                "add drawings or remove the character"
            )
        self.plan, self._images, self._seed = plan, images, seed
        self.images_a_step = plan.batch * (1 if plan.sampling == "alphabet" else 2)
        self._by_label = np.argsort(images.labels, kind="stable")
        self._starts = np.concatenate([[0], np.cumsum(np.bincount(images.labels))])
        self._fixed = self._draw_fixed() if plan.sampling == "fixed" else np.empty((0, 2), int)
        self._batches = Epochs(seed, 2, max(len(self._fixed), 1), plan.batch)
        siamese.tower.trainable = plan.tower
        if plan.fitted:
            head, width = siamese.head, siamese.tower.output_shape[-1]
            falls = head.join in ("difference", "squared")
            if head.head == "similarity" or (head.head == "dense" and not falls):
                raise ModelError(
                    "fitted needs a weighted head or a dense head on differences; set fitted: false"
                )
            if head.head == "dense" and width > HIDDEN:
                raise ModelError(
                    f"fitted needs embeddings of at most {HIDDEN} dimensions, not {width}; "
                    "set fitted: false"
                )
        self.model: Any = PairModel(images.layer(), siamese, plan.tower)
        self.model.compile(optimizer=self._optimizer(), loss=self._loss)

    def _optimizer(self) -> Any:
        plan = self.plan
        schedule: Any = keras.optimizers.schedules.ExponentialDecay(
            plan.learning_rate, plan.epoch_steps, plan.decay, staircase=True
        )
        kind: Any = keras.optimizers.Adam
        options: dict[str, Any] = {"weight_decay": plan.weight_decay or None}
        if plan.optimizer == "sgd":
            kind = RisingMomentum
            options |= {"momentum": plan.momentum, "steps": plan.steps}
        optimizer = kind(learning_rate=schedule, **options)
        return without_decay(optimizer) if plan.weight_decay else optimizer

    def _loss(self, truth: Any, logits: Any) -> Any:
        """Computes the weighted binary cross-entropy; `truth` (P, 2) holds labels and weights."""
        same, weight = truth[:, :1], truth[:, 1:]
        smoothed = same * (1 - self.plan.label_smoothing) + self.plan.label_smoothing / 2
        logits = ops.cast(logits, "float32")
        return weight * ops.binary_crossentropy(smoothed, logits, from_logits=True)

    def _partners(self, rng: np.random.Generator, rows: np.ndarray, same: np.ndarray) -> np.ndarray:
        """Draws for each row another image of the same character, or of another character."""
        labels, order, starts = self._images.labels, self._by_label, self._starts
        partners = np.empty_like(rows)
        for i, (row, alike) in enumerate(zip(rows, same, strict=True)):
            low, high = starts[labels[row]], starts[labels[row] + 1]
            mine = order[low:high]
            if alike:
                others = mine[mine != row]
                partners[i] = others[rng.integers(len(others))]
            else:
                place = rng.integers(len(order) - len(mine))
                partners[i] = order[place if place < low else place + len(mine)]
        return partners

    def _draw_fixed(self) -> np.ndarray:
        """Draws all pairs once: for each character its same pairs, then its different pairs."""
        rng = rng_of(self._seed, 4)
        count = len(self._images.characters)
        rows = np.concatenate(
            [
                rng.choice(np.flatnonzero(self._images.labels == label), 2 * PAIRS_EACH)
                for label in range(count)
            ]
        )
        return np.stack([rows, self._partners(rng, rows, self._fixed_labels(count))], axis=1)

    @staticmethod
    def _fixed_labels(count: int) -> np.ndarray:
        return np.tile(np.arange(2 * PAIRS_EACH) < PAIRS_EACH, count)

    def _simple(self, rng: np.random.Generator, step: int) -> tuple[np.ndarray, ...]:
        """Gives rows of the first and of the second images, places, labels and weights."""
        if self.plan.sampling == "fixed":
            chosen = self._batches[step]
            first, second = self._fixed[chosen].T
            same = self._fixed_labels(len(self._images.characters))[chosen]
        else:
            same = np.arange(self.plan.batch) % 2 == 0
            first = rng.integers(len(self._images), size=len(same))
            second = self._partners(rng, first, same)
        count = len(same)
        places = np.stack([np.arange(count), np.arange(count) + count], axis=1)
        return np.concatenate([first, second]), places, same, np.ones(count)

    def _hard(self, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        """Does as `_simple` with characters of one alphabet, or of more if one has too few."""
        images, most = self._images, max(self.plan.batch // 2, 2)
        kinds = rng.permutation(np.unique(images.alphabets))
        chosen: list[int] = []
        for kind in kinds:
            found = np.unique(images.labels[images.alphabets == kind])
            chosen += list(rng.permutation(found)[: most - len(chosen)])
            if len(chosen) == most:
                break
        of_alphabet = np.array(
            [images.alphabets[np.argmax(images.labels == label)] for label in chosen]
        )
        drawings = np.stack(
            [rng.permutation(np.flatnonzero(images.labels == label))[:2] for label in chosen]
        )
        count = len(chosen)
        first, second = np.divmod(np.arange(count * count), count)
        same = first == second
        hard = of_alphabet[first] == of_alphabet[second]
        weight = np.where(same, 1 / count, hard / max((hard & ~same).sum(), 1)) * len(same) / 2
        places = np.stack([first, second + count], axis=1)
        return drawings.T.ravel(), places, same, weight

    def _fit_head(self, batch: dict[str, np.ndarray], truth: np.ndarray) -> None:
        """Sets the head to the linear function of the join's sum that fits a batch best.

        Factor and bias must fit from the start. With a wrong bias, training
        would change every weight to compensate for it, and lose what the tower
        has learned before.
        """
        head = self.model.siamese.head
        embedded = self.model.siamese.tower.predict_on_batch(self.model.images(batch))
        embedded, places = ops.convert_to_numpy(embedded).astype(np.float64), batch["places"]
        if head.join == "cosine":
            embedded = unit(embedded)
        alike = joined(head.join, *(embedded[places[:, i]] for i in range(2))).sum(axis=-1)
        direction = -1 if head.join in ("difference", "squared") else 1
        middle, spread = alike.mean(), direction * (alike.std() + 1e-12)
        place, sign, weight = (alike - middle) / spread, 2 * truth[:, 0] - 1, truth[:, 1]

        def loss(line: np.ndarray) -> float:
            return float((weight * np.logaddexp(0, -sign * (line[0] * place + line[1]))).mean())

        # Bounded, because for an untrained tower the slope could be negative or infinite.
        bounds = [(0.1, 100.0), (None, None)]
        factor, bias = optimize.minimize(loss, [1.0, 0.0], method="L-BFGS-B", bounds=bounds).x
        if head.head == "dense":
            head.hidden_kernel.assign(np.eye(*head.hidden_kernel.shape, dtype=np.float32))
            head.hidden_bias.assign(np.zeros(head.hidden_bias.shape, dtype=np.float32))
        head.weighting.assign(np.full(head.weighting.shape, factor / spread, dtype=np.float32))
        head.bias.assign(np.float32(bias - factor * middle / spread))

    def prepare(self, step: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Draws a batch.

        Args:
            step: Number of the batch; all random numbers depend only on it.

        Returns:
            Inputs of the model; and for each pair, (P, 2), 1 if both images
            are of one character, and its weight.
        """
        rng = rng_of(self._seed, 3, step)
        hard = self.plan.sampling == "alphabet"
        rows, places, same, weight = self._hard(rng) if hard else self._simple(rng, step)
        flipped = np.tile(rng.random(len(rows) // 2) < self.plan.flip, 2)
        drawn = self._images.drawn(rng, rows, mirrored=flipped, pairs=True)
        truth = np.stack([same, weight], axis=1).astype(np.float32)
        return {**drawn, "places": places.astype(np.int32)}, truth

    def train(self, first: int, last: int) -> float:
        """Trains as every stage does; before the first batch, the head is fitted to it if asked.

        Args:
            first: Number of the first batch.
            last: Number of the batch after the last.

        Returns:
            The mean loss.
        """
        if first == 0 and self.plan.fitted:
            self._fit_head(*self.prepare(0))
        return super().train(first, last)
