from __future__ import annotations

import configparser
import importlib
import json
import re
from dataclasses import replace
from functools import cache
from importlib.metadata import packages_distributions, version
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from wayshot.bench import ScorerError, environment, resolve
from wayshot.bench.evaluations.embeddings import EmbeddingCache
from wayshot.bench.scorers import siamese
from wayshot.bench.scorers.siamese import BundledSiamese, CheckpointSiamese
from wayshot.models import ModelError, assemble, bundle
from wayshot.models.engines import exporting, fastest
from wayshot.models.engines.embedder import Embedder
from wayshot.models.engines.engines import ENGINES, KERAS, PART, Engine, packages
from wayshot.models.engines.exporting import Origin, exported, fingerprint, probe
from wayshot.models.engines.formats import FORMATS, PRECISIONS, Format
from wayshot.models.engines.loading import TOLERANCE, load
from wayshot.models.networks.network import Network
from wayshot.models.networks.pixels import view
from wayshot.tasks.progress import quiet

NETWORK = Origin("some-network", "digest of some-network")


def obstacle(engine: Engine) -> str:
    """Why an engine cannot run here, or nothing."""
    if not engine.installed:
        return f"{' or '.join(engine.modules)} is not installed"
    if engine.precision == "bf16":
        openvino = importlib.import_module("openvino")
        if "BF16" not in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            return "this processor has no bfloat16 arithmetic"
    return ""


INSTALLED = [
    pytest.param(name, marks=pytest.mark.skipif(bool(obstacle(engine)), reason=obstacle(engine)))
    for name, engine in ENGINES.items()
]


def embedded(images: np.ndarray) -> np.ndarray:
    """What a tower of 10 x 10 pixels says, in the tests without one."""
    return of_pixels(view(images, 10, "area"))


def of_pixels(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), -1)[:, ::11].astype(np.float32)


class Fake:
    """Stands in for engines and for the process that exports; counts what it does."""

    def __init__(self, monkeypatch) -> None:
        self.exports, self.opened, self.seconds = 0, [], 0.0
        monkeypatch.setattr(exporting, "_make", self.make)
        clock = SimpleNamespace(perf_counter=lambda: self.seconds)
        monkeypatch.setattr(fastest, "time", clock)
        # From the last, so that they are put back in their order.
        for name in reversed(list(ENGINES)):
            monkeypatch.delitem(ENGINES, name)
        self.add = lambda engine: monkeypatch.setitem(ENGINES, engine.name, engine)

    def make(self, folder: Path, origin: Origin, form: str, precision: str) -> None:
        self.exports += 1
        (folder / FORMATS[form].files[0]).write_text("tower")
        np.save(folder / "reference.npy", embedded(probe(32)))
        files = {path.name: exporting._digest(path) for path in folder.iterdir()}
        record = {"files": files, "size": 10, "channels": 1, "pixels": "area"}
        (folder / "export.json").write_text(json.dumps(record))

    def run(self, seconds: float, wrong: float):
        def run(images: np.ndarray) -> np.ndarray:
            self.seconds += seconds
            return of_pixels(images) + np.float32(wrong)

        return run

    def engine(self, library: str, seconds: float = 1, wrong: float = 0.0, **parts) -> Engine:
        """Adds an engine that takes some seconds, and is wrong by something."""

        def opens(path: Path, precision: str):
            self.opened.append(library)
            assert path.read_text() == "tower"
            return self.run(seconds, wrong)

        parts = {"packages": ("numpy",), "modules": ("numpy",), "form": "onnx", **parts}
        engine = Engine(library, **{"extra": library, "open": opens, **parts})
        self.add(engine)
        return engine

    def keras(self, seconds: float = 5):
        """Loads the network in Keras, as `choose` asks for it."""
        self.opened.append("keras")

        return lambda images: self.run(seconds, 0)(view(images, 10, "area"))

    def choose(self, origin: Origin = NETWORK) -> fastest.Choice:
        return fastest.choose(origin, self.keras, quiet)


