"""`.keras` files that someone else wrote."""

from __future__ import annotations

import json
import os
import pickle
import resource
import sys
import warnings
import zipfile
from io import BytesIO

import h5py
import keras
import numpy as np
import pytest
from wayshot.bench import ScorerError, resolve
from wayshot.models import ModelError, assemble, load_checkpoint
from wayshot.models.networks.network import Network

CONFIG, WEIGHTS = "config.json", "model.weights.h5"


@pytest.fixture(scope="module")
def sound(tmp_path_factory) -> dict[str, bytes]:
    """Members of a small network's file."""
    path = tmp_path_factory.mktemp("sound") / "x.keras"
    assemble(Network(backbone="example_backbones:tiny"), "sound").save(path)
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture
def exchanged(sound, tmp_path):
    """Writes the file with some members in place of its own."""

    def exchanged(compression=zipfile.ZIP_STORED, **members):
        path = tmp_path / "exchanged.keras"
        with zipfile.ZipFile(path, "w", compression) as archive:
            for name, content in {**sound, **members}.items():
                archive.writestr(name, content)
        return path

    return exchanged


def refusal(path) -> str:
    with pytest.raises(ModelError) as caught:
        load_checkpoint(path)
    message = str(caught.value)
    assert message.startswith(f"checkpoint {path}: "), message
    assert message.isprintable() and len(message) < 700, message
    return message


def test_the_sound_file_is_loaded(exchanged):
    assert load_checkpoint(exchanged()).name == "sound"


def with_layer(sound, layer) -> bytes:
    """The configuration with another layer in the tower."""
    config = json.loads(sound[CONFIG])
    config["config"]["tower"]["config"]["layers"][1] = layer
    return json.dumps(config).encode()


def described(module, name, registered=None, /, **config):
    return {
        "module": module,
        "class_name": name,
        "registered_name": registered,
        "config": config,
        "name": "x",
        "inbound_nodes": [],
    }


