import copy
import csv
import html.parser
import io
import json
import re
import unicodedata

import numpy as np
import pandas as pd
import pytest
from wayshot.results import FORMATS, ResultError, estimate, result, table, write

RECORD = {
    "protocol": {"name": "lake-within-5w1s", "digest": "p" * 64, "description": "5-way 1-shot"},
    "dataset": {"name": "omniglot", "digest": "d" * 64, "images": 32460},
    "scorer": {
        "name": "pixel-cosine",
        "digest": "5c03e1" + "0" * 58,
        "parameters": 12,
        "leaked_characters": 0,
    },
    "seed": 71,
    "episodes": 2000,
    "episodes_digest": "3f9c1a77" + "0" * 56,
    "environment": {},
    "timings": {"total_seconds": 1.5},
}
MISSING = "–"


@pytest.fixture
def store(tmp_path):
    """Stores runs that differ from `RECORD` as said, each in a folder of its own."""
    count = 0

    def store(credit=None, alphabets=6, scorer=None, protocol=None, **fields):
        nonlocal count
        count += 1
        if credit is None:
            credit = np.random.default_rng(count).integers(0, 2, 60)
        n = len(credit)
        zeros, names = np.zeros(n), [f"alphabet{number % alphabets}" for number in range(n)]
        record = {**copy.deepcopy(RECORD), **fields}
        record["scorer"] |= scorer or {}
        record["protocol"] |= protocol or {}
        columns = {
            "episode": np.arange(n),
            "query": zeros.astype(np.int32),
            "target": zeros.astype(np.int16),
            "predicted": zeros.astype(np.int16),
            "credit": np.asarray(credit, float),
            "margin": zeros.astype(np.float32),
            "rank": np.ones(n, np.float32),
            "alphabet": pd.Categorical(names),
            "character": pd.Categorical(names),
            "drawer": pd.Categorical(names),
        }
        return write(tmp_path / f"run{count}", record, [columns])

    return store


# Which runs share a row, a column, a cell


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


@pytest.mark.parametrize("digest", ["0" * 64, RECORD["episodes_digest"][:-1] + "1"])
def test_runs_of_different_episodes_never_share_a_column(store, digest):
    one = table([store(np.ones(60)), store(np.zeros(60), episodes_digest=digest)])
    assert len(one.rows) == 1
    assert len(set(one.columns)) == 2
    assert sorted(cell.value for cell in one.cells.values()) == [0, 1]
    assert all(column.startswith("lake-within-5w1s (seed 71, 2000") for column in one.columns)


@pytest.mark.parametrize("digest", ["0" * 64, RECORD["scorer"]["digest"][:-1] + "1"])
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
    for form in ("text", "github", "html", "latex"):
        assert one.render(form).count(MISSING) == 2
    assert len(json.loads(one.render("json"))["results"]) == 2


# Cells


