import csv
import io
import json
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from wayshot.results import FORMATS, ResultError
from wayshot.results.tables.by_group import PARTS, breakdown, breakdowns, half
from wayshot.results.tables.confusion import confusion_tables, confusions


@pytest.fixture(params=[False, True], ids=["within", "between"])
def drawn(request, draw_pair, run_of):
    """Runs of two scorers on the same random episodes."""
    one, other = draw_pair(1, request.param)
    return run_of(one, "one"), run_of(other, "other")


@pytest.fixture
def by_hand(run_of, plain_trials):
    """Alphabets with 0, 1, 3 and 1.5 errors of 4 trials."""
    credit = [1, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0.5, 0, 1, 1]
    return run_of(plain_trials(credit, np.repeat(list("abcd"), 4)))


def names(trials, by):
    return [
        row.alphabet if by == "alphabet" else f"{row.alphabet}/{getattr(row, by)}"
        for row in trials.itertuples()
    ]


def test_errors_are_counted_and_the_most_come_first(by_hand):
    found = breakdown(by_hand)
    assert found.index.tolist() == ["c", "d", "b", "a"]
    assert found["n"].tolist() == [4, 4, 4, 4]
    assert found["errors"].tolist() == [3, 1.5, 1, 0]
    assert found["value"].tolist() == [0.25, 0.625, 0.75, 1]
    np.testing.assert_allclose(found["share"], np.array([3, 1.5, 1, 0]) / 5.5)


@pytest.mark.parametrize("by", PARTS)
def test_a_breakdown_equals_counting_trial_by_trial(drawn, by):
    trials = drawn[0].trials
    found = breakdown(drawn[0], by)
    assert found.index.name == by
    count, credit = Counter(), Counter()
    for name, one in zip(names(trials, by), trials["credit"], strict=True):
        count[name] += 1
        credit[name] += one
    assert found["n"].to_dict() == count
    assert found["value"].to_dict() == pytest.approx(
        {name: credit[name] / count[name] for name in count}
    )
    assert found["errors"].sum() == pytest.approx(len(trials) - trials["credit"].sum())
    assert found["share"].sum() == pytest.approx(1)
    assert (np.diff(found["errors"]) <= 0).all()


def test_characters_and_drawers_of_different_alphabets_are_different(by_hand):
    assert len(breakdown(by_hand, "character")) == len(breakdown(by_hand, "drawer")) == 4
    assert "a/01" in breakdown(by_hand, "drawer").index


def test_categories_that_do_not_occur_are_no_parts(run_of, plain_trials):
    trials = plain_trials([1, 0, 1], ["a", "b", "c"])
    assert len(trials["alphabet"].cat.categories) == 3
    assert breakdown(run_of(trials[trials["alphabet"] != "b"])).index.tolist() == ["a", "c"]


def test_an_unknown_part_is_refused(by_hand):
    with pytest.raises(ResultError, match="'stroke'; known are alphabet, character, drawer"):
        breakdown(by_hand, "stroke")


@pytest.mark.parametrize(
    ("errors", "few"),
    [
        ([0, 0, 0], 0),
        ([1, 0, 0], 1),
        ([1, 1, 0], 1),
        ([1, 1, 1], 2),
        ([1, 5, 1, 1, 1], 1),
        ([1, 4, 1, 3, 1], 2),
        ([0.25] * 4, 2),
    ],
)
def test_half_of_the_errors_are_of_the_fewest_parts(errors, few):
    assert half(pd.DataFrame({"errors": errors})) == few


def test_text_shows_scorers_beside_each_other_and_the_concentration(drawn):
    text = breakdowns(drawn).render("text")
    title, grid, notes = text.split("\n\n")
    header, _, *rows = grid.splitlines()
    assert "by alphabet of the query" in title and "digest eeeeeeee" in " ".join(notes.split())
    assert "Sorted by the errors of one, most errors first." in " ".join(notes.split())
    wanted = ("one, accuracy", "one, share of errors", "other, accuracy", "other, share of errors")
    assert all(name in header for name in wanted)
    assert [row.split()[0] for row in rows] == breakdown(drawn[0]).index.tolist()
    first, second, *_ = notes.splitlines()
    few = half(breakdown(drawn[0]))
    assert first.startswith(f"{few} of 6 alphabets account")
    assert first.endswith("for half of the errors of one.")
    assert second.endswith("of other.")


def test_one_alphabet_accounts_and_none_makes_no_errors(run_of, plain_trials):
    runs = [
        run_of(plain_trials(credit, list("aabb")), name)
        for name, credit in (("bad", [0, 1, 1, 1]), ("good", [1, 1, 1, 1]))
    ]
    text = breakdowns(runs).render("text")
    assert "1 of 2 alphabets accounts for half of the errors of bad" in text
    assert "good makes no errors" in text


