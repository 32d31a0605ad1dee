import json

import pytest
from wayshot import tasks


@pytest.fixture
def stored(wayshot, characters, tmp_path):
    """Runs of two baselines within alphabets of 8 characters, with 5 and with 2 ways.

    Gives the names that these runs have for their protocols, and their folder.
    """
    protocols = [f"folder:{characters}-within-{ways}w1s" for ways in (5, 2)]
    scorers = ("-s", "pixel-cosine", "-s", "chance")
    status, _, _ = wayshot("run", *protocols, *scorers, "--episodes", 40, "--runs", tmp_path)
    assert status == 0
    return [tasks.parse(name).title for name in protocols], tmp_path


def test_fewer_ways_come_first_and_rows_and_columns_can_be_chosen(wayshot, stored):
    (five, two), folder = stored
    grid = wayshot("table", folder)[1].split("\n\n")[1]
    assert grid.splitlines()[0].split() == ["scorer", two, five]
    status, out, _ = wayshot("table", folder, "--scorer", "chance", "--protocol", five)
    assert status == 0
    assert out.split("\n\n")[1].splitlines()[-1].split() == ["chance", "20.0", "±", "0.0"]


def test_what_differs_from_a_baseline_is_marked(wayshot, stored):
    status, out, _ = wayshot("table", stored[1], "--baseline", "chance", "--columns", "params")
    assert status == 0
    said = "† differs significantly from chance (paired tests at 5 %, corrected for their number)."
    assert said in " ".join(out.split())
    assert any(line.endswith("params") for line in out.splitlines())


def test_published_figures_are_for_their_own_protocols(wayshot, stored):
    for words in (["--published"], ["--published", "all"]):
        status, out, _ = wayshot("table", stored[1], *words)
        assert status == 0
        assert "As published: there are no figures for these protocols." in out
        assert "Koch" not in out


@pytest.mark.parametrize("by", ["alphabet", "character", "drawer"])
def test_errors_are_broken_down(wayshot, stored, by):
    protocols, folder = stored
    status, out, _ = wayshot("table", folder, "--by", by, "--json")
    rows = json.loads(out)["breakdown"]
    assert status == 0
    assert {row["protocol"] for row in rows} == set(protocols)
    assert all(0 <= row["value"] <= 1 and row[by] for row in rows)


def test_confusions_are_listed(wayshot, stored):
    words = ("--by", "confusion", "--most", 3, "--scorer", "pixel-cosine", "--json")
    status, out, _ = wayshot("table", stored[1], *words)
    assert status == 0
    assert len(json.loads(out)["confusions"]) == 6


def test_old_spellings_of_views_still_work_and_are_in_no_help(wayshot, stored):
    answers = [
        wayshot("table", stored[1], *words)
        for words in (("--by", "confusion", "--most", 3), ("--confusions", 3))
    ]
    assert answers[0] == answers[1] and answers[0][0] == 0
    # Baselines are no trainings of a recipe.
    answers = [wayshot("table", stored[1], *words) for words in (("--by", "seed"), ("--seeds",))]
    assert answers[0] == answers[1] and "no recipe with runs" in answers[0][2]
    out = wayshot("table", "--help")[1]
    assert "--by" in out and "--confusions" not in out and "--seeds" not in out


def test_a_view_takes_from_variables_only_what_it_needs(wayshot, stored, monkeypatch):
    monkeypatch.setenv("WAYSHOT_TABLE_BASELINE", "chance")
    assert wayshot("table", stored[1], "--by", "alphabet")[0] == 0
    assert "differs significantly from chance" in wayshot("table", stored[1])[1]


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--by", "alphabet", "--confusions", "3"], "--confusions does not go with --by"),
        (["--by", "alphabet", "--published"], "--by does not go with --published"),
        (["--by", "drawer", "--baseline", "chance"], "--by does not go with --baseline"),
        (["--by", "seed", "--columns", "params"], "--columns is for the table of accuracies;"),
        (["--by", "alphabet", "--level", "0.9"], "for the table of accuracies and --by seed;"),
        (["--by", "alphabet", "--most", "3"], "--by does not go with --most"),
        (["--most", "3"], "--most is for --by confusion; ask for that"),
        (["--by", "alphabet", "--seeds"], "--seeds does not go with --by"),
        (["--seeds", "--interval", "t"], "--seeds does not go with --interval"),
        (["--by", "confusion", "--most", "0"], "--most"),
        (["--by", "colour"], "'colour' is not one of"),
        (["--confusions", "0"], "--confusions"),
        (["--columns", "size"], "unknown column 'size'; known are params, flops, latency"),
        (["--baseline", "none"], "'none' has no run here; name one of chance, pixel-cosine"),
        (["--scorer", "none"], "no run of scorer 'none'"),
        (["--protocol", "none"], "no run of protocol 'none'"),
    ],
)
def test_what_cannot_be_shown_is_refused_in_one_line(wayshot, stored, words, problem):
    status, out, err = wayshot("table", stored[1], *words)
    assert (status, out) == (2, "")
    assert problem in err
    assert err.count("\n") == 1


def test_title_label_and_names_are_those_of_the_author(wayshot, stored):
    words = ("--title", "Baselines", "--rename", "pixel-cosine=Pixels, k=1")
    status, out, _ = wayshot("table", stored[1], *words)
    assert status == 0 and out.startswith("Baselines\n") and "pixel-cosine" not in out
    assert any(line.startswith("Pixels, k=1  ") for line in out.splitlines())
    status, out, _ = wayshot("table", stored[1], *words, "--label", "tab:base", "--format", "latex")
    assert status == 0 and r"\caption{Baselines}" in out and r"\label{tab:base}" in out
    assert "\nPixels, k=1 & " in out
    assert r"\multicolumn{2}{c}{within alphabets}" in out and "5-way" in out


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--rename", "pixel-cosine"], "expected NAME=TEXT such as"),
        (["--rename", "nobody=x"], "'nobody' has no run here"),
        (["--rename", "chance=pixel-cosine"], "two rows would be called 'pixel-cosine'"),
        (["--label", "tab:x"], "--label does not go with --format text"),
        (["--title", "x", "--json"], "--title does not go with --format json"),
        (["--rename", "chance=x", "--format", "csv"], "--rename does not go with --format csv"),
        (["--title", "x", "--by", "alphabet"], "--title is for the table of accuracies"),
        (["--label", "a b", "--format", "latex"], "LaTeX label 'a b' is impossible"),
    ],
)
def test_titles_labels_and_names_that_cannot_be_are_refused(wayshot, stored, words, problem):
    status, out, err = wayshot("table", stored[1], *words)
    assert (status, out) == (2, "") and problem in err
