"""What a user types for a scorer: labels, keys, files and modules."""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from wayshot import wrap
from wayshot.bench.cli import main
from wayshot.bench.errors import ScorerError
from wayshot.bench.scorers import registered, resolve, title_of
from wayshot.bench.scorers.specs import Spec, application

SCORER = """
import numpy as np

class Net:
    def __init__(self, step=5, name=None):
        self.step = step

    def embed(self, images):
        return images[:, :: self.step, :: self.step].reshape(len(images), -1).astype(np.float32)

    def compare(self, q, s):
        return -((q[..., :, None, :] - s[..., None, :, :]) ** 2).sum(-1)
"""
MODEL = """
import numpy as np

def flat(images):
    return images.reshape(len(images), -1)

class Model:
    def __init__(self, factor=1):
        self.factor = factor

    def __call__(self, images):
        return self.factor * flat(images) + 1

model = Model()

def manhattan(q, s):
    return -np.abs(q[:, None] - s).sum(-1)
"""


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    before = set(sys.modules)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def write(name: str, text: str) -> Path:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("chance", Spec("chance")),
        ("mine=chance", Spec("chance", "mine")),
        ("net:Net", Spec("net:Net")),
        ("a b=net:Net,step=7", Spec("net:Net", "a b", {"step": 7})),
        ("x.onnx,mean=[0.5,0.5],name=a", Spec("x.onnx", None, {"mean": [0.5, 0.5], "name": "a"})),
        ("lr=0.1/x.onnx", Spec("0.1/x.onnx", "lr")),
        (
            "n:N,a=1e-3,b=true,c=null,d=x:y",
            Spec("n:N", None, {"a": 1e-3, "b": True, "c": None, "d": "x:y"}),
        ),
        (
            "n:N,a=True,b=FALSE,c=None,d=NULL,e=tRuE,f=yes,g=1",
            Spec(
                "n:N",
                None,
                {"a": True, "b": False, "c": None, "d": None, "e": True, "f": "yes", "g": 1},
            ),
        ),
        ('n:N,a="None",b="true"', Spec("n:N", None, {"a": "None", "b": "true"})),
    ],
)
def test_label_and_keys_are_read(text, spec):
    assert Spec.of(text, registered()) == spec


def test_the_path_of_a_file_may_hold_any_sign():
    write("lr=0.1,b=2/x.onnx", "")
    assert Spec.of("lr=0.1,b=2/x.onnx", {}) == Spec("lr=0.1,b=2/x.onnx")


def test_a_key_without_a_value_is_refused():
    with pytest.raises(ScorerError, match="'step', expected key=value"):
        resolve("net:Net,step")
    with pytest.raises(ScorerError, match="'chance' takes no size"):
        resolve("chance,size=3")


def test_a_list_without_brackets_says_how_it_is_written():
    problem = r"'0\.5', expected key=value; a list is written std=\[0\.4,0\.5,0\.6\]"
    with pytest.raises(ScorerError, match=problem):
        resolve("net:Net,size=5,std=0.4,0.5,0.6,mean=0")


@pytest.mark.parametrize("spec", ["test:Net", "test.py:Net", "./test.py:Net", "{here}/test.py:Net"])
def test_the_current_folder_comes_before_the_standard_library(spec, here):
    import test as standard  # pyright: ignore[reportMissingImports]

    write("test.py", SCORER)
    scorer, _ = resolve(spec.format(here=here))
    assert scorer.step == 5
    assert sys.modules["test"] is standard


def test_a_package_in_the_current_folder_is_imported():
    write("mypackage_x/__init__.py", "")
    write("mypackage_x/net.py", "from .base import Net\n")
    write("mypackage_x/base.py", SCORER)
    assert resolve("mypackage_x.net:Net")[1].level == 1


def test_two_labels_are_two_scorers_with_their_arguments():
    write("net_a.py", SCORER)
    (one, first), (two, second) = (resolve(f"{n}=net_a:Net,step={n[1]}") for n in ("s5", "s7"))
    assert (first.name, second.name) == ("s5", "s7") and first.digest != second.digest
    assert (one.step, two.step) == (5, 7)
    assert resolve("other=net_a:Net,step=5")[1].digest == first.digest


def test_what_was_typed_is_kept_where_it_is_not_the_name():
    write("net_t.py", SCORER)
    write("paper.yaml", "scorer: net_t.py:Net\nstep: 7\nlabel: ours\n")
    typed = {
        "s5=net_t:Net,step=5": "s5=net_t:Net,step=5",
        "net_t:Net,step=5": None,
        "paper.yaml": "paper.yaml",
        "mine=chance": "mine=chance",
        "chance": None,
    }
    assert {text: resolve(text)[1].spec for text in typed} == typed


