"""wrap() of modules of PyTorch, exported programs, and the conventions of other libraries."""

from __future__ import annotations

import logging
import sys
import types

import numpy as np
import pytest
from by_hand import averaged, cosine, predicted, predictions
from wayshot import wrap
from wayshot.bench import traits
from wayshot.bench.errors import ScorerError
from wayshot.models import ModelError

torch = pytest.importorskip("torch")
nn = torch.nn


def tower(channels: int = 1, seed: int = 0):
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(channels, 4, 3),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.LazyLinear(8),
    )


def ready(channels: int = 1, size: int = 15, seed: int = 0):
    model = tower(channels, seed)
    model(torch.rand(16, channels, size, size))
    return model


def by_hand(model, image, channels: int = 1, size: int = 15):
    model.eval()
    pixels = torch.tensor(averaged(image, size), dtype=torch.float32)
    with torch.no_grad():
        return model(pixels.expand(1, channels, size, size))[0].numpy()


def test_a_module_in_training_gives_the_trials_of_a_plain_loop(tmp_path):
    model = ready()
    assert model.training
    found = predicted(wrap(model, size=15), tmp_path)
    assert (found == predictions(lambda *two: cosine(*(by_hand(model, i) for i in two)))).all()
    assert wrap(model, size=15).parameters == sum(p.numel() for p in model.parameters())


def test_channels_are_read_from_the_first_layer():
    model = ready(channels=3)
    image = np.random.default_rng(0).integers(0, 2, (1, 105, 105), dtype=np.uint8)
    assert np.allclose(wrap(model, size=15).embed(image)[0], by_hand(model, image[0], 3), atol=1e-5)


def test_the_size_of_a_perceptron_is_read_from_its_first_layer():
    model = nn.Sequential(nn.Flatten(), nn.Linear(225, 4))
    assert wrap(model).embed(np.ones((2, 105, 105), np.uint8)).shape == (2, 4)


def test_a_head_gets_tensors_and_its_own_parameters(tmp_path):
    model, head = ready(), nn.Sequential(nn.Linear(8, 4), nn.ReLU(), nn.Dropout(), nn.Linear(4, 1))
    head.eval()

    def score(query, support):
        a, b = (torch.tensor(by_hand(model, one)) for one in (query, support))
        with torch.no_grad():
            return float(head(abs(a - b)))

    scorer = wrap(model, size=15, head=lambda a, b: head(torch.abs(a - b)))
    assert (predicted(scorer, tmp_path) == predictions(score)).all()


def test_a_head_may_be_a_module_of_two_inputs():
    head = nn.Bilinear(8, 8, 1)
    scorer = wrap(ready(), size=15, head=head)
    two = np.random.default_rng(0).standard_normal((2, 3, 8)).astype(np.float32)
    with torch.no_grad():
        slow = [[float(head(a, b)) for b in torch.tensor(two[1])] for a in torch.tensor(two[0])]
    assert np.allclose(scorer.compare(two[0], two[1]), slow, atol=1e-5)


def test_bfloat16_goes_in_and_float32_comes_out():
    model = ready().to(torch.bfloat16)
    embedded = wrap(model, size=15).embed(np.ones((2, 105, 105), np.uint8))
    assert embedded.dtype == np.float32


def test_gradients_of_the_callers_thread_do_not_matter():
    with torch.set_grad_enabled(True):
        wrap(ready(), size=15).embed(np.ones((2, 105, 105), np.uint8))


def test_weights_and_code_are_the_identity():
    one, same, other = ready(), ready(), ready(seed=1)
    digests = [traits(wrap(model, size=15), "x").digest for model in (one, same, other)]
    assert digests[0] == digests[1] != digests[2]


def test_torchscript_gives_the_same(tmp_path):
    model = ready().eval()
    script = torch.jit.trace(model, torch.rand(2, 1, 15, 15))
    images = np.random.default_rng(0).integers(0, 2, (5, 105, 105), dtype=np.uint8)
    assert np.allclose(
        wrap(script, size=15).embed(images), wrap(model, size=15).embed(images), atol=1e-6
    )


