from __future__ import annotations

import hashlib
import json

import msgspec
import pytest
import yaml
from wayshot.models import ModelError
from wayshot.models.training import recipe as recipes

GOOD = """
name: x
network: {backbone: conv-4}
data: lake-background
held_out: [Latin]
classes: {steps: 5}
"""


def test_bundled_recipes_can_be_read():
    assert recipes.names()
    for name in recipes.names():
        assert recipes.read(name).name == name


def test_a_file_is_read_with_defaults_filled_in(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_text(GOOD + "distortion: {scale: [0.9, 1.1]}\n")
    recipe = recipes.read(str(path))
    assert recipe.classes == recipes.Classes(steps=5, batch=256) and recipe.pairs is None
    assert recipe.held_out == ("Latin",)
    assert recipe.distortion == msgspec.structs.replace(recipes.Distortion(), scale=(0.9, 1.1))


@pytest.mark.parametrize("written", ["1e-4", "1.0e-4", "1.e-04", "+1E-4", "0.0001"])
def test_a_number_may_have_an_exponent_with_or_without_a_point(written, tmp_path):
    path = tmp_path / "x.yaml"
    path.write_text(GOOD.replace("steps: 5", f"steps: 5, learning_rate: {written}"))
    assert recipes.read(str(path)).classes.learning_rate == 1e-4


@pytest.mark.parametrize("name", recipes.names())
def test_what_is_written_out_is_complete_and_reads_as_the_same_recipe(name, tmp_path):
    recipe = recipes.read(name)
    written = recipe.to_dict()
    assert written == json.loads(json.dumps(written))
    fields = {"": recipe, "network": recipe.network, "distortion": recipe.distortion}
    fields |= {"classes": recipe.classes, "pairs": recipe.pairs, "episodes": recipe.episodes}
    for part, value in fields.items():
        told = written[part] if part else written
        assert told is None if value is None else list(told) == list(value.__struct_fields__)
    path = tmp_path / "again.yaml"
    path.write_text(yaml.safe_dump(written, sort_keys=False))
    assert recipes.read(str(path)) == recipe


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (GOOD + "colour: red\n", "unknown field `colour`"),
        (GOOD.replace("conv-4", "conv-4, depth: 3"), r"unknown field `depth` - at `\$.network`"),
        (GOOD.replace("5", "five"), r"Expected `int`, got `str` - at `\$.classes.steps`"),
        (GOOD.replace("5", "true"), r"Expected `int`, got `bool` - at `\$.classes.steps`"),
        (GOOD.replace("5", "-5"), r"Expected `int` >= 1 - at `\$.classes.steps`"),
        (GOOD.replace("[Latin]", "Latin"), r"Expected `array`, got `str` - at `\$.held_out`"),
        (GOOD.replace("lake-background", "lake"), r"regex '.+-.+' - at `\$.data`"),
        (GOOD.replace("name: x", "name: ../x"), r"matching regex .* - at `\$.name`"),
        (GOOD.replace("conv-4", "conv-4, join: sum"), r"'sum' - at `\$.network.join`"),
        (GOOD.replace("conv-4", "conv-4, head: two"), r"'two' - at `\$.network.head`"),
        (GOOD.replace("conv-4", "conv-4, pixels: big"), r"'big' - at `\$.network.pixels`"),
        (GOOD + "pairs: {steps: 5, sampling: easy}\n", r"'easy' - at `\$.pairs.sampling`"),
        (GOOD + "pairs: {batch: 5}\n", r"missing required field `steps` - at `\$.pairs`"),
        (GOOD + "distortion: {scale: [1]}\n", r"length 2, got 1 - at `\$.distortion.scale`"),
        (GOOD + "distortion: {scale: [0, 1]}\n", r"> 0.0 - at `\$.distortion.scale\[0\]`"),
        (GOOD + "distortion: {scale: [2, 1]}\n", "expected the smaller value first"),
        (GOOD + "distortion: {probability: 2}\n", r"<= 1.0 - at `\$.distortion.probability`"),
        (GOOD + "distortion: 3\n", r"Expected `object`, got `int` - at `\$.distortion`"),
        (GOOD + "glyphs: -1\n", r"Expected `int` >= 0 - at `\$.glyphs`"),
        (GOOD.replace("5", "5, averaged: 1"), r"< 1.0 - at `\$.classes.averaged`"),
        (GOOD + "drawers: 1\n", r"Expected `int` >= 2 - at `\$.drawers`"),
        (GOOD.replace("classes: {steps: 5}", ""), "no classes, pairs or episodes"),
        (GOOD.replace("Latin", "") + "patience: 3\n", "patience needs held_out"),
        ("name: x\n", "missing required field `network`"),
        ("- 1\n", "Expected `object`, got `array`"),
        ("", "Expected `object`, got `null`"),
        ("a: [", "not a readable YAML file"),
        ("!!python/object/apply:os.getcwd []", "not a readable YAML file"),
        (b"name: \xff\xfe", "not a readable YAML file"),
    ],
)
def test_what_is_wrong_with_a_recipe_is_said_in_one_line(text, problem, tmp_path):
    path = tmp_path / "x.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ModelError, match=problem) as caught:
        recipes.read(str(path))
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)


def test_a_recipe_written_before_there_were_some_fields_is_the_same_recipe():
    told = recipes.read("siamese-small").to_dict()
    old = {k: v for k, v in told.items() if k not in ("episodes", "glyphs", "composed", "redrawn")}
    old["classes"] = {k: v for k, v in told["classes"].items() if k != "averaged"}
    assert recipes.complete(old) == told
    assert recipes.digest(old) == recipes.digest(told)
    # As the records of stored runs have it.
    fields = json.dumps(old, sort_keys=True).encode()
    assert recipes.digest(told) == hashlib.sha256(fields).hexdigest()
    changes = [{"glyphs": 1}, {"composed": 1}, {"redrawn": 1}]
    changes.append({"classes": {**told["classes"], "averaged": 0.9}})
    digests = {recipes.digest({**told, **change}) for change in changes}
    assert len(digests | {recipes.digest(told)}) == 5
    assert recipes.complete({**told, "colour": 1}) == {**told, "colour": 1}


def test_an_unknown_recipe_is_refused_with_the_known_ones():
    with pytest.raises(ModelError, match="'none' is neither a readable file nor one of ") as caught:
        recipes.read("none")
    assert all(name in str(caught.value) for name in recipes.names())
