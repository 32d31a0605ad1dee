from __future__ import annotations

import json
import math

import numpy as np
import pytest
from scipy import stats
from wayshot.results import ResultError, compare_recipes
from wayshot.results.statistics.comparison import compare
from wayshot.results.statistics.equivalence import within_margin
from wayshot.results.statistics.matching import outcome
from wayshot.results.statistics.ranking import best_group, corrected, rank


@pytest.fixture
def trained(run_of, plain_trials):
    """Makes the trainings of a recipe of their accuracies by alphabet, one trial each."""

    def trained(accuracies, recipe="a", scorer=None, each=1):
        runs = []
        for seed, one in enumerate(accuracies, start=1):
            names = [f"alphabet{place:02}" for place in range(len(one))]
            trials = plain_trials(np.repeat(one, each), np.repeat(names, each))
            run = run_of(trials, scorer or recipe, folder=f"{recipe}-{seed}")
            run.record["scorer"] |= {"digest": f"{recipe}{seed}".ljust(64, "0")}
            run.record["scorer"]["training"] = {"recipe": recipe * 64, "seed": seed}
            runs.append(run)
        return runs

    return trained


def cells(generator, alphabets, seeds, of_alphabets=0.03, of_trainings=0.01, of_both=0.03):
    """Accuracies of two recipes that are equally good, by training and alphabet."""
    gap = generator.normal(0, of_alphabets, alphabets) / 2
    return [
        0.7
        + sign * gap
        + generator.normal(0, of_trainings, (count, 1))
        + generator.normal(0, of_both, (count, alphabets))
        for count, sign in zip(seeds, (1, -1), strict=True)
    ]


def crossed(first, second):
    """The variance and its degrees of freedom, from sums of squares of the cells."""
    gain = first.mean(axis=0) - second.mean(axis=0)
    of_alphabets, count = gain.var(ddof=1) / len(gain), len(gain)
    of_trainings, squares, of_both = 0.0, 0.0, 0.0
    for one in (first, second):
        seeds = len(one)
        if seeds < 2:
            continue
        part = one.mean(axis=1).var(ddof=1) / seeds
        rest = one - one.mean(axis=0) - one.mean(axis=1, keepdims=True) + one.mean()
        of_trainings, squares = of_trainings + part, squares + part**2 / (seeds - 1)
        of_both += np.sum(rest**2) / ((seeds - 1) * (count - 1)) / (seeds * count)
    added = max(of_trainings - of_both, 0)
    known = of_alphabets**2 / (count - 1) + added * squares / of_trainings
    return of_alphabets + added, (of_alphabets + added) ** 2 / known


@pytest.mark.parametrize("seeds", [(2, 2), (3, 3), (5, 2), (1, 4)])
@pytest.mark.parametrize("of_trainings", [0.001, 0.05])
def test_alphabets_and_trainings_are_crossed(trained, seeds, of_trainings):
    first, second = cells(np.random.default_rng(sum(seeds)), 12, seeds, of_trainings=of_trainings)
    found = compare_recipes(trained(first, "a"), trained(second, "b"), margin=0.05)
    variance, freedom = crossed(first, second)
    error, gain = math.sqrt(variance), first.mean() - second.mean()
    ends = stats.t.interval(0.95, freedom, gain, error)
    one = found.difference
    assert (one.value, one.low, one.high) == pytest.approx((gain, *ends), rel=1e-9)
    assert found.p_value == pytest.approx(2 * stats.t.sf(abs(gain) / error, freedom), rel=1e-9)
    assert found.freedom == pytest.approx(freedom)
    above, below = (stats.t.sf((0.05 + side * gain) / error, freedom) for side in (1, -1))
    assert found.equivalence.p_value == pytest.approx(max(above, below), rel=1e-9)
    assert found.equivalence.shown == (max(above, below) < 0.05)
    several = [str(count) for count in seeds if count > 1]
    assert one.method == (f"jackknife by alphabet, crossed with {' and '.join(several)} trainings")
    assert [len(one) for one in found.seeds] == [count if count > 1 else 0 for count in seeds]
    assert found.spreads[1] == pytest.approx(second.mean(axis=1).std(ddof=1))


