import re
import xml.etree.ElementTree as ElementTree
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from wayshot.results import ResultError, estimate_run
from wayshot.results.pictures import CHARTS, Size, draw_chart, gathered, inlined, load, plotted
from wayshot.results.pictures.style import COLOURS, looks

SVG = "{http://www.w3.org/2000/svg}"
NAMES = ("good", "$\\alpha$", "<b>&amp;")


def texts(drawn):
    root = ElementTree.fromstring(inlined(drawn, "chart", Size()))
    return ["".join(one.itertext()).strip() for one in root.iter(f"{SVG}text")]


@pytest.fixture
def material(store):
    """Three scorers on protocols that differ in ways and in shots."""
    runs = []
    for ways, shots in ((5, 1), (20, 1), (5, 5)):
        name = f"lake-within-{ways}w{shots}s"
        for place, scorer in enumerate(NAMES):
            credit = np.random.default_rng(ways + place).random(60) < 0.9 - 0.2 * place
            fields = {"split": "lake", "ways": ways, "shots": shots}
            runs.append(
                store(
                    credit.astype(float),
                    scorer={"name": scorer, "digest": f"{place}" * 64, "parameters": 10**place},
                    protocol={"name": name, "fields": fields},
                    episodes_digest=name.encode().hex().ljust(64, "0"),
                    latency={"p50_ms": 1.0 + place},
                )
            )
    return gathered(runs)


@pytest.fixture
def crowd(store):
    """Many scorers with long names on two protocols, of eight alphabets with long names."""
    runs = []
    alphabet = np.repeat([f"An alphabet whose name is long {number}" for number in range(8)], 10)
    for ways, place in ((ways, place) for ways in (5, 20) for place in range(12)):
        credit = np.random.default_rng([ways, place]).random(80) < 0.9 - 0.06 * place
        name = f"lake-within-{ways}w1s"
        scorer = f"A scorer whose name is too long for a margin, number {place}"
        runs.append(
            store(
                credit.astype(float),
                trials={"alphabet": pd.Categorical(alphabet)},
                scorer={"name": scorer, "digest": f"{place:064}", "parameters": 10 + place},
                protocol={
                    "name": name,
                    "fields": {"split": "lake", "ways": ways, "shots": 1},
                },
                episodes_digest=name.encode().hex().ljust(64, "0"),
            )
        )
    return gathered(runs)


@pytest.mark.parametrize("name", [name for name in CHARTS if name not in ("training",)])
def test_a_chart_says_the_names_as_text_or_is_not_drawn(material, name):
    column = "lake-within-5w1s" if CHARTS[name].of_protocol else None
    drawn = plotted(name, material, Size(), column)
    if name in ("flops", "roc", "det", "scores", "reliability"):
        assert drawn is None
        return
    said = " ".join(texts(drawn))
    # The best scorer alone has its drawers shown.
    expected = {"drawers": NAMES[:1]}.get(name, NAMES)
    assert all(one in said for one in expected)


@pytest.mark.parametrize("width", [2, 3.3])
@pytest.mark.parametrize("name", [name for name in CHARTS if name != "training"])
def test_long_names_leave_room_for_the_chart(crowd, name, width, recwarn):
    column = "lake-within-5w1s" if CHARTS[name].of_protocol else None
    drawn = plotted(name, crowd, Size(width), column)
    if drawn is None:
        assert name in ("shots", "latency", "flops", "roc", "det", "scores", "reliability")
        return
    texts(drawn)
    assert not [one for one in recwarn if "layout" in str(one.message)]
    assert max(axes.get_position().width for axes in drawn.axes) > 0.25


def test_accuracy_is_drawn_against_ways_with_the_level_of_chance(material):
    (axes,) = plotted("ways", material, Size()).axes
    lines = {line.get_label(): line.get_xydata().tolist() for line in axes.get_lines()}
    run = material.run("good", "lake-within-20w1s")
    assert lines["good"][1] == [20, pytest.approx(100 * estimate_run(run).value)]
    assert lines["chance level"] == [[5, 20], [20, 5]]