def test_changed_code_of_a_file_is_another_scorer():
    path = write("net_b.py", SCORER)
    before = resolve("net_b.py:Net")[1].digest
    path.write_text(SCORER + "\n# changed\n")
    sys.modules.pop("net_b")
    assert resolve("net_b.py:Net")[1].digest != before


def test_a_model_found_in_a_module_is_wrapped_with_the_keys():
    write("net_c.py", MODEL)
    images = np.zeros((2, 105, 105), np.uint8)
    assert resolve("net_c:model,size=5")[0].embed(images).shape == (2, 25)
    scorer, known = resolve("net_c:Model,factor=3,size=5,ink=0,paper=1,compare=net_c:manhattan")
    assert known.level == 1 and np.allclose(scorer.embed(images), 4)
    assert known.name == "net_c:Model,factor=3,size=5,ink=0,paper=1,compare=net_c:manhattan"
    with pytest.raises(ScorerError, match="unknown key 'sise', expected size, channels"):
        resolve("net_c:model,sise=5")


def test_a_scorer_takes_no_keys_of_wrap():
    write("net_d.py", SCORER)
    with pytest.raises(ScorerError, match="a scorer as it is and takes no size"):
        resolve("net_d:Net,size=5")


def test_only_classes_functions_and_partials_are_called():
    write(
        "net_e.py",
        MODEL + "from functools import partial\n"
        "def make(factor=1): return Model(factor)\n"
        "half = partial(make, factor=0.5)\n",
    )
    images = np.ones((1, 105, 105), np.uint8)
    for name, value in (("make", 2), ("half", 1.5), ("model", 2), ("Model", 2)):
        assert np.allclose(resolve(f"net_e:{name}")[0].embed(images), value)


def test_layers_and_numbers_named_as_attributes_are_not_refused():
    write(
        "net_f.py",
        SCORER + "        pass\n"
        "class Odd(Net):\n"
        "    scale, pooling, digest = 30.0, lambda x: x, None\n"
        "    trained_on, training, smaller_is_closer = len, True, np.zeros(3)\n",
    )
    known = resolve("net_f:Odd")[1]
    assert (known.scale, known.pooling, known.trained_on) == (None, "mean", None)
    assert not known.smaller_is_closer


@pytest.mark.parametrize(
    "name",
    [
        *("net.pth", "net.pt", "net.h5", "net.weights.h5", "net.safetensors", "NET.PTH"),
        *("net.pth.tar", "net.pkl", "net.npz", "notes.txt", "net"),
    ],
)
def test_a_file_that_is_not_read_says_how_to_wrap_it(name):
    write(name, "x")
    with pytest.raises(ScorerError, match=rf"{name}: .*expected .onnx.*type model.py:model"):
        resolve(name)
    with pytest.raises(ScorerError, match=r"type model\.py:model"):
        resolve(f"ours={name},size=5")
    for gone in ("gone.onnx", "gone.pth", "gone.H5", "gone.yaml", "ours=gone.pt"):
        with pytest.raises(ScorerError, match=rf"{gone.partition('=')[2] or gone}: no such file"):
            resolve(gone)


def test_weights_beside_a_model_and_folders_of_models_say_what_to_type(tmp_path):
    write("net.onnx.data", "x")
    with pytest.raises(ScorerError, match=r"holds weights of net.onnx; type net.onnx"):
        resolve("net.onnx.data")
    (tmp_path / "exported").mkdir()
    with pytest.raises(ScorerError, match=r"exported: is a folder; .*type model.py:model"):
        resolve("exported")


@pytest.mark.parametrize("what", [".", "/", "..", "./", "ours=.", ".,size=3", "~"])
def test_every_folder_is_answered_as_one(what):
    with pytest.raises(ScorerError, match=r"is a folder; expected \.onnx"):
        resolve(what)


@pytest.mark.parametrize("what", ["a" * 5000, "a/" * 3000, "a\0b"])
def test_what_no_path_can_be_is_an_unknown_scorer(what):
    with pytest.raises(ScorerError, match="unknown scorer"):
        resolve(what)


def test_close_names_of_a_module_are_offered():
    write("net_j.py", SCORER + "def other(): return Net()\n")
    for name in ("net_j:Nett", "net_j.py:net"):
        place = name.partition(":")[0]
        with pytest.raises(ScorerError, match=f"has no attribute .*; closest: {place}:Net"):
            resolve(name)
    with pytest.raises(ScorerError, match="; it has net_j:Net, net_j:other"):
        resolve("net_j:xyzzy")
    # The module is not run, as no attribute of it was typed.
    write("net_k.py", SCORER + "raise SystemExit\n")
    with pytest.raises(ScorerError, match=r"'net_k' is a module, .*; closest: net_k:Net"):
        resolve("net_k")
    for name in ("net_k.py", "./net_k.py", "ours=net_k.py"):
        with pytest.raises(ScorerError, match=r"file\.py:attribute; closest: .*net_k\.py:Net"):
            resolve(name)


