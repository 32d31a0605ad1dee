"""Recipes and cards that someone else wrote."""

from __future__ import annotations

import json
import sys
import tracemalloc
from pathlib import Path

import pytest
import yaml
from wayshot.models import ModelError
from wayshot.models.bundled import FOLDER
from wayshot.models.card import write_card
from wayshot.models.training import recipe as recipes

GOOD = """
name: x
network: {backbone: conv-4}
data: lake-background
held_out: [Latin]
classes: {steps: 5}
"""
NINE = ", ".join(["*{}"] * 9)


def laughs(line: str) -> str:
    """A thousand million of something, by nine aliases to nine aliases to ..."""
    lines = ["l0: &l0 [1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"l{n}: &l{n} [{NINE.replace('{}', f'l{n - 1}')}]" for n in range(1, 10)]
    return "\n".join([*lines, line])


def merges() -> str:
    """Keys that double with each line, though there is one of them."""
    lines = ["m0: &m0 {k: 1}"]
    lines += [f"m{n}: &m{n} {{<<: [*m{n - 1}, *m{n - 1}]}}" for n in range(1, 40)]
    return "\n".join(lines) + GOOD


HOSTILE = {
    "laughs": (laughs("") + GOOD, "alias"),
    "laughs as alphabets": (laughs("") + GOOD.replace("[Latin]", "*l9"), "alias"),
    "merges": (merges(), "alias"),
    "itself": (GOOD.replace("[Latin]", "&a [*a]"), "alias"),
    "deep": (GOOD + "x: " + "[" * 30_000 + "]" * 30_000, "nested too deep"),
    "deep and open": ("{a: " * 15_000, "nested too deep"),
    "deep lists": (GOOD + "x:\n" + " " + "- " * 30_000, "nested too deep"),
    "deep maps": (GOOD + "x:\n" + "".join(f"{' ' * n}a:\n" for n in range(1, 300)), "nested too"),
    "large": (GOOD + "#" * 10**6, "too large for a recipe"),
    "a key twice": (GOOD + "drawers: 3\ndrawers: 4\n", "'drawers' twice"),
    "a key twice inside": (GOOD.replace("steps: 5", "steps: 5, steps: 6"), "'steps' twice"),
    "digits": (GOOD.replace("5", "9" * 5000), "classes.steps|4300 digits"),
    "hexadecimal digits": (GOOD.replace("5", "0x" + "f" * 5000), "classes.steps"),
    "sixties": (GOOD.replace("steps: 5", "steps: 1" + ":59" * 5000), "classes.steps"),
    "more steps than ever": (GOOD.replace("5", "9" * 18), "classes.steps"),
    "infinite": (GOOD + "distortion: {rotation: .inf}\n", "distortion.rotation"),
    "not a number": (GOOD + "distortion: {rotation: .nan}\n", "distortion.rotation"),
    "an object": (GOOD.replace("x\n", "!!python/object/apply:os.system [id]\n", 1), "YAML"),
    "a name": (GOOD.replace("x\n", "!!python/name:os.system\n", 1), "YAML"),
    "a module": (GOOD.replace("x\n", "!!python/module:antigravity\n", 1), "YAML"),
    "a new object": (GOOD + "y: !!python/object/new:os.system [id]\n", "YAML"),
    "bytes": (GOOD.replace("x\n", "!!binary aGk=\n", 1), r"\$.name"),
    "a day that is none": (GOOD.replace("x\n", "2001-99-99\n", 1), "YAML"),
    "two documents": (GOOD + "---" + GOOD, "YAML"),
    "a list as a key": ("? [a]\n: b\n" + GOOD, "YAML"),
    "a map as a key": ("? {a: b}\n: c\n" + GOOD, "YAML"),
    "a control character": (GOOD + "\0", "YAML"),
    "escapes": (GOOD + '"\\e[2J\\n": 1\n', "unknown field"),
    "a surrogate": (GOOD + '"\\uD800": 1\n', "YAML|unknown field"),
    "a path as a name": (GOOD.replace("name: x", "name: ../../x"), r"\$.name"),
    "a line in a name": (GOOD.replace("name: x", 'name: "x\\n"'), r"\$.name"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_is_no_recipe_is_refused_in_one_line(kind, tmp_path):
    text, says = HOSTILE[kind]
    path = tmp_path / "x.yaml"
    path.write_text(text)
    tracemalloc.start()
    with pytest.raises(ModelError, match=says) as caught:
        recipes.read(str(path))
    assert tracemalloc.get_traced_memory()[1] < 10**8
    tracemalloc.stop()
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert message.isprintable() and len(message) < 1000, message
    assert "antigravity" not in sys.modules


@pytest.mark.parametrize("name", ["x\0y", "/dev/null", "\x1b[2J", "", "."])
def test_a_path_that_is_none_is_refused(name):
    with pytest.raises(ModelError) as caught:
        recipes.read(name)
    assert str(caught.value).isprintable()


def test_a_file_without_end_is_not_read_to_its_end():
    with pytest.raises(ModelError, match="too large for a recipe"):
        recipes.read("/dev/zero")


class TestCode:
    """A backbone `module:attribute` is imported where the user types it, and nowhere else."""

    @pytest.fixture
    def own(self, tmp_path) -> Path:
        path = tmp_path / "own.yaml"
        path.write_text(GOOD.replace("conv-4", "example_backbones:tiny"))
        return path

    def test_code_that_only_the_file_names_is_refused(self, own):
        with pytest.raises(ModelError, match="--backbone example_backbones:tiny"):
            recipes.read(str(own))

    def test_code_that_the_user_names_is_what_the_recipe_has(self, own):
        named = recipes.read(str(own), backbone="example_backbones:tiny")
        assert named.network.backbone == "example_backbones:tiny"
        other = recipes.read("siamese-small", backbone="example_backbones:tiny")
        assert other.network.backbone == "example_backbones:tiny"

    def test_an_application_of_keras_is_no_code(self, tmp_path):
        path = tmp_path / "keras.yaml"
        path.write_text(GOOD.replace("conv-4", "keras:MobileNetV3Small"))
        assert recipes.read(str(path)).network.backbone == "keras:MobileNetV3Small"


@pytest.fixture
def card() -> dict:
    return json.loads((FOLDER / "siamese-small.json").read_text())


@pytest.mark.parametrize(
    "name", ["../owned", "/tmp/owned", "", ".", "..", "a/b", "a\nb", "\x1b[2J", None, 5, ["x"]]
)
def test_a_card_is_not_written_elsewhere(card, tmp_path, name):
    folder = tmp_path / "cards"
    folder.mkdir()
    card["name"] = name
    with pytest.raises(ModelError) as caught:
        write_card(folder, card)
    assert str(caught.value).isprintable()
    assert list(tmp_path.rglob("*")) == [folder]


@pytest.mark.parametrize(
    "field", ["data", "network", "recipe", "software", "history", "validation", "seconds", "steps"]
)
@pytest.mark.parametrize("value", [None, "x", [], 5, {"a": "b"}])
def test_a_card_with_another_field_is_refused_whole_or_written_whole(card, tmp_path, field, value):
    card[field] = value
    try:
        write_card(tmp_path, card)
    except ModelError as error:
        assert str(error).isprintable()
        assert not list(tmp_path.iterdir())
    else:
        assert len(list(tmp_path.iterdir())) == 2


def test_protocols_of_strangers_are_text_in_a_card(card, tmp_path):
    card["evaluation"]["results"][0]["protocol"] = "x`|y\n\n# fake\x1b[2J"
    write_card(tmp_path, card)
    text = (tmp_path / f"{card['name']}.md").read_text()
    assert r"| `x'\|y\n\n# fake\x1b[2J` |" in text
    assert "\n# fake" not in text and "\x1b" not in text


def test_the_recipes_that_are_bundled_have_no_aliases():
    for name in recipes.names():
        text = (recipes.FOLDER / f"{name}.yaml").read_bytes()
        assert recipes.decode(text).to_dict() == recipes.read(name).to_dict()
        assert recipes.decode(yaml.safe_dump(recipes.read(name).to_dict()).encode()).name == name
