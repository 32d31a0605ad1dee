from __future__ import annotations

import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from wayshot.models import ModelError, assemble, backbone
from wayshot.models.networks import BACKBONES
from wayshot.models.networks.network import Network
from wayshot.tasks import Images
from wayshot.tasks.data import glyphs


def trainable(model: keras.Model) -> int:
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


@pytest.mark.parametrize(
    ("name", "taken", "given", "parameters", "learned"),
    [
        ("resnet18-eca", (32, 32, 3), 512, 11_442_314, 11_434_506),
        ("resnet18-eca-log2", (32, 32, 3), 512, 11_442_322, 11_434_514),
        ("resnet18", (32, 32, 3), 512, 11_442_304, 11_434_496),
        ("vgg16", (32, 32, 3), 4096, 33_597_248, 33_597_248),
        # 13 normalisations have four numbers for each of 4,224 filters, two of which are learned.
        ("vgg16-bn", (32, 32, 3), 4096, 33_614_144, 33_605_696),
        ("koch", (105, 105, 1), 4096, 38_947_648, 38_947_648),
        ("koch-scaled", (105, 105, 1), 4096, 38_947_648, 38_947_648),
        ("conv-4", (28, 28, 1), 64, 112_448, 111_936),
    ],
)
def test_towers_of_the_literature_have_their_shapes_and_parameters(
    name, taken, given, parameters, learned
):
    tower = backbone(name).build()
    assert tower.input_shape == (None, *taken) and tower.output_shape == (None, given)
    assert (tower.count_params(), trainable(tower)) == (parameters, learned)


@pytest.mark.parametrize(
    ("network", "parameters", "learned"),
    [
        (Network(backbone="resnet18-eca", join="difference", head="dense"), 11_705_483, 11_697_675),
        (Network(backbone="koch", join="difference", head="weighted"), 38_951_745, 38_951_745),
    ],
)
def test_published_networks_have_their_parameters(network, parameters, learned):
    siamese = assemble(network, "published")
    assert (siamese.count_params(), trainable(siamese)) == (parameters, learned)


def test_vgg16_has_thirteen_convolutions_and_two_dense_layers_of_4096():
    tower = backbone("vgg16").build()
    widths = [layer.filters for layer in tower.layers if isinstance(layer, keras.layers.Conv2D)]
    assert widths == [64] * 2 + [128] * 2 + [256] * 3 + [512] * 6
    dense = [layer.units for layer in tower.layers if isinstance(layer, keras.layers.Dense)]
    assert dense == [4096, 4096]


def test_koch_starts_with_the_published_weights():
    tower = backbone("koch").build()
    for layer in tower.layers:
        if layer.weights:
            kernel, bias = (np.asarray(keras.ops.convert_to_numpy(one)) for one in layer.weights)
            wide = 0.2 if isinstance(layer, keras.layers.Dense) else 0.01
            assert kernel.mean() == pytest.approx(0, abs=wide / 5)
            assert kernel.std() == pytest.approx(wide, rel=0.1)
            assert bias.mean() == pytest.approx(0.5, abs=0.01)
            assert bias.std() == pytest.approx(0.01, rel=0.3)


@pytest.mark.slow
def test_koch_scaled_starts_with_embeddings_that_differ_and_koch_does_not():
    images = Images(glyphs.generate(seed=3, alphabets=1)[0])[:200:10]
    spread = []
    for name in ("koch", "koch-scaled"):
        keras.utils.set_random_seed(1)
        embedded = assemble(Network(backbone=name), "untrained").embed(images)
        spread.append(float(embedded.std(axis=0).mean()))
    assert spread[0] < 0.01 and 0.1 < spread[1] < 0.3


_LARGE = {"vgg16", "vgg16-bn", "koch", "koch-scaled"}


@pytest.mark.parametrize("name", sorted(set(BACKBONES) - _LARGE))
def test_every_backbone_embeds(name):
    siamese = assemble(Network(backbone=name), "untrained")
    images = (np.random.default_rng(0).random((3, 105, 105)) < 0.1).astype(np.uint8)
    embedded = siamese.embed(images)
    assert embedded.shape == (3, siamese.tower.output_shape[-1]) and embedded.dtype == np.float32
    assert np.isfinite(embedded).all() and np.ptp(embedded, axis=0).max() > 0


def test_an_application_of_keras_embeds():
    siamese = assemble(Network(backbone="keras:MobileNetV3Small"), "untrained")
    assert siamese.channels == 3
    images = (np.random.default_rng(0).random((2, 105, 105)) < 0.1).astype(np.uint8)
    embedded = siamese.embed(images)
    assert embedded.shape == (2, 576) and not np.array_equal(*embedded)


@pytest.mark.parametrize("name", ["MobileNet", "EfficientNetB0"])
def test_applications_of_keras_get_the_range_that_they_expect(name):
    """Some have a layer that takes 0 to 255; those get images of that range."""
    tower = backbone(f"keras:{name}").build()
    scales = [layer.scale for layer in tower.layers if isinstance(layer, keras.layers.Rescaling)]
    assert scales == ([255.0] if name == "EfficientNetB0" else [])
    assert tower.input_shape[1] == tower.input_shape[2]


@pytest.mark.parametrize(
    ("name", "shapes"),
    [("tiny", ((20, 20, 1), (32,))), ("coloured", ((24, 24, 3), (32,))), ("stacked", None)],
)
def test_module_and_attribute_name_a_backbone_of_ones_own(name, shapes):
    tower = backbone(f"example_backbones:{name}").build()
    if shapes:
        assert (tower.input_shape[1:], tower.output_shape[1:]) == shapes
    assert assemble(Network(backbone=f"example_backbones:{name}"), "own").count_params() > 0


def test_a_backbone_may_be_a_model_in_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    Path("backbone_here.py").write_text(
        "import keras\n"
        "class Shelf:\n"
        "    made = keras.Sequential(\n"
        "        [keras.Input((9, 9, 1)), keras.layers.Flatten(), keras.layers.Dense(2)]\n"
        "    )\n"
    )
    made = backbone("backbone_here:Shelf.made")
    assert made.build().output_shape == (None, 2)
    assert made.build().weights[0] is not made.build().weights[0]


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("resnet18-ecs", "unknown backbone 'resnet18-ecs'; closest: resnet18-eca"),
        ("zzz", "known are resnet18-eca, .*; or keras:NAME, or module:attribute"),
        ("keras:MobileNetV9", "no 'MobileNetV9'; closest: MobileNetV2"),
        ("keras:resnet", "keras.applications has no 'resnet'"),
        ("keras:", "unknown backbone 'keras:'"),
        ("no_such_module:x", "ModuleNotFoundError"),
        ("example_backbones:nothing", "AttributeError"),
        ("example_backbones:not_a_backbone", "TypeError"),
        ("example_backbones:fails", "RuntimeError: out of luck"),
        ("example_backbones:unbuilt", "expected a keras.Model with one input"),
        ("example_backbones:forked", "expected a keras.Model with one input"),
        ("example_backbones:oblong", r"goes from \(28, 14, 1\) to \(5,\), expected from"),
        ("example_backbones:maps", r"to \(26, 26, 5\), expected from"),
        ("example_backbones:keras.layers.ReLU", "made a ReLU, expected a keras.Model"),
    ],
)
def test_what_is_no_backbone_is_refused_in_one_line(name, problem):
    with pytest.raises(ModelError, match=problem) as caught:
        backbone(name).build()
    assert "\n" not in str(caught.value)
