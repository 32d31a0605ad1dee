import copy

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from wayshot.results import ResultError, write
from wayshot.results.statistics import influence
from wayshot.results.statistics.planning import plan_from_disagreement, plan_from_runs

RECORD = {
    "protocol": {"name": "lake-within-5w1s", "digest": "p" * 64, "fields": {}},
    "dataset": {"name": "omniglot", "digest": "d" * 64, "images": 1},
    "scorer": {"name": "one", "digest": "s"},
    "seed": 1,
    "episodes": 100,
    "episodes_digest": "e" * 64,
    "environment": {},
    "timings": {},
}


@pytest.fixture
def store(tmp_path):
    """Stores runs of 100 episodes of five trials over ten alphabets."""

    def store(name, spread, structure="within", alphabets=10):
        generator = np.random.default_rng([len(name), int(100 * spread)])
        alphabet = np.arange(100) % alphabets
        ease = 0.7 + spread * generator.standard_normal(alphabets)
        credit = generator.random((100, 5)) < ease[alphabet][:, None]
        record = copy.deepcopy(RECORD)
        record["scorer"] = {"name": name, "digest": name}
        record["protocol"]["fields"]["structure"] = structure
        names = pd.Categorical(np.repeat([f"alphabet{i}" for i in alphabet], 5))
        zeros = np.zeros(500)
        columns = {
            "episode": np.repeat(np.arange(100), 5),
            "query": np.tile(np.arange(5), 100).astype(np.int32),
            "target": np.tile(np.arange(5), 100).astype(np.int16),
            "predicted": zeros.astype(np.int16),
            "credit": credit.ravel().astype(float),
            "margin": zeros.astype(np.float32),
            "rank": np.ones(500, np.float32),
            **dict.fromkeys(("alphabet", "character", "drawer"), names),
        }
        return write(tmp_path / name, record, [columns])

    return store


def test_so_many_episodes_bring_the_error_to_what_detects_the_difference(store):
    first, second = store("one", 0.05), store("three", 0.02)
    plan = plan_from_runs(first, second, 0.2)
    found = influence(first.trials) - influence(second.trials)
    quantiles = stats.t(9).ppf(0.975) + stats.t(9).ppf(0.8)
    shrinking = found.population_variance - found.lasting_variance

    def detectable(episodes):
        return quantiles * (found.lasting_variance + shrinking * 100 / episodes) ** 0.5

    assert detectable(plan.episodes) <= 0.2 < detectable(plan.episodes - 1)
    assert plan.smallest == pytest.approx(quantiles * found.lasting_variance**0.5)


def test_alphabets_that_differ_too_much_are_never_enough(store):
    first, second = store("one", 0.3), store("three", 0.0)
    plan = plan_from_runs(first, second, 0.01)
    assert plan.episodes is None
    assert plan.smallest > 0.01


def test_more_official_runs_than_there_are_cannot_be_had(store):
    first, second = store("one", 0.05, "runs"), store("three", 0.02, "runs")
    enough = plan_from_runs(first, second, 0.25)
    assert enough.episodes is None or enough.episodes <= 100


def test_without_runs_it_is_the_formula_of_independent_trials():
    plan = plan_from_disagreement(0.04, 20, 0.028)
    # Page 3 of Miller's rule of thumb: 2.8 sqrt(d / n).
    assert plan.episodes * 20 == pytest.approx(2.8**2 * 0.04 / 0.028**2, rel=0.06)
    assert plan_from_disagreement(0.10, 20, 0.044).episodes == pytest.approx(20, abs=1)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"difference": 0.0}, "difference 0 is impossible"),
        ({"difference": 0.2}, "cannot differ by 20 points"),
        ({"level": 1.0}, "level 1 is impossible"),
        ({"power": 0.3}, "power 0.3 is impossible"),
        ({"disagreement": 1.5}, "disagree on 150 %"),
    ],
)
def test_impossible_figures_are_refused(arguments, problem):
    given = {"disagreement": 0.1, "queries": 20, "difference": 0.05, **arguments}
    with pytest.raises(ResultError, match=problem):
        plan_from_disagreement(**given)


def test_too_few_alphabets_are_refused(store):
    with pytest.raises(ResultError, match=r"3 characters are too few.*plan on data with more"):
        plan_from_runs(store("one", 0.1, alphabets=3), store("three", 0.1, alphabets=3), 0.1)


def test_a_plan_for_equivalence_brings_the_error_to_what_shows_the_margin(store):
    first, second = store("one", 0.05), store("three", 0.02)
    plan = plan_from_runs(first, second, 0.2, equivalence=True)
    found = influence(first.trials) - influence(second.trials)
    distance = stats.t(9).ppf(0.95) + stats.t(9).ppf(0.9)
    shrinking = found.population_variance - found.lasting_variance

    def smallest(episodes):
        return distance * (found.lasting_variance + shrinking * 100 / episodes) ** 0.5

    assert smallest(plan.episodes) <= 0.2 < smallest(plan.episodes - 1)
    assert plan.smallest == pytest.approx(distance * found.lasting_variance**0.5)
    assert plan.equivalence
    assert plan_from_runs(first, second, plan.smallest * 0.99, equivalence=True).episodes is None


def test_a_plan_for_equivalence_from_disagreement():
    plan = plan_from_disagreement(0.1, 20, 0.005, equivalence=True)
    trials = (stats.norm.ppf(0.95) + stats.norm.ppf(0.9)) ** 2 * 0.1 / 0.005**2
    assert plan.episodes == -(-trials // 20)
