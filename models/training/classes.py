"""The first stage of a training: the network learns to classify characters."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from ...tasks import reason
from ..bundled import bundle
from ..errors import ModelError
from ..networks import Siamese, unit
from .batches import Epochs, Stage, rng_of
from .optimizers import AveragingAdamW, WarmCosine, without_decay
from .recipe import Classes
from .training_images import TrainingImages

# Keras's annotations have None wherever a tensor may come.
ops: Any = keras.ops


class CosineClassifier(keras.layers.Layer):
    """A layer of cosines between embeddings (B, D) and one direction for each class."""

    def __init__(self, classes: int, norm_penalty: float = 0.0, **options: Any) -> None:
        """Keeps the sizes.

        Args:
            classes: Number of classes.
            norm_penalty: As in `recipe.Classes`.
            **options: Options of every Keras layer.
        """
        super().__init__(**options)
        self.classes, self.norm_penalty = classes, norm_penalty

    def build(self, input_shape: Any) -> None:
        """Makes one direction for each class, for embeddings of shape (B, D)."""
        self.kernel = self.add_weight(
            shape=(input_shape[-1], self.classes), initializer="random_normal", name="kernel"
        )

    def call(self, embedding: Any) -> Any:
        """Gives the cosines (B, classes)."""
        if self.norm_penalty:
            length = ops.sqrt(ops.mean(ops.square(embedding), axis=-1) + 1e-12)
            self.add_loss(self.norm_penalty * ops.mean(ops.square(length - 1)))
        directions = ops.normalize(self.kernel, axis=0)
        return ops.matmul(ops.normalize(embedding, axis=-1), directions)


class ClassModel(keras.Model):
    """A classifier of distorted images."""

    def __init__(self, images: Any, network: Any, last: CosineClassifier) -> None:
        """Keeps the layers.

        Args:
            images: The layer that distorts images.
            network: The network that embeds them.
            last: The layer of cosines.
        """
        super().__init__()
        self.images, self.network, self.last = images, network, last

    def call(self, drawn: dict[str, Any], training: bool | None = None) -> Any:
        """Gives the cosines (B, classes).

        Args:
            drawn: What `TrainingImages.drawn` has drawn.
            training: Whether batches are normalised by themselves.
        """
        return self.last(self.network(self.images(drawn), training=training))


def _resized(network: Any, shape: tuple[int, ...]) -> keras.Model:
    """Makes a model of the same layers, with the same weights, for images of another size."""
    image = keras.Input(shape)
    try:
        if isinstance(network, keras.Sequential):
            return keras.Model(image, network.call(image))
        return keras.models.clone_model(
            network,
            input_tensors=image,
            clone_function=lambda layer: layer,
            call_function=lambda layer, *given, **named: layer(*given, **named),
        )
    except Exception as error:
        raise ModelError(
            f"small_size: the backbone cannot take images of {shape[0]} pixels ({reason(error)}); "
            "use a tower of plain layers that ends in global pooling, or small_steps: 0"
        ) from None


class ClassStage(Stage):
    """The stage in which the network learns to classify the training characters.

    Attributes:
        model: The Keras model that is trained, with its optimizer.
        plan: The recipe's part for this stage.
        images_a_step: Number of images in a step.
    """

    def __init__(self, plan: Classes, siamese: Siamese, images: TrainingImages, seed: int) -> None:
        """Compiles the classifier.

        Args:
            plan: The recipe's part for this stage.
            siamese: The network, whose tower is trained.
            images: The training images.
            seed: Seed of order and distortions.

        Raises:
            ModelError: The network cannot take images of the small size, or
                the teacher was trained on other characters.
        """
        self.plan, self._images, self._seed = plan, images, seed
        self._kinds = 8 if plan.mirrors else 4
        self._classes = self._kinds * len(images.characters)
        self._batches = Epochs(seed, 0, 4 * len(images), plan.batch)
        self.images_a_step = min(plan.batch, 4 * len(images))
        network = siamese.network
        # In float32, because cosines differ in their third digit, which half precision loses.
        last = CosineClassifier(self._classes, plan.norm_penalty, dtype="float32")
        last.build((None, network.output_shape[-1]))
        self.model = self._compiled(images.layer(), network, last)
        if plan.teacher:
            last.kernel.assign(self._taught(plan.teacher, network.output_shape[-1]))
        if plan.small_steps:
            self.turning_point = plan.small_steps
            shape = (plan.small_size, plan.small_size, network.input_shape[-1])
            resized = _resized(network, shape)
            self.small = self._compiled(images.layer(plan.small_size), resized, last)
            self.small.optimizer = self.model.optimizer

    def _taught(self, teacher: str, width: int) -> np.ndarray:
        """Gives directions (width, classes) with the angles between a teacher's mean embeddings."""
        found = bundle(teacher)
        unseen = set(self._images.originals) ^ set(found.card["characters"])
        if unseen:
            raise ModelError(
                f"teacher {teacher} was trained on other characters than this recipe; choose "
                "another teacher, or none"
            )
        siamese, labels = found.build(), self._images.labels
        # A few drawings of each character are enough for initial directions.
        few = [np.flatnonzero(labels == label)[:5] for label in range(labels.max() + 1)]
        rows, kinds = np.concatenate(few), []
        for mirrored in (False, True)[: self._kinds // 4]:
            for turn in range(4):
                embedded = self._images.embedded(siamese, rows, turn, mirrored)
                sums = np.zeros((len(few), embedded.shape[1]))
                np.add.at(sums, labels[rows], embedded)
                kinds.append(unit(sums))
        means = np.stack(kinds, axis=1).reshape(self._classes, -1)
        # Projected onto their principal axes, and then rotated at random, because
        # heads on differences work best if all axes have equal variance.
        axes = np.linalg.svd(means, full_matrices=False)[2][:width]
        random = rng_of(self._seed, 5).standard_normal((width, width))
        turn = np.linalg.qr(random)[0][: len(axes)]
        return (unit(means @ axes.T) @ turn).T.astype(np.float32)

    def _compiled(self, *layers: Any) -> Any:
        model: Any = ClassModel(*layers)
        model.compile(optimizer=self._optimizer(), loss=self._loss)
        return model

    def _optimizer(self) -> Any:
        plan = self.plan
        schedule: Any = WarmCosine(plan.learning_rate, plan.warmup_steps, plan.steps)
        options: dict[str, Any] = {"weight_decay": plan.weight_decay}
        if not plan.averaged:
            # On PyTorch, only Keras's own class updates all weights at once.
            return without_decay(keras.optimizers.AdamW(schedule, **options))
        options |= {"use_ema": True, "ema_momentum": plan.averaged}
        return without_decay(AveragingAdamW(schedule, **options))

    def _loss(self, labels: Any, cosines: Any) -> Any:
        truth = ops.one_hot(ops.reshape(labels, (-1,)), self._classes)
        logits = self.plan.scale * (cosines - self.plan.margin * truth)
        return keras.losses.categorical_crossentropy(truth, logits, from_logits=True)

    def prepare(self, step: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Draws a batch.

        Args:
            step: Number of the batch; all random numbers depend only on it.

        Returns:
            Inputs of the model, and the class of each image.
        """
        rng = rng_of(self._seed, 1, step)
        rows, turns = np.divmod(self._batches[step], 4)
        mirrored = rng.random(len(rows)) < (0.5 if self.plan.mirrors else 0)
        size = self.plan.small_size if step < self.plan.small_steps else None
        drawn = self._images.drawn(rng, rows, turns, mirrored, size)
        return drawn, self._images.labels[rows] * self._kinds + turns + 4 * mirrored
