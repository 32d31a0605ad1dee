from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from wayshot.results import ResultError, compare, compare_recipes
from wayshot.results.statistics import error_of, practical_difference
from wayshot.results.statistics.matching import outcome


@pytest.fixture
def pair(run_of, plain_trials):
    """Two scorers on twelve alphabets of ten trials, and the difference on each alphabet."""
    generator = np.random.default_rng(1)
    credit = (generator.random((2, 12, 10)) < np.array([0.7, 0.6])[:, None, None]).astype(float)
    names = np.repeat([f"alphabet{one:02}" for one in range(12)], 10)
    runs = [run_of(plain_trials(credit[side].ravel(), names), f"scorer{side}") for side in (0, 1)]
    return runs, (credit[0] - credit[1]).mean(axis=1)


@pytest.mark.parametrize("rope", [0.001, 0.05, 0.5])
def test_the_posterior_is_that_of_means_of_alphabets(pair, rope):
    runs, gains = pair
    first, second = map(outcome, runs)
    error = error_of(first.influence - second.influence, first - second)
    found = practical_difference(float(gains.mean()), error, rope)
    posterior = stats.t(11, gains.mean(), gains.std(ddof=1) / 12**0.5)
    assert found.first_better == pytest.approx(posterior.sf(rope), abs=1e-12)
    assert found.second_better == pytest.approx(posterior.cdf(-rope), abs=1e-12)
    assert found.equivalent == pytest.approx(posterior.cdf(rope) - posterior.cdf(-rope), abs=1e-12)
    assert compare_recipes(*runs, rope=rope).practical.as_json() == pytest.approx(found.as_json())


def test_half_of_twice_the_p_value_is_the_probability_of_the_worse_one(pair):
    runs, gains = pair
    first, second = map(outcome, runs)
    error = error_of(first.influence - second.influence, first - second)
    found = practical_difference(float(gains.mean()), error, 1e-9)
    smaller = min(found.first_better, found.second_better)
    assert 2 * smaller == pytest.approx(compare(*runs).p_value, abs=1e-6)


def test_without_an_error_nothing_is_believed():
    assert practical_difference(0.1, None, 0.01) is None
    with pytest.raises(ResultError, match="between 0 and 1"):
        practical_difference(0.1, None, 0)
