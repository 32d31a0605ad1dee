from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from wayshot.results import ResultError, judge
from wayshot.results.statistics import (
    band_level,
    curve_over_runs,
    curve_over_ways,
    families,
    pointwise_level,
    population_influence,
    ranks_tell,
    thinned,
)

WAYS = 6


@pytest.fixture
def run(run_of):
    """A run of one alphabet in each episode, with scores for the definition."""

    def make(seed=1, skill=1.5, **fields):
        generator = np.random.default_rng(seed)
        episodes, alphabets = 60, 8
        scores = generator.standard_normal((episodes * WAYS, WAYS))
        target = np.tile(np.arange(WAYS), episodes)
        alphabet = np.repeat(np.arange(episodes) % alphabets, WAYS)
        hard = generator.standard_normal(alphabets)[alphabet]
        scores[np.arange(len(target)), target] += skill + 0.5 * hard
        trials = pd.DataFrame(
            {
                "episode": np.repeat(np.arange(episodes), WAYS),
                "query": target,
                **judge(scores, target),
                "alphabet": alphabet.astype(str),
                "character": [f"character{one}" for one in target],
                "drawer": "01",
            }
        )
        return run_of(trials, fields={"ways": WAYS, "shots": 1, **fields}), scores, target

    return make


def test_a_curve_has_the_mean_over_all_choices_of_classes_at_every_number_of_ways(run):
    one, scores, target = run()
    curve = curve_over_ways(one)
    assert list(curve.points) == [2, 3, 4, 5, 6] and curve.from_ranks
    for ways, point in curve.points.items():
        right = [
            np.mean([score[true] > score[list(some)].max()
                     for some in combinations([w for w in range(WAYS) if w != true], ways - 1)])
            for score, true in zip(scores, target, strict=True)
        ]  # fmt: skip
        assert point.value == pytest.approx(np.mean(right), abs=1e-9)
        assert point.low < point.value < point.high and point.level == 0.95


def test_the_band_is_the_default_interval_at_the_level_of_the_whole_curve(run):
    one, *_ = run()
    curve = curve_over_ways(one, level=0.9)
    parts = [population_influence(thinned(one.outcome(), WAYS, n)) for n in range(2, WAYS + 1)]
    assert curve.pointwise == pointwise_level(parts, 0.9) > 0.9
    single = curve_over_runs({WAYS: one}, "ways", curve.pointwise).points[WAYS]
    assert curve.points[WAYS].low == pytest.approx(single.low, abs=1e-12)


def test_the_most_ways_are_where_the_curve_and_its_band_reach_the_accuracy(run):
    curve = curve_over_ways(run()[0], accuracy=0.8)
    for end in ("value", "low", "high"):
        there = [n for n, one in curve.points.items() if getattr(one, end) >= 0.8]
        found = {"value": curve.most_ways.ways}.get(end, getattr(curve.most_ways, end, None))
        assert found == (max(there) if there else None)
    assert curve.most_ways.ways is not None and curve.most_ways.offered == WAYS


def test_where_nothing_reaches_the_accuracy_there_is_no_number(run):
    found = curve_over_ways(run(skill=0.2)[0], accuracy=0.999).most_ways
    assert found.ways is found.low is None


def test_more_ways_come_with_a_check_and_must_be_more(run):
    one, *_ = run()
    curve = curve_over_ways(one, beyond=[20, 10])
    assert list(curve.beyond) == [10, 20]
    assert curve.points[6].value > curve.beyond[10].value > curve.beyond[20].value
    # Half of six ways tell too little for a check.
    assert curve.held_out is curve.as_json()["held_out"] is None
    with pytest.raises(ResultError, match="6 ways are not beyond the 6"):
        curve_over_ways(one, beyond=[6])


def test_a_scorer_that_sees_the_whole_episode_has_no_curve_from_ranks(run):
    one, *_ = run()
    one.record["scorer"]["level"] = 3
    assert not ranks_tell(one)
    with pytest.raises(ResultError, match="run it with several numbers of ways"):
        curve_over_ways(one)
    assert not ranks_tell(run(fewest_ways=3)[0])


def test_runs_with_several_shots_are_a_curve(run):
    runs = {5: run(seed=2, skill=2.5)[0], 1: run(seed=3)[0]}
    curve = curve_over_runs(runs, "shots")
    assert list(curve.points) == [1, 5] and curve.most_ways is None
    assert curve.points[5].value == pytest.approx(runs[5].trials["credit"].mean())
    assert 0.95 < curve.pointwise <= 0.975


def test_bands_of_intervals_over_episodes_are_bonferronis(run):
    runs = [run(seed=2)[0], run(seed=3)[0]]
    assert band_level(runs, "sampler", 0.9) == pytest.approx(0.95)
    assert band_level(runs, "population", 0.9) < 0.95


def test_runs_that_differ_in_more_than_ways_are_in_no_curve_together(run):
    one, other = run()[0], run(ways=3)[0]
    many = run(ways=3, fewest_ways=2)[0]
    shots = run(ways=3, shots=5)[0]
    shorter = replace(one, record={**one.record, "episodes": 5}, folder=one.folder / "shorter")
    curves, left = families([one, other, shots, many, shorter], "ways")
    assert curves == [{3: other, 6: one}, {3: shots}]
    assert left == [many, shorter]
