from __future__ import annotations

import dataclasses

import pytest
from wayshot.models import ModelError
from wayshot.models import recipe as recipes

GOOD = "name: x\nbackbone: strided\ndata: lake-background\nheld_out: [Latin]\nsteps: 5\n"


def test_bundled_recipes_can_be_read():
    assert recipes.names()
    for name in recipes.names():
        assert recipes.read(name).name == name


def test_a_file_is_read_with_defaults_filled_in(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_text(GOOD + "learning_rate: 1\ndistortion: {scale: [0.9, 1.1]}\n")
    recipe = recipes.read(str(path))
    assert (recipe.steps, recipe.batch, recipe.held_out) == (5, 256, ("Latin",))
    assert recipe.learning_rate == 1
    assert recipe.distortion == dataclasses.replace(recipes.Distortion(), scale=(0.9, 1.1))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (GOOD + "colour: red\n", "unknown colour; known: name, backbone"),
        (GOOD.replace("5", "five"), "steps is 'five', expected int"),
        (GOOD.replace("5", "true"), "steps is True, expected int"),
        (GOOD.replace("[Latin]", "Latin"), "held_out is 'Latin', expected"),
        (GOOD + "distortion: {scale: [1]}\n", r"distortion: scale is \[1\]"),
        (GOOD + "distortion: 3\n", "distortion: expected names and values, got int"),
        (GOOD.replace("name: x", "name: ../x"), "name '../x', expected letters"),
        (GOOD.replace("steps: 5", "steps: -5"), "steps is -5, expected at least 1"),
        (GOOD + "batch: 0\n", "batch is 0, expected at least 1"),
        (GOOD + "distortion: {scale: [0, 1]}\n", "expected 0 < low <= high"),
        ("name: x\n", "missing backbone, data, held_out, steps"),
        ("- 1\n", "expected names and values, got list"),
        ("a: [", "not a readable YAML file"),
        ("!!python/object/apply:os.getcwd []", "not a readable YAML file"),
    ],
)
def test_what_is_wrong_with_a_recipe_is_said_in_one_line(text, problem, tmp_path):
    path = tmp_path / "x.yaml"
    path.write_text(text)
    with pytest.raises(ModelError, match=problem) as caught:
        recipes.read(str(path))
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)


def test_an_unknown_recipe_is_refused_with_the_known_ones():
    with pytest.raises(ModelError, match="'none' is neither a readable file nor one of siamese"):
        recipes.read("none")
