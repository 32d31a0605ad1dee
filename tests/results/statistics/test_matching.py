import numpy as np
import pandas as pd
import pytest
from wayshot.results import ResultError
from wayshot.results.statistics import compare, influence
from wayshot.results.statistics.matching import check_same_episodes, disagreeing, matched, outcome


@pytest.fixture
def pair(draw_pair, run_of):
    """Two runs of the same episodes, whose second differs as said."""

    def pair(second_trials=None, **record):
        first, second = draw_pair(1, mixed=True)
        second = second if second_trials is None else second_trials(second)
        return run_of(first, "one"), run_of(second, "other", **record)

    return pair


@pytest.fixture(params=["kept in memory", "read again"])
def size(request, monkeypatch):
    if request.param == "read again":
        monkeypatch.setattr("wayshot.results.statistics.matching.SMALL", 0)


def refusal(call, *arguments):
    with pytest.raises(ResultError) as caught:
        call(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_runs_of_the_same_episodes_are_taken(pair):
    check_same_episodes(*pair())


def test_fields_that_differ_are_named_with_both_values(pair):
    message = refusal(
        check_same_episodes,
        *pair(
            fields={"ways": 20, "drawers": "same", "new": {"deep": 1}},
            dataset={"name": "glyphs", "digest": "d" * 64},
            seed=12345,
            episodes_digest="f" * 64,
        ),
    )
    for wanted in (
        "runs/one and runs/other",
        "protocol.ways: 5 against 20",
        "protocol.drawers: the default against same",
        "protocol.new.deep: the default against 1",
        "dataset.name: omniglot against glyphs",
        "seed: 1 against 12,345",
    ):
        assert wanted in message
    for unwanted in ("dataset.digest", "protocol.structure", "episodes:", "first"):
        assert unwanted not in message


def test_of_fewer_episodes_it_is_said_that_they_are_the_first(pair):
    message = refusal(check_same_episodes, *pair(episodes=6000, episodes_digest="f" * 64))
    assert "(episodes: 24 against 6,000); the first 24 episodes are the same" in message
    assert "--episodes" in message


def test_where_no_field_differs_the_version_must(pair):
    message = refusal(check_same_episodes, *pair(episodes_digest="f" * 64))
    assert "no field, only the digest" in message and "version" in message


def test_protocols_without_fields_are_told_by_name(pair):
    first, second = pair(episodes_digest="f" * 64, protocol={"name": "lake-runs"})
    for run in (first, second):
        run.record["protocol"]["fields"] = {}
    message = refusal(check_same_episodes, first, second)
    assert "protocol.name: lake-within-5w1s against lake-runs" in message


def test_trials_in_another_order_are_matched(pair, size):
    straight = pair()
    crossed = pair(lambda trials: trials.sample(frac=1, random_state=1))
    gains = [outcome(first) - outcome(second) for first, second in (straight, crossed)]
    assert gains[0].any()
    np.testing.assert_array_equal(*gains)
    pd.testing.assert_frame_equal(disagreeing(*straight), disagreeing(*crossed))


@pytest.mark.parametrize(
    "change",
    [
        lambda trials: trials.iloc[1:],
        lambda trials: trials.assign(query=trials["query"] + 1),
        lambda trials: trials.assign(target=trials["target"][::-1].to_numpy()),
        lambda trials: pd.concat([trials, trials.tail(1)]),
    ],
)
def test_trials_that_have_no_match_are_refused(pair, size, change):
    first, second = pair(change)
    message = refusal(lambda: outcome(first) - outcome(second))
    assert "episode, query, target" in message and "run both again" in message
    assert refusal(disagreeing, first, second) == message


def test_outcomes_of_different_episodes_have_no_difference(pair):
    first, second = map(outcome, pair(seed=2, episodes_digest="f" * 64))
    assert "seed: 1 against 2" in refusal(lambda: first - second)


def test_an_outcome_is_clustered_by_alphabet(pair, size):
    run = pair()[0]
    found = outcome(run)
    assert found.influence.clusters == tuple("ABCDEF")
    assert found.influence.value == influence(run.trials).value
    assert found.clusters.tolist() == run.trials["alphabet"].tolist()


def test_an_outcome_of_many_trials_keeps_credits_and_not_the_trials(pair, monkeypatch):
    monkeypatch.setattr("wayshot.results.statistics.matching.SMALL", 0)
    run = pair()[0]
    found = outcome(run)
    kept = [value for value in vars(found).values() if isinstance(value, pd.DataFrame)]
    assert kept == []
    np.testing.assert_array_equal(found.credit, run.trials["credit"])
    assert found.credit.base is None


def test_the_official_runs_may_be_clustered_by_run(draw_pair, run_of):
    trials = draw_pair(1, mixed=False)[0]
    found = outcome(
        run_of(trials, protocol={"name": "lake-runs"}, fields={"structure": "runs"}), "run"
    )
    assert len(found.influence.clusters) == 24 and not found.influence.mixed
    assert "no official runs" in refusal(outcome, run_of(trials), "run")
    assert "known are alphabet, run" in refusal(outcome, run_of(trials), "drawer")


@pytest.mark.parametrize("mixed", [True, False])
def test_disagreements_are_the_trials_of_unlike_credit_and_what_each_says(draw_pair, run_of, mixed):
    drawn = draw_pair(3, mixed)
    listed = disagreeing(run_of(drawn[0], "one"), run_of(drawn[1], "other"))
    expected = []
    for mine, theirs in zip(*(one.to_dict("records") for one in drawn), strict=True):
        if mine["credit"] == theirs["credit"]:
            continue
        row = {name: mine[name] for name in ("episode", "query", "target", "alphabet", "character")}
        row["drawer"] = mine["drawer"]
        for side, name, trials in ((mine, "first", drawn[0]), (theirs, "second", drawn[1])):
            (said,) = trials[
                (trials["episode"] == side["episode"]) & (trials["target"] == side["predicted"])
            ].to_dict("records")
            row |= {f"{key}_{name}": side[key] for key in ("credit", "predicted", "margin")}
            row[f"predicted_alphabet_{name}"] = said["alphabet"]
            row[f"predicted_character_{name}"] = said["character"]
        expected.append(row)
    assert 0 < len(expected) < len(drawn[0])
    assert listed.to_dict("records") == expected


def test_what_is_predicted_is_missing_where_no_trial_asks_for_it(draw_pair, run_of):
    drawn = [one[one["target"] > 0] for one in draw_pair(3, mixed=True)]
    listed = disagreeing(run_of(drawn[0], "one"), run_of(drawn[1], "other"))
    unknown = listed["predicted_first"] == 0
    assert unknown.any() and not unknown.all()
    assert listed["predicted_character_first"].isna().tolist() == unknown.tolist()


def test_a_run_has_no_disagreement_with_itself(pair):
    run = pair()[0]
    assert len(disagreeing(run, run)) == 0


@pytest.fixture
def some(draw_pair, run_of):
    """A run by scorer, protocol and digest of the episodes."""
    trials = draw_pair(1, mixed=False)[0]

    def some(scorer, protocol, digest, **record):
        place = f"{protocol}/{scorer}-{digest}"
        return run_of(
            trials,
            scorer,
            protocol={"name": protocol},
            folder=record.pop("folder", place),
            episodes_digest=digest,
            **record,
        )

    return some


def test_runs_are_put_together_by_their_episodes(some):
    a = [some("a", "p", "1"), some("a", "q", "2"), some("a", "r", "3")]
    b = [some("b", "q", "2"), some("b", "p", "1"), some("b", "s", "4")]
    groups, left_out = matched({"a": a, "b": b})
    assert groups == [[a[0], b[1]], [a[1], b[0]]]
    assert left_out == []


def test_of_equal_runs_the_last_counts(some):
    a, again, b = some("a", "p", "1"), some("a", "p", "1", folder="again"), some("b", "p", "1")
    assert matched({"a": [a, again], "b": [b]})[0] == [[again, b]]


def test_protocols_of_other_episodes_are_told(some):
    a = [some("a", "p", "1"), some("a", "q", "2")]
    b = [some("b", "p", "1"), some("b", "q", "3", seed=7)]
    groups, (line,) = matched({"a": a, "b": b})
    assert groups == [[a[0], b[0]]]
    assert "q/a-2 and q/b-3" in line and "seed: 1 against 7" in line


def test_other_episodes_alone_are_refused(some):
    message = refusal(matched, {"a": [some("a", "p", "1")], "b": [some("b", "p", "2", seed=7)]})
    assert "seed: 1 against 7" in message


def test_single_runs_of_other_protocols_are_refused_field_by_field(some):
    message = refusal(matched, {"a": [some("a", "p", "1")], "b": [some("b", "q", "2", seed=7)]})
    assert "seed: 1 against 7" in message


def test_runs_with_no_protocol_in_common_are_refused(some):
    b = [some("b", "q", "2"), some("b", "r", "3")]
    message = refusal(matched, {"a": [some("a", "p", "1")], "b": b})
    assert "a has p; b has q, r" in message


def test_a_name_of_several_scorers_is_refused_with_their_folders(some):
    a, b = some("a", "p", "1"), some("b", "p", "1")
    message = refusal(matched, {"a": [a, some("other", "p", "1")], "b": [b]})
    assert "'a' stands for several scorers on p" in message
    assert "p/a-1, p/other-1" in message


def test_a_run_under_two_names_is_refused(some):
    a = some("a", "p", "1")
    assert "the same run twice" in refusal(matched, {"a": [a], "b": [a]})


@pytest.mark.parametrize("column", ["character", "drawer"])
def test_trials_of_other_images_are_not_paired(draw_pair, run_of, column):
    first, second = draw_pair(1, mixed=True)
    names = [f"{name}x" if place == 7 else str(name) for place, name in enumerate(second[column])]
    other = second.assign(**{column: pd.Categorical(names)})
    with pytest.raises(ResultError, match=f"other query images .{column}.; run both again"):
        compare(run_of(first, "one"), run_of(other, "other"))


@pytest.mark.parametrize("column", ["alphabet", "character"])
def test_names_are_paired_and_not_the_places_of_their_categories(draw_pair, run_of, column):
    first, second = draw_pair(1, mixed=True)
    of = first[column].astype("category")
    reverse = of.cat.categories[::-1]
    turned, others = (
        of.cat.set_categories(reverse),
        pd.Categorical.from_codes(of.cat.codes, reverse),
    )
    run = run_of(first.assign(**{column: of}), "one")
    same = run_of(second.assign(**{column: turned}), "same")
    other = run_of(second.assign(**{column: others}), "other")
    assert len(disagreeing(run, same)) == np.sum(first["credit"] != second["credit"])
    assert (outcome(run) - outcome(same)).tolist() == (first["credit"] - second["credit"]).tolist()
    for refused in (lambda: outcome(run) - outcome(other), lambda: disagreeing(run, other)):
        with pytest.raises(ResultError, match=f"other query images .{column}.; run both again"):
            refused()


def test_trials_of_other_queries_are_not_paired(draw_pair, run_of):
    first, second = draw_pair(1, mixed=True)
    swapped = second.assign(target=second["target"][::-1].to_numpy())
    one, other = outcome(run_of(first, "one")), outcome(run_of(swapped, "other"))
    assert "not of the same trials" in refusal(lambda: one - other)
