import copy
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import special, stats
from wayshot.results import FORMATS, ResultError, seeds_table, write
from wayshot.results.statistics import estimate, influence_of, over_seeds

RECORD = {
    "protocol": {"name": "lake-within-5w1s", "digest": "p" * 64},
    "dataset": {"name": "omniglot", "digest": "d" * 64, "images": 1},
    "scorer": {"name": "small", "digest": "s"},
    "seed": 1,
    "episodes": 60,
    "episodes_digest": "e" * 64,
    "environment": {},
    "timings": {},
}


@pytest.fixture
def store(tmp_path):
    """Stores the run of one training: its credits, recipe and seed."""

    def store(credit, seed, recipe="r", episodes="e" * 64, alphabets=6, characters=1, way=0):
        n = len(credit)
        one = pd.Categorical([f"character{i % characters}" for i in range(n)])
        names = pd.Categorical([f"alphabet{i % alphabets}" for i in range(n)])
        record = copy.deepcopy({**RECORD, "episodes_digest": episodes})
        if recipe:
            record["scorer"]["training"] = {"recipe": recipe, "seed": seed}
        zeros = np.zeros(n)
        columns = {
            "episode": np.arange(n),
            "query": zeros.astype(np.int32),
            "target": zeros.astype(np.int16),
            "predicted": np.full(n, way, np.int16),
            "credit": np.asarray(credit, float),
            "margin": zeros.astype(np.float32),
            "rank": np.ones(n, np.float32),
            **dict.fromkeys(("alphabet", "character", "drawer"), names),
            "character": one,
        }
        return write(tmp_path / f"{seed}{recipe}{episodes[:2]}", record, [columns])

    return store


def credits(count, n=60):
    generator = np.random.default_rng(count)
    ease = generator.random(n)
    return [(generator.random(n) < 0.3 + 0.5 * ease).astype(float) for _ in range(count)]


@pytest.mark.parametrize("count", [2, 3, 5])
def test_the_interval_joins_alphabets_and_trainings(store, jackknife, count):
    drawn = credits(count)
    found = over_seeds([store(credit, seed) for seed, credit in enumerate(drawn)])
    mean = np.mean(drawn, axis=0)
    variance, _, freedom = jackknife(mean, np.arange(60) % 6)
    between = np.var([one.mean() for one in drawn], ddof=1) / count
    freedom = (variance + between) ** 2 / (variance**2 / freedom + between**2 / (count - 1))
    half = stats.t.ppf(0.975, freedom) * (variance + between) ** 0.5
    half /= mean.mean() * (1 - mean.mean())
    ends = special.expit(special.logit(mean.mean()) + half * np.array([-1, 1]))
    one = found.estimate
    assert (one.value, one.low, one.high) == pytest.approx((mean.mean(), *ends), rel=1e-9)
    assert found.spread == pytest.approx(np.std([c.mean() for c in drawn], ddof=1))
    assert found.values == {seed: pytest.approx(c.mean()) for seed, c in enumerate(drawn)}
    assert one.method == f"jackknife by alphabet, {count} seeds, log-odds"


@pytest.mark.parametrize("alphabets", [1, 4])
def test_with_few_alphabets_of_a_character_each_there_is_no_interval(store, alphabets):
    drawn = credits(3)
    runs = [store(credit, seed, alphabets=alphabets) for seed, credit in enumerate(drawn)]
    found = over_seeds(runs)
    assert found.estimate.value == pytest.approx(np.mean(drawn))
    assert found.estimate.low is found.estimate.high is found.estimate.clusters is None
    assert found.spread == pytest.approx(np.std([one.mean() for one in drawn], ddof=1))
    others = [store(credit, seed, "other") for seed, credit in enumerate(drawn)]
    few, many = (seeds_table(some).layouts()[0].notes[0] for some in (runs, others))
    assert "there is none where the characters are too few" in few
    assert "new alphabets." in many