@pytest.fixture
def trap(tmp_path, monkeypatch):
    """A module that says so when it is imported."""
    (tmp_path / "trap_module.py").write_text(
        "import os\nos.environ['TRAPPED'] = '1'\nclass X: pass\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delenv("TRAPPED", raising=False)
    yield
    assert "trap_module" not in sys.modules and "TRAPPED" not in os.environ


MARSHALLED = {"class_name": "__lambda__", "config": {"value": ["4wEAAAA=", None, None]}}

LAYERS = {
    "lambda": described("keras.layers", "Lambda", function=MARSHALLED),
    "a function's code": described("keras.layers", "Activation", activation=MARSHALLED),
    "a program of TensorFlow's": described("keras.layers", "TFSMLayer", filepath="/tmp/x"),
    "a module of PyTorch's": described("keras.layers", "TorchModuleWrapper", module="gASVAAA="),
    "a function of JAX's": described("keras.layers", "JaxLayer", call_fn=MARSHALLED),
    "a vocabulary's file": described("keras.layers", "StringLookup", vocabulary="/etc/passwd"),
    "a vocabulary of any type": described(
        "keras.src.layers.preprocessing.index_lookup", "IndexLookup", vocabulary="/etc/passwd"
    ),
    "a text's file": described("keras.layers", "TextVectorization", vocabulary="/etc/passwd"),
    "a module": described("trap_module", "X"),
    "a registered name": described("trap_module", "X", "trap_module>X"),
    "a function of a module": {
        **described("trap_module", "function"),
        "config": "system",
    },
    "a program": {**described("os", "function", "system"), "config": "system"},
    "a download": {**described("keras.utils", "function", "get_file"), "config": "get_file"},
    "a download as a layer": described("keras.utils", "get_file", origin="file:///etc/passwd"),
    "a switch": {
        **described("keras.config", "function"),
        "config": "enable_unsafe_deserialization",
    },
    "a switch as a layer": described("keras.config", "enable_unsafe_deserialization"),
    "a loader as a layer": described("keras.models", "load_model", filepath="/tmp/x.keras"),
    "a class that is no layer": described("keras.saving", "CustomObjectScope"),
    "an inner module": described("keras.src.saving.serialization_lib", "SafeModeScope"),
    "a name of no text": described("keras.layers", ["Lambda"]),
    "a module of no text": described(["keras"], "Dense"),
    "no module": described(None, "Lambda", function=MARSHALLED),
    "no module and a value": described(None, "__typespec__", value=1),
    "escapes": described("keras.layers", "\x1b[2J\n\u202e"),
}


@pytest.mark.usefixtures("trap")
@pytest.mark.parametrize("kind", LAYERS)
def test_what_is_no_plain_layer_is_refused_before_anything_is_made_of_it(sound, exchanged, kind):
    path = exchanged(**{CONFIG: with_layer(sound, LAYERS[kind])})
    assert "asks for" in refusal(path)


@pytest.mark.usefixtures("trap")
@pytest.mark.parametrize("place", ["compile_config", "build_config"])
def test_code_is_not_taken_from_elsewhere_in_the_configuration(sound, exchanged, place):
    config = json.loads(sound[CONFIG])
    config["config"]["tower"][place] = {"optimizer": described("trap_module", "X")}
    refusal(exchanged(**{CONFIG: json.dumps(config).encode()}))


@pytest.mark.parametrize(
    "config",
    [
        b"",
        b"[]",
        b"null",
        b'"x"',
        b"{}",
        b'{"class_name": 5, "config": []}',
        b"[" * 100_000,
        b'{"class_name": "\\u001b[2J", "config": {}}',
        b"\xff\xfe",
        b'{"registered_name": "wayshot>Siamese"}',
        b'{"registered_name": "wayshot>Siamese", "class_name": "Siamese", "config": {}}',
        b'{"registered_name": ["x"], "class_name": "Siamese", "config": {}}',
        b'{"registered_name": "wayshot>Comparison", "class_name": "x", "config": {}}',
    ],
)
def test_a_configuration_of_something_else_is_refused(exchanged, config):
    refusal(exchanged(**{CONFIG: config}))


@pytest.mark.parametrize(
    "name",
    ["../../owned", "/etc/owned", "assets/x.txt", "model.weights.npz", "data.pkl", "a\x1b[2J\n"],
)
def test_a_further_member_is_refused_and_not_unpacked(exchanged, tmp_path, name):
    path = exchanged(**{name: b"owned"})
    assert "expected only config.json, metadata.json, model.weights.h5" in refusal(path)
    assert list(tmp_path.iterdir()) == [path]


def test_a_member_that_is_there_twice_is_refused(sound, exchanged):
    path = exchanged()
    with warnings.catch_warnings(), zipfile.ZipFile(path, "a") as archive:
        warnings.simplefilter("ignore")
        archive.writestr(CONFIG, sound[CONFIG])
    assert "twice" in refusal(path)


@pytest.mark.parametrize("name", [CONFIG, WEIGHTS, "metadata.json"])
def test_a_bomb_is_not_unpacked(exchanged, name):
    path = exchanged(zipfile.ZIP_DEFLATED, **{name: bytes(10**8)})
    assert "100,000,000 bytes unpacked, expected at most" in refusal(path)


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_is_unpacked_whole_is_refused(exchanged, compression):
    path = exchanged(compression)
    assert "expected stored or deflated" in refusal(path)
    with pytest.raises(ScorerError, match="expected stored or deflated"):
        resolve(str(path))


@pytest.mark.parametrize("name", [CONFIG, WEIGHTS])
def test_a_missing_member_is_refused(sound, tmp_path, name):
    path = tmp_path / "part.keras"
    with zipfile.ZipFile(path, "w") as archive:
        for other in set(sound) - {name}:
            archive.writestr(other, sound[other])
    refusal(path)


def test_a_pickle_is_not_loaded(tmp_path, exchanged):
    class Trap:
        def __reduce__(self):
            return (os.putenv, ("TRAPPED", "1"))

    pickled = pickle.dumps(Trap())
    (tmp_path / "x.keras").write_bytes(pickled)
    refusal(tmp_path / "x.keras")
    for name in (CONFIG, WEIGHTS):
        refusal(exchanged(**{name: pickled}))
    array = BytesIO()
    np.savez(array, x=np.array([Trap()], dtype=object))
    refusal(exchanged(**{WEIGHTS: array.getvalue()}))


HUGE = {
    "units": described("keras.layers", "Dense", units=3 * 10**8),
    "a kernel": described(
        "keras.layers", "Conv2D", filters=8, kernel_size=[20_000, 20_000], padding="same"
    ),
    "a vocabulary": described("keras.layers", "Embedding", input_dim=10**9, output_dim=64),
    "many": described("keras.layers", "Dense", units=5 * 10**6),
}


@pytest.mark.parametrize("kind", HUGE)
def test_a_layer_of_gigabytes_is_refused_before_memory_is_taken(tmp_path, kind):
    given = keras.Input((8, 8, 1))
    flat = keras.layers.Flatten()(keras.layers.Conv2D(1, 3)(given))
    path = tmp_path / "x.keras"
    keras.Model(given, keras.layers.Dense(4)(flat)).save(path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(members[CONFIG])
    layers = config["config"]["layers"]
    layer = next(one for one in layers if one["class_name"] == "Dense")
    if kind == "a kernel":
        layer = next(one for one in layers if one["class_name"] == "Conv2D")
    layer["class_name"], layer["registered_name"] = HUGE[kind]["class_name"], None
    layer["config"] = {"name": layer["config"]["name"], **HUGE[kind]["config"]}
    layer.pop("build_config", None)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in {**members, CONFIG: json.dumps(config).encode()}.items():
            archive.writestr(name, content)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    message = refusal(path)
    assert "its configuration asks for" in message, message
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000
    assert keras.layers.Dense(3).add_weight.__func__.__name__ == "add_weight"
    assert keras.layers.Dense(10**6)(np.ones((1, 2), np.float32)).shape == (1, 10**6)


@pytest.fixture
def altered(sound, exchanged):
    """Writes the file with weights to which something was done."""

    def altered(action):
        buffer = BytesIO(sound[WEIGHTS])
        with h5py.File(buffer, "r+") as file:
            names = []
            file.visititems(
                lambda name, held: names.append(name) if isinstance(held, h5py.Dataset) else None
            )
            action(file, names[0])
        return exchanged(**{WEIGHTS: buffer.getvalue()})

    return altered


def replaced(make):
    def action(file, name):
        shape = file[name].shape
        del file[name]
        make(file, name, shape)

    return action


def virtual(file, name, shape):
    layout = h5py.VirtualLayout(shape, "f4")
    layout[...] = h5py.VirtualSource("/etc/passwd", "x", shape=shape)
    file.create_virtual_dataset(name, layout)


WEIGHTS_ELSEWHERE = {
    "external link": lambda file, name, shape: file.__setitem__(
        name, h5py.ExternalLink("/etc/passwd", "/x")
    ),
    "soft link": lambda file, name, shape: file.__setitem__(name, h5py.SoftLink("/head")),
    "external storage": lambda file, name, shape: file.create_dataset(
        name, shape, "f4", external=[("/etc/passwd", 0, 4 * int(np.prod(shape)))]
    ),
    "virtual": virtual,
    "compressed": lambda file, name, shape: file.create_dataset(
        name, shape, "f4", compression="gzip"
    ),
    "never written": lambda file, name, shape: file.create_dataset(name, (10**6, 10**6), "f4"),
    "chunks": lambda file, name, shape: file.create_dataset(
        name, (10**6, 10**6), "f4", chunks=(10, 10)
    ),
    "texts": lambda file, name, shape: file.create_dataset(name, data=["x", "y"]),
    "a type": lambda file, name, shape: file.__setitem__(name, np.dtype("f4")),
    "complex": lambda file, name, shape: file.create_dataset(name, data=np.ones(3, complex)),
}


@pytest.mark.parametrize("kind", WEIGHTS_ELSEWHERE)
def test_weights_are_plain_numbers_in_the_file(altered, kind):
    path = altered(replaced(WEIGHTS_ELSEWHERE[kind]))
    assert "cannot be loaded (weights " in refusal(path)


def test_weights_of_another_shape_are_refused(altered):
    refusal(altered(replaced(lambda file, name, shape: file.create_dataset(name, data=np.ones(7)))))


def test_a_group_that_holds_itself_is_refused(altered):
    def action(file, name):
        file["again"] = file["/"]

    assert "stored twice" in refusal(altered(action))


@pytest.mark.parametrize("kind", ["folder", "pipe", "h5", "link"])
def test_what_is_no_zip_is_refused(tmp_path, sound, kind):
    path = tmp_path / "x.keras"
    if kind == "folder":
        path.mkdir()
        (path / CONFIG).write_bytes(sound[CONFIG])
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "h5":
        path.write_bytes(sound[WEIGHTS])
    else:
        path.symlink_to("/dev/zero")
    refusal(path)


def test_a_changed_byte_is_refused_or_does_no_harm(exchanged):
    path = exchanged()
    content, generator = path.read_bytes(), np.random.default_rng(0)
    for _ in range(40):
        changed = bytearray(content)
        changed[generator.integers(len(content))] ^= 1 << generator.integers(8)
        path.write_bytes(changed)
        try:
            assert isinstance(load_checkpoint(path), keras.Model)
        except ModelError as error:
            assert str(error).isprintable()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe{",
        b"[" * 100_000,
        b"[]",
        b'{"characters": [], "seed": 1}',
        b'{"characters": 7, "recipe": {}, "seed": 1}',
        b'{"characters": [], "recipe": {}, "seed": NaN}',
        b'{"characters": [], "recipe": {}, "seed": 1}' + b" " * 2**22,
    ],
)
def test_a_card_of_a_stranger_beside_a_checkpoint_is_refused_in_one_line(exchanged, content):
    path = exchanged()
    path.with_suffix(".json").write_bytes(content)
    with pytest.raises(ScorerError, match="not the card of a network") as caught:
        resolve(str(path), "keras")
    assert str(caught.value).isprintable()
