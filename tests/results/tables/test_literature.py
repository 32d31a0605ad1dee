import csv
import io
import json
import re

import numpy as np
import pytest
from wayshot.results import ResultError, table
from wayshot.results.tables.literature import CHOICES, PATH, Published, as_published, is_setting_of

ALL = as_published("all")
RUNS = {"name": "lake-runs", "fields": {"structure": "runs"}}
VINYALS = {"fields": {"split": "vinyals"}}


def of(protocol):
    return [one for one in ALL if one.protocol == protocol]


@pytest.fixture
def lake_runs(store):
    return store(np.ones(60), protocol=RUNS)


def test_every_figure_has_a_source_and_a_status():
    sources = json.loads(PATH.read_text())["sources"]
    assert all(one.status in ("V", "C", "M") for one in ALL)
    assert all(one.source[0] and re.search(r"\d{4}|repository", one.citation) for one in ALL)
    used = {row["source"] for row in json.loads(PATH.read_text())["results"]}
    assert used == set(sources)


def test_every_figure_is_of_a_system_and_protocol_of_its_own():
    assert len({(one.label, one.protocol) for one in ALL}) == len(ALL)


# Errors in % as Lake's official runs have them: one error is 0.25 points.
LAKE = {
    "ARC (all candidates)": 1.5,
    "BPL (30 alphabets)": 3.3,
    "BPL (small1)": 4.3,
    "BPL (small2)": 4.0,
    "Humans": 4.5,
    "GNS": 5.7,
    "RCN, unverified": 7.3,
    "Siamese convnet (Koch et al.)": 8.0,
    "Convnet (30 alphabets)": 13.5,
    "Convnet (small1)": 24.0,
    "Convnet (small2)": 22.3,
    "Prototypical network (re-run), unverified": 13.7,
    "Prototypical network (re-run, minimal splits), unverified": 30.1,
    "VHE": 18.7,
    "DooD (unsupervised)": 26.5,
    "Hierarchical Deep": 34.8,
    "Modified Hausdorff": 38.75,
    "Siamese without convolutions": 41.7,
    "1-NN pixels, cosine": 78.25,
}


def test_the_figures_of_lakes_runs_are_the_published_errors():
    found = {one.label: round(100 - one.accuracy, 2) for one in of("lake-runs")}
    assert found == LAKE


# Accuracies in % at 5w1s, 5w5s, 20w1s, 20w5s.
VINYALS_FIGURES = {
    "Siamese network (re-run)": (97.3, 98.4, 88.2, 97.0),
    "Matching networks": (98.1, 98.9, 93.8, 98.5),
    "Prototypical networks": (98.8, 99.7, 96.0, 98.9),
    "MAML": (98.7, 99.9, 95.8, 98.9),
    "GNN": (99.2, 99.7, 97.4, 99.0),
    "SNAIL": (99.07, 99.78, 97.64, 99.36),
    "T-NAS++": (99.55, 99.95, None, None),
    "Relation network, unverified": (99.6, 99.8, 97.6, 99.1),
}


@pytest.mark.parametrize("place", range(4))
def test_the_figures_of_vinyals_setting_are_the_published_ones(place):
    protocol = f"vinyals-{('5w1s', '5w5s', '20w1s', '20w5s')[place]}-rot"
    expected = {label: figures[place] for label, figures in VINYALS_FIGURES.items()}
    found = {one.label: one.accuracy for one in of(protocol)}
    assert found == {label: figure for label, figure in expected.items() if figure}


def test_figures_from_transductive_batch_norm_say_so():
    transductive = {one.system for one in ALL if one.transductive}
    assert transductive == {"MAML", "T-NAS++", "Relation network"}


def test_figures_on_lakes_runs_agree_with_the_golden_ones(golden):
    by_label = {one.label: one.accuracy for one in of("lake-runs")}
    errors = golden("lake_runs")["errors"]
    assert by_label["Modified Hausdorff"] == 100 - errors["hausdorff"] / 4
    assert by_label["1-NN pixels, cosine"] == 100 - errors["pixel-cosine"] / 4


def test_unverified_figures_are_left_out_unless_asked_for():
    assert {one.status for one in as_published()} == {"V", "C"}
    assert {one.status for one in ALL} == {"V", "C", "M"}
    with pytest.raises(ResultError, match="'some'; known are verified, all"):
        as_published("some")


def test_unverified_figures_never_stand_without_saying_so(lake_runs):
    one = table([lake_runs], published="all")
    for form in ("text", "github", "latex", "html"):
        rendered = one.render(form)
        (line,) = [line for line in rendered.splitlines() if "RCN" in line and "92.7" in line]
        assert "unverified" in line
        assert "?" in line
        assert "UNVERIFIED" in rendered
    assert "RCN" not in table([lake_runs], published="verified").render("text")
    rows = {one["system"]: one for one in json.loads(one.render("json"))["published"]}
    assert rows["RCN, unverified"]["status"] == "M"


