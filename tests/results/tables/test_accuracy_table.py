import csv
import html.parser
import io
import json
import re
import sys
import unicodedata

import numpy as np
import pandas as pd
import pytest
from wayshot.results import FORMATS, ResultError, Results, table
from wayshot.results.statistics import estimate, over_seeds
from wayshot.results.tables import percent, result

EPISODES, SCORER = "3f9c1a77" + "0" * 56, "5c03e1" + "0" * 58
"""Digests of the runs that `store` stores, unless said otherwise."""

MISSING = "–"


def test_scorers_go_down_and_protocols_across_in_the_order_of_the_runs(store):
    runs = [
        store(
            scorer={"name": scorer, "digest": scorer},
            protocol={"name": protocol},
            episodes_digest=protocol * 8,
        )
        for protocol in ("b", "a")
        for scorer in ("z", "y")
    ]
    one = table(runs)
    assert (one.rows, one.columns) == (("z", "y"), ("b", "a"))
    assert list(one.cells) == [("z", "b"), ("y", "b"), ("z", "a"), ("y", "a")]
    for run, cell in zip(runs, one.cells.values(), strict=True):
        assert cell == estimate(run.trials)


@pytest.mark.parametrize("digest", ["0" * 64, EPISODES[:-1] + "1"])
def test_runs_of_different_episodes_never_share_a_column(store, digest):
    one = table([store(np.ones(60)), store(np.zeros(60), episodes_digest=digest)])
    assert len(one.rows) == 1
    assert len(set(one.columns)) == 2
    assert sorted(cell.value for cell in one.cells.values()) == [0, 1]
    assert all(column.startswith("lake-within-5w1s (seed 71, 2000") for column in one.columns)


@pytest.mark.parametrize("digest", ["0" * 64, SCORER[:-1] + "1"])
def test_scorers_of_the_same_name_and_different_weights_never_share_a_row(store, digest):
    one = table([store(np.ones(60)), store(np.zeros(60), scorer={"digest": digest})])
    assert len(one.columns) == 1
    assert len(set(one.rows)) == 2
    assert sorted(cell.value for cell in one.cells.values()) == [0, 1]
    assert all(row.startswith("pixel-cosine (") for row in one.rows)


def test_a_scorer_that_is_named_as_a_made_label_gets_a_row_of_its_own(store):
    runs = [
        store(np.ones(60)),
        store(scorer={"digest": "abcdef"}),
        store(np.zeros(60), scorer={"name": "pixel-cosine (5c03e1)", "digest": "other"}),
    ]
    assert len(set(table(runs).rows)) == 3
    assert len(table(runs).cells) == 3


def test_scorers_of_different_names_and_the_same_weights_have_rows_of_their_own(store):
    one = table([store(), store(scorer={"name": "other"})])
    assert one.rows == ("pixel-cosine", "other")


def test_of_runs_of_one_scorer_on_the_same_episodes_the_last_counts(store):
    one = table([store(np.zeros(60)), store(np.ones(60))])
    (cell,) = one.cells.values()
    assert (cell.value, len(one.results)) == (1, 1)


def test_a_combination_that_was_not_run_is_shown_as_missing(store):
    one = table(
        [
            store(),
            store(scorer={"name": "other"}, protocol={"name": "second"}, episodes_digest="0" * 64),
        ]
    )
    assert len(one.cells) == 2
    for form in ("text", "github", "html"):
        # Not the dash between the ends of an interval.
        assert len(re.findall(rf"(?<!\d){MISSING}(?!\d)", one.render(form))) == 2
    assert one.render("latex").count("{--}") == 2
    assert len(json.loads(one.render("json"))["results"]) == 2