@pytest.fixture
def hausdorff(store):
    errors = (45, 35, 40, 25, 30, 15, 60, 35, 40, 55, 15, 70, 65, 35, 15, 25, 30, 40, 70, 30)
    by_run = [np.r_[np.ones(20 - wrong // 5), np.zeros(wrong // 5)] for wrong in errors]
    # The trials of all runs in turn, so that trial i is of alphabet i % 10.
    credit = np.concatenate([np.r_[by_run[2 * a], by_run[2 * a + 1]] for a in range(10)])
    return store(credit.reshape(10, 40).T.ravel(), alphabets=10)


def test_the_hausdorff_distance_on_lakes_runs_is_shown_as_published(hausdorff):
    assert "61.3 ± 7.9" in table([hausdorff]).render("text")
    assert result(hausdorff)["errors"] == 155


def test_a_cell_shows_the_value_and_half_of_the_interval_in_percent(store):
    run = store(np.r_[np.ones(30), np.zeros(30)])
    cell = estimate(run.trials, "wilson")
    assert f"50.0 ± {50 * (cell.high - cell.low):.1f}" in table([run], "wilson").render("text")


@pytest.mark.parametrize("right", [20, 19, 18, 1, 0])
def test_what_is_shown_reaches_as_far_as_the_interval(store, right):
    run = store(np.r_[np.ones(right), np.zeros(20 - right)], alphabets=2)
    cell = estimate(run.trials)
    text = table([run]).render("text")
    value, half = map(float, re.search(r"(\d+\.\d) ± (\d+\.\d)", text).groups())
    assert value - half <= 100 * cell.low + 0.1
    assert value + half >= 100 * cell.high - 0.1


def test_leakage_is_marked_and_explained(store):
    one = table(
        [
            store(scorer={"leaked_characters": 3}),
            store(scorer={"name": "clean", "leaked_characters": 0}),
            store(scorer={"name": "silent", "leaked_characters": None}),
        ]
    )
    assert {row for row, _ in one.marks} == {"pixel-cosine"}
    (note,) = one.notes
    assert note.startswith("!")
    assert "trained on" in note
    for form in ("text", "github", "latex", "html"):
        rendered = one.render(form)
        assert len(re.findall(r"\d !", rendered)) == 1
        assert note in " ".join(rendered.split()), form


def test_without_leakage_there_is_neither_mark_nor_note(store):
    one = table([store()])
    assert (one.marks, one.notes) == ({}, ())
    assert "!" not in one.render("text")


def test_a_mark_goes_with_the_run_that_counts(store):
    one = table([store(scorer={"leaked_characters": 3}), store(scorer={"leaked_characters": 0})])
    assert (one.marks, one.notes) == ({}, ())


def test_leakage_can_be_seen_by_machines(store):
    one = table([store(scorer={"leaked_characters": 3})])
    assert json.loads(one.render("json"))["results"][0]["leaked_characters"] == 3
    (row,) = csv.DictReader(io.StringIO(one.render("csv")))
    assert row.get("leaked_characters") == "3"


# Caption


@pytest.mark.parametrize(
    "wanted",
    [
        "lake-within-5w1s",
        "5-way 1-shot",
        "2,000 episodes",
        "seed 71",
        "n = 60",
        "t by alphabet (6)",
        "digest 3f9c1a77",
        "95 %",
        "population interval",
    ],
)
def test_the_caption_says_what_the_figures_are(store, wanted):
    assert wanted in table([store()]).caption


def test_the_caption_names_the_interval_that_was_used(store):
    assert "wilson" in table([store()], "wilson").caption
    assert "t by alphabet" not in table([store()], "wilson").caption
    assert "wilson" in table([store(alphabets=3)]).caption
    both = table([store(), store(np.ones(60), scorer={"name": "perfect"})]).caption
    assert "t by alphabet (6) or wilson" in both


def test_the_caption_speaks_of_every_column(store):
    caption = table([store(), store(seed=5, episodes_digest="a1b2c3d4" * 8)]).caption
    for wanted in ("seed 71", "seed 5", "3f9c1a77", "a1b2c3d4"):
        assert wanted in caption


def test_the_official_runs_have_no_seed(store):
    caption = table([store(protocol={"name": "lake-runs"})]).caption
    assert "seed" not in caption
    assert "digest 3f9c1a77" in caption


# Formats


@pytest.mark.parametrize("form", ["text", "github", "latex", "html"])
def test_every_laid_out_format_says_what_its_figures_are(store, form):
    rendered = table([store()]).render(form)
    for wanted in ("seed 71", "3f9c1a77", "t by alphabet"):
        assert wanted in " ".join(rendered.split())


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_holds_names_and_values(store, form):
    rendered = table([store(np.r_[np.ones(45), np.zeros(15)])]).render(form)
    assert "pixel-cosine" in rendered
    assert "lake-within-5w1s" in rendered
    assert ("0.75" if form in ("csv", "json") else "75.0 ±") in rendered
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
    assert one["episodes_digest"] == RECORD["episodes_digest"]
    assert one["scorer_digest"] == RECORD["scorer"]["digest"]


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


# Names that others chose

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
    _, grid = hostile[0].render("text").split("\n\n")
    _, rule, *scorers = grid.splitlines()
    assert set(rule) == {"-", " "}
    assert len(scorers) == 2
    assert all(re.search(r"\d\.\d ± \d+\.\d$", line) for line in scorers)


def test_markdown_has_a_row_a_scorer_and_a_cell_a_protocol_whatever_the_names(hostile):
    caption, empty, *rows = hostile[0].render("github").splitlines()
    assert empty == ""
    assert len(rows) == 4
    for row in rows:
        assert len(re.findall(r"(?<!\\)\|", row)) == 3, row
    for line in (caption, *rows):
        assert not re.search(r"(?<!\\)<[a-z/]", line), line


def test_latex_has_no_command_that_a_name_brought_whatever_the_names(hostile):
    lines = hostile[0].render("latex").splitlines()
    body = [line for line in lines if not line.startswith("%")]
    assert body[:2] == [r"\begin{tabular}{lr}", r"\toprule"]
    assert body[-2:] == [r"\bottomrule", r"\end{tabular}"]
    assert [body[3], len(body)] == [r"\midrule", 8]
    for line in (body[2], *body[4:6]):
        cells = line.removesuffix(r" \\")
        assert cells != line
        assert len(re.findall(r"(?<!\\)&", cells)) == 1
        assert not re.search(r"(?<!\\)[$#%_]", re.sub(r"\\ensuremath\{.\}", "", cells)), line
        assert r"\input" not in cells


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
    assert parsed.tags <= {"table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td", "p"}
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
        assert rows[1][:2] == [hostile[1], hostile[1]]


def test_json_holds_any_name_as_it_is(hostile):
    one = json.loads(hostile[0].render("json"))["results"][0]
    assert (one["scorer"], one["protocol"]) == (hostile[1], hostile[1])
