"""The first stage of a training: by classes."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from ...tasks import reason
from ..bundled import bundle
from ..errors import ModelError
from ..networks import Siamese, unit
from .batches import Epochs, rng_of
from .optimizers import without_decay
from .recipe import Classes
from .training_images import TrainingImages

# Keras's annotations have None wherever a tensor may come.
ops: Any = keras.ops


class CosineClassifier(keras.layers.Layer):
    """Cosines between embeddings (B, D) and a direction for each class."""

    def __init__(self, classes: int, norm_penalty: float = 0.0, **options: Any) -> None:
        super().__init__(**options)
        self.classes, self.norm_penalty = classes, norm_penalty

    def build(self, input_shape: Any) -> None:
        """Makes a direction for each class."""
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


def _resized(network: Any, shape: tuple[int, ...]) -> keras.Model:
    """The same layers, with the same weights, over images of another size."""
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
            f"small_size: the backbone cannot see images of {shape[0]} pixels ({reason(error)}); "
            "only towers of plain layers that end in global pooling can"
        ) from None


class ClassStage:
    """Learning to tell the training classes apart.

    Attributes:
        model: What is trained, with its optimizer.
        plan: The recipe's part.
        images_a_step: Images that a step trains on.
    """

    def __init__(self, plan: Classes, siamese: Siamese, images: TrainingImages, seed: int) -> None:
        """Compiles the classifier.

        Args:
            plan: The recipe's part.
            siamese: Its network is trained.
            images: What to train on.
            seed: Of order and distortions.

        Raises:
            ModelError: The network does not take images of another size, or
                the teacher was trained on other characters.
        """
        self.plan, self._images, self._seed = plan, images, seed
        self._kinds = 8 if plan.mirrors else 4
        self._classes = self._kinds * len(images.characters)
        self._batches = Epochs(seed, 0, 4 * len(images), plan.batch)
        self.images_a_step = min(plan.batch, 4 * len(images))
        network = siamese.network
        # Cosines differ in their third digit, which half precision loses.
        last = CosineClassifier(self._classes, plan.norm_penalty, dtype="float32")
        self.model = self._compiled(network, last, network.input_shape[1:])
        if plan.teacher:
            last.kernel.assign(self._taught(plan.teacher, network.output_shape[-1]))
        self._small = self.model
        if plan.small_steps:
            shape = (plan.small_size, plan.small_size, network.input_shape[-1])
            self._small = self._compiled(_resized(network, shape), last, shape)
            self._small.optimizer = self.model.optimizer

    def _taught(self, teacher: str, width: int) -> np.ndarray:
        """Directions (width, classes) that lie as a teacher's mean embeddings do."""
        found = bundle(teacher)
        unseen = set(self._images.characters) ^ set(found.card["characters"])
        if unseen:
            raise ModelError(f"teacher {teacher} was trained on other characters than this recipe")
        siamese, labels = found.build(), self._images.labels
        # A few drawings of each character are enough for a beginning.
        few = [np.flatnonzero(labels == label)[:5] for label in range(labels.max() + 1)]
        rows, kinds = np.concatenate(few), []
        for mirrored in (False, True)[: self._kinds // 4]:
            for turn in range(4):
                embedded = self._images.embedded(siamese, rows, turn, mirrored)
                sums = np.zeros((len(few), embedded.shape[1]))
                np.add.at(sums, labels[rows], embedded)
                kinds.append(unit(sums))
        means = np.stack(kinds, axis=1).reshape(self._classes, -1)
        # Onto the axes that say most of them, and then turned at random: heads
        # on differences do best where no axis says more than another.
        axes = np.linalg.svd(means, full_matrices=False)[2][:width]
        random = rng_of(self._seed, 5).standard_normal((width, width))
        turn = np.linalg.qr(random)[0][: len(axes)]
        return (unit(means @ axes.T) @ turn).T.astype(np.float32)

    def _compiled(self, network: Any, last: Any, shape: tuple[int, ...]) -> Any:
        model: Any = keras.Sequential([network, last])
        model.build((None, *shape))
        model.compile(optimizer=self._optimizer(), loss=self._loss)
        return model

    def _optimizer(self) -> Any:
        plan = self.plan
        schedule: Any = keras.optimizers.schedules.CosineDecay(
            0.0,
            max(plan.steps - plan.warmup_steps, 1),
            warmup_target=plan.learning_rate,
            warmup_steps=plan.warmup_steps,
        )
        return without_decay(keras.optimizers.AdamW(schedule, weight_decay=plan.weight_decay))

    def _loss(self, labels: Any, cosines: Any) -> Any:
        truth = ops.one_hot(ops.reshape(labels, (-1,)), self._classes)
        logits = self.plan.scale * (cosines - self.plan.margin * truth)
        return keras.losses.categorical_crossentropy(truth, logits, from_logits=True)

    def step(self, step: int) -> float:
        """Trains on one batch.

        Args:
            step: Which one; all that is random depends on it alone.

        Returns:
            The loss.
        """
        rng = rng_of(self._seed, 1, step)
        rows, turns = np.divmod(self._batches[step], 4)
        mirrored = rng.random(len(rows)) < (0.5 if self.plan.mirrors else 0)
        small = step < self.plan.small_steps
        size = self.plan.small_size if small else None
        images = self._images.batch(rng, rows, turns, mirrored, size)
        labels = self._images.labels[rows] * self._kinds + turns + 4 * mirrored
        model = self._small if small else self.model
        # Some versions of Keras give the mean loss since the last reset.
        model.reset_metrics()
        return float(np.asarray(model.train_on_batch(images, labels)))