@pytest.mark.parametrize("name", sorted({one.protocol for one in ALL}))
@pytest.mark.parametrize("which", CHOICES)
def test_figures_go_to_the_column_of_their_protocol_only(store, name, which):
    split = {"split": "vinyals"} if name.startswith("vinyals") else {"structure": "runs"}
    there = store(protocol={"name": name, "fields": split})
    other = store(protocol={"name": "lake-within-20w1s"}, episodes_digest="0" * 64)
    one = table([there, other], published=which)
    assert {row.protocol for row in one.published} == {name}
    (layout,) = one.layouts()
    for section in layout.sections:
        if section.heading:
            assert all(cells[1].value == "" and cells[0].value for _, cells in section.rows)


@pytest.mark.parametrize(
    "protocol",
    [
        {"name": "lake-within-20w1s"},
        {"name": "vinyals-20w1s"},
        {"name": "vinyals-20w1s-q5-rot", **VINYALS},
        {"name": "vinyals-validation-20w1s-rot", **VINYALS},
        {"name": "lake-runs", "fields": {"structure": "within"}},
        {"name": "vinyals-20w1s-rot", "fields": {"split": "lake"}},
    ],
)
def test_protocols_that_are_no_published_setting_get_no_figures(store, protocol):
    assert not any(is_setting_of(protocol, one.protocol) for one in ALL)
    one = table([store(protocol=protocol)], published="all")
    assert one.published == ()
    assert "As published: there are no figures for these protocols." in one.notes


def test_without_being_asked_for_nothing_is_shown_as_published(lake_runs):
    for form in ("text", "github", "latex", "html", "csv", "json"):
        assert "published" not in table([lake_runs]).render(form)


def test_published_rows_stand_apart_and_are_never_bold(store):
    runs = [
        store(
            np.r_[np.ones(30), np.zeros(30)], protocol=RUNS, scorer={"name": name, "digest": name}
        )
        for name in ("a", "b")
    ]
    one = table(runs, published="all")
    assert len(one.best) == 2
    own, apart = one.render("text").split("as published", 1)
    assert "**" in own and "**" not in apart
    assert "ARC" not in own
    own, apart = one.render("latex").split(r"{\itshape as published}", 1)
    assert own.rstrip().endswith(r"\midrule" + "\n" + r"\multicolumn{2}{l}")
    assert r"\bfseries" in own and r"\bfseries" not in apart
    own, apart = one.render("html").split('<tr><th colspan="2">as published</th></tr>')
    assert own.endswith("<tbody>\n")
    assert "<strong>" not in apart
    assert one.render("github").count("| as published") == 1


def test_a_scorer_called_like_a_published_system_stays_among_ones_own(store):
    run = store(protocol=RUNS, scorer={"name": "ARC (all candidates)"})
    blocks = table([run], published="verified").render("text").split("\n\n")
    assert ["ARC (all candidates)" in block for block in blocks[1:3]] == [True, True]
    assert blocks[2].startswith("as published")
    interval = r"\d \(\d+\.\d–\d+\.\d\)"
    assert re.search(interval, blocks[1]) and not re.search(interval, blocks[2])


def test_figures_keep_the_decimals_of_their_source(store):
    run = store(protocol={"name": "vinyals-20w1s-rot", **VINYALS})
    text = table([run], published="all").render("text")
    for system, figure in (("SNAIL", "97.64"), ("Prototypical networks", "96.0"), ("GNN", "97.4")):
        assert re.search(rf"^{system} +{figure}$", text, re.MULTILINE)
    assert re.search(r"^MAML +95\.8§$", text, re.MULTILINE)
    assert "§ transductive batch norm" in text
    assert "MAML 91.0–91.6 on vinyals-20w1s-rot" in " ".join(text.split())
    assert "28 x 28 pixels" in text


def test_sources_are_cited(lake_runs):
    text = " ".join(table([lake_runs], published="verified").render("text").split())
    assert "Siamese convnet, Siamese without convolutions: Koch, Zemel and Salakhutdinov" in text
    assert "George" not in text


def test_csv_says_which_rows_are_published(lake_runs):
    rows = list(csv.DictReader(io.StringIO(table([lake_runs], published="all").render("csv"))))
    assert [row["source"] for row in rows if row["low"]] == [""]
    by_name = {row["scorer"]: row for row in rows}
    assert by_name["Humans"]["value"] == "0.955"
    assert by_name["Humans"]["source"].startswith("as published, verified: Lake, Salakhutdinov")
    assert by_name["Modified Hausdorff"]["source"].startswith("as published, computed: ")
    assert by_name["RCN, unverified"]["source"].startswith("as published, UNVERIFIED: ")


def test_json_holds_source_status_and_remark(lake_runs):
    data = json.loads(table([lake_runs], published="verified").render("json"))
    assert len(data["results"]) == 1
    humans = next(row for row in data["published"] if row["system"] == "Humans")
    assert (humans["value"], humans["status"]) == (0.955, "V")
    assert humans["remark"] == "40 people, 10 trials each"
    assert "Human-level concept learning" in humans["source"]


def test_a_variant_is_part_of_the_label():
    one = Published("BPL", "small1", "lake-runs", 95.7, ("a", "b", "c"), "M")
    assert one.label == "BPL (small1), unverified"