def test_two_single_runs_are_compared_as_ever(draw_pair, run_of):
    runs = [run_of(one, f"{i}") for i, one in enumerate(draw_pair(1, mixed=True))]
    one, found = compare(*runs, 0.9), compare_recipes(*runs, 0.9, margin=0.2)
    assert (found.difference, found.p_value) == (one.difference, one.p_value)
    assert found.equivalence == within_margin(*map(outcome, runs), 0.2, 0.9)
    assert found.spreads == (None, None) and found.between_trainings == 0


@pytest.mark.parametrize("mixed", [True, False])
def test_sides_in_the_other_order_differ_the_other_way(draw_pair, run_of, mixed):
    drawn = draw_pair(3, mixed, episodes=60, scorers=5)
    runs = [run_of(one, f"{i}") for i, one in enumerate(drawn)]
    for place, run in enumerate(runs):
        run.record["scorer"]["training"] = {"recipe": "ab"[place > 1], "seed": place}
    one, other = compare_recipes(runs[:2], runs[2:]), compare_recipes(runs[:1:-1], runs[:2])
    assert one.p_value == pytest.approx(other.p_value, rel=1e-9)
    assert one.difference.low == pytest.approx(-other.difference.high)
    assert one.seeds == ((0, 1), (2, 3, 4))


def test_trainings_that_agree_add_nothing(trained):
    first, second = (one[:1] for one in cells(np.random.default_rng(1), 10, (2, 2)))
    alone = compare(trained(first, "c")[0], trained(second, "d")[0])
    found = compare_recipes(
        *(trained(np.repeat(one, 3, axis=0), name) for one, name in ((first, "a"), (second, "b")))
    )
    assert (found.difference.low, found.p_value) == pytest.approx(
        (alone.difference.low, alone.p_value)
    )
    assert found.between_trainings == pytest.approx(0, abs=1e-12)


def test_more_alphabets_do_not_make_up_for_few_trainings(trained):
    drawn = cells(np.random.default_rng(3), 400, (3, 3), of_trainings=0.05)
    found = compare_recipes(*map(trained, drawn, "ab"))
    assert found.freedom < 6 and found.between_trainings > 0.9
    assert found.p_value > 0.05


def test_recipes_that_are_right_everywhere_are_alike(trained):
    right = np.ones((3, 8))
    found = compare_recipes(trained(right, "a"), trained(right, "b"), margin=0.5)
    assert found.difference.method == "clopper-pearson, all trials alike"
    assert found.freedom is found.between_trainings is found.detectable is None
    assert found.difference.low < 0 < found.difference.high


def test_of_too_few_characters_there_is_no_verdict_on_recipes(trained):
    drawn = [one[:, :4] for one in cells(np.random.default_rng(2), 12, (3, 3))]
    found = compare_recipes(*map(trained, drawn, "ab"), margin=0.1)
    assert found.p_value is found.difference.low is found.freedom is None
    assert not found.equivalence.shown


def test_all_of_it_can_be_had_as_json(trained):
    drawn = cells(np.random.default_rng(2), 12, (3, 2))
    found = compare_recipes(*map(trained, drawn, "ab"), margin=0.1)
    told = json.loads(json.dumps(found.as_json()))
    assert told["seeds"] == [[1, 2, 3], [1, 2]] and told["equivalence"]["margin"] == 0.1
    assert told["difference"]["low"] == found.difference.low
    alone = compare_recipes(*map(trained, drawn, "ab")).as_json()
    assert alone["equivalence"] is None


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"level": 1.0}, "level 1.0 is impossible"),
        ({"by": "word"}, "unknown clusters 'word'"),
        ({"margin": 2.0}, "margin 2 is impossible"),
    ],
)
def test_impossible_questions_are_refused(trained, change, problem):
    drawn = cells(np.random.default_rng(2), 12, (2, 2))
    with pytest.raises(ResultError, match=problem):
        compare_recipes(*map(trained, drawn, "ab"), **change)


