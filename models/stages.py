"""The two stages of a training: by classes, and by pairs."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from .bundle import bundle
from .comparison import unit
from .errors import ModelError
from .recipe import Classes, Pairs
from .siamese import Siamese
from .views import TrainingImages

# Keras's annotations have None wherever a tensor may come.
ops: Any = keras.ops

PAIRS_EACH = 10
"""Pairs of the same and of different characters for each character, of `fixed` sampling."""


def _rng(seed: int, *key: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


class _Epochs:
    """The endless sequence of batches of shuffled epochs, any of which can be asked for."""

    def __init__(self, seed: int, key: int, items: int, batch: int) -> None:
        self._seed, self._key, self._items = seed, key, items
        self._batch = min(batch, items)
        self._order: tuple[int, np.ndarray] = (-1, np.empty(0, np.int64))

    def __getitem__(self, step: int) -> np.ndarray:
        epoch, place = divmod(step, self._items // self._batch)
        if self._order[0] != epoch:
            order = _rng(self._seed, self._key, epoch).permutation(self._items)
            self._order = (epoch, order)
        return self._order[1][place * self._batch : (place + 1) * self._batch]


def _without_decay(optimizer: Any) -> Any:
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


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
        problem = " ".join(str(error).split())[:150]
        raise ModelError(
            f"small_size: the backbone cannot see images of {shape[0]} pixels ({problem}); only "
            "towers of plain layers that end in global pooling can"
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
        self._batches = _Epochs(seed, 0, 4 * len(images), plan.batch)
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
        random = _rng(self._seed, 5).standard_normal((width, width))
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
        return _without_decay(keras.optimizers.AdamW(schedule, weight_decay=plan.weight_decay))

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
        rng = _rng(self._seed, 1, step)
        rows, turns = np.divmod(self._batches[step], 4)
        mirrored = rng.random(len(rows)) < (0.5 if self.plan.mirrors else 0)
        small = step < self.plan.small_steps
        size = self.plan.small_size if small else None
        images = self._images.batch(rng, rows, turns, mirrored, size)
        labels = self._images.labels[rows] * self._kinds + turns + 4 * mirrored
        model = self._small if small else self.model
        return float(np.asarray(model.train_on_batch(images, labels)))


class RisingMomentum(keras.optimizers.SGD):
    """Gradient descent whose momentum rises linearly (Koch et al. 2015)."""

    def __init__(self, momentum: tuple[float, float], steps: int, **options: Any) -> None:
        super().__init__(momentum=momentum[0], **options)
        self._ends, self._steps = momentum, steps

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Moves one variable."""
        low, high = self._ends
        share = ops.minimum(ops.cast(self.iterations, variable.dtype) / self._steps, 1.0)
        velocity = self.momentums[self._get_variable_index(variable)]
        rate = ops.cast(learning_rate, variable.dtype)
        gradient = ops.cast(gradient, variable.dtype)
        moved = (low + (high - low) * share) * velocity - rate * gradient
        self.assign(velocity, moved)
        self.assign_add(variable, moved)


class PairModel(keras.Model):
    """A Siamese network over a batch of images and the pairs among them."""

    def __init__(self, siamese: Siamese, tower: bool) -> None:
        super().__init__()
        self.siamese, self._learns = siamese, tower

    def call(self, batch: Any, training: bool | None = None) -> Any:
        """Gives the logits (P, 1) of pairs, given images and the pairs' places (P, 2)."""
        images, places = batch
        siamese = self.siamese
        embedded = siamese.tower(images, training=bool(training) and self._learns)
        first, second = (ops.take(embedded, places[:, i], axis=0) for i in range(2))
        return siamese.head([first, second])


class PairStage:
    """Learning whether two images show one character.

    Attributes:
        model: What is trained, with its optimizer.
        plan: The recipe's part.
        images_a_step: Images that a step trains on.
    """

    def __init__(self, plan: Pairs, siamese: Siamese, images: TrainingImages, seed: int) -> None:
        """Compiles the pair model.

        Args:
            plan: The recipe's part.
            siamese: What is trained.
            images: What to train on.
            seed: Of pairs and distortions.

        Raises:
            ModelError: A character was drawn but once, or `from_distance` is
                asked of another head.
        """
        if np.bincount(images.labels).min() < 2:
            raise ModelError("pairs need at least two drawings of each character; one has but one")
        self.plan, self._images, self._seed = plan, images, seed
        self.images_a_step = plan.batch * (1 if plan.sampling == "alphabet" else 2)
        self._by_label = np.argsort(images.labels, kind="stable")
        self._starts = np.concatenate([[0], np.cumsum(np.bincount(images.labels))])
        self._fixed = self._draw_fixed() if plan.sampling == "fixed" else np.empty((0, 2), int)
        self._batches = _Epochs(seed, 2, max(len(self._fixed), 1), plan.batch)
        siamese.tower.trainable = plan.tower
        if plan.from_distance:
            head = siamese.head
            if head.head != "dense" or head.join not in ("difference", "squared"):
                raise ModelError("from_distance needs a dense head on differences")
            head.hidden_kernel.assign(np.eye(*head.hidden_kernel.shape, dtype=np.float32))
            head.weighting.assign(np.full(head.weighting.shape, -0.1, dtype=np.float32))
        self.model: Any = PairModel(siamese, plan.tower)
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
        return _without_decay(optimizer) if plan.weight_decay else optimizer

    def _loss(self, truth: Any, logits: Any) -> Any:
        """Weighted binary cross-entropy; `truth` (P, 2) holds labels and weights."""
        same, weight = truth[:, :1], truth[:, 1:]
        smoothed = same * (1 - self.plan.label_smoothing) + self.plan.label_smoothing / 2
        logits = ops.cast(logits, "float32")
        return weight * ops.binary_crossentropy(smoothed, logits, from_logits=True)

    def _partners(self, rng: np.random.Generator, rows: np.ndarray, same: np.ndarray) -> np.ndarray:
        """Another image of the same character, or one of another, for each row."""
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
        """Draws all pairs once, the same and the different of each character in turn."""
        rng = _rng(self._seed, 4)
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
        """Rows of the first and then of the second images, places, labels and weights."""
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
        """As `_simple`, of alphabets in random order until there are characters enough."""
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

    def step(self, step: int) -> float:
        """Trains on one batch.

        Args:
            step: Which one; all that is random depends on it alone.

        Returns:
            The loss.
        """
        rng = _rng(self._seed, 3, step)
        hard = self.plan.sampling == "alphabet"
        rows, places, same, weight = self._hard(rng) if hard else self._simple(rng, step)
        flipped = np.tile(rng.random(len(rows) // 2) < self.plan.flip, 2)
        images = self._images.batch(rng, rows, mirrored=flipped, pairs=True)
        truth = np.stack([same, weight], axis=1).astype(np.float32)
        batch = (images, places.astype(np.int32))
        return float(np.asarray(self.model.train_on_batch(batch, truth)))
