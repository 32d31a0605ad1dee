import html.parser
import json
import re

import numpy as np
from wayshot.results.pictures import gathered
from wayshot.results.report import in_detail, render

SECTIONS = ["table", "curves", "differences", "where", "errors", "pairs", "training", "origin"]

STRANGE = (
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "</style><b>bold",
    "{{ 7 * 7 }} $\\alpha$ &amp; \"'`",
    "right\u202eleft",
)


class Page(html.parser.HTMLParser):
    """Tags, attributes, and texts of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.texts, self.attributes = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.texts.append(data)


def sections(page):
    return re.findall(r'<section id="([a-z]+)"', page)


def data(page):
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    return json.loads(found[1])


def test_every_section_is_there_where_there_is_something_to_say(stored, drawn, card):
    runs = [
        *stored("good", "fair", "poor", latency=1.0),
        *stored("good", "fair", "poor", protocol="lake-within-3w1s", ways=3),
    ]
    material = gathered(runs, trainings=[card])
    page = render(material, "wayshot report", lambda run: (drawn(), ""))
    assert sections(page) == SECTIONS
    assert "Images that a test has drawn." in page
    assert "wayshot run lake-within-4w1s lake-within-3w1s --episodes 24 --seed 1 --scores" in page


def test_sections_with_nothing_to_say_are_left_out(stored):
    material = gathered(stored("alone", scores=False))
    page = render(material, "wayshot report")
    assert sections(page) == ["table", "where", "errors", "origin"]


def test_without_errors_there_is_no_browser_of_trials(store):
    page = render(gathered([store(np.ones(60))]), "wayshot report")
    assert "errors" not in sections(page)


def test_a_name_is_text_wherever_it_stands(stored, drawn):
    def page_of(names):
        told = " ".join(names)
        alphabets = (*names, *"BCDEF"[len(names) - 1 :])
        runs = stored(*names, "poor", alphabets=alphabets, scorer={"pooling": told})
        source = drawn(alphabets=alphabets)
        source.licence = told
        material = gathered(runs, baseline=names[-1])
        return render(material, f"wayshot {told}", lambda _: (source, ""))

    written, plain = page_of(STRANGE), page_of([f"name {place}" for place in range(len(STRANGE))])
    strange, usual = Page(written), Page(plain)
    # No tag comes from a name: there are as many of each as for a usual name.
    for tag in ("script", "style", "img", "b"):
        assert strange.tags.count(tag) == usual.tags.count(tag)
    assert not any(key.startswith("on") for key, _ in strange.attributes)
    assert "\u202e" not in written
    for name in STRANGE:
        assert name.replace("\u202e", "\ufffd") in " ".join(strange.texts)
        assert name.replace("\u202e", "\ufffd") in data(written)["trials"][0]["scorers"]


def test_the_page_loads_nothing(stored, drawn):
    page = render(gathered(stored("good", "fair")), "wayshot", lambda _: (drawn(), ""))
    loaded = re.findall(r'(?:src|href|xlink:href)="([^"]*)"|url\(([^)]*)\)', page)
    addresses = {one for pair in loaded for one in pair if one}
    assert addresses
    assert all(one.startswith(("#", "data:")) for one in addresses)
    assert "default-src 'none'" in page


def test_identifiers_of_a_page_differ(stored, drawn, card):
    runs = [*stored("a", "b", "c"), *stored("a", "b", "c", protocol="lake-within-3w1s", ways=3)]
    page = render(gathered(runs, trainings=[card]), "wayshot", lambda _: (drawn(), ""))
    names = re.findall(r' id="([^"]*)"', page)
    assert len(set(names)) == len(names)


def test_of_many_protocols_some_are_shown_in_detail_and_the_page_says_so(stored):
    runs = [
        run
        for ways in range(2, 10)
        for run in stored("a", "b", protocol=f"lake-within-{ways}w1s", ways=ways, scores=False)
    ]
    material = gathered(runs)
    shown = in_detail(material)
    page = render(material, "wayshot report")
    assert 0 < len(shown) < 8
    assert {one["column"] for one in data(page)["trials"]} == set(shown)
    assert f"show {len(shown)} of 8 protocols" in page


def test_the_reason_for_missing_images_is_on_the_page(stored):
    page = render(gathered(stored("a", "b")), "wayshot", lambda _: (None, "the data set is gone"))
    assert "the data set is gone" in page
    assert data(page)["trials"][0]["sheet"] is None


def test_the_same_runs_give_the_same_page(stored, drawn):
    material = [gathered(stored("a", "b", "c")) for _ in range(2)]
    pages = [render(one, "wayshot", lambda _: (drawn(), "")) for one in material]
    assert pages[0] == pages[1]


def test_the_table_can_be_copied_in_three_formats(stored):
    material = gathered(stored("a", "b"))
    copies = data(render(material, "wayshot"))["copies"]
    assert copies == {
        "Markdown": material.table.render("github"),
        "LaTeX": material.table.render("latex"),
        "CSV": material.table.render("csv"),
    }


def test_marks_say_what_they_mean(stored):
    page = render(gathered(stored("leaky", "b", scorer={"leaked_characters": 3})), "wayshot")
    assert 'aria-label="!: leakage: the scorer was trained on characters' in page
