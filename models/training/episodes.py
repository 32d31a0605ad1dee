"""Episodic training: the network learns from N-way k-shot episodes of the training characters."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from ..errors import ModelError
from ..networks import Siamese, pooling
from .batches import Stage, rng_of
from .recipe import Episodes
from .training_images import TrainingImages

# Keras's annotations have None wherever a tensor may come.
ops: Any = keras.ops


class EpisodeModel(keras.Model):
    """A Siamese network for the distorted images of an episode."""

    def __init__(self, images: Any, siamese: Siamese, plan: Episodes) -> None:
        """Keeps the network.

        Args:
            images: The layer that distorts images.
            siamese: The network.
            plan: The sizes of an episode.
        """
        super().__init__()
        self.images, self.siamese, self._plan = images, siamese, plan
        self._pooling = pooling(siamese.head.join, siamese.head.head)

    def call(self, drawn: dict[str, Any], training: bool | None = None) -> Any:
        """Gives the logits (ways * queries, ways) of an episode's queries.

        Args:
            drawn: What `TrainingImages.drawn` has drawn for ways * (shots + queries)
                images: the shots of all classes, class by class, and then their queries.
            training: Whether batches are normalised by themselves.
        """
        ways, shots = self._plan.ways, self._plan.shots
        embedded = self.siamese.tower(self.images(drawn), training=training)
        width, count = embedded.shape[-1], ways * self._plan.queries
        support = ops.reshape(embedded[: ways * shots], (ways, shots, width))
        if self._pooling == "prototype":
            support, shots = ops.mean(support, axis=1), 1
        query = ops.repeat(embedded[self._plan.ways * self._plan.shots :], ways * shots, axis=0)
        support = ops.tile(ops.reshape(support, (ways * shots, width)), (count, 1))
        scores = self.siamese.head([query, support], training=training)
        scores = ops.mean(ops.reshape(ops.cast(scores, "float32"), (count, ways, shots)), axis=-1)
        # A softmax of logarithms gives back the attention, divided by its sum over the classes.
        return ops.log(scores) if self.siamese.head.head == "attention" else scores


class EpisodeStage(Stage):
    """The stage in which the network learns to answer the queries of episodes.

    Attributes:
        model: The Keras model that is trained, with its optimizer.
        plan: The recipe's part for this stage.
        images_a_step: Number of images in a step.
    """

    def __init__(self, plan: Episodes, siamese: Siamese, images: TrainingImages, seed: int) -> None:
        """Compiles the model of episodes.

        Args:
            plan: The recipe's part for this stage.
            siamese: The network.
            images: The training images.
            seed: Seed of episodes and distortions.

        Raises:
            ModelError: There are fewer classes than ways, or a character has
                too few images.
        """
        self.plan, self._images, self._seed = plan, images, seed
        self._each = plan.shots + plan.queries
        self.images_a_step = plan.ways * self._each
        self._turns = 4 if plan.rotations else 1
        sizes = np.bincount(images.labels)
        if plan.ways > self._turns * len(sizes):
            raise ModelError(
                f"episodes of {plan.ways} ways need as many classes, but there are "
                f"{self._turns * len(sizes)}; lower ways"
            )
        if sizes.min() < self._each:
            raise ModelError(
                f"episodes of {plan.shots} shots and {plan.queries} queries need {self._each} "
                f"drawings of each character, but a character has only {sizes.min()}; lower queries"
            )
        self._by_label = np.split(np.argsort(images.labels, kind="stable"), np.cumsum(sizes)[:-1])
        truth = np.repeat(np.eye(plan.ways, dtype=np.float32), plan.queries, axis=0)
        self._truth = truth
        self.model: Any = EpisodeModel(images.layer(), siamese, plan)
        schedule: Any = keras.optimizers.schedules.ExponentialDecay(
            plan.learning_rate, plan.epoch_steps, plan.decay, staircase=True
        )
        self.model.compile(optimizer=keras.optimizers.Adam(schedule), loss=self._loss)

    def _loss(self, truth: Any, logits: Any) -> Any:
        """Computes the loss of each query (Q,), from logits (Q, ways)."""
        if self.plan.loss == "squared-error":
            return ops.mean(ops.square(ops.sigmoid(logits) - truth), axis=-1)
        return keras.losses.categorical_crossentropy(truth, logits, from_logits=True)

    def prepare(self, step: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Draws an episode.

        Args:
            step: Number of the episode; all random numbers depend only on it.

        Returns:
            Inputs of the model; and for each query, (Q, ways), 1 at its class.
        """
        rng = rng_of(self._seed, 6, step)
        classes = rng.choice(self._turns * len(self._by_label), self.plan.ways, replace=False)
        labels, turns = np.divmod(classes, self._turns)
        drawn = np.stack([rng.permutation(self._by_label[one])[: self._each] for one in labels])
        parts = np.split(drawn, [self.plan.shots], axis=1)
        rows = np.concatenate([part.ravel() for part in parts])
        turned = np.concatenate([np.repeat(turns, part.shape[1]) for part in parts])
        return self._images.drawn(rng, rows, turned), self._truth
