from itertools import combinations

import hypothesis
import numpy as np
import pandas as pd
import pytest
from hypothesis import strategies as st
from wayshot.results import ResultError, judge
from wayshot.results.statistics import thinned


def frame(scores, target):
    return pd.DataFrame(judge(scores, target))


def definition(scores, target, ways):
    """Mean credit over all choices of classes; and what a single class ahead takes of it."""
    credits, gains = [], []
    for score, true in zip(scores, target, strict=True):
        others = [place for place in range(len(score)) if place != true]
        found, gain = [], []
        for some in combinations(others, ways - 1):
            chosen = score[[true, *some]]
            credit = float(judge(chosen, np.array(0))["credit"])
            ahead = np.flatnonzero(chosen > chosen[0])
            without = 0.0
            if len(ahead) == 1:
                without = float(judge(np.delete(chosen, ahead[0]), np.array(0))["credit"])
            found.append(credit)
            gain.append(without)
        credits.append(np.mean(found))
        gains.append(np.mean(gain))
    return credits, gains


@hypothesis.settings(max_examples=20)
@hypothesis.given(st.integers(0, 2**32), st.integers(2, 7))
def test_fewer_ways_are_the_mean_over_all_choices_of_classes(seed, ways):
    generator = np.random.default_rng(seed)
    scores = generator.standard_normal((12, 7))
    target = generator.integers(0, 7, 12)
    # Equal scores at the top, with any number of classes, and pairs of equal scores behind it.
    scores[0] = 0
    scores[1, :4] = scores[1].max()
    target[:2] = 2, 1
    scores[2, target[2] - 1] = scores[2, target[2]]
    found = thinned(frame(scores, target), 7, ways)
    credit, gain = definition(scores, target, ways)
    assert found["credit"].to_numpy() == pytest.approx(credit, abs=1e-9)
    behind = found["rank"] > 1.0
    winners = frame(scores, target)["credit"] > 0
    assert found["gain"][behind & ~winners].to_numpy() == pytest.approx(
        np.array(gain)[behind & ~winners], abs=1e-9
    )
    assert (found["gain"][winners] == 0).all()


def test_all_ways_are_the_run_itself():
    generator = np.random.default_rng(1)
    trials = frame(generator.standard_normal((50, 6)), generator.integers(0, 6, 50))
    found = thinned(trials, 6, 6)
    assert found["credit"].to_numpy() == pytest.approx(trials["credit"].to_numpy(), abs=1e-12)


def test_ranks_in_thousands_of_ways_stay_finite():
    trials = pd.DataFrame({"credit": [1.0, 0.0, 0.0], "rank": [1.0, 2.0, 20_000.0]})
    found = thinned(trials, 20_000, 10_000)
    assert found["credit"].to_numpy() == pytest.approx([1, 10_000 / 19_999, 0], rel=1e-6)


@pytest.mark.parametrize("ways", [1, 0, 8])
def test_a_number_of_ways_that_cannot_be_chosen_is_refused(ways):
    trials = pd.DataFrame({"credit": [1.0], "rank": [1.0]})
    with pytest.raises(ResultError, match="expected 2 to 7"):
        thinned(trials, 7, ways)
