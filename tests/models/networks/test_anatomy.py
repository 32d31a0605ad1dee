from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers
from wayshot.models import assemble, backbone
from wayshot.models.networks.anatomy import dissect, tower_flops
from wayshot.models.networks.backbones import BACKBONES
from wayshot.models.networks.layers import QuarterTurns
from wayshot.models.networks.network import Network


def flops(model: keras.Model) -> int:
    return sum(layer.flops for layer in dissect(model))


def resnet18_eca() -> int:
    """From the table of layers: twice the multiplications, stage by stage."""
    count = 32 * 32 * 9 * 3 * 64
    sides = (32, 16, 8, 4)
    widths = (64, 128, 256, 512)
    before = 64
    for side, width, kernel in zip(sides, widths, (2, 2, 3, 3), strict=True):
        count += side**2 * 9 * (before * width + 3 * width * width)
        count += side**2 * before * width if before != width else 0
        count += kernel * width
        before = width
    return 2 * (count + 512 * 512)


def test_flops_are_those_counted_by_hand():
    blocks = 28 * 28 * 64 * 9 + 14 * 14 * 64 * 64 * 9 + 7 * 7 * 64 * 64 * 9 + 3 * 3 * 64 * 64 * 9
    assert flops(backbone("conv-4").build()) == 2 * blocks
    assert flops(backbone("resnet18-eca").build()) == resnet18_eca()
    assert resnet18_eca() == pytest.approx(1.11e9, rel=0.01)


def test_parameters_add_up():
    for name in ("conv-4", "resnet18-eca", "example_backbones:stacked"):
        tower = backbone(name).build()
        assert sum(layer.parameters for layer in dissect(tower)) == tower.count_params()


def test_quarter_turns_compute_four_times_with_the_same_parameters():
    once = backbone("example_backbones:tiny").build()
    network = Network(backbone="example_backbones:tiny", quarter_turns=True)
    turned = assemble(network, "turned").tower
    assert flops(turned) == 4 * flops(once) > 0
    assert sum(layer.parameters for layer in dissect(turned)) == once.count_params()
    assert dissect(turned)[-1].receptive_field == 20


def test_depthwise_and_separable_convolutions_are_counted():
    image = keras.Input((9, 9, 4))
    x = layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2)(image)
    x = layers.SeparableConv2D(5, 3, padding="same")(x)
    x = layers.Conv2D(10, 3, padding="same", groups=5)(x)
    tower = keras.Model(image, layers.GlobalAveragePooling2D()(x))
    expected = 2 * 81 * (8 * 9 + 8 * 9 + 8 * 5 + 10 * 9)
    assert flops(tower) == expected


class Unknown(layers.Layer):
    """Could compute anything."""

    def call(self, inputs):
        return inputs


class Inherited(layers.ReLU):
    """Could compute more than its class."""


class Within(keras.Model):
    """A model whose layers are known only by running it."""

    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(9)

    def call(self, inputs):
        return self.dense(inputs)


@pytest.mark.parametrize(
    "middle",
    [
        Unknown(),
        Inherited(),
        Within(),
        layers.Conv2DTranspose(4, 3),
        layers.EinsumDense("abcd,de->abce", (9, 9, 5)),
        layers.Lambda(lambda x: keras.ops.einsum("abcd,abed->abce", x, x)),
        lambda x: keras.ops.einsum("abcd,abed->abce", x, x),
        keras.Sequential([layers.ReLU(), Unknown()]),
    ],
    ids=lambda middle: type(middle).__name__,
)
def test_flops_of_a_tower_with_an_unknown_layer_are_unknown(middle):
    image = keras.Input((9, 9, 4))
    x = middle(layers.Conv2D(4, 3, padding="same")(image))
    tower = keras.Model(image, layers.Dense(5)(layers.Flatten()(x)))
    found = [layer.flops for layer in dissect(tower)]
    assert found.count(None) == 1 and found[0] == 2 * 81 * 9 * 4 * 4
    assert tower_flops(tower) is None


def test_flops_of_unknown_layers_are_unknown_in_quarter_turns_too():
    image = keras.Input((9, 9, 1))
    turned = QuarterTurns(keras.Model(image, layers.Flatten()(Unknown()(image))))
    assert tower_flops(keras.Model(image, turned(image))) is None


def test_numbers_added_and_multiplied_one_by_one_are_not_counted():
    image = keras.Input((9, 9, 4))
    x = layers.Conv2D(4, 3, padding="same")(image)
    x = keras.ops.relu(x + image) * 0.5
    tower = keras.Model(image, layers.GlobalAveragePooling2D()(x))
    facts = dissect(tower)
    assert [layer.receptive_field for layer in facts] == [3, 3, 3, 3, 9]
    assert tower_flops(tower) == flops(tower) == 2 * 81 * 9 * 4 * 4


def test_flops_of_all_backbones_are_known():
    for name in (*BACKBONES, "keras:MobileNetV3Small"):
        assert tower_flops(backbone(name).build()) > 1e6, name


def test_applications_of_keras_have_an_dissect():
    facts = dissect(backbone("keras:MobileNetV3Small").build())
    assert sum(layer.flops for layer in facts) > 1e6 and facts[-1].output == (576,)


def plain(x):
    x = layers.Conv2D(8, 3, padding="same")(x)
    x = layers.MaxPooling2D()(x)
    x = layers.Conv2D(8, 3, padding="same")(x)
    return layers.MaxPooling2D()(x)


def residual(x):
    x = layers.Conv2D(8, 5, strides=2, padding="same")(x)
    y = layers.Conv2D(8, 3, strides=2, padding="same")(x)
    y = layers.Conv2D(8, 3, padding="same")(y)
    return layers.Add()([layers.Conv2D(8, 1, strides=2)(x), y])


def dilated(x):
    x = layers.Conv2D(8, 3, dilation_rate=3, padding="valid")(x)
    x = layers.AveragePooling2D(3, strides=2)(x)
    return layers.DepthwiseConv2D(2)(x)


@pytest.mark.parametrize("blocks", [plain, residual, dilated])
def test_the_receptive_field_is_what_changes_the_output(blocks):
    """Pixel by pixel, along a row, in a network of random weights."""
    keras.utils.set_random_seed(0)
    image = keras.Input((49, 49, 1))
    found = blocks(image)
    maps = keras.Model(image, found)
    tower = keras.Model(image, layers.Flatten()(found))
    middle = found.shape[1] // 2
    x = np.random.default_rng(0).normal(size=(1, 49, 49, 1)).astype(np.float32)
    changed = []
    for column in range(49):
        for sign in (-1, 1):
            other = x.copy()
            other[0, :, column] += sign * 1000
            outputs = maps.predict_on_batch(np.concatenate([x, other]))[:, middle, middle]
            changed.append((column, not np.allclose(*outputs, rtol=1e-3)))
    seen = {column for column, differs in changed if differs}
    field = dissect(tower)[-2].receptive_field
    assert field == max(seen) - min(seen) + 1 < 49
    assert dissect(tower)[-1].receptive_field == 49


def test_the_receptive_field_of_conv_4_grows_block_by_block():
    facts = dissect(backbone("conv-4").build())
    after_pooling = [layer.receptive_field for layer in facts if layer.kind == "MaxPooling2D"]
    assert after_pooling == [4, 10, 22, 28]
    assert facts[-1].output == (64,) and facts[-1].receptive_field == 28