@pytest.mark.parametrize("dynamic", [True, False])
def test_an_exported_program_knows_its_size_and_batch(tmp_path, dynamic):
    model = ready(3).eval()
    shapes = ({0: torch.export.Dim("batch")},) if dynamic else None
    program = torch.export.export(model, (torch.rand(4, 3, 15, 15),), dynamic_shapes=shapes)
    torch.export.save(program, tmp_path / "net.pt2")
    images = np.random.default_rng(0).integers(0, 2, (6, 105, 105), dtype=np.uint8)
    expected = wrap(model, size=15).embed(images)
    for wrapped in (program, tmp_path / "net.pt2", str(tmp_path / "net.pt2")):
        assert np.allclose(wrap(wrapped).embed(images), expected, atol=1e-5)


def test_a_model_of_timm_has_its_own_data_configuration():
    model = ready(3)
    model.default_cfg = {"input_size": (3, 15, 15), "mean": (0.5, 0.4, 0.3), "std": (0.2, 0.3, 0.4)}
    image = np.random.default_rng(0).integers(0, 2, (1, 105, 105), dtype=np.uint8)
    told = wrap(ready(3), size=15, mean=[0.5, 0.4, 0.3], std=[0.2, 0.3, 0.4])
    assert np.allclose(wrap(model).embed(image), told.embed(image), atol=1e-6)