def test_with_one_alphabet_the_interval_joins_characters_and_trainings(store):
    drawn = credits(3)
    runs = [
        store(credit, seed, alphabets=1, characters=10, way=1) for seed, credit in enumerate(drawn)
    ]
    found, single = over_seeds(runs).estimate, [influence_of(run, run.outcome()) for run in runs]
    mean = np.mean([one.value for one in single])
    joined = replace(
        single[0], value=mean, **{name: np.mean([getattr(one, name) for one in single], axis=0)
                                  for name in ("parts", "residuals")},
    )  # fmt: skip
    population = joined.population_variance
    between = np.var([one.mean() for one in drawn], ddof=1) / 3
    freedom = (population + between) ** 2 / (population**2 / joined.freedom + between**2 / 2)
    half = stats.t.ppf(0.975, freedom) * (population + between) ** 0.5 / (mean * (1 - mean))
    ends = special.expit(special.logit(mean) + half * np.array([-1, 1]))
    assert (found.low, found.high) == pytest.approx(ends, rel=1e-9)
    assert found.method == "jackknife by character of one alphabet, 3 seeds, log-odds"
    assert "only new characters of the same alphabets" in seeds_table(runs).layouts()[0].notes[0]


def test_alphabets_that_are_all_alike_do_not_leave_trainings_without_doubt(store):
    credit = np.repeat(np.arange(10) > 0, 6).astype(float)
    found = over_seeds([store(credit, seed) for seed in (1, 2)]).estimate
    assert found.method == "2 seeds, as if trials were independent, log-odds"
    assert found.low < 0.83 < 0.9 < 0.95 < found.high


def test_trainings_that_agree_add_nothing(store):
    (credit,) = credits(1)
    found = over_seeds([store(credit, seed) for seed in (1, 2)])
    plain = estimate(store(credit, 3).trials)
    one = found.estimate
    assert (one.value, one.low, one.high) == pytest.approx((plain.value, plain.low, plain.high))
    assert found.spread == 0


def test_the_order_of_runs_does_not_matter(store):
    runs = [store(credit, seed) for seed, credit in enumerate(credits(4))]
    assert over_seeds(runs) == over_seeds(runs[::-1])


@pytest.mark.parametrize(
    ("others", "problem"),
    [
        ([{"seed": 1}], "each with another seed"),
        ([], "at least two trainings"),
        ([{"seed": 2, "recipe": "other"}], "different recipes"),
        ([{"seed": 2, "recipe": None}], "different recipes"),
        ([{"seed": 2, "episodes": "f" * 64}], "different episodes"),
    ],
)
def test_what_cannot_be_combined_is_refused(store, others, problem):
    (credit,) = credits(1)
    runs = [store(credit, 1)]
    runs += [store(credit, **other) for other in others]
    with pytest.raises(ResultError, match=problem):
        over_seeds(runs)


def test_perfect_trainings_are_refused(store):
    with pytest.raises(ResultError, match="all trials are right"):
        over_seeds([store(np.ones(60), seed) for seed in (1, 2)])


def test_the_table_shows_mean_interval_and_spread_of_each_recipe(store):
    drawn = credits(3)
    runs = [store(credit, seed) for seed, credit in enumerate(drawn)]
    found = over_seeds(runs)
    alone = store(drawn[0], 9, recipe="once")
    table = seeds_table([*runs, alone])
    assert list(table.cells.values()) == [found]
    text = " ".join(table.render("text").split())
    value, low, high = (100 * getattr(found.estimate, end) for end in ("value", "low", "high"))
    assert f"{value:.1f} ({low:.1f}–{high:.1f})" in text
    assert f"{100 * found.spread:.2f}" in text
    assert all(f"seed {seed} " in text for seed in range(3))
    for form in FORMATS:
        assert "small" in table.render(form)
    (one,) = json.loads(table.render("json"))["seeds"]
    assert one["spread"] == found.spread
    assert one["accuracy"] == found.estimate.as_json()


def test_a_recipe_trained_once_has_no_table(store):
    with pytest.raises(ResultError, match="no recipe with runs of several"):
        seeds_table([store(credits(1)[0], 1)])
