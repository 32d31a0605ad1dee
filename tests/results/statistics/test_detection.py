from __future__ import annotations

import math

import hypothesis
import pytest
from hypothesis import strategies as st
from scipy import stats
from wayshot.results.statistics.detection import (
    episodes_needed,
    quantiles,
    smallest_detectable,
)

fast = hypothesis.settings(max_examples=60)

# Page 3 of the design: paired, 400 trials, 80 % power; d the share of trials that disagree.
DETECTABLE_POINTS = {0.04: 2.8, 0.10: 4.4}


@pytest.mark.parametrize(("share", "points"), DETECTABLE_POINTS.items())
def test_the_smallest_detectable_difference_of_400_trials_is_the_known_one(share, points):
    assert 100 * smallest_detectable((share / 400) ** 0.5, math.inf) == pytest.approx(
        points, abs=0.1
    )
    assert smallest_detectable(1, math.inf) == pytest.approx(2.8, abs=0.002)


@pytest.mark.parametrize("freedom", [4, 9, 19, 400])
@pytest.mark.parametrize("level", [0.9, 0.95])
@pytest.mark.parametrize("power", [0.8, 0.9])
def test_what_can_be_detected_is_told_as_often_as_the_power_says(freedom, level, power):
    law = stats.nct(freedom, smallest_detectable(1, freedom, level, power))
    bound = stats.t(freedom).isf((1 - level) / 2)
    assert law.sf(bound) + law.cdf(-bound) == pytest.approx(power, abs=0.03)


@fast
@hypothesis.given(
    st.floats(0.001, 0.5), st.integers(1, 5000), st.floats(1e-6, 0.1), st.floats(0, 1),
    st.integers(4, 50),
)  # fmt: skip
def test_the_episodes_needed_are_the_fewest_that_detect(value, episodes, variance, share, freedom):
    def detects(count):
        left = share * variance + (1 - share) * variance * episodes / count
        return smallest_detectable(left**0.5, freedom) <= value * (1 + 1e-9)

    needed = episodes_needed(value, episodes, variance, share * variance, freedom)
    if needed is None:
        assert smallest_detectable((share * variance) ** 0.5, freedom) >= value * (1 - 1e-9)
    else:
        assert detects(needed)
        assert needed == 1 or not detects((needed - 1) / (1 + 1e-6))


@pytest.mark.parametrize("freedom", [9, 19, 400])
@pytest.mark.parametrize("power", [0.8, 0.9])
def test_equally_good_scorers_are_shown_to_be_so_as_often_as_the_power_says(freedom, power):
    margin = smallest_detectable(1, freedom, 0.95, power, equivalence=True)
    inner = margin - stats.t(freedom).ppf(0.95)
    law = stats.t(freedom)
    assert law.cdf(inner) - law.cdf(-inner) == pytest.approx(power, abs=1e-6)


def test_with_many_clusters_equivalence_takes_2_9_standard_errors():
    # Phillips 1990: z(0.95) + z(0.9).
    assert quantiles(math.inf, 0.95, 0.8, equivalence=True) == pytest.approx(2.926, abs=1e-3)
