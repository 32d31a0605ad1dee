import json

import pytest


@pytest.fixture
def stored(wayshot, characters, tmp_path):
    """Runs of two baselines within alphabets of 8 characters, with 5 and with 2 ways."""
    protocols = [f"folder:{characters}-within-{ways}w1s" for ways in (5, 2)]
    scorers = ("-s", "pixel-cosine", "-s", "chance")
    status, _, _ = wayshot("run", *protocols, *scorers, "--episodes", 40, "--out", tmp_path)
    assert status == 0
    return protocols, tmp_path


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
    assert "† differs significantly from chance (paired test, Holm's correction, 5 %)." in out
    assert out.split("\n\n")[1].splitlines()[0].endswith("params")


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
    words = ("--confusions", 3, "--scorer", "pixel-cosine", "--json")
    status, out, _ = wayshot("table", stored[1], *words)
    assert status == 0
    assert len(json.loads(out)["confusions"]) == 6


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--by", "alphabet", "--confusions", "3"], "--confusions does not go with --by"),
        (["--by", "alphabet", "--published"], "--by does not go with --published"),
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
