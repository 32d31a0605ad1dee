"""wrap() of models and layers of Keras, among them the network that the project started from."""

from __future__ import annotations

import numpy as np
import pytest
from by_hand import averaged, cosine, predicted, predictions
from wayshot import wrap
from wayshot.bench import traits
from wayshot.bench.errors import ScorerError
from wayshot.models import load_keras

load_keras()
import keras  # noqa: E402
from keras import layers  # noqa: E402

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 2, (5, 105, 105), dtype=np.uint8)


def tower(size=15, channels=1):
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((size, size, channels)),
            layers.Conv2D(4, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.5),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(8),
        ],
        name="tower",
    )


def by_hand(model, image, size=15, channels=1):
    pixels = np.repeat(averaged(image, size)[None, ..., None], channels, axis=-1)
    return np.asarray(model(pixels.astype(np.float32), training=False))[0]


def test_a_model_gives_the_trials_of_a_plain_loop(tmp_path):
    model = tower()
    found = predicted(wrap(model), tmp_path)
    assert (found == predictions(lambda *two: cosine(*(by_hand(model, i) for i in two)))).all()
    assert wrap(model).parameters == model.count_params()


def test_channels_first_last_and_flat_inputs_are_known_by_their_shape():
    flat = keras.Sequential([keras.Input((225,)), layers.Dense(4)])
    plain = keras.Sequential([keras.Input((15, 15)), layers.Flatten(), layers.Dense(4)])
    first = keras.Sequential([keras.Input((3, 15, 15)), layers.Flatten(), layers.Dense(4)])
    for model in (flat, plain, first, tower(15, 3)):
        assert wrap(model).embed(IMAGES).shape[0] == len(IMAGES)


def test_a_layer_is_a_model_too():
    layer = layers.Dense(3)
    layer(np.zeros((1, 225)))
    scorer = wrap(layer, transform=lambda images: images[:, ::7, ::7].reshape(len(images), -1))
    assert scorer.embed(IMAGES).shape == (5, 3)


def test_a_fixed_batch_is_kept():
    sizes = []

    class Spy(layers.Layer):
        def call(self, x):
            sizes.append(x.shape[0])
            return x

    model = keras.Sequential([keras.Input(batch_shape=(2, 15, 15, 1)), Spy(), layers.Flatten()])
    assert wrap(model).embed(IMAGES).shape == (5, 225)
    assert set(sizes) == {2}


def test_mixed_precision_gives_float32():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = tower()
    finally:
        keras.config.set_dtype_policy("float32")
    assert wrap(model).embed(IMAGES).dtype == np.float32


def test_a_sequential_of_layers_is_a_transform():
    transform = keras.Sequential([layers.AveragePooling2D(7), layers.Rescaling(-1, 1)])
    found = wrap(tower(), transform=transform).embed(IMAGES)
    assert np.allclose(found, wrap(tower(), ink=0, paper=1).embed(IMAGES), atol=1e-5)


def two_inputs():
    shared, images = tower(), [keras.Input((15, 15, 1)) for _ in range(2)]
    a, b = map(shared, images)
    apart = layers.Dense(1, name="distance")(layers.Subtract()([a, b]) ** 2)
    return keras.Model(images, apart), shared


def test_two_inputs_are_found_and_a_shared_tower_is_named(tmp_path, caplog):
    model, shared = two_inputs()
    last = model.get_layer("distance")

    def score(query, support):
        a, b = (by_hand(shared, one) for one in (query, support))
        return -float(np.asarray(last(((a - b) ** 2)[None]))[0, 0])

    scorer = wrap(model, smaller_is_closer=True)
    assert "part 'tower'" in caplog.text
    assert (predicted(scorer, tmp_path) == predictions(score)).all()
    faster = wrap(shared, head=lambda a, b: last((a - b) ** 2), smaller_is_closer=True)
    assert (predicted(faster, tmp_path) == predictions(score)).all()


def test_a_head_may_be_a_model_of_two_inputs():
    a, b = keras.Input((8,)), keras.Input((8,))
    head = keras.Model([a, b], layers.Dot(axes=1)([a, b]))
    query, support = RNG.standard_normal((2, 3, 8)).astype(np.float32)
    found = wrap(tower(), head=head).compare(query, support)
    assert np.allclose(found, query @ support.T, atol=1e-5)


def test_weights_and_layers_are_the_identity():
    one, same = tower(), tower()
    other = tower()
    other.layers[0].set_weights([w + 1 for w in other.layers[0].get_weights()])
    digests = [traits(wrap(model), "x").digest for model in (one, same, other)]
    assert digests[0] == digests[1] != digests[2]


@keras.saving.register_keras_serializable("tests")
def contrastive(true, found):
    return keras.ops.mean(true * found)


def test_a_keras_file_is_read_whatever_it_was_trained_with(tmp_path):
    model = tower()
    model.compile(loss=contrastive, optimizer="adam")
    model.save(tmp_path / "net.keras")
    keras.saving.get_custom_objects().pop("tests>contrastive", None)
    assert np.allclose(wrap(tmp_path / "net.keras").embed(IMAGES), wrap(model).embed(IMAGES))


def test_code_in_a_keras_file_is_refused(tmp_path):
    model = keras.Sequential([keras.Input((15, 15, 1)), layers.Lambda(lambda x: x)])
    model.save(tmp_path / "net.keras")
    with pytest.raises(Exception, match="Lambda, which is not a plain layer"):
        wrap(tmp_path / "net.keras")


@pytest.mark.parametrize("name", ["net.h5", "net.weights.h5", "net.pt", "net.txt"])
def test_other_files_are_refused_with_the_way_to_wrap_them(tmp_path, name):
    (tmp_path / name).touch()
    with pytest.raises(ScorerError, match=r"expected .onnx, .tflite, .pt2, .keras.*model.py:model"):
        wrap(tmp_path / name)


def test_operations_are_counted_layer_by_layer():
    tower = keras.Sequential(
        [keras.Input((15, 15, 1)), layers.Conv2D(8, 3), layers.Flatten(), layers.Dense(4)]
    )
    assert wrap(tower).flops == 2 * 9 * 8 * 13 * 13 + 2 * 8 * 13 * 13 * 4


def test_operations_of_a_tower_that_is_used_twice_or_hides_its_layers_are_unknown():
    tower = keras.Sequential([keras.Input((15, 15, 1)), layers.Flatten(), layers.Dense(4)])
    first, second = keras.Input((15, 15, 1)), keras.Input((15, 15, 1))
    siamese = keras.Model([first, second], layers.Dot(1)([tower(first), tower(second)]))
    assert wrap(siamese).flops is None
    stacked = keras.Input((30, 15, 1))
    halves = layers.Dot(1)([tower(stacked[:, :15]), tower(stacked[:, 15:])])
    assert wrap(keras.Model(stacked, halves), pairs="stacked").flops is None

    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.flat, self.dense = layers.Flatten(), layers.Dense(4)

        def call(self, images):
            return self.dense(self.flat(images))

    own = Own()
    own(np.zeros((1, 15, 15, 1), np.float32))
    assert wrap(own).flops is None and wrap(own).parameters == 904


@pytest.mark.parametrize("device", ["gpu:7", "cuda:7", "nowhere"])
def test_a_device_that_is_not_there_is_refused(device):
    with pytest.raises(ScorerError, match="device is '"):
        wrap(tower(), device=device)


@pytest.mark.parametrize("device", ["cpu", "cpu:0"])
def test_a_device_that_is_there_is_used(device):
    images = IMAGES[:2]
    assert np.allclose(wrap(tower(), device=device).embed(images), wrap(tower()).embed(images))