def test_episodes_of_different_digests_have_a_table_each(by_hand, run_of):
    other = run_of(by_hand.trials, protocol={"name": "other"}, episodes_digest="f" * 64)
    document = breakdowns([by_hand, other])
    assert len(document.layouts()) == 2
    assert document.render("html").count("<table>") == 2
    conflict = run_of(by_hand.trials, protocol={"digest": "q" * 64}, episodes_digest="f" * 64)
    with pytest.raises(ResultError, match="same name"):
        breakdowns([by_hand, conflict])


def test_no_runs_are_refused():
    for make in (breakdowns, confusion_tables):
        with pytest.raises(ResultError, match="no runs"):
            make([])


@pytest.mark.parametrize("by", PARTS)
def test_a_breakdown_for_machines_holds_every_part(drawn, by):
    document = breakdowns(drawn, by)
    rows = json.loads(document.render("json"))["breakdown"]
    assert len(rows) == 2 * len(breakdown(drawn[0], by))
    assert set(rows[0]) == {"protocol", "scorer", by, "n", "errors", "value", "share"}
    parsed = list(csv.DictReader(io.StringIO(document.render("csv"))))
    assert [row[by] for row in parsed] == [row[by] for row in rows]
    assert [float(row["value"]) for row in parsed] == [row["value"] for row in rows]


def test_what_is_to_be_known_of_a_run_is_said_of_its_breakdown_too(store):
    run = store(scorer={"leaked_characters": 2})
    for document in (breakdowns([run]), confusion_tables([run])):
        assert "pixel-cosine: leakage" in document.render("text")


def confused(trials):
    """Counts pairs, and trials in which they could be confused, one by one."""
    character = [f"{row.alphabet}/{row.character}" for row in trials.itertuples()]
    of_class = {
        (row.episode, row.target): name
        for row, name in zip(trials.itertuples(), character, strict=True)
    }
    in_episode = {}
    for (episode, _), name in of_class.items():
        in_episode.setdefault(episode, set()).add(name)
    pairs, both = Counter(), Counter()
    for row, name in zip(trials.itertuples(), character, strict=True):
        for other in in_episode[row.episode]:
            both[name, other] += 1
        taken = of_class.get((row.episode, row.predicted))
        if row.credit == 0 and taken:
            pairs[name, taken] += 1
    return pairs, both


def test_confusions_equal_counting_trial_by_trial(drawn):
    pairs, both = confused(drawn[0].trials)
    found = confusions(drawn[0], 1000)
    assert len(found) == len(pairs) > 10
    for row in found.itertuples():
        assert row.count == pairs[row.true, row.taken_for]
        assert row.trials == both[row.true, row.taken_for]
        assert row.share == row.count / row.trials
        assert row.true != row.taken_for
    assert (np.diff(found["count"]) <= 0).all()
    pd.testing.assert_frame_equal(confusions(drawn[0], 4), found.head(4))


def test_ties_and_classes_that_no_trial_asks_for_are_no_confusions(run_of, plain_trials):
    trials = plain_trials([0.5, 0, 0, 1], ["a"] * 4, [0, 0, 1, 1])
    trials["predicted"] = [1, 0, 3, 1]
    found = confusions(run_of(trials))
    assert found[["true", "taken_for", "count", "trials"]].to_numpy().tolist() == [
        ["a/character01", "a/character00", 1, 2]
    ]


def test_a_scorer_without_errors_confuses_nothing(run_of, plain_trials):
    run = run_of(plain_trials([1, 1], ["a", "b"]))
    assert len(confusions(run)) == 0
    for form in FORMATS:
        confusion_tables([run]).render(form)


@pytest.mark.parametrize("most", [0, -1])
def test_fewer_than_one_pair_cannot_be_listed(by_hand, most):
    with pytest.raises(ResultError, match="at least 1"):
        confusions(by_hand, most)


def test_confusions_are_shown_run_by_run(drawn):
    document = confusion_tables(drawn, 3)
    text = document.render("text")
    assert text.count("Most confused characters") == 2
    first = confusions(drawn[0], 3).iloc[0]
    assert f"{first['true']}" in text and f"{first['taken_for']}" in text
    rows = json.loads(document.render("json"))["confusions"]
    assert len(rows) == 6
    assert rows[0]["count"] == first["count"]
    assert set(rows[0]) == {
        *("protocol", "scorer", "true", "taken_for", "count", "trials", "share"),
    }


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_can_be_written(drawn, form):
    assert breakdowns(drawn).render(form)
    assert confusion_tables(drawn).render(form)
