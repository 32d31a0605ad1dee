"""The files that a scorer needs elsewhere are found."""

import pytest
from wayshot.bench.clusters import Luggage
from wayshot.bench.errors import ScorerError

CODE = (
    "from inner.tools import flat\nclass Net:\n    def embed(self, images): return flat(images)\n"
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    here = tmp_path / "here"
    (here / "inner").mkdir(parents=True)
    (here / "inner" / "__init__.py").touch()
    (here / "inner" / "tools.py").write_text("def flat(x): return x.reshape(len(x), -1)\n")
    (here / "model.py").write_text(CODE)
    (here / "other.py").write_text("unused = 1\n")
    (here / "w.npy").write_bytes(b"w")
    monkeypatch.chdir(here)
    return here


def names(luggage):
    return sorted({piece.name for piece in luggage.content.pieces()}) if luggage.content else []


def test_a_registered_scorer_has_none():
    luggage = Luggage("pixel-cosine")
    assert luggage.content is None
    assert luggage.spec.what == "pixel-cosine"


@pytest.mark.parametrize("text", ["model:Net", "model.py:Net"])
def test_code_is_taken_with_all_that_it_imports_from_here(folder, text):
    luggage = Luggage(text)
    assert names(luggage) == ["inner/__init__.py", "inner/tools.py", "model.py"]
    assert (luggage.spec.what, luggage.spec.title) == (text, text)


def test_a_key_that_is_a_path_is_taken_and_keeps_its_place(folder):
    luggage = Luggage("mine=model.py:Net,weights=w.npy")
    assert "w.npy" in names(luggage)
    assert luggage.spec.keys == {"weights": "w.npy"}
    assert luggage.spec.label == "mine"
    assert luggage.spec.title == "model.py:Net,weights=w.npy"


def test_what_lies_elsewhere_gets_a_place_and_is_called_as_typed(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path / "here" / "inner")
    text = f"{folder}/model.py:Net,weights={folder}/w.npy"
    luggage = Luggage(text)
    assert luggage.spec.title == text
    place = luggage.spec.what.partition(":")[0]
    assert place.startswith("outside/")
    assert place in names(luggage)
    assert luggage.spec.keys["weights"] in names(luggage)
    # Packages stay beside the code that imports them.
    assert "tools.py" in names(luggage)


def test_files_beside_a_model_of_the_same_name_go_with_it(folder):
    for name in ("net.onnx", "net.onnx.data", "net.json", "another.json"):
        (folder / name).write_bytes(b"x")
    assert names(Luggage("net.onnx")) == ["net.json", "net.onnx", "net.onnx.data"]


def test_more_can_be_named_and_must_be_there(folder):
    assert "other.py" in names(Luggage("model:Net", [folder / "other.py"]))
    assert "inner/tools.py" in names(Luggage("pixel-cosine", [folder / "inner"]))
    with pytest.raises(ScorerError, match="no such file"):
        Luggage("model:Net", [folder / "missing"])
    with pytest.raises(ScorerError, match="no module"):
        Luggage("nowhere_at_all:Net")