@pytest.fixture
def fake(monkeypatch, empty_cache):
    return Fake(monkeypatch)


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return (np.random.default_rng(1).random((3 * PART, 105, 105)) < 0.1).astype(np.uint8)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Gives the file of a network with random weights, by its backbone."""

    @cache
    def save(backbone: str) -> str:
        keras.utils.set_random_seed(1)
        network = Network(
            backbone=f"example_backbones:{backbone}",
            join="product",
            head="similarity",
            quarter_turns=backbone == "tiny",
        )
        path = tmp_path_factory.mktemp("network") / f"{backbone}.keras"
        assemble(network, backbone).save(path)
        return str(path)

    return save


def test_the_version_of_a_new_engine_is_in_every_key_and_record(fake, tmp_path):
    def keys() -> tuple[object, ...]:
        choice_files = set((tmp_path / "own-cache" / "engines").glob("*.json"))
        fake.choose()
        (chosen,) = set((tmp_path / "own-cache" / "engines").glob("*.json")) - choice_files
        known = resolve("siamese-small", "keras")[1]
        return chosen, exported(NETWORK, "onnx").path, EmbeddingCache(known).folder

    fake.engine("quick")
    before = keys()
    assert "pytest" not in environment()["packages"]
    fake.engine("new", packages=("pytest",))
    assert not set(before) & set(keys())
    assert environment()["packages"]["pytest"] == version("pytest")


def test_records_name_versions_in_the_order_they_always_had():
    first = ("wayshot", "numpy", "scipy", "keras", "tensorflow", "torch", "jax")
    known = (*first, "onnxruntime", "openvino", "ai-edge-litert")
    assert packages()[: len(known)] == known
    named = list(environment()["packages"])
    assert named == [name for name in packages() if name in named]


@pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)
def test_an_engine_says_all_that_it_is_made_of(engine):
    assert engine.packages and engine.form in FORMATS
    assert engine.precision in ("f32", *PRECISIONS)
    made_of = {*KERAS, *engine.packages, *FORMATS[engine.form].packages}
    for module in engine.modules:
        # Of those that are installed.
        homes = packages_distributions().get(module, engine.packages)
        assert set(homes) & made_of, module
    setup = configparser.ConfigParser()
    setup.read(Path(__file__).parents[3] / "setup.cfg")
    extras = setup["options.extras_require"]
    installed = set(re.findall(r"[\w-]+(?=>)", extras[engine.extra]))
    assert {*engine.packages, *FORMATS[engine.form].packages} - {"tensorflow"} <= installed
    assert engine.extra in re.findall(r"[\w-]+", extras["engines"])


def test_a_format_that_writes_other_files_than_it_says_is_refused(monkeypatch, saved, tmp_path):
    def writes(model, path, precision, data):
        for name in ("model.one", "model.two"):
            path.with_name(name).write_text(precision)

    for files in (("model.one", "model.two"), ("model.one",)):
        monkeypatch.setitem(FORMATS, "two", Format("two", files, (), writes))
        folder = tmp_path / str(len(files))
        folder.mkdir()
        words = (str(folder), saved("tiny"), "", "", "two", "f32")
        if len(files) == 2:
            exporting.write(*words)
            assert set(json.loads((folder / "export.json").read_text())["files"]) == {
                *files,
                "reference.npy",
            }
        else:
            with pytest.raises(ModelError, match=r"two wrote model.one, model.two, not model.one"):
                exporting.write(*words)


def test_a_network_is_exported_once(fake):
    first = exported(NETWORK, "onnx")
    again = exported(NETWORK, "onnx")
    assert fake.exports == 1
    assert again.path == first.path and (again.size, again.pixels) == (10, "area")
    np.testing.assert_array_equal(again.reference, embedded(probe(32)))


@pytest.fixture
def no_locks(monkeypatch):
    """Makes the cache one that can only be read, in which no lock can be made."""

    def close():
        def refuse(*arguments, **options):
            raise PermissionError(30, "Read-only file system")

        monkeypatch.setattr("filelock.FileLock", refuse)
        monkeypatch.setattr(Path, "mkdir", refuse)

    return close


def test_a_cache_that_can_only_be_read_is_used(fake, no_locks):
    fake.engine("quick")
    first, choice = exported(NETWORK, "onnx"), fake.choose()
    no_locks()
    assert exported(NETWORK, "onnx").path == first.path and fake.choose() == choice


def test_other_weights_formats_and_precisions_are_exports_of_their_own(fake):
    others = (
        (NETWORK, "onnx"),
        (replace(NETWORK, digest="another"), "onnx"),
        (NETWORK, "litert"),
        (NETWORK, "onnx", "int8-static"),
    )
    assert len({exported(*one).path.parent for one in others}) == fake.exports == 4


def test_other_versions_export_anew(fake, monkeypatch):
    exported(NETWORK, "onnx")
    monkeypatch.setattr(exporting, "versions", lambda packages: {"keras": "99"})
    exported(NETWORK, "onnx")
    assert fake.exports == 2


@pytest.mark.parametrize("name", ["model.onnx", "reference.npy", "export.json"])
@pytest.mark.parametrize("damage", ["missing", "truncated", "altered"])
def test_a_damaged_export_is_made_anew(fake, name, damage):
    found = exported(NETWORK, "onnx")
    path = found.path.with_name(name)
    content = path.read_bytes()
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(content[:-3] if damage == "truncated" else b"X" + content[1:])
    again = exported(NETWORK, "onnx")
    assert fake.exports == 2 and path.read_bytes() == content
    np.testing.assert_array_equal(again.reference, found.reference)


@pytest.mark.slow
def test_an_export_that_fails_leaves_nothing_and_says_why(empty_cache, tmp_path):
    with pytest.raises(ModelError, match=r"cannot be exported to litert f32 .checkpoint.*no such"):
        exported(Origin(str(tmp_path / "none.keras"), "none"), "litert")
    assert [path.suffix for path in (empty_cache / "exports").iterdir()] in ([], [".lock"])


@pytest.mark.slow
def test_a_file_that_has_changed_is_not_exported_for_what_it_was(empty_cache, saved):
    other = Origin(saved("tiny"), "before", fingerprint({"weights": np.zeros(3, np.float32)}))
    with pytest.raises(ModelError, match="weights of the file have changed"):
        exported(other, "litert")


@pytest.mark.slow
def test_static_int8_is_calibrated_by_background_images_or_not_at_all(saved, no_omniglot):
    with pytest.raises(ModelError, match=r"cannot be exported to litert int8-static .*omniglot"):
        exported(Origin(saved("tiny"), "uncalibrated"), "litert", "int8-static")


@pytest.mark.parametrize(("wrong", "agrees"), [(0, True), (TOLERANCE / 3, True), (1e-3, False)])
def test_an_engine_that_does_not_agree_with_keras_is_refused(fake, wrong, agrees):
    engine = fake.engine("quick", wrong=wrong)
    if agrees:
        blots = probe(4)
        np.testing.assert_allclose(load(engine, NETWORK)(blots), embedded(blots), atol=TOLERANCE)
    else:
        with pytest.raises(
            ModelError, match=r"engine quick: embeddings of some-network differ from Keras.s by 1"
        ):
            load(engine, NETWORK)


def test_an_engine_of_less_precision_need_not_agree(fake):
    load(fake.engine("quick", wrong=0.1, precision="int8-static"), NETWORK)


@pytest.mark.parametrize("precision", ["f32", "f16"])
def test_what_is_not_finite_or_of_another_shape_is_refused(fake, precision):
    for answer in (np.full((32, 10), np.nan), np.zeros((32, 3)), np.zeros(32)):
        engine = replace(
            fake.engine("odd", precision=precision),
            open=lambda path, precision, answer=answer: lambda images: answer,
        )
        with pytest.raises(ModelError, match=r"cannot be run .embeddings have shape"):
            load(engine, NETWORK)


def test_an_engine_that_fails_is_refused_in_one_line(fake):
    def opens(path: Path, precision: str):
        raise RuntimeError("no such\noperation")

    with pytest.raises(ModelError, match=r"cannot be run .RuntimeError: no such operation"):
        load(replace(fake.engine("broken"), open=opens), NETWORK)


def test_the_fastest_that_agrees_is_chosen(fake):
    fake.engine("slow", seconds=8)
    fake.engine("wrong", seconds=0.5, wrong=1)
    fake.engine("quick", seconds=2)
    fake.engine("less", seconds=0.1, precision="f16")
    fake.engine("missing", modules=("no_such_module",))
    chosen = fake.choose()
    assert chosen.engine == "quick"
    assert chosen.images_per_second == {"slow": 32, "quick": 128, "tensorflow": 51.2}
    assert list(chosen.passed_over) == ["wrong"]
    assert "embeddings of some-network" in chosen.passed_over["wrong"]
    assert not {"less", "missing"} & set(fake.opened)


def test_an_engine_that_is_slow_by_far_is_not_timed(fake):
    fake.engine("quick", seconds=2)
    fake.engine("endless", seconds=90)
    chosen = fake.choose()
    assert chosen.engine == "quick" and "endless" not in chosen.images_per_second
    assert "took 90 s for 256 images" in chosen.passed_over["endless"]
    # It is called to see whether it agrees, and once more.
    assert fake.seconds < 3 * 90


def test_keras_is_chosen_where_it_is_the_fastest(fake):
    fake.engine("slow", seconds=8)
    assert fake.choose().engine == fastest.backend_name()


def test_a_choice_is_remembered_for_network_processor_and_versions(fake, monkeypatch):
    fake.engine("quick")
    first = fake.choose()
    fake.opened.clear()
    assert fake.choose() == first and fake.opened == []
    fake.choose(replace(NETWORK, digest="another"))
    assert fake.opened == ["quick", "keras"]
    monkeypatch.setattr(fastest, "processor", lambda: "another")
    fake.choose()
    monkeypatch.setattr(fastest, "versions", lambda packages: {"numpy": "99"})
    fake.choose()
    assert fake.opened == 3 * ["quick", "keras"]


@pytest.mark.parametrize("content", ["", "[]", '{"engine": "gone", "passed_over": {}}'])
def test_a_damaged_choice_is_made_anew(fake, empty_cache, content):
    fake.engine("quick")
    first = fake.choose()
    (path,) = (empty_cache / "engines").glob("*.json")
    path.write_text(content)
    assert fake.choose() == first
    assert json.loads(path.read_text())["engine"] == "quick"


def test_without_other_engines_keras_is_used_and_nothing_is_loaded_or_kept(fake, empty_cache):
    assert fake.choose().engine == fastest.backend_name()
    assert fake.opened == [] and not empty_cache.exists()


def test_keras_on_tensorflow_is_the_scorer_that_it_was_before_there_were_engines(fake, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    card = bundle("siamese-small").card
    before = f"{siamese._VERSION} {json.dumps(card['network'])} {card['digest']}"
    for engine in ("auto", "keras", "tensorflow"):
        scorer, known = resolve("siamese-small", engine)
        assert scorer.digest == before and known.name == "siamese-small"


def test_every_engine_is_a_scorer_of_its_own_known_without_loading_it(fake):
    fake.engine("quick")
    fake.engine("quick", precision="int8-static")
    digests = {resolve("siamese-small", name)[1].digest for name in ("keras", *ENGINES)}
    assert len(digests) == 3
    assert fake.opened == [] and fake.exports == 0


def test_only_another_precision_has_another_name(fake):
    fake.engine("quick")
    fake.engine("quick", precision="int8-static")
    names = [resolve("siamese-small", name)[1].name for name in ENGINES]
    assert names == ["siamese-small", "siamese-small (quick int8-static)"]


def test_a_scorer_says_its_engine_and_version(fake):
    fake.engine("quick")
    assert resolve("siamese-small", "quick")[0].engine == f"quick {np.__version__}"
    assert resolve("siamese-small", "keras")[0].engine.startswith(f"{fastest.backend_name()} ")


def test_a_scorer_says_which_engines_were_passed_over_and_why(fake, monkeypatch):
    monkeypatch.setattr(BundledSiamese, "model", SimpleNamespace(embed=fake.keras()))
    fake.engine("wrong", wrong=1)
    scorer, _ = resolve("siamese-small")
    assert scorer.engine.startswith(f"{fastest.backend_name()} ")
    assert "of the largest value, expected at most 0.0001" in scorer.passed_over["wrong"]
    assert resolve("siamese-small", "keras")[0].passed_over == {}


def test_auto_is_what_it_has_chosen(fake):
    fake.engine("quick")
    by_hand = Embedder(NETWORK, fake.keras, "quick", quiet)
    chosen = Embedder(NETWORK, fake.keras, "auto", quiet)
    assert chosen.digest == by_hand.digest != NETWORK.digest
    blots = probe(3)
    np.testing.assert_array_equal(chosen.embed(blots), by_hand.embed(blots))


@pytest.mark.parametrize(
    ("engine", "problem"),
    [
        ("onyx", "unknown engine 'onyx', expected auto, tensorflow"),
        ("missing", r"engine missing: no_such_module is not installed; pip install 'wayshot.miss"),
        ("other", r"engine other: no_such_module is not installed; pip install 'wayshot.of-it."),
        ("jax", "Keras is set to tensorflow; set KERAS_BACKEND=jax"),
    ],
)
def test_an_engine_that_there_is_not_is_refused(fake, monkeypatch, engine, problem):
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    fake.engine("missing", modules=("no_such_module",))
    fake.engine("other", modules=("no_such_module",), extra="of-it")
    with pytest.raises(ScorerError, match=problem):
        resolve("siamese-small", engine)


@pytest.mark.parametrize("backbone", ["tiny", "coloured"])
@pytest.mark.parametrize("name", INSTALLED)
def test_an_engine_embeds_as_keras_does(name, backbone, saved, images, request):
    if name.endswith("static"):
        request.getfixturevalue("omniglot")
    scorer = CheckpointSiamese(saved(backbone), name)
    expected = CheckpointSiamese(saved(backbone), "keras").embed(images)
    found = scorer.embed(images)
    assert found.dtype == np.float32
    limit = TOLERANCE if ENGINES[name].precision == "f32" else 0.15
    assert np.abs(found - expected).max() <= limit * np.abs(expected).max()


@pytest.mark.parametrize("name", INSTALLED)
def test_an_embedding_depends_on_its_image_alone_in_every_engine(name, saved, images, request):
    if name.endswith("static"):
        request.getfixturevalue("omniglot")
    scorer = CheckpointSiamese(saved("tiny"), name)
    found = scorer.embed(images)
    order = np.random.default_rng(0).permutation(len(images))
    np.testing.assert_array_equal(scorer.embed(images[order]), found[order])
    alone = np.zeros_like(images)
    alone[7] = images[5]
    np.testing.assert_array_equal(scorer.embed(alone)[7], found[5])
    np.testing.assert_allclose(scorer.embed(images[5:6])[0], found[5], rtol=1e-4, atol=1e-5)
