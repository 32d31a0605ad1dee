"""The published network siamese-resnet18-eca, as its code stands, from its saved weights."""

from __future__ import annotations

import numpy as np
import pytest
from wayshot import wrap
from wayshot.bench import traits
from wayshot.models import load_keras

load_keras()
import keras  # noqa: E402
import tensorflow as tf  # noqa: E402
from keras import layers  # noqa: E402

pytestmark = pytest.mark.slow


class Residual(layers.Layer):
    def __init__(self, filters, stride):
        super().__init__()
        self.conv1 = layers.Conv2D(filters, 3, stride, padding="same")
        self.bn1, self.relu1 = layers.BatchNormalization(), layers.LeakyReLU(0.2)
        self.conv2 = layers.Conv2D(filters, 3, padding="same")
        self.bn2 = layers.BatchNormalization()
        self.short = layers.Conv2D(filters, 1, stride) if stride > 1 else None

    def call(self, x, training=None):
        y = self.relu1(self.bn1(self.conv1(x), training=training))
        y = self.bn2(self.conv2(y), training=training)
        return keras.ops.relu(y + (x if self.short is None else self.short(x)))


class ECA(layers.Layer):
    def __init__(self, filters):
        super().__init__()
        kernel = int((np.log(filters) + 1) / 2)
        self.pool = layers.GlobalAveragePooling2D()
        self.conv = layers.Conv1D(1, kernel, padding="same", use_bias=False)

    def call(self, x):
        scale = keras.ops.sigmoid(self.conv(self.pool(x)[..., None]))
        return x * keras.ops.transpose(scale, (0, 2, 1))[:, None]


class Tower(keras.Model):
    def __init__(self):
        super().__init__()
        self.stem = [
            layers.Conv2D(64, 3, padding="same"),
            layers.BatchNormalization(),
            layers.LeakyReLU(0.2),
            layers.MaxPooling2D(3, 1, padding="same"),
        ]
        self.stages = []
        for filters, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
            self.stages += [Residual(filters, stride), Residual(filters, 1), ECA(filters)]
        self.end = [layers.GlobalAveragePooling2D(), layers.Dense(512)]

    def call(self, x, training=None):
        for layer in [*self.stem, *self.stages, *self.end]:
            normalises = isinstance(layer, layers.BatchNormalization | Residual)
            x = layer(x, training=training) if normalises else layer(x)
        return x


class Siamese(keras.Model):
    def __init__(self):
        super().__init__()
        self.network1 = Tower()
        self.d1 = layers.Dense(512, activation="relu")
        self.d2 = layers.Dense(1, activation="sigmoid")

    def call(self, pair, training=None):
        a, b = (self.network1(one, training=training) for one in tf.split(pair, 2, axis=1))
        return self.d2(self.d1(abs(a - b)))


IMAGES = np.random.default_rng(0).integers(0, 2, (4, 105, 105), dtype=np.uint8)


@pytest.fixture(scope="module")
def trained():
    """The network after two steps of training."""
    keras.utils.set_random_seed(0)
    net = Siamese()
    net.compile("adam", "binary_crossentropy")
    rng = np.random.default_rng(0)
    net.fit(rng.random((8, 64, 32, 3)), rng.integers(0, 2, 8), batch_size=4, verbose=0)
    return net


def by_hand(net):
    """Scores of all pairs of images, by the network itself."""
    from PIL import Image

    small = np.stack(
        [
            np.asarray(Image.fromarray(255 - 255 * one).resize((32, 32), Image.Resampling.BOX))
            / 255
            for one in IMAGES
        ]
    )
    pairs = [np.concatenate([a, b]) for a in small for b in small]
    stacked = np.repeat(np.stack(pairs)[..., None], 3, axis=-1).astype(np.float32)
    return np.asarray(net(stacked, training=False)).reshape(4, 4)


def test_the_network_has_the_published_number_of_parameters(trained):
    assert trained.count_params() == 11_705_483
    assert trained.network1.count_params() == 11_442_314


@pytest.mark.parametrize("name", ["siamese.keras", "siamese.weights.h5", "siamese.h5"])
def test_three_lines_make_a_scorer_of_its_weights(trained, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if ".weights" in name:
        trained.save_weights(name)
    else:
        trained.save(name)
    # fmt: off
    net = Siamese(); net(np.zeros((1, 64, 32, 3))); net.load_weights(name)  # noqa: E702
    scorer = wrap(net.network1, head=lambda a, b: net.d2(net.d1(abs(a - b))), size=32, channels=3, ink=0, paper=1)  # noqa: E501
    # fmt: on
    embedded = scorer.embed(IMAGES)
    found = scorer.compare(embedded, embedded)
    # Pictures of eight bits are rounded.
    assert np.allclose(found, by_hand(trained), atol=2e-3)
    assert traits(scorer, "x").parameters == 11_442_314


def test_the_whole_network_compares_stacked_pairs(trained, caplog):
    scorer = wrap(trained, pairs="stacked", size=32, channels=3, ink=0, paper=1)
    assert np.allclose(scorer.score(IMAGES, IMAGES), by_hand(trained), atol=2e-3)
    assert "300 times faster" in caplog.text


def test_an_exported_network_is_a_function(trained, tmp_path):
    trained.export(tmp_path / "net", verbose=False)
    loaded = tf.saved_model.load(str(tmp_path / "net"))
    scorer = wrap(loaded.serve, pairs="stacked", size=32, channels=3, ink=0, paper=1)
    assert np.allclose(scorer.score(IMAGES, IMAGES), by_hand(trained), atol=2e-3)


def test_a_checkpoint_is_restored_as_in_tensorflow(trained, tmp_path):
    path = tf.train.Checkpoint(model=trained).save(str(tmp_path / "checkpoint"))
    net = Siamese()
    net(np.zeros((1, 64, 32, 3)))
    tf.train.Checkpoint(model=net).restore(path).expect_partial()
    scorer = wrap(net, pairs="stacked", size=32, channels=3, ink=0, paper=1)
    assert np.allclose(scorer.score(IMAGES, IMAGES), by_hand(trained), atol=2e-3)