@pytest.fixture
def hausdorff(store):
    errors = (45, 35, 40, 25, 30, 15, 60, 35, 40, 55, 15, 70, 65, 35, 15, 25, 30, 40, 70, 30)
    by_run = [np.r_[np.ones(20 - wrong // 5), np.zeros(wrong // 5)] for wrong in errors]
    # The trials of all runs in turn, so that trial i is of alphabet i % 10.
    credit = np.concatenate([np.r_[by_run[2 * a], by_run[2 * a + 1]] for a in range(10)])
    return store(credit.reshape(10, 40).T.ravel(), alphabets=10)


def test_the_hausdorff_distance_on_lakes_runs_is_shown_as_published(hausdorff):
    assert "61.3 ± 7.9" in table([hausdorff], "t").render("text")
    assert "61.3 (53.4–69.1)" in table([hausdorff], "t", style="range").render("text")
    assert result(hausdorff)["errors"] == 155


def test_a_cell_shows_the_value_and_half_of_the_interval_in_percent(store):
    run = store(np.r_[np.ones(30), np.zeros(30)])
    cell = estimate(run.trials, "wilson")
    assert f"50.0 ± {50 * (cell.high - cell.low):.1f}" in table([run], "wilson").render("text")


@pytest.mark.parametrize("right", [20, 19, 18, 1, 0])
def test_the_ends_of_an_interval_that_is_not_symmetric_are_shown(store, right):
    run = store(np.r_[np.ones(right), np.zeros(20 - right)])
    cell = estimate(run.trials, "wilson")
    text = table([run], "wilson").render("text")
    found = re.search(r"(\d+\.\d) \((\d+\.\d)–(\d+\.\d)\)", text).groups()
    assert found == tuple(percent(share) for share in (cell.value, cell.low, cell.high))


@pytest.mark.parametrize(
    ("style", "form", "shown"),
    [
        ("", "text", "90.0 (69.9–97.2)"),
        ("", "github", "90.0 (69.9–97.2)"),
        ("", "latex", "90.0 {$^{+7.2}_{-20.1}$}"),
        ("plus-minus", "text", "90.0 (69.9–97.2)"),
        ("range", "latex", r"90.0 {\,(69.9--97.2)}"),
        ("asymmetric", "text", "90.0 +7.2 −20.1"),
        ("asymmetric", "html", "90.0 +7.2 −20.1"),
        ("none", "text", "90.0\n"),
        ("none", "latex", "90.0 "),
    ],
)
def test_an_interval_is_written_in_the_style_that_is_asked_for(store, style, form, shown):
    run = store(np.r_[np.ones(18), np.zeros(2)])
    rendered = table([run], "wilson", style=style).render(form)
    assert shown in rendered
    assert "±" not in rendered and r"\pm" not in rendered


@pytest.mark.parametrize("style", ["", "plus-minus"])
def test_plus_and_minus_are_for_intervals_that_are_symmetric_to_the_printed_digit(store, style):
    run = store(np.r_[np.ones(30), np.zeros(30)])
    one = table([run], "wilson", style=style)
    assert "50.0 ± 12.3" in one.render("text")
    assert r"50.0 {$\,\pm\,12.3$}" in one.render("latex")


def test_an_unknown_style_is_refused(store):
    with pytest.raises(ResultError, match="'long'; known are plus-minus, range, asymmetric, none"):
        table([store()], style="long")


def test_values_stand_below_each_other_whatever_their_intervals(store):
    runs = [
        store(np.r_[np.ones(right), np.zeros(60 - right)], scorer={"name": str(right)} | other)
        for right, other in ((59, {"digest": "a"}), (30, {"digest": "b"}), (6, {"digest": "c"}))
    ]
    lines = table(runs, "wilson").render("text").split("\n\n")[1].splitlines()[2:]
    assert len({re.search(r"\.\d ", line).start() for line in lines}) == 1


def test_a_text_that_is_too_wide_is_cut_into_parts_with_all_figures(store):
    runs = [
        store(np.r_[np.ones(30), np.zeros(30)], protocol={"name": name}, episodes_digest=name * 8)
        for name in ("first-protocol", "second-protocol", "third-protocol", "last-protocol")
    ]
    whole = table(runs).render("text")
    cut = table(runs).render("text", 50)
    assert max(map(len, cut.splitlines())) <= 50 < max(map(len, whole.splitlines()))
    parts = [part for part in cut.split("\n\n") if part.startswith("scorer")]
    assert len(parts) == 2
    assert all(part.splitlines()[2].startswith("pixel-cosine") for part in parts)
    for run in runs:
        assert sum(run.protocol in part for part in parts) == 1
    assert table(runs).render("text", 1000) == whole


def training(seed, recipe="r" * 64):
    return {"name": "net", "digest": f"{recipe[0]}{seed}" * 9} | {
        "training": {"recipe": recipe, "seed": seed}
    }


def test_trainings_that_differ_in_their_seed_are_one_row(store):
    drawn = [np.random.default_rng(seed).integers(0, 2, 60) for seed in range(3)]
    runs = [store(credit, scorer=training(seed)) for seed, credit in enumerate(drawn)]
    other = store(scorer={"name": "other", "digest": "o" * 64})
    one = table([*runs, other])
    assert set(one.rows) == {"net (3 seeds)", "other"}
    cell = one.cells["net (3 seeds)", "lake-within-5w1s"]
    assert cell == over_seeds(runs).estimate
    text = " ".join(one.render("text").split())
    assert "net (3 seeds): mean of trainings with the seeds 0, 1, 2." in text
    assert "hardly tell" not in text
    of_two = " ".join(table(runs[:2]).render("text").split())
    assert "net (2 seeds): Two trainings hardly tell how much trainings differ" in of_two
    data = json.loads(one.render("json"))
    assert len(data["results"]) == 4
    assert data["seeds"][0]["values"] == {str(i): c.mean() for i, c in enumerate(drawn)}
    assert "net (3 seeds)" in one.render("csv")


def test_trainings_with_the_same_seeds_share_a_note(store):
    runs = [
        store(scorer=training(seed, recipe * 64) | {"name": recipe})
        for recipe in "ab"
        for seed in (1, 2, 3)
    ]
    notes = [note for note in table(runs).notes if "trainings" in note]
    assert len(notes) == 1 and notes[0].startswith("a (3 seeds), b (3 seeds): mean of trainings")


def test_rows_are_renamed_in_what_is_printed_but_not_in_the_data(store):
    runs = [store(scorer=training(seed)) for seed in (1, 2)]
    runs.append(store(scorer={"name": "other", "digest": "o" * 64}))
    one = table(runs, rename={"net": "ResNet-18", "other": "Ours"}, baseline="other")
    assert set(one.rows) == {"ResNet-18", "Ours"} and one.baseline == "Ours"
    for form in ("text", "github", "latex", "html"):
        rendered = one.render(form)
        assert "ResNet-18: mean of trainings" in " ".join(rendered.replace("\\", "").split())
        assert "2 seeds)" not in rendered and "from Ours" in rendered, form
    assert one.render("csv") == table(runs).render("csv")
    assert one.render("json") == table(runs).render("json")
    by_label = table(runs, rename={"net (2 seeds)": "ResNet-18"})
    assert set(by_label.rows) == {"ResNet-18", "other"}


@pytest.mark.parametrize(
    ("rename", "problem"),
    [
        ({"nobody": "x"}, "'nobody' has no run here; name one of a, b"),
        ({"a": "b"}, "two rows would be called 'b'"),
        ({"a": "x", "b": "x"}, "two rows would be called 'x'"),
        ({"a": " "}, "'a' cannot be renamed to nothing"),
    ],
)
def test_impossible_new_names_are_refused(store, rename, problem):
    runs = [store(scorer={"name": name, "digest": name * 64}) for name in "ab"]
    with pytest.raises(ResultError, match=problem):
        table(runs, rename=rename)
    assert table(runs, rename={"a": "b", "b": "a"}).rows == ("b", "a")


def test_a_title_of_ones_own_stands_above(store):
    for form in ("text", "github", "latex", "html"):
        rendered = table([store()], title="Our networks").render(form)
        assert "Our networks" in rendered and "Accuracy (%)" not in rendered.replace("\\", "")


def test_what_has_no_parameters_has_a_dash(store):
    rows = {None: "chance", 0: "pixels", 1_500: "net"}
    runs = [
        store(scorer={"name": name, "digest": name.ljust(64, "0"), "parameters": count})
        for count, name in rows.items()
    ]
    lines = table(runs, extras=("params",)).render("text").splitlines()
    last = {line.split()[0]: line.split()[-1] for line in lines if line.split()[:1]}
    assert (last["chance"], last["pixels"], last["net"]) == ("–", "–", "k")


def test_trainings_can_be_shown_one_by_one_and_show_their_seeds(store):
    runs = [store(scorer=training(seed)) for seed in (1, 7)]
    assert set(table(runs, together=False).rows) == {"net (seed 1)", "net (seed 7)"}
    assert set(table(runs, "wilson").rows) == {"net (seed 1)", "net (seed 7)"}


def test_trainings_of_other_recipes_or_with_equal_seeds_have_rows_of_their_own(store):
    runs = [store(scorer=training(1, "a" * 64)), store(scorer=training(2, "b" * 64))]
    assert len(table(runs).rows) == 2
    runs = [store(scorer=training(1)), store(scorer=training(1) | {"digest": "0" * 64})]
    assert len(table(runs).rows) == 2


def test_a_mean_over_seeds_is_compared_by_its_mean_credits(store):
    good = np.r_[np.ones(58), 0, 0]
    runs = [store(np.roll(good, 7 * seed), scorer=training(seed)) for seed in (1, 2)]
    weak = store(np.arange(60) // 6 % 2, scorer={"name": "weak", "digest": "w" * 64})
    assert table([*runs, weak]).best == {("net (2 seeds)", "lake-within-5w1s")}


def test_perfect_trainings_are_one_row_too(store):
    one = table([store(np.ones(60), scorer=training(seed)) for seed in (1, 2)])
    assert one.rows == ("net (2 seeds)",)
    assert one.cells["net (2 seeds)", "lake-within-5w1s"].value == 1


def test_leakage_is_marked_and_explained(store):
    one = table(
        [
            store(scorer={"leaked_characters": 3}),
            store(scorer={"name": "clean", "leaked_characters": 0}),
            store(scorer={"name": "silent", "leaked_characters": None}),
        ]
    )
    assert {row for row, _ in one.marks} == {"pixel-cosine"}
    leakage, unknown = one.notes
    assert leakage.startswith("! leakage")
    assert "trained on" in leakage
    assert unknown.endswith(": silent")
    for form in ("text", "github", "latex", "html"):
        rendered = one.render(form)
        marked = re.findall(r"[\d)}]\$?(?:\\rlap\{\\textsuperscript\{)?!", rendered)
        assert len(marked) == 1, form
        assert leakage in " ".join(rendered.split()), form


def test_without_leakage_there_is_neither_mark_nor_note(store):
    one = table([store()])
    assert (one.marks, one.notes) == ({}, ())
    assert "!" not in one.render("text")


def test_a_mark_goes_with_the_run_that_counts(store):
    runs = [store(np.ones(60), scorer={"leaked_characters": count}) for count in (3, 0)]
    one = table(runs)
    assert (one.marks, one.notes) == ({}, ())


def test_leakage_can_be_seen_by_machines(store):
    one = table([store(scorer={"leaked_characters": 3})])
    assert json.loads(one.render("json"))["results"][0]["leaked_characters"] == 3
    (row,) = csv.DictReader(io.StringIO(one.render("csv")))
    assert row.get("leaked_characters") == "3"


def rare(errors, n=120):
    """Credits with an error in so many of the trials, spread over the alphabets."""
    credit = np.ones(n)
    credit[np.arange(errors) * 7 % n] = 0
    return credit


def scorer(name, **more):
    return {"scorer": {"name": name, "digest": name.ljust(64, "0"), **more}}


def test_all_that_cannot_be_told_from_the_best_are_bold(store):
    one = table(
        [
            store(rare(5), **scorer("best")),
            store(rare(6), **scorer("close")),
            store(rare(60), **scorer("far")),
        ]
    )
    assert {row for row, _ in one.best} == {"best", "close"}
    text = one.render("text")
    assert "**95.8 (" in text and "**95.0 (" in text and "**50.0" not in text
    assert (
        "Bold: all scorers that may be the best of their column, at 95 % confidence: no "
        "other is better (paired tests, corrected for the number of all pairs)."
    ) in " ".join(text.split())
    assert one.render("html").count("<strong>") == 2
    assert one.render("github").count("**") == 4
    assert one.render("latex").count(r"\bfseries") == 2


def test_a_scorer_alone_in_its_column_is_not_bold(store):
    other = {"protocol": {"name": "other"}, "episodes_digest": "0" * 64}
    one = table([store(**scorer("a")), store(**scorer("b"), **other)])
    assert one.best == frozenset()
    assert "Bold" not in one.render("text")


@pytest.mark.parametrize(
    "flaw", [{"leaked_characters": 1}, {"audit": {"verdict": "failed"}}], ids=["leak", "audit"]
)
def test_a_flawed_run_never_wins_and_takes_no_bold_from_others(store, flaw):
    record = {} if "leaked_characters" in flaw else flaw
    flawed = store(np.ones(120), **scorer("flawed", **({} if record else flaw)), **record)
    honest = [store(rare(20), **scorer("honest")), store(rare(70), **scorer("weak"))]
    one = table([flawed, *honest], baseline="honest")
    assert {row for row, _ in one.best} == {"honest"}
    assert {row for row, _ in one.differing} == {"weak"}
    assert "never bold, not compared" in " ".join(one.render("text").split())
    alone = table([flawed, honest[0]])
    assert alone.best == frozenset()


def test_a_passed_audit_leaves_no_mark(store):
    assert table([store(audit={"verdict": "passed"})]).marks == {}


def test_what_differs_from_the_baseline_is_marked(store):
    runs = [
        store(rare(5), **scorer("good")),
        store(rare(60), **scorer("base")),
        store(rare(62), **scorer("same")),
    ]
    one = table(runs, baseline="base")
    assert {row for row, _ in one.differing} == {"good"}
    for form in ("text", "github", "html"):
        rendered = one.render(form)
        said = (
            "† differs significantly from base (paired tests at 5 %, corrected for their number)."
        )
        assert said in " ".join(html.unescape(rendered).split())
        assert rendered.count("†") == 2
    assert table(runs).render("text").count("†") == 0


def test_a_column_without_the_baseline_is_said_to_have_no_marks(store):
    other = {"protocol": {"name": "other"}, "episodes_digest": "0" * 64}
    runs = [store(**scorer("base")), store(**scorer("a")), store(**scorer("a"), **other)]
    assert "No † in other: there is no run of base to compare with." in table(
        runs, baseline="base"
    ).render("text")


def test_a_baseline_that_has_no_run_or_is_several_is_refused(store):
    runs = [store(), store(scorer={"digest": "0" * 64}), store(**scorer("other"))]
    with pytest.raises(ResultError, match="'none' has no run here; name one of") as caught:
        table(runs, baseline="none")
    assert "other" in str(caught.value)
    with pytest.raises(ResultError, match="several scorers"):
        table(runs, baseline="pixel-cosine")
    label = table(runs).rows[0]
    assert table(runs, baseline=label).baseline == label


def test_figures_for_machines_need_no_comparison(store, monkeypatch):
    def refuse(*_):
        raise AssertionError

    module = sys.modules["wayshot.results.tables.accuracy_table"]
    monkeypatch.setattr(module, "best_group", refuse)
    one = table([store(**scorer("a")), store(**scorer("b"))])
    assert one.render("csv") and one.render("json")
    with pytest.raises(AssertionError):
        one.render("text")


def test_protocols_of_one_name_and_different_digests_are_refused_field_by_field(store):
    mine = {"fields": {"ways": 5, "queries": 1, "reuse": "once"}}
    theirs = {"digest": "q" * 64, "fields": {"ways": 5, "queries": 3}}
    runs = [store(protocol=mine), store(protocol=theirs, episodes_digest="0" * 64)]
    with pytest.raises(ResultError, match="same name") as caught:
        table(runs)
    message = str(caught.value)
    assert "queries: 1 against 3; reuse: once against the default" in message
    assert "ways" not in message.partition("(")[2].partition(")")[0]
    assert all(str(run.folder) in message for run in runs)
    assert "\n" not in message


def test_protocols_of_one_name_that_differ_in_no_field_are_of_different_versions(store):
    runs = [store(), store(protocol={"digest": "q" * 64}, episodes_digest="0" * 64)]
    with pytest.raises(ResultError, match="only their digests: pppppppp against qqqqqqqq"):
        table(runs)


@pytest.mark.parametrize("other", [{"digest": "q" * 64, "name": "x"}, {"name": "x"}])
def test_one_digest_of_episodes_cannot_be_of_two_protocols(store, other):
    with pytest.raises(ResultError, match="same digest of episodes"):
        table([store(), store(protocol=other)])


def test_trained_networks_come_first_and_baselines_last(store):
    names = {"chance": None, "net": 9, "hausdorff": 0, "mine": None, "other-net": 7}
    accuracies = {"chance": np.full(60, 0.2), "hausdorff": np.full(60, 0.6)}
    runs = [
        store(
            accuracies.get(name),
            **scorer(name, parameters=count, baseline=name in accuracies),
        )
        for name, count in names.items()
    ]
    one = table(runs)
    assert one.sections == (("net", "other-net"), ("mine",), ("hausdorff", "chance"))
    assert one.rows == ("net", "other-net", "mine", "hausdorff", "chance")
    assert one.render("html").count("<tbody>") == 3


def test_baselines_are_listed_by_their_accuracy_in_the_first_column_they_have(store):
    accuracies = {
        "low": {"first": 0.2, "second": 0.9},
        "only-second": {"second": 0.4},
        "high": {"first": 0.6, "second": 0.1},
        "trained": {"first": 0.5},
        "other": {"first": 0.0},
    }
    runs = [
        store(
            np.full(60, accuracy),
            **scorer(name, baseline=name != "other", parameters=5 * (name == "trained")),
            protocol={"name": protocol},
            episodes_digest=protocol.ljust(64, "0"),
        )
        for name, columns in accuracies.items()
        for protocol, accuracy in columns.items()
    ]
    one = table(runs)
    assert one.sections == (("other",), ("high", "trained", "only-second", "low"))


def test_a_record_from_before_there_were_baselines_is_one_beside_a_newer_one_or_goes_with_others(
    store,
):
    old = store(np.full(60, 0.5), **scorer("hausdorff"))
    mine = store(**scorer("mine"))
    assert table([old, mine]).sections == (("hausdorff", "mine"),)
    second = {"protocol": {"name": "second"}, "episodes_digest": "0" * 64}
    new = store(np.full(60, 0.5), **scorer("hausdorff", baseline=True), **second)
    assert table([old, mine, new]).sections == (("mine",), ("hausdorff",))


def test_columns_of_one_split_and_structure_stand_together(store):
    names = ("lake-within-5w1s", "lake-runs", "lake-within-20w1s-q5")
    runs = [store(protocol={"name": name}, episodes_digest=name.ljust(64, "0")) for name in names]
    one = table(runs)
    assert one.columns == ("lake-within-5w1s", "lake-within-20w1s-q5", "lake-runs")
    rendered = one.render("html")
    assert '<th colspan="2">lake-within</th>' in rendered
    assert "<th>5w1s</th><th>20w1s-q5</th><th>lake-runs</th>" in rendered
    assert all(name in one.render("text") for name in names)


def test_runs_that_should_be_equal_and_are_not_are_told(store):
    one = table([store(np.zeros(60)), store(np.ones(60))])
    assert one.notes == (
        "pixel-cosine on lake-within-5w1s: 2 stored runs have different trials; "
        "the table shows the last one.",
    )
    assert table([store(np.ones(60)), store(np.ones(60))]).notes == ()


@pytest.mark.parametrize("twin", ["pixel-cosine ", "pixel-cosine\u3000", " pixel-cosine"])
def test_names_that_look_alike_are_told_apart(store, twin):
    one = table([store(), store(scorer={"name": twin, "digest": "0" * 64})])
    assert one.rows == ("pixel-cosine (5c03e1)", "pixel-cosine (000000)")


@pytest.mark.parametrize("name", ["", " ", "\u2003 "])
def test_a_name_that_cannot_be_seen_is_replaced(store, name):
    assert table([store(scorer={"name": name})]).rows == ("unnamed",)


def test_more_columns_show_what_records_hold(store):
    full = {"parameters": 1_806_369, "flops": 37_240_000}
    runs = [
        store(**scorer("net", **full), latency={"p50_ms": 0.412}),
        store(**scorer("bare", parameters=None)),
    ]
    one = table(runs, extras=("params", "flops", "latency"))
    header, _, net, bare = one.render("text").split("\n\n")[1].splitlines()
    assert header.split()[2:] == ["params", "FLOPs", "p50", "latency"]
    assert re.search(r"1\.8 M +37\.2 M +0\.412 ms$", net)
    assert bare.split()[-3:] == [MISSING] * 3
    assert "1.8 M" not in table(runs).render("text")


def test_latencies_of_different_machines_are_told(store):
    runs = [
        store(**scorer(name), latency={"p50_ms": 1}, environment={"machine": name})
        for name in ("a", "b")
    ]
    note = "The latencies were measured on different machines."
    assert note in table(runs, extras=["latency"]).notes
    assert note not in table(runs).notes


def test_where_runs_of_a_scorer_say_different_things_all_are_shown(store):
    other = {"protocol": {"name": "other"}, "episodes_digest": "0" * 64}
    runs = [store(latency={"p50_ms": 1.5}), store(latency={"p50_ms": 250.2}, **other)]
    assert "1.5 ms / 250 ms" in table(runs, extras=["latency"]).render("text")


def test_an_unknown_column_is_refused(store):
    with pytest.raises(ResultError, match="'size'; known are params, flops, latency"):
        table([store()], extras=["size"])


@pytest.mark.parametrize(
    ("right", "of", "shown"),
    [
        (60, 60, "100.0 (94.0–100.0)"),
        (0, 60, "0.0 (0.0–6.0)"),
        (2499, 2500, "99.96 (99.77–99.99)"),
        (1, 2500, "0.04 (0.01–0.23)"),
        (19_999, 20_000, "99.995 (99.972–99.999)"),
    ],
)
def test_only_what_is_all_or_nothing_looks_so(store, right, of, shown):
    run = store(np.r_[np.ones(right), np.zeros(of - right)])
    assert f" {shown}" in table([run], "wilson").render("text")


def test_an_interval_is_never_rounded_away(store):
    run = store(np.tile([1.0, 0.0], 50_000))
    assert "50.00 ± 0.04" in table([run], "wilson", level=0.2).render("text")


def test_the_figures_of_a_column_have_the_same_decimals(store):
    credits = np.ones(2500), np.r_[np.ones(2499), 0], np.r_[np.ones(2000), np.zeros(500)]
    runs = [store(credit, 2, **scorer(str(i))) for i, credit in enumerate(credits)]
    shown = [table(runs).text(str(i), "lake-within-5w1s") for i in range(3)]
    assert [text.partition(" ")[0] for text in shown] == ["100.00", "99.96", "80.00"]


@pytest.mark.parametrize(
    ("right", "shown"), [(245, "61.3"), (385, "96.3"), (313, "78.3"), (87, "21.8"), (1, "0.3")]
)
def test_halves_are_rounded_up(store, right, shown):
    run = store(np.r_[np.ones(right), np.zeros(400 - right)])
    text = table([run], "wilson").text("pixel-cosine", "lake-within-5w1s")
    assert text.startswith(f"{shown} ")


def test_more_decimals_can_be_asked_for(store):
    run = store(np.r_[np.ones(2), np.zeros(4)])
    assert table([run], decimals=3).text("pixel-cosine", "lake-within-5w1s").startswith("33.333 ")


def test_the_level_can_be_asked_for(store):
    one = table([store()], level=0.9)
    assert one.title.startswith("Accuracy (%) with 90 % ")
    assert next(iter(one.cells.values())).level == 0.9


def test_where_errors_are_concentrated_text_says_how_to_see_more(store):
    credit = np.ones(240)
    credit[np.arange(12) * 12] = 0
    one = table([store(credit, 12)])
    hint = "1 of 12 alphabets accounts for half of the errors of pixel-cosine on lake-within-5w1s"
    assert f"{hint}: wayshot table --by alphabet" in " ".join(one.render("text").split())
    assert "--by" not in one.render("latex") + one.render("html")
    assert "--by" not in table([store(rare(60))]).render("text")


def caption(one):
    """The title of a table, and the notes on its figures."""
    return " ".join([one.title, *one.figures])


@pytest.mark.parametrize(
    "wanted",
    [
        "lake-within-5w1s",
        "5-way 1-shot",
        "2,000 episodes",
        "seed 71",
        "n = 60",
        "jackknife by alphabet, log-odds",
        "6 clusters",
        "digest 3f9c1a77",
        "95 %",
        "population interval",
    ],
)
def test_the_caption_says_what_the_figures_are(store, wanted):
    assert wanted in caption(table([store()]))


def test_the_caption_names_the_interval_that_was_used(store):
    assert "wilson" in caption(table([store()], "wilson"))
    assert "jackknife by alphabet" not in caption(table([store()], "wilson"))
    both = caption(table([store(), store(np.ones(60), scorer={"name": "perfect"})]))
    assert "jackknife by alphabet, log-odds; or wilson (treats trials as independent)" in both


def test_the_caption_does_not_claim_that_wilsons_interval_covers_new_alphabets(store):
    assert "covers new alphabets" in caption(table([store()]))
    perfect = caption(table([store(np.ones(60))]))
    assert "wilson" in perfect and "new alphabets" not in perfect
    assert "no new images" in caption(table([store()], "sampler"))


def of_one_alphabet(credit, characters=10):
    """Columns of trials of one alphabet, an episode of two classes for every two credits."""
    episodes = np.arange(len(credit)) // 2
    target = np.arange(len(credit)) % 2
    name = (episodes + target * (1 + episodes % 3)) % characters
    return {
        "episode": episodes,
        "query": target.astype(np.int32),
        "target": target.astype(np.int16),
        "predicted": np.where(credit == 1, target, 1 - target).astype(np.int16),
        "rank": np.where(credit == 1, 1, 2).astype(np.float32),
        "character": pd.Categorical([f"character{one}" for one in name]),
    }


def two_of_one_alphabet(store, first, second, characters=10):
    return [
        store(credit, 1, trials=of_one_alphabet(credit, characters), **scorer(name))
        for name, credit in (("one", first), ("other", second))
    ]


def test_of_one_alphabet_the_caption_speaks_of_its_characters_alone(store):
    credit = (np.random.default_rng(1).random(400) < 0.7).astype(float)
    run = store(credit, 1, trials=of_one_alphabet(credit))
    said = caption(table([run]))
    assert "population interval covers new characters of this alphabet, their images" in said
    assert "it says nothing about new alphabets" in said
    assert "jackknife by character of one alphabet, log-odds" in said and "10 clusters" in said
    more = store(protocol={"name": "lake-runs"}, episodes_digest="a" * 64)
    both = caption(table([run, more]))
    assert "The population interval of lake-within-5w1s covers new characters of this" in both
    assert "The population interval of lake-runs covers new alphabets" in both


def test_where_characters_are_too_few_a_cell_is_the_value_alone(store):
    runs = two_of_one_alphabet(store, np.ones(400), np.tile([1.0, 0.0], 200), characters=5)
    one = table(runs)
    assert one.title == "Accuracy (%)"
    assert "none (5 characters are too few, expected at least 6)" in caption(one)
    assert "population interval" not in caption(one)
    assert one.text("other", "lake-within-5w1s") == "50.0"
    assert one.best == one.differing == frozenset()
    for form in FORMATS:
        assert "50.0" in one.render(form) or form in ("json", "csv")
    assert json.loads(one.render("json"))["results"][0]["accuracy"]["low"] is None
    frame = Results(tuple(runs)).table()
    assert frame["low"].isna().all() and frame["low"].dtype == "float64"


def test_of_one_alphabet_bold_takes_a_scorer_that_differs(store):
    generator = np.random.default_rng(1)
    hard = generator.random(400) < np.repeat([0.5, 0.9], 200)
    near = two_of_one_alphabet(store, hard * 1.0, generator.permutation(hard) * 1.0)
    assert table(near).best == frozenset()
    assert "No bold in lake-within-5w1s: with so few alphabets" in " ".join(table(near)._notes())
    far = two_of_one_alphabet(store, np.ones(400), (generator.random(400) < 0.2) * 1.0)
    assert table(far).best == {("one", "lake-within-5w1s")}
    assert "No bold" not in " ".join(table(far)._notes())


def test_the_caption_speaks_of_every_column(store):
    said = caption(table([store(), store(seed=5, episodes_digest="a1b2c3d4" * 8)]))
    for wanted in ("seed 71", "seed 5", "3f9c1a77", "a1b2c3d4"):
        assert wanted in said


def test_the_official_runs_have_no_seed(store):
    said = caption(table([store(protocol={"name": "lake-runs", "fields": {"structure": "runs"}})]))
    assert "seed" not in said
    assert "digest 3f9c1a77" in said


@pytest.mark.parametrize("form", ["text", "github", "latex", "html"])
def test_every_laid_out_format_says_what_its_figures_are(store, form):
    rendered = table([store()]).render(form)
    for wanted in ("seed 71", "3f9c1a77", "jackknife by alphabet"):
        assert wanted in " ".join(rendered.split())
    assert not rendered.startswith("\n")


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_holds_names_and_values(store, form):
    rendered = table([store(np.r_[np.ones(45), np.zeros(15)])]).render(form)
    assert "pixel-cosine" in rendered
    assert "lake-within-5w1s" in rendered
    value = {"csv": "0.75", "json": "0.75", "latex": r"75.0 {$^{+"}
    assert value.get(form, "75.0 (") in rendered
    assert not rendered.endswith("\n")


def test_an_unknown_format_is_refused_with_those_that_are_known(store):
    with pytest.raises(ResultError, match="'docx'") as caught:
        table([store()]).render("docx")
    assert all(form in str(caught.value) for form in FORMATS)


def test_an_unknown_interval_is_refused(store):
    with pytest.raises(ResultError, match="'sampling'"):
        table([store()], "sampling")


def test_json_has_the_documented_shape(store):
    run = store(np.r_[np.ones(40), np.full(20, 0.5)])
    (one,) = json.loads(table([run]).render("json"))["results"]
    assert one["protocol"] == "lake-within-5w1s"
    assert one["scorer"] == "pixel-cosine"
    assert (one["n"], one["errors"]) == (60, 10)
    assert set(one["accuracy"]) == {"value", "low", "high", "level", "method", "clusters"}
    expected = estimate(run.trials)
    assert one["accuracy"] == expected.as_json()
    assert 0 <= one["accuracy"]["low"] <= one["accuracy"]["value"] <= one["accuracy"]["high"] <= 1
    assert one["seed"] == 71
    assert one["episodes_digest"] == EPISODES
    assert one["scorer_digest"] == SCORER


def test_errors_are_n_minus_the_credits_without_rounding_noise(store):
    assert result(store(np.full(400, 1 / 20), alphabets=10))["errors"] == 380
    assert result(store(np.r_[np.full(3, 1 / 3), np.zeros(57)]))["errors"] == 59
    assert result(store(np.full(60, 1 / 3)))["errors"] == 40
    assert result(store(np.ones(60)))["errors"] == 0


def test_csv_parses_back(store):
    runs = [store(), store(np.ones(60), scorer={"name": 'a, "b"'})]
    rendered = table(runs).render("csv")
    rows = list(csv.DictReader(io.StringIO(rendered)))
    for row, run in zip(rows, runs, strict=True):
        expected = estimate(run.trials)
        assert (row["scorer"], row["protocol"]) == (run.scorer, run.protocol)
        assert [float(row[name]) for name in ("value", "low", "high", "level")] == [
            expected.value,
            expected.low,
            expected.high,
            expected.level,
        ]
        assert (int(row["n"]), row["method"]) == (60, expected.method)
        assert row["clusters"] == ("" if expected.clusters is None else "6")
    assert len(pd.read_csv(io.StringIO(rendered))) == 2


def test_csv_tells_runs_of_different_episodes_and_weights_apart(store):
    runs = [store(), store(episodes_digest="0" * 64), store(scorer={"digest": "0" * 64})]
    results = {"value", "low", "high", "errors"}
    rows = csv.DictReader(io.StringIO(table(runs).render("csv")))
    labels = [tuple(value for name, value in row.items() if name not in results) for row in rows]
    assert len(set(labels)) == 3


NAMES = {
    "html": "<script>alert(1)</script><b>&amp;",
    "latex": r"\input{x}$_^~%#&{}",
    "percent": "x % y",
    "newline": "x\n\\input{y}\n| fake | 99.9 ± 0.1 |\n\n# fake",
    "return": "x\rfake",
    "escape": "x\x1b[2J\x1b]0;owned\x07",
    "c1": "x\x9b31m",
    "nul": "x\0y",
    "rule": "\x01",
    "pipe": "x|y",
    "formula": "=HYPERLINK(1)",
}


@pytest.fixture(params=NAMES)
def hostile(request, store):
    """A table that has a hostile name wherever a name can be, and that name."""
    name = NAMES[request.param]
    run = store(
        np.r_[np.ones(45), np.zeros(15)],
        scorer={"name": name},
        protocol={"name": name, "description": name},
    )
    return table(
        [
            run,
            store(
                scorer={"name": "other", "digest": "o"},
                protocol={"name": name, "description": name},
            ),
        ]
    ), name


def controls(text):
    return {char for char in text if unicodedata.category(char) == "Cc" and char != "\n"}


@pytest.mark.parametrize("form", FORMATS)
def test_no_name_reaches_the_terminal_with_control_characters(hostile, form):
    assert not controls(hostile[0].render(form))


def test_text_has_a_line_a_scorer_whatever_the_names(hostile):
    _, grid, note = hostile[0].render("text").split("\n\n")
    _, rule, *scorers = grid.splitlines()
    assert set(rule) == {"-", " "}
    assert len(scorers) == 2
    figures = r"\d\.\d (± \d+\.\d|\(\d+\.\d–\d+\.\d\))(\*\*)?$"
    assert all(re.search(figures, line) for line in scorers)
    assert note.startswith("Bold: ")


def test_markdown_has_a_row_a_scorer_and_a_cell_a_protocol_whatever_the_names(hostile):
    title, grid, note, *notes = hostile[0].render("github").split("\n\n")
    rows = grid.splitlines()
    assert note.startswith("Bold: ")
    assert all("\n" not in one for one in (title, note, *notes))
    assert len(rows) == 4
    for row in rows:
        assert len(re.findall(r"(?<!\\)\|", row)) == 3, row
    for line in (title, *rows, *notes):
        assert not re.search(r"(?<!\\)<[a-z/]", line), line


class Cells(html.parser.HTMLParser):
    """Tags, and texts of cells."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.cells = set(), []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_data(self, data):
        if self.cells:
            self.cells[-1] += data


def test_html_has_no_tag_that_a_name_brought_whatever_the_names(hostile):
    parsed = Cells(hostile[0].render("html"))
    assert parsed.tags <= {"table", "caption", "thead", "tbody", "tr", "th", "td", "p", "strong"}
    assert len(parsed.cells) >= 6
    name = hostile[1]
    if name.isprintable():
        assert parsed.cells[1].strip() == name
        assert parsed.cells[2].strip() == name


def test_csv_has_a_row_a_run_whatever_the_names(hostile):
    rendered = hostile[0].render("csv")
    rows = list(csv.reader(io.StringIO(rendered)))
    assert len(rows) == 3
    assert len({len(row) for row in rows}) == 1
    assert len(pd.read_csv(io.StringIO(rendered))) == 2
    if hostile[1].isprintable():
        # A spreadsheet must not take it for a formula.
        name = "'" * hostile[1].startswith("=") + hostile[1]
        assert rows[1][:2] == [name, name]


def test_json_holds_any_name_as_it_is(hostile):
    one = json.loads(hostile[0].render("json"))["results"][0]
    assert (one["scorer"], one["protocol"]) == (hostile[1], hostile[1])


@pytest.mark.parametrize("interval", ["sampler", "sampler-z", "wilson", "clopper-pearson"])
def test_intervals_that_cover_no_new_alphabets_have_columns_of_their_own(store, interval):
    run = store(np.arange(60) % 5 > 0)
    one, found = table([run], interval, published="all"), estimate(run.trials, interval)
    names = [f"{interval.replace('-', '_')}_{end}" for end in ("low", "high")]
    accuracy = json.loads(one.render("json"))["results"][0]["accuracy"]
    (row,) = csv.DictReader(io.StringIO(one.render("csv")))
    frame = Results((run,)).table(interval)
    for said in (accuracy, row, frame.iloc[0]):
        assert [float(said[name]) for name in names] == pytest.approx([found.low, found.high])
        assert not {"low", "high"} & set(said.keys())
    assert one.cells["pixel-cosine", "lake-within-5w1s"] == found


@pytest.mark.parametrize("interval", ["population", "bootstrap", "t"])
def test_intervals_that_cover_new_alphabets_have_the_same_columns(store, interval):
    found = Results((store(np.arange(60) % 5 > 0),)).table(interval)
    assert {"low", "high"} <= set(found)


def test_published_figures_keep_their_columns_beside_a_sampler_interval(store):
    name = {"name": "lake-runs", "fields": {"structure": "runs"}}
    run = store(protocol=name)
    rows = list(csv.DictReader(io.StringIO(table([run], "sampler", published="all").render("csv"))))
    assert rows[0]["sampler_low"] and not rows[0].get("low")
    assert any(row["value"] and not row["sampler_low"] for row in rows[1:])


def machine(**packages):
    return {"environment": {"packages": {"wayshot": "0.1.0"} | packages}}


def test_runs_of_other_versions_are_marked(store):
    def run(name, **packages):
        return store(scorer={"name": name, "digest": name * 64}, **machine(**packages))

    runs = [run("a", numpy="2.5.2"), run("b", numpy="2.4.0"), run("c", numpy="2.5.2", torch="2")]
    one = table(runs)
    assert one.marks == {("b", "lake-within-5w1s"): ("‡",)}
    (note,) = [note for note in one.notes if note.startswith("‡")]
    assert note == (
        "‡ run with other versions of packages than most of its column: b (numpy 2.4.0, not 2.5.2)"
    )
    for form in ("text", "github", "html"):
        assert "(numpy 2.4.0, not 2.5.2)" in " ".join(table(runs).render(form).split())
    assert r"\rlap{\textsuperscript{\ddag{}}}" in one.render("latex")
    # Such a run is compared all the same.
    assert "b" in one.comparable("lake-within-5w1s")


def test_versions_are_those_of_runs_of_the_same_episodes(store):
    old = store(**machine(numpy="2.4.0"))
    new = store(episodes_digest="0" * 64, **machine(numpy="2.5.2"))
    assert table([old, new]).marks == {}
    assert table([store(), store(environment={"packages": None})]).marks == {}


@pytest.mark.parametrize(
    ("alphabets", "words"),
    [
        ([0] * 6, "6 errors on lake-within-5w1s, all in 1 of 12 alphabets"),
        ([0] * 5 + [3, 4], "7 errors on lake-within-5w1s, 5 in 1 of 12 alphabets"),
        ([*range(12)], None),
        ([0] * 21, None),
        ([], None),
    ],
)
def test_where_an_interval_rests_on_few_errors_a_note_says_so(store, alphabets, words):
    credit = np.ones((50, 12))
    for place, alphabet in enumerate(alphabets):
        credit[place, alphabet] = 0
    run = store(credit.ravel(), alphabets=12)
    said = " ".join(table([run]).render("text").split())
    assert ("on which its interval rests" in said) == bool(words)
    if words:
        assert f"pixel-cosine makes {words}, on which its interval rests." in said