def test_close_names_of_arguments_are_offered():
    write("net_l.py", SCORER + MODEL + "def free(**keys): return Net(**keys)\n")
    for typed, closest in (
        ("net_l:Net,stepp=3", "step"),
        ("net_l:Model,factr=3", "factor"),
        ("net_l:Model,smaler_is_closer=true", "smaller_is_closer"),
        ("net_l:model,smaler_is_closer=true", "smaller_is_closer"),
    ):
        with pytest.raises(ScorerError, match=f"unknown key .*; closest: {closest}$"):
            resolve(typed)
    with pytest.raises(ScorerError, match="'stepp'"):
        resolve("net_l:free,stepp=3")


def test_true_and_false_of_any_spelling_reach_wrap_and_words_do_not():
    write("net_m.py", MODEL)
    for word in ("true", "True", "TRUE"):
        typed = f"net_m:model,size=5,compare=net_m:manhattan,smaller_is_closer={word}"
        assert resolve(typed)[1].smaller_is_closer
    for word in ("yes", "on", "1", "'True'"):
        with pytest.raises(ScorerError, match=r"smaller_is_closer is .*, expected true or false"):
            resolve(f"net_m:model,size=5,smaller_is_closer={word}")


def test_an_unknown_name_is_told_where_a_label_stands():
    with pytest.raises(ScorerError, match="LABEL=SPEC"):
        resolve("ours")


def test_a_scorer_without_a_name_has_that_of_its_class_or_function():
    class Corners:
        pass

    def embedding(images):
        return images.reshape(len(images), -1)

    assert title_of(Corners()) == "Corners"
    assert title_of(embedding) == title_of(wrap(embedding)) == "embedding"
    assert title_of(partial(embedding)) == "embedding"
    assert title_of(lambda images: images) == "function"


def test_a_yaml_file_says_the_same():
    write("paper/net_g.py", MODEL)
    write("paper/scorer.yaml", "scorer: net_g.py:model\nlabel: ours\nsize: 5\ncompare: dot\n")
    scorer, known = resolve("paper/scorer.yaml")
    assert known.name == "ours"
    typed = resolve("paper/net_g.py:model,size=5,compare=dot")[1]
    assert known.digest == typed.digest
    assert scorer.embed(np.zeros((1, 105, 105), np.uint8)).shape == (1, 25)
    assert resolve("paper/scorer.yaml,size=7")[0].embed(
        np.zeros((1, 105, 105), np.uint8)
    ).shape == (1, 49)
    assert resolve("theirs=paper/scorer.yaml")[1].name == "theirs"
    write("bad.yaml", "size: 3")
    with pytest.raises(ScorerError, match="expected the field scorer"):
        resolve("bad.yaml")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("scorer: net_n.onnx,compare=dot", "write compare: dot as a line of its own"),
        ("scorer: 'net_n:f, size=5'", "write size: 5 as a line of its own"),
        ("scorer: ours=net_n.onnx", "write label: ours as a line of its own"),
        ("scorer: chance\n1: 2", "the key 1, expected the name of an argument"),
        ("scorer: chance\nsmaller is closer: true", "the key 'smaller is closer', expected"),
    ],
)
def test_a_yaml_file_holds_a_key_in_each_line(text, problem):
    write("paper.yaml", text)
    with pytest.raises(ScorerError, match=f"paper.yaml: .*{problem}"):
        resolve("paper.yaml")


def test_what_a_scorer_prints_does_not_end_up_in_the_json(capsys):
    write(
        "net_h.py",
        SCORER.replace(
            "    def embed(self, images):", "    def embed(self, images):\n        print('noise')"
        )
        + "\nprint('version')\n",
    )
    status = main(["run", "glyphs-within-5w1s", "-s", "net_h:Net", "--episodes", "1", "--json"])
    printed = capsys.readouterr()
    assert not status and json.loads(printed.out)["errors"] == []
    assert "noise" in printed.err and "version" in printed.err


def test_an_error_says_what_was_given_in_300_characters(capsys):
    write(
        "net_i.py", SCORER.replace("return -(", "raise ValueError('x' * 10_000)\n        return -(")
    )
    with pytest.raises(
        ScorerError, match=r"compare raised .*\(given float32 \(16, 441\) and"
    ) as caught:
        resolve("net_i:Net")
    assert len(str(caught.value)) <= 300


def test_a_network_of_keras_with_random_weights_is_the_same_every_time():
    first, again, other = (
        application("keras:MobileNetV3Small", keys)._model.weights()
        for keys in ({}, {}, {"seed": 2})
    )
    assert first == again != other
    with pytest.raises(ScorerError, match="closest: MobileNetV3Small"):
        resolve("keras:MobileNetV3Smal")
