"""wrap() of sessions of ONNX Runtime, interpreters of LiteRT, and their files."""

from __future__ import annotations

import importlib
import sys

import numpy as np
import pytest
from by_hand import averaged, cosine, predicted, predictions
from wayshot import wrap
from wayshot.bench.errors import ScorerError
from wayshot.bench.scorers import resolve
from wayshot.models import ModelError

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 2, (5, 105, 105), dtype=np.uint8)
WEIGHTS = RNG.standard_normal((225, 8)).astype(np.float32)


def onnx_file(path, shape, inputs=1):
    """A network of one matrix product, or the squared distance of two."""
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    make = onnx.helper
    names = ["image", "other"][:inputs]
    nodes = []
    for name in names:
        nodes += [
            make.make_node("Flatten", [name], [f"{name} flat"]),
            make.make_node("MatMul", [f"{name} flat", "weights"], [f"{name} embedded"]),
        ]
    if inputs == 2:
        nodes += [
            make.make_node("Sub", ["image embedded", "other embedded"], ["apart"]),
            make.make_node("Abs", ["apart"], ["size"]),
            make.make_node("ReduceSum", ["size", "axis"], ["answer"], keepdims=1),
        ]
    kind = onnx.TensorProto.FLOAT
    graph = make.make_graph(
        nodes,
        "net",
        [make.make_tensor_value_info(name, kind, shape) for name in names],
        [make.make_tensor_value_info("answer" if inputs == 2 else "image embedded", kind, None)],
        [
            onnx.numpy_helper.from_array(WEIGHTS, "weights"),
            onnx.numpy_helper.from_array(np.array([1]), "axis"),
        ],
    )
    model = make.make_model(graph, opset_imports=[make.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, path)
    return path


def project(image):
    return averaged(image, 15).ravel() @ WEIGHTS


@pytest.mark.parametrize(
    "shape", [("batch", 1, 15, 15), (1, 1, 15, 15), (2, 15, 15, 1), ("batch", 15, 15), (3, 225)]
)
def test_shape_layout_and_batch_of_an_onnx_file_are_read(tmp_path, shape):
    path = onnx_file(tmp_path / "net.onnx", shape)
    expected = np.stack([project(image) for image in IMAGES])
    assert np.allclose(wrap(path).embed(IMAGES), expected, atol=1e-4)


def test_a_session_gives_the_trials_of_a_plain_loop(tmp_path):
    path = onnx_file(tmp_path / "net.onnx", ("batch", 1, 15, 15))
    session = importlib.import_module("onnxruntime").InferenceSession(str(path))
    slow = predictions(lambda *two: cosine(*map(project, two)))
    assert (predicted(wrap(session), tmp_path) == slow).all()


def test_an_onnx_file_of_two_inputs_compares_pairs(tmp_path):
    path = onnx_file(tmp_path / "net.onnx", ("batch", 1, 15, 15), inputs=2)

    def score(query, support):
        return -float(np.abs(project(query) - project(support)).sum())

    scorer = wrap(path, smaller_is_closer=True)
    assert (predicted(scorer, tmp_path) == predictions(score)).all()


def test_an_onnx_file_is_typed_with_keys(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    onnx_file(tmp_path / "net.onnx", ("batch", 1, 15, 15))
    plain, typed = resolve("net.onnx"), resolve("dot=net.onnx,compare=dot,ink=0,paper=1")
    assert (plain[1].name, typed[1].name) == ("net", "dot")
    assert plain[1].digest != typed[1].digest
    (tmp_path / "copy.onnx").write_bytes((tmp_path / "net.onnx").read_bytes())
    assert resolve("copy.onnx")[1].digest == plain[1].digest


@pytest.mark.parametrize(("batch", "bits"), [(None, 32), (1, 32), (None, 8)])
def test_a_tflite_file_gives_what_keras_gives(tmp_path, batch, bits):
    pytest.importorskip("ai_edge_litert")
    from wayshot.models import load_keras

    load_keras()
    import keras
    import tensorflow as tf

    image = keras.Input(batch_shape=(batch, 15, 15, 1))
    x = keras.layers.Conv2D(4, 3, activation="relu")(image)
    model = keras.Model(image, keras.layers.Dense(8)(keras.layers.Flatten()(x)))
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if bits == 8:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: (
            [RNG.random((1, 15, 15, 1), dtype=np.float32)] for _ in range(20)
        )
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
    path = tmp_path / "net.tflite"
    path.write_bytes(converter.convert())
    expected = wrap(model).embed(IMAGES)
    limit = 1e-5 if bits == 32 else 0.05 * np.abs(expected).max()
    assert np.allclose(wrap(path).embed(IMAGES), expected, atol=limit)
    opened = importlib.import_module("ai_edge_litert.interpreter").Interpreter(str(path))
    assert np.allclose(wrap(opened).embed(IMAGES), expected, atol=limit)
    with pytest.raises(ScorerError, match="size 14 x 14, but the model takes 15 x 15 pixels"):
        wrap(path, size=14)


def test_weights_of_an_onnx_file_are_counted_without_their_shapes_and_axes(tmp_path):
    path = onnx_file(tmp_path / "net.onnx", ("batch", 1, 15, 15), inputs=2)
    known = resolve(str(path))[1]
    assert (known.parameters, known.flops) == (WEIGHTS.size, None)


def test_what_a_session_of_bytes_does_not_tell_is_unknown(tmp_path):
    runtime = pytest.importorskip("onnxruntime")
    content = onnx_file(tmp_path / "net.onnx", ("batch", 1, 15, 15)).read_bytes()
    scorer = wrap(runtime.InferenceSession(content, providers=["CPUExecutionProvider"]))
    assert (scorer.parameters, scorer.flops) == (None, None)
    assert wrap(lambda images: images.reshape(len(images), -1)).parameters is None


@pytest.mark.parametrize(
    ("shape", "options", "problem"),
    [
        (("batch", 1, 15, 15), {"size": 32}, r"size 32 x 32, but the model takes 15 x 15 pixels"),
        (("batch", 1, 15, 15), {"size": (15, 16)}, r"size 15 x 16, but the model takes 15 x 15"),
        (("batch", 1, 15, 15), {"channels": 3}, "3 channels, but the model takes 1"),
        (("batch", 1, 15, 15), {"mean": [0.5] * 3}, "takes 1 channel; give 1 number$"),
        (("batch", 225), {"size": 14}, "are 196 numbers, but the model takes 225"),
        (("batch", 15, 15), {"size": 14}, "size 14 x 14, but the model takes 15 x 15"),
        (
            ("batch", 1, 15, 15),
            {"device": "cuda"},
            "device is 'cuda', .*run on the CPU; .*provider",
        ),
    ],
)
def test_a_shape_or_device_that_a_file_does_not_take_is_refused(tmp_path, shape, options, problem):
    with pytest.raises(ScorerError, match=problem):
        wrap(onnx_file(tmp_path / "net.onnx", shape), **options)


def test_the_size_of_a_free_shape_is_that_asked_for(tmp_path):
    free = onnx_file(tmp_path / "net.onnx", ("batch", 1, "height", "width"))
    fixed = onnx_file(tmp_path / "same.onnx", ("batch", 1, 15, 15))
    flat = onnx_file(tmp_path / "flat.onnx", ("batch", 225))
    expected = np.stack([project(image) for image in IMAGES])
    for path in (free, fixed, flat):
        assert np.allclose(wrap(path, size=15, device="cpu").embed(IMAGES), expected, atol=1e-4)
    assert wrap(flat, size=(9, 25)).embed(IMAGES).shape == (5, 8)


@pytest.mark.parametrize("kind", [".onnx", ".tflite"])
def test_a_damaged_file_is_told_in_one_line(tmp_path, kind, capfd):
    pytest.importorskip({".onnx": "onnxruntime", ".tflite": "ai_edge_litert"}[kind])
    path = tmp_path / f"bad{kind}"
    path.write_bytes(b"damaged")
    with pytest.raises(ModelError, match=rf"bad\{kind}: damaged, or not a \{kind} file") as caught:
        wrap(path)
    assert "\n" not in str(caught.value) and capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("kind", "module", "extra"),
    [
        (".onnx", "onnxruntime", "onnxruntime"),
        (".tflite", "ai_edge_litert.interpreter", "litert"),
        (".pt2", "torch", "torch"),
    ],
)
def test_a_library_that_is_missing_is_named_with_its_extra(
    tmp_path, monkeypatch, kind, module, extra
):
    monkeypatch.setitem(sys.modules, module, None)
    (tmp_path / f"net{kind}").write_bytes(b"")
    with pytest.raises(ModelError, match=rf"not installed; pip install 'wayshot\[{extra}\]'"):
        wrap(tmp_path / f"net{kind}")
