from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from wayshot.results import ResultError
from wayshot.results.statistics import pairings
from wayshot.results.statistics.pairings import pair_p_values
from wayshot.results.statistics.recipes import p_value_between, side


def one_by_one(sides):
    found = combinations(range(len(sides)), 2)
    return {(i, j): p_value_between(sides[i], sides[j]) for i, j in found}


@pytest.fixture
def sides_of(draw_pair, run_of):
    def sides_of(seed, mixed=True, scorers=5, **options):
        drawn = draw_pair(seed, mixed, scorers=scorers, **options)
        return [side(run_of(one, f"scorer{place}")) for place, one in enumerate(drawn)]

    return sides_of


@pytest.fixture
def together(monkeypatch):
    """Counts the pairs that were not taken trial by trial."""
    counts = []

    def watched(influences, original=pairings._together):
        found = original(influences)
        counts.append(len(found))
        return found

    monkeypatch.setattr(pairings, "_together", watched)
    return counts


@pytest.mark.parametrize("alphabets", [1, 3, 6, 12])
@pytest.mark.parametrize("mixed", [True, False])
@pytest.mark.parametrize("seed", range(3))
def test_all_pairs_together_are_told_as_by_one_pair_alone(
    sides_of, together, seed, mixed, alphabets
):
    ways = 8 if alphabets == 1 else 4
    sides = sides_of(seed, mixed, alphabets=alphabets, ways=ways, episodes=60)
    found, expected = pair_p_values(sides), one_by_one(sides)
    assert [*found] == [*expected]
    for pair in found:
        assert found[pair] == pytest.approx(expected[pair], rel=1e-9, abs=1e-300), pair
    assert together == [10]


@pytest.mark.parametrize("mixed", [True, False])
def test_groups_of_unequal_size_have_their_freedom(sides_of, together, mixed):
    sides = sides_of(2, mixed, alphabets=7, episodes=37)
    found, expected = pair_p_values(sides), one_by_one(sides)
    assert found == pytest.approx(expected, rel=1e-9)
    assert together == [10]


def test_scorers_that_agree_in_nearly_all_are_taken_trial_by_trial(
    draw_pair, run_of, together, monkeypatch
):
    trials = draw_pair(1, True, scorers=3)
    changed = trials[2].copy()
    at = changed.index[changed["credit"] == 1][0]
    changed.loc[at, ["credit", "predicted", "rank"]] = 0.0, 1, 2.0
    runs = [run_of(one, str(place)) for place, one in enumerate([*trials, trials[2], changed])]
    sides = [side(run) for run in runs]
    # A single trial is much of so few.
    monkeypatch.setattr(pairings, "_CLEAR", 0.05)
    found, expected = pair_p_values(sides), one_by_one(sides)
    assert found == pytest.approx(expected, rel=1e-9)
    assert found[2, 3] == 1.0
    assert together[0] < 10


def test_what_cannot_be_tested_has_no_p_value(sides_of):
    assert {*pair_p_values(sides_of(1, alphabets=1, ways=4)).values()} == {None}


def test_recipes_are_compared_with_their_trainings(draw_pair, run_of, together):
    runs = [run_of(one, str(place)) for place, one in enumerate(draw_pair(1, True, scorers=6))]
    for place, run in enumerate(runs[:4]):
        run.record["scorer"]["training"] = {"recipe": "ab"[place > 1] * 64, "seed": place}
    sides = [side(runs[:2]), side(runs[2:4]), side(runs[4]), side(runs[5])]
    assert pair_p_values(sides) == one_by_one(sides)
    assert together == []


def test_of_one_scorer_there_is_no_pair(sides_of):
    assert pair_p_values(sides_of(1)[:1]) == {}


def test_other_trials_are_refused(sides_of, run_of, draw_pair):
    trials = draw_pair(1, True)[0].assign(drawer="02")
    sides = [*sides_of(1, scorers=3), side(run_of(trials, "other"))]
    with pytest.raises(ResultError, match="of other query images"):
        pair_p_values(sides)


def test_many_scorers_stay_in_order(sides_of):
    found = pair_p_values(sides_of(1, scorers=7))
    assert [*found] == [*combinations(range(7), 2)]
    assert np.isfinite([*found.values()]).all()