def test_two_recipes_are_not_one_side(trained):
    first, second = map(trained, cells(np.random.default_rng(2), 12, (2, 2)), "ab")
    with pytest.raises(ResultError, match="different recipes"):
        compare_recipes([first[0], second[1]], second)
    with pytest.raises(ResultError, match="each with another seed"):
        compare_recipes([first[0], first[0]], second)


# Over alphabets, trainings and both; the second is what networks of one recipe are like.
WORLDS = [(0.03, 0.0, 0.03), (0.02, 0.006, 0.03), (0.03, 0.02, 0.01)]


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("alphabets", [10, 20])
def test_intervals_hold_the_truth_as_often_as_promised(world, alphabets):
    generator, repeats, margin = np.random.default_rng(7), 2000, 0.02
    held = shown = 0
    for _ in range(repeats):
        first, second = cells(generator, alphabets, (3, 3), *world)
        variance, freedom = crossed(first, second)
        gain, error = first.mean() - second.mean(), math.sqrt(variance)
        held += abs(gain) <= stats.t.ppf(0.975, freedom) * error
        shown += abs(gain + margin) + stats.t.ppf(0.95, freedom) * error < margin
    assert 0.93 <= held / repeats <= 0.97
    # Two recipes that differ by the margin are not equivalent.
    assert shown / repeats <= 0.06


@pytest.mark.slow
def test_one_training_of_each_tells_equally_good_recipes_apart_too_often(trained):
    generator, repeats = np.random.default_rng(7), 60
    told = alone = 0
    for _ in range(repeats):
        drawn = [*map(trained, cells(generator, 20, (3, 3), *WORLDS[2]), "ab")]
        told += compare_recipes(*drawn).p_value < 0.05
        alone += compare(drawn[0][0], drawn[1][0]).p_value < 0.05
    assert told <= 0.13 * repeats and alone > 0.3 * repeats


def test_bold_takes_the_spread_of_trainings_into_account(trained):
    generator = np.random.default_rng(5)
    first, second = cells(generator, 20, (3, 3), 0.002, 0.03, 0.002)
    second = second - second.mean() + first.mean() + 0.02
    recipes = [trained(first, "a"), trained(second, "b")]
    assert compare_recipes(*recipes).p_value > 0.05
    assert best_group(recipes) == {0, 1}
    assert corrected(recipes, 0)[1] > 0.05
    single = [one[0] for one in recipes]
    assert len(best_group(single)) == 1


def test_recipes_and_scorers_are_ranked_together(trained):
    generator = np.random.default_rng(8)
    first, second = cells(generator, 12, (3, 2))
    recipes = [trained(first, "a"), trained(second, "b")]
    alone = trained(second[:1] - 0.2, "c")[0]
    found = rank([*recipes, alone])
    for places in ((0, 1), (0, 2), (1, 2)):
        sides = [[*recipes, [alone]][place] for place in places]
        assert found.pairs[places] == compare_recipes(*sides)
        assert found.adjusted[places] >= found.pairs[places].p_value
    assert found.accuracies == pytest.approx([first.mean(), second.mean(), second[0].mean() - 0.2])
    ranked = stats.rankdata(
        -np.stack([first.mean(axis=0), second.mean(axis=0), second[0] - 0.2]), axis=0
    )
    assert found.ranks.means == pytest.approx(ranked.mean(axis=1))
    json.dumps(found.as_json(), allow_nan=False)


def test_runs_of_single_trainings_are_ranked_as_before(trained):
    generator = np.random.default_rng(9)
    runs = [trained(cells(generator, 12, (1, 1))[0], name)[0] for name in "ab"]
    runs.append(trained(cells(generator, 12, (1, 1))[0], "c")[0])
    assert rank(runs) == rank([[run] for run in runs])


@pytest.mark.parametrize(("seeds", "expected"), [((3, 3), ()), ((2, 3), ("a",)), ((2, 1), ("a",))])
def test_recipes_of_two_trainings_are_named(trained, seeds, expected):
    drawn = cells(np.random.default_rng(10), 12, seeds)
    assert compare_recipes(trained(drawn[0], "a"), trained(drawn[1], "b")).of_two == expected
