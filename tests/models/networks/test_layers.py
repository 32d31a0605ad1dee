from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops
from wayshot.models.networks import layers


def images(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def on_torch(path: Path) -> None:
    """Runs a file's tests in a process of the PyTorch backend."""
    if importlib.util.find_spec("torch") is None:
        pytest.skip("torch is not installed")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    words = ["-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", str(path)]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *words],
        env={**kept, "KERAS_BACKEND": "torch"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]


def test_on_torch_layers_are_keras_own():
    on_torch(Path(__file__).with_name("torch_layers.py"))


@pytest.mark.skipif(keras.config.backend() == "torch", reason="all of this runs on torch already")
def test_all_of_this_holds_on_torch():
    on_torch(Path(__file__))


@pytest.mark.parametrize("kernel", [1, 2, 3, 5])
def test_channel_attention_weighs_channels_by_their_neighbours_means(kernel):
    x = images(3, 4, 5, 8)
    layer = layers.EfficientChannelAttention(kernel)
    layer.build(x.shape)
    weights = np.arange(1, kernel + 1) / 4
    layer.convolution.kernel.assign(weights.reshape(kernel, 1, 1))
    means = x.mean(axis=(1, 2))
    before = (kernel - 1) // 2
    padded = np.pad(means, ((0, 0), (before, kernel - 1 - before)))
    seen = np.stack([padded[:, i : i + kernel] @ weights for i in range(8)], axis=1)
    expected = x * sigmoid(seen)[:, None, None, :]
    np.testing.assert_allclose(ops.convert_to_numpy(layer(x)), expected, rtol=1e-4, atol=1e-5)
    assert layer.count_params() == kernel


def network() -> keras.Model:
    image = keras.Input((9, 9, 2))
    x = layers.Conv2D(3, 3, strides=2, padding="same")(image)
    x = layers.BatchNormalization()(x)
    x = layers.EfficientChannelAttention(2)(x)
    x = layers.MaxPooling2D(3, strides=1, padding="same")(x)
    x = keras.layers.Flatten()(x)
    return keras.Model(image, keras.layers.UnitNormalization()(keras.layers.Dense(5)(x)))


def test_quarter_turns_are_the_embeddings_of_four_turned_copies_side_by_side():
    once, x = network(), images(4, 9, 9, 2)
    image = keras.Input((9, 9, 2))
    turned = keras.Model(image, layers.QuarterTurns(once)(image))
    copies = [np.ascontiguousarray(np.rot90(x, k, axes=(1, 2))) for k in range(4)]
    expected = np.concatenate([ops.convert_to_numpy(once(one)) for one in copies], axis=1) / 2
    result = ops.convert_to_numpy(turned(x))
    assert turned.output_shape == (None, 20)
    np.testing.assert_allclose(result, expected, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(result, axis=1), 1, atol=1e-5)
    assert turned.count_params() == once.count_params()


def test_layers_are_saved_and_loaded_in_safe_mode(tmp_path):
    once, x = network(), images(4, 9, 9, 2)
    image = keras.Input((9, 9, 2))
    turned = keras.Model(image, layers.QuarterTurns(once)(image))
    for weight in turned.weights:
        weight.assign(np.random.default_rng(1).random(weight.shape))
    turned.save(tmp_path / "turned.keras")
    loaded: Any = keras.saving.load_model(tmp_path / "turned.keras", safe_mode=True)
    kinds = {type(layer) for layer in loaded.layers[-1].network.layers}
    assert {layers.Conv2D, layers.BatchNormalization, layers.MaxPooling2D} < kinds
    np.testing.assert_array_equal(ops.convert_to_numpy(loaded(x)), ops.convert_to_numpy(turned(x)))


@pytest.mark.parametrize(
    "layer",
    [
        layers.Conv2D(3, 5, strides=2, padding="same", name="one"),
        layers.MaxPooling2D(3, strides=1, padding="same", name="one"),
        layers.BatchNormalization(momentum=0.5, name="one"),
        layers.EfficientChannelAttention(2, name="one"),
    ],
)
def test_a_layer_is_made_again_from_its_description(layer):
    described = keras.saving.serialize_keras_object(layer)
    again = keras.saving.deserialize_keras_object(described)
    assert type(again) is type(layer) and again.get_config() == layer.get_config()