def test_a_feature_extractor_of_hugging_face_says_its_size_and_gives_its_embedding():
    class Extractor(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = ready(3)
            self.config = types.SimpleNamespace(image_size=15, num_channels=3)

        def forward(self, pixel_values, output_attentions=None):
            return {"last_hidden_state": None, "pooler_output": self.body(pixel_values)}

    image = np.random.default_rng(0).integers(0, 2, (1, 105, 105), dtype=np.uint8)
    expected = wrap(ready(3), size=15).embed(image)
    assert np.allclose(wrap(Extractor()).embed(image), expected, atol=1e-6)


def test_torchvision_gets_pictures_with_black_ink_on_white(monkeypatch):
    kinds = types.ModuleType("torchvision")

    class ToTensor:
        def __call__(self, picture):
            seen.append(picture)
            return torch.tensor(np.asarray(picture) / 255, dtype=torch.float32)[None, ::7, ::7]

    seen, ToTensor.__module__ = [], "torchvision.transforms"
    monkeypatch.setitem(sys.modules, "torchvision", kinds)
    image = np.zeros((2, 105, 105), np.uint8)
    image[:, :50] = 1
    embedded = wrap(ready(), transform=ToTensor()).embed(image)
    assert embedded.shape == (2, 8)
    assert seen[0].mode == "L" and seen[0].getpixel((0, 0)) == 0
    assert seen[0].getpixel((0, 104)) == 255


def test_a_module_as_transform_gets_tensors():
    model = ready()
    image = np.random.default_rng(0).integers(0, 2, (2, 105, 105), dtype=np.uint8)
    embedded = wrap(model, transform=nn.AvgPool2d(7)).embed(image)
    assert np.allclose(embedded, wrap(model, size=15).embed(image), atol=1e-6)


class Siamese(nn.Module):
    def __init__(self):
        super().__init__()
        self.tower, self.head = ready(), nn.Linear(8, 1)

    def forward(self, a, b):
        return self.head(abs(self.tower(a) - self.tower(b)))


class Stacked(Siamese):
    def forward(self, pair):  # pyright: ignore[reportIncompatibleMethodOverride]
        return super().forward(*torch.chunk(pair, 2, dim=2))


class Channels(Siamese):
    def forward(self, pair):  # pyright: ignore[reportIncompatibleMethodOverride]
        return super().forward(*torch.chunk(pair, 2, dim=1))


@pytest.mark.parametrize(
    ("kind", "pairs"), [(Siamese, "inputs"), (Stacked, "stacked"), (Channels, "channels")]
)
def test_networks_of_two_images_give_the_trials_of_a_plain_loop(kind, pairs, tmp_path, caplog):
    model = kind().eval()

    def score(query, support):
        a, b = (by_hand(model.tower, one) for one in (query, support))
        with torch.no_grad():
            return float(model.head(torch.tensor(abs(a - b))))

    with caplog.at_level(logging.WARNING, "wayshot"):
        scorer = wrap(model, pairs=pairs, size=15, channels=1)
    assert "part 'tower'" in caplog.text and "300 times faster" in caplog.text
    assert (predicted(scorer, tmp_path) == predictions(score)).all()


def test_a_network_of_two_inputs_without_a_shared_part_has_no_hint(caplog):
    class Early(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = ready(2)

        def forward(self, pair):  # pyright: ignore[reportIncompatibleMethodOverride]
            return self.body(pair)[:, 0]

    with caplog.at_level(logging.WARNING, "wayshot"):
        wrap(Early(), pairs="channels", size=15)
    assert not caplog.text


def test_operations_are_counted_on_the_shape_that_the_module_gets():
    model = nn.Sequential(nn.Conv2d(1, 8, 3), nn.Flatten(), nn.Linear(8 * 13 * 13, 4))
    convolution, product = 2 * 9 * 8 * 13 * 13, 2 * 8 * 13 * 13 * 4
    known = traits(wrap(model, size=15), "x")
    assert known.flops == convolution + product
    assert known.parameters == 80 + 8 * 13 * 13 * 4 + 4
    pair = nn.Sequential(nn.Flatten(), nn.Linear(2 * 225, 1))
    assert wrap(pair, size=15, pairs="stacked").flops == 2 * 450
    assert wrap(nn.Flatten(), size=15).flops == 0


def test_operations_of_a_program_with_a_fixed_batch_are_those_of_one_image(tmp_path):
    model = nn.Sequential(nn.Flatten(), nn.Linear(225, 4))
    program = torch.export.export(model, (torch.zeros(5, 1, 15, 15),))
    assert wrap(program).flops == 2 * 225 * 4


def test_operations_that_cannot_be_counted_are_unknown():
    class Hidden(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.ones(225))

        def forward(self, images):
            return torch.from_numpy(images.flatten(1).numpy() * self.weight.numpy())

    assert traits(wrap(Hidden(), size=15, channels=1), "x").flops is None


def test_layers_without_a_shape_are_named():
    flat = torch.nn.Flatten()
    for layers, names in (
        ([torch.nn.Conv2d(1, 8, 3), flat, torch.nn.LazyLinear(4)], "LazyLinear"),
        ([torch.nn.LazyConv2d(8, 3), torch.nn.LazyBatchNorm2d()], "LazyBatchNorm2d and LazyConv2d"),
    ):
        with pytest.raises(ScorerError, match=rf"^{names} .*network\(torch.zeros\(1, 1, 28, 28\)"):
            wrap(torch.nn.Sequential(*layers), size=28)
    network = torch.nn.Sequential(flat, torch.nn.LazyLinear(4))
    network(torch.zeros(1, 1, 28, 28))
    assert wrap(network, size=28).embed(np.zeros((2, 105, 105), np.uint8)).shape == (2, 4)


def test_a_convolution_first_is_told_that_the_size_was_not_said():
    network = torch.nn.Sequential(
        torch.nn.Conv2d(1, 8, 3), torch.nn.Flatten(), torch.nn.Linear(8 * 26 * 26, 4)
    )
    with pytest.raises(ScorerError, match=r"cannot be multiplied .*; size= say"):
        wrap(network).embed(np.zeros((2, 105, 105), np.uint8))


def test_an_unknown_device_is_refused():
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, 4))
    with pytest.raises(ScorerError, match="device is 'nowhere', and a PyTorch module raised"):
        wrap(network, device="nowhere")


def test_a_damaged_file_is_told_in_one_line(tmp_path, capfd):
    path = tmp_path / "bad.pt2"
    path.write_bytes(b"damaged")
    with pytest.raises(ModelError, match=r"bad\.pt2: damaged, or not a \.pt2 file") as caught:
        wrap(path)
    assert "\n" not in str(caught.value) and capfd.readouterr().err == ""
