from __future__ import annotations

import json

import numpy as np
import pytest
from recipe_study import HELD_OUT, VARIATIONS, collected, place, recipe, table
from wayshot import tasks
from wayshot.models.training.recipe import digest


def write(out, variation: str, seed: int, within: float, steps: int = 7) -> None:
    result = {
        "variation": variation,
        "seed": seed,
        "steps": steps,
        "loss": 1.0,
        "seconds": 60.0,
        "within": within,
        "between": 0.9,
        "classes": 3856,
        "recipe": digest(recipe(variation, steps).to_dict()),
    }
    place(out, variation, seed, steps).write_text(json.dumps(result) + "\n")


def test_every_variation_is_a_recipe_of_its_own():
    digests = {digest(recipe(variation, 7).to_dict()) for variation in VARIATIONS}
    assert len(digests) == len(VARIATIONS)
    both = recipe("mirrors+stroke+averaged", 7)
    assert both.classes.mirrors and both.classes.averaged and both.distortion.stroke == 0.5
    assert both.classes.steps == 7 and both.classes.batch == 128


def test_an_unknown_variation_is_refused():
    with pytest.raises(SystemExit, match="variation 'colour', expected one of base, mirrors"):
        recipe("stroke+colour", 7)


def test_what_is_measured_on_are_five_background_alphabets_of_20_characters(omniglot):
    sizes = tasks.load("lake", "background").characters["alphabet"].value_counts()
    assert len(HELD_OUT) == 5 and sizes[list(HELD_OUT)].min() >= 20
    assert recipe("base", 7).held_out == HELD_OUT


def test_the_table_pairs_differences_from_the_base_by_seed(tmp_path):
    for seed, base, other in ((1, 0.70, 0.72), (2, 0.80, 0.81), (3, 0.75, 0.78)):
        write(tmp_path, "base", seed, base)
        write(tmp_path, "mirrors", seed, other)
    write(tmp_path, "stroke+cutout", 2, 0.79)
    lines = table(tmp_path, 7).splitlines()
    cells = {line.split(" | ")[0].strip("| "): line.split(" | ")[1:] for line in lines}
    assert cells["base"][:5] == ["3", "75.00", "90.00", "", ""]
    # t of two degrees of freedom, 4.303, times the standard deviation 1 over the root of 3.
    assert cells["mirrors"][:4] == ["3", "77.00", "90.00", "+2.00 ± 2.48"]
    assert cells["stroke+cutout"][:4] == ["1", "79.00", "90.00", "-1.00"]
    assert all(line.count("|") == lines[-1].count("|") for line in lines if line.startswith("|"))


def test_results_of_another_recipe_are_left_out_aloud(tmp_path, capsys):
    write(tmp_path, "base", 1, 0.7)
    write(tmp_path, "base", 1, 0.6, steps=8)
    assert np.array_equal(collected(tmp_path, 7)["within"], [0.7])
    assert "1 results of other recipes or steps are left out" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="no results of 9 steps"):
        table(tmp_path, 9)
