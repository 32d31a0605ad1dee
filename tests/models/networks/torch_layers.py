"""Tests of the layers on PyTorch; `test_layers` runs them in a process of that backend."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from wayshot.models.networks import layers

torch = pytest.importorskip("torch")


def test_the_backend_is_torch():
    assert keras.config.backend() == "torch"


def images(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(np.float32)


def twins(name: str, shape: tuple[int, ...], *words, **options):
    """Keras's layer and ours of that name, with the same random weights."""
    made = [getattr(home, name)(*words, **options) for home in (keras.layers, layers)]
    for layer in made:
        layer.build((None, *shape[1:]))
    rng = np.random.default_rng(0)
    for theirs, ours in zip(*(layer.weights for layer in made), strict=True):
        value = np.abs(rng.normal(size=theirs.shape)) + 0.1
        theirs.assign(value)
        ours.assign(value)
    return made


def told(layer, x: np.ndarray, training: bool = True) -> list[np.ndarray]:
    """Output, gradients of a random sum of it in inputs and weights, and weights afterwards."""
    given = keras.ops.convert_to_tensor(x).clone().requires_grad_()
    output = layer(given, training=training)
    for weight in layer.trainable_weights:
        weight.value.grad = None
    factors = np.random.default_rng(1).normal(size=tuple(output.shape)).astype(np.float32)
    (output.float() * keras.ops.convert_to_tensor(factors)).sum().backward()
    gradients = [given.grad, *(weight.value.grad for weight in layer.trainable_weights)]
    assert all(gradient is not None for gradient in gradients)
    everything = [output.float(), *gradients, *layer.weights]
    return [keras.ops.convert_to_numpy(one) for one in everything]


def assert_alike(theirs, ours, x: np.ndarray, training: bool = True, within: float = 1e-4) -> None:
    expected, result = told(theirs, x, training), told(ours, x, training)
    for one, other in zip(result, expected, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_allclose(one, other, rtol=within, atol=within)


@pytest.mark.parametrize("size", [(7, 7), (8, 8), (6, 9)])
@pytest.mark.parametrize("strides", [1, 2])
@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("kernel", [1, 2, 3, 4, 5])
def test_convolutions_are_keras_convolutions(size, strides, padding, kernel):
    x = images(3, *size, 4)
    pair = twins("Conv2D", x.shape, 6, kernel, strides=strides, padding=padding, activation="relu")
    if kernel == 1 and strides == 2:
        # PyTorch 2.13 gives Keras's own layer wrong gradients then.
        pair[0] = EverySecond(6, 1, activation="relu")
        pair[0].build(x.shape)
        pair[0].set_weights(pair[1].get_weights())
    assert_alike(*pair, x)


class EverySecond(keras.layers.Conv2D):
    """A convolution of every second pixel in both directions."""

    def call(self, inputs):
        return super().call(inputs[:, ::2, ::2])


@pytest.mark.parametrize(
    "options",
    [{"use_bias": False}, {"groups": 2}, {"dilation_rate": 2}, {"kernel_size": (2, 3)}],
)
def test_convolutions_take_keras_options(options):
    x = images(3, 8, 7, 4)
    options = {"kernel_size": 3, "padding": "same", **options}
    assert_alike(*twins("Conv2D", x.shape, 6, **options), x)


@pytest.mark.parametrize("size", [(7, 7), (8, 8), (6, 9)])
@pytest.mark.parametrize("strides", [None, 1, 2])
@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("window", [1, 2, 3, 4, 5])
def test_poolings_are_keras_poolings(size, strides, padding, window):
    x = images(3, *size, 4) - 3
    pair = twins("MaxPooling2D", x.shape, window, strides=strides, padding=padding)
    assert_alike(*pair, x)


@pytest.mark.parametrize("shape", [(5, 7, 6, 4), (32, 4)])
def test_normalisations_are_keras_normalisations(shape):
    theirs, ours = twins("BatchNormalization", shape, momentum=0.8)
    for step in range(3):
        assert_alike(theirs, ours, 2 * images(*shape) + step)
    assert_alike(theirs, ours, images(*shape), training=False)


@pytest.mark.parametrize("options", [{"center": False}, {"scale": False}])
def test_normalisations_take_keras_options(options):
    pair = twins("BatchNormalization", (5, 7, 6, 4), **options)
    assert_alike(*pair, images(5, 7, 6, 4))


def test_a_frozen_normalisation_keeps_its_running_averages():
    theirs, ours = twins("BatchNormalization", (5, 7, 6, 4))
    theirs.trainable = ours.trainable = False
    before = [np.array(keras.ops.convert_to_numpy(weight)) for weight in ours.weights]
    assert_alike(theirs, ours, images(5, 7, 6, 4))
    for weight, value in zip(ours.weights, before, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(weight), value)


def test_channels_of_one_value_are_normalised_to_nothing_strange():
    pair = twins("BatchNormalization", (5, 7, 6, 4))
    # Gradients are 0 but for rounding: some units in the last place of 0.7, over the root of
    # epsilon, summed over 210 places. How many depends on the number of threads.
    assert_alike(*pair, np.full((5, 7, 6, 4), 0.7, np.float32), within=1e-2)


@pytest.mark.parametrize(
    ("name", "words"), [("Conv2D", (6, 3)), ("MaxPooling2D", ()), ("BatchNormalization", ())]
)
def test_mixed_precision_is_keras_mixed_precision(name, words):
    x = images(5, 8, 8, 4)
    theirs, ours = twins(name, x.shape, *words, dtype="mixed_bfloat16")
    assert ours(keras.ops.convert_to_tensor(x)).dtype == torch.bfloat16
    assert_alike(theirs, ours, x, within=0.1)
    if name == "BatchNormalization":
        # Averages are kept in single precision, or steps of a hundredth would be lost.
        for one, other in zip(
            theirs.non_trainable_weights, ours.non_trainable_weights, strict=True
        ):
            kept = keras.ops.convert_to_numpy(other)
            assert kept.dtype == np.float32
            np.testing.assert_allclose(kept, keras.ops.convert_to_numpy(one), rtol=2e-3, atol=1e-4)
