from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from wayshot import results

ALPHABETS, EACH = 6, 40


def write_training(root: Path, recipe: str, seed: int | None, right: np.ndarray) -> Path:
    """Stores a run with some right trials of each alphabet, of a training or of a scorer."""
    alphabets, n = len(right), len(right) * EACH
    credit = (np.arange(EACH) < right[:, None]).ravel()
    zeros = np.zeros(n)
    names = pd.Categorical(np.repeat([f"alphabet{one}" for one in range(alphabets)], EACH))
    training = {} if seed is None else {"training": {"recipe": recipe * 64, "seed": seed}}
    record = {
        "protocol": {"name": "lake-within-5w1s", "digest": "p", "fields": {}},
        "dataset": {"name": "omniglot", "digest": "d"},
        "scorer": {"name": f"net-{recipe}", "digest": f"{recipe}{seed}" * 8, **training},
        "seed": 1,
        "episodes": n,
        "episodes_digest": "e" * 64,
        "environment": {},
        "timings": {},
    }
    columns = {
        "episode": np.arange(n),
        "query": zeros.astype(np.int32),
        **dict.fromkeys(("target", "predicted"), zeros.astype(np.int16)),
        "credit": credit.astype(float),
        **dict.fromkeys(("margin", "rank"), zeros.astype(np.float32)),
        **dict.fromkeys(("alphabet", "character", "drawer"), names),
    }
    folder = root / f"{recipe}-{seed}"
    results.write(folder, record, [columns])
    return folder


def drawn(middle: float, seeds: int, alphabets: int = ALPHABETS) -> np.ndarray:
    generator = np.random.default_rng(int(middle))
    return generator.binomial(EACH, middle / EACH, (seeds, alphabets))


def store(root: Path, recipe: str, rights: np.ndarray) -> None:
    for seed, right in enumerate(rights, start=1):
        write_training(root, recipe, seed, right)


@pytest.fixture
def recipes(tmp_path) -> Path:
    """Runs of two recipes with three seeds each, and of a single scorer."""
    store(tmp_path, "a", drawn(32, 3))
    store(tmp_path, "b", drawn(30, 3))
    write_training(tmp_path, "c", None, drawn(8, 1)[0])
    return tmp_path


def said(answer: tuple[int, str, str]) -> str:
    assert answer[0] == 0, answer[2]
    return " ".join(answer[1].split())


def test_two_recipes_are_compared_over_their_trainings(wayshot, recipes):
    words = ("compare", "net-a", "net-b", "--runs", recipes)
    out = said(wayshot(*words, "--margin", 60))
    assert re.search(r"net-a \S+ %, mean of the seeds 1: \S+, 2: \S+, 3: \S+; sd \S+ net-b", out)
    assert "jackknife by alphabet, crossed with 3 and 3 trainings; 6 groups, " in out
    assert " degrees of freedom p-value " in out
    assert "of the variance of the difference, which more seeds lessen" in out
    assert "at the level of 5 %, for new trainings and new alphabets." in out
    assert "They are as good as one another within 60 points, at the level of 5 % (two" in out
    assert "as one another" not in said(wayshot(*words))


def test_the_figures_of_recipes_are_those_of_the_library(wayshot, recipes):
    words = ("compare", "net-a (3 seeds)", "net-b", "--runs", recipes, "--json")
    told = json.loads(said(wayshot(*words, "--margin", 60, "--level", 0.9)))
    runs = results.find([recipes])
    sides = [[run for run in runs if run.scorer == name] for name in ("net-a", "net-b")]
    expected = results.compare_recipes(*sides, level=0.9, margin=0.6).as_json()
    assert told["comparisons"] == [] and told["recipes"] == json.loads(json.dumps([expected]))


def test_a_recipe_is_compared_with_a_scorer_as_it_is(wayshot, recipes):
    out = said(wayshot("compare", "net-a", "net-c", "--runs", recipes))
    assert "crossed with 3 trainings" in out and "% (as it is, not trained anew)" in out
    assert "net-a is better, at the level of 5 %, for new trainings of net-a and new alp" in out


def test_a_folder_is_one_training(wayshot, recipes):
    out = said(wayshot("compare", recipes / "a-1", recipes / "b-2", "--disagreements", 0))
    assert "trainings" not in out and "McNemar" in out


def test_recipes_of_too_few_characters_have_no_verdict(wayshot, tmp_path):
    for recipe in "ab":
        store(tmp_path, recipe, drawn(20, 2, alphabets=3))
    out = said(wayshot("compare", "net-a", "net-b", "--runs", tmp_path, "--margin", 50))
    assert "points, no interval" in out and "p-value" not in out
    assert "No verdict: " in out and "Add characters or alphabets." in out
    assert "Nothing can be said about a margin of 50 points: there is no interval." in out


def test_recipes_without_a_mistake_have_an_interval_all_the_same(wayshot, tmp_path):
    for recipe in "ab":
        store(tmp_path, recipe, np.full((2, ALPHABETS), EACH))
    out = said(wayshot("compare", "net-a", "net-b", "--runs", tmp_path))
    assert "clopper-pearson" in out and "all trials alike" in out and "no interval" not in out
    assert "They cannot be told apart" in out and "None" not in out


def test_trainings_have_no_list_of_disagreements(wayshot, recipes):
    words = ("compare", "net-a", "net-b", "--runs", recipes)
    status, _, err = wayshot(*words, "--disagreements", 3)
    assert status == 2 and "name the folder of a run for each" in err
    assert wayshot(*words, "--disagreements", 0)[0] == 0


def test_a_name_that_stands_for_several_recipes_is_refused(wayshot, tmp_path):
    store(tmp_path, "a", drawn(32, 2))
    store(tmp_path, "b", drawn(30, 2))
    for path in tmp_path.glob("*/record.json"):
        path.write_text(path.read_text().replace('"net-b"', '"net-a"'))
    write_training(tmp_path, "c", None, drawn(8, 1)[0])
    status, _, err = wayshot("compare", "net-a", "net-c", "--runs", tmp_path)
    assert status == 2 and "stands for several scorers" in err
    one, other = (f"net-a (2 seeds, {recipe * 4})" for recipe in "ab")
    out = said(wayshot("compare", one, other, "--runs", tmp_path))
    assert "crossed with 2 and 2 trainings" in out
    assert "net-a (2 seeds, aaaaaaaa) against net-a (2 seeds, bbbbbbbb)" in out