def test_protocols_that_differ_in_more_than_ways_share_no_curve(store):
    runs = [
        store(
            protocol={"name": name, "fields": {"split": split, "ways": ways, "shots": 1}},
            episodes_digest=name.encode().hex().ljust(64, "0"),
        )
        for name, split, ways in (("a-5w1s", "a", 5), ("b-20w1s", "b", 20))
    ]
    assert plotted("ways", gathered(runs), Size()) is None


def test_the_intervals_of_differences_are_those_of_the_comparison(material):
    (axes,) = plotted("differences", material, Size(), "lake-within-5w1s").axes
    found = material.contrasts("lake-within-5w1s")
    assert {one.label for one in found} == set(NAMES[1:])
    drawn = [list(line.get_xdata()) for line in axes.get_lines() if len(line.get_xdata()) == 2]
    for one in found:
        ends = one.comparison.difference.low, one.comparison.difference.high
        assert [pytest.approx(100 * end) for end in ends] in drawn


def test_intervals_by_alphabet_are_of_that_alphabet_alone(material):
    column = "lake-within-5w1s"
    trials = material.run("good", column).trials
    found = material.by_alphabet("good", column)
    for name, one in found.items():
        assert one.value == pytest.approx(trials.credit[trials.alphabet == name].mean())
        assert one.n == (trials.alphabet == name).sum()


def test_a_name_that_is_a_colour_stays_a_name(store):
    runs = [
        store(scorer={"name": name, "digest": digit * 64})
        for name, digit in ((COLOURS[0], "1"), ("b", "2"))
    ]
    drawn = plotted("differences", gathered(runs), Size(), "lake-within-5w1s")
    assert any(COLOURS[0] in one for one in texts(drawn))


def test_colours_of_a_part_of_a_page_are_variables_and_identifiers_its_own(material):
    text = inlined(plotted("ways", material, Size()), "mine", Size())
    assert "var(--series-1)" in text and "var(--ink)" in text
    assert not any(colour in text for colour in COLOURS[:3])
    names = re.findall(r' id="([^"]+)"', text)
    assert names and all(one.startswith("mine-") for one in names)
    assert set(re.findall(r"url\(#([^)]+)\)", text)) <= set(names)


def test_a_scorer_looks_the_same_in_charts_of_all_and_of_some(material):
    every = list(material.table.runs.values())
    some = [run for run in every if run.scorer != "good"]
    assert gathered(some, every=every).looks == material.looks


def test_looks_differ_in_colour_marker_and_dashes_between_neighbours():
    found = list(looks([str(place) for place in range(8)]).values())
    for one, other in pairwise(found):
        assert one.colour != other.colour
        assert one.marker != other.marker and one.dashes != other.dashes


def test_an_unknown_chart_is_refused(material, tmp_path):
    with pytest.raises(ResultError, match="'pie'; known are ways"):
        draw_chart("pie", material, tmp_path / "a.svg", Size())


def test_loaded_runs_show_a_table_and_have_the_charts_as_methods(material, tmp_path):
    runs = load(tmp_path)
    assert "<table>" in runs._repr_html_() and "lake-within-20w1s" in runs._repr_html_()
    assert set(CHARTS) <= set(dir(runs.plot))
    drawn = runs.plot.ways(width=3)
    assert drawn.get_size_inches()[0] == 3 and drawn._repr_svg_().count("<svg") == 1
    assert runs.plot.alphabets(protocol="lake-within-5w1s").axes
    assert runs.select(protocols=["lake-within-5w1s"]).plot.alphabets().axes
    with pytest.raises(ResultError, match="choose protocol= from lake-within"):
        runs.plot.alphabets()
    with pytest.raises(ResultError, match="stored scores"):
        runs.plot.roc(protocol="lake-within-5w1s")
    with pytest.raises(AttributeError, match="no chart 'pie'"):
        _ = runs.plot.pie
