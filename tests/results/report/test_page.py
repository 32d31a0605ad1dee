"""The page of a report in a browser."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest
from browser import OVERFLOWING
from wayshot.results.pictures import gathered
from wayshot.results.report import render

Keys = pytest.importorskip("selenium.webdriver.common.keys").Keys
Select = pytest.importorskip("selenium.webdriver.support.select").Select
WebDriverWait = pytest.importorskip("selenium.webdriver.support.wait").WebDriverWait

WIDTHS = (360, 800, 1600)


@pytest.fixture(scope="module")
def report(store_below, drawn, card, tmp_path_factory):
    """A report with all sections."""
    root = tmp_path_factory.mktemp("report")
    names = "good", "fair", "poor"
    runs = [
        *store_below(root, *names, latency=1.0),
        *store_below(root, *names, protocol="lake-within-3w1s", ways=3),
    ]
    path = root / "report.html"
    material = gathered(runs, trainings=[card], extras=("params", "latency"))
    path.write_text(render(material, "wayshot report", lambda run: (drawn(), "")))
    return path


def labels(browser):
    rows = browser.all("#accuracies tbody.own tr")
    return [row.get_attribute("data-name") for row in rows if row.is_displayed()]


def test_the_console_is_silent_and_nothing_is_asked_for(browser, report):
    browser.open(report)
    assert len(browser.all(".tile")) > 20
    assert browser.complaints() == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_no_text_reaches_beyond_its_place(browser, report, width, dark):
    browser.open(report, width, dark)
    browser.run("for (const one of document.querySelectorAll('details')) one.open = true")
    assert browser.run("return document.documentElement.scrollWidth") == width
    assert browser.run(OVERFLOWING) == []


def test_dark_and_light_have_other_colours_in_charts_too(browser, report):
    seen = set()
    for dark in (False, True):
        browser.open(report, dark=dark)
        body = browser.run("return getComputedStyle(document.body).backgroundColor")
        text = browser.run("return getComputedStyle(document.querySelector('.chart text')).fill")
        seen.add((body, text))
    assert len({body for body, _ in seen}) == len({text for _, text in seen}) == 2


def test_the_table_is_sorted_by_mouse_and_by_keyboard(browser, report):
    browser.open(report)
    assert labels(browser) == ["good", "fair", "poor"]
    first, second = browser.all("#accuracies .sortable button")[:2]
    second.click()
    second.click()
    assert labels(browser) == ["poor", "fair", "good"]
    assert browser.all("#accuracies th")[1].get_attribute("aria-sort") == "ascending"
    first.send_keys(Keys.ENTER)
    assert labels(browser) == ["fair", "good", "poor"]
    assert browser.all("#accuracies th")[1].get_attribute("aria-sort") is None


def test_the_table_is_narrowed_by_scorer_and_by_protocol(browser, report):
    browser.open(report)
    browser.one("#scorer-filter").send_keys("OO")
    assert labels(browser) == ["good", "poor"]
    browser.one("#scorer-filter").clear()
    Select(browser.one("#only")).select_by_visible_text("lake-within-3w1s")
    shown = [one.get_attribute("data-column") for one in browser.all(".protocol")
             if one.is_displayed()]  # fmt: skip
    assert shown and set(shown) == {"lake-within-3w1s"}


def test_trials_are_chosen_by_who_is_wrong_and_who_is_right(browser, report):
    browser.open(report)

    def verdicts():
        found = []
        for trial in browser.all(".trial"):
            rows = trial.find_elements("css selector", ".answers tbody tr")
            cells = [row.text.split(maxsplit=1) for row in rows]
            found.append({name: "right" in said for name, said in cells})
        return found

    Select(browser.one("#trial-wrong")).select_by_visible_text("poor")
    assert verdicts() and not any(one["poor"] for one in verdicts())
    Select(browser.one("#trial-right")).select_by_visible_text("good")
    assert verdicts() and all(one["good"] and not one["poor"] for one in verdicts())
    before = browser.one("#trial-count").text
    Select(browser.one("#trial-alphabet")).select_by_visible_text("A")
    assert all("A/" in one.text for one in browser.all(".trial h3"))
    assert browser.one("#trial-count").text != before
    browser.one("#trial-margin").send_keys("-100")
    assert browser.all(".trial") == [] and browser.one("#trial-count").text.startswith("0 of")


def test_trials_are_turned_over_by_keyboard_and_the_support_unfolds(browser, report):
    browser.open(report)
    Select(browser.one("#trial-wrong")).select_by_visible_text("any scorer")
    first = browser.all(".trial h3")[0].text
    browser.one("#trial-after").send_keys(Keys.ENTER)
    assert browser.all(".trial h3")[0].text != first
    assert browser.one("#trial-page").text.startswith("page 2 of")
    browser.one("#trial-before").send_keys(Keys.SPACE)
    assert browser.all(".trial h3")[0].text == first
    summary = browser.one(".trial summary")
    summary.send_keys(Keys.ENTER)
    # The event by which it unfolds comes a moment later.
    classes = WebDriverWait(browser.driver, 60).until(
        lambda _: browser.all(".trial .support figure")
    )
    assert len(classes) == 4 and sum("(right)" in one.text for one in classes) == 1


def test_a_mark_is_explained_to_the_pointer_and_to_the_keyboard(browser, stored, tmp_path):
    path = tmp_path / "marked.html"
    runs = stored("leaky", "b", scorer={"leaked_characters": 3})
    path.write_text(render(gathered(runs), "wayshot report"))
    browser.open(path)
    assert not browser.one("#tip").is_displayed()
    browser.run("document.querySelector('.mark').focus()")
    assert "trained on characters" in browser.one("#tip").text
    browser.one(".mark").send_keys(Keys.ESCAPE)
    assert not browser.one("#tip").is_displayed()


def test_the_table_can_be_copied(browser, report):
    browser.open(report)
    browser.one("button[data-copy=Markdown]").click()
    text = browser.one("#copy-text").get_attribute("value")
    assert text.startswith("Accuracy") and "| scorer" in text
    assert browser.run("return new Promise((done) => setTimeout(() => done("
                       "document.getElementById('copied').textContent), 300))")  # fmt: skip


def test_it_prints_with_whole_charts(browser, report):
    browser.open(report)
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    # The room for text on A4 or Letter, in CSS's pixels.
    tallest = browser.run(
        "return Math.max(...[...document.querySelectorAll('figure')]"
        ".map((one) => one.getBoundingClientRect().height))"
    )
    kept = browser.run(
        "return [...document.querySelectorAll('.charts figure')]"
        ".every((one) => getComputedStyle(one).breakInside === 'avoid')"
    )
    assert kept and tallest < 900
    assert not browser.one("nav").is_displayed()
    assert browser.pdf().startswith(b"%PDF")
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


@pytest.mark.parametrize(
    "dark",
    [pytest.param(False, id="light"), pytest.param(True, id="dark", marks=pytest.mark.slow)],
)
def test_axe_finds_no_serious_fault(browser, report, dark):
    found = find_spec("axe_core_python")
    if found is None or found.origin is None:
        pytest.skip("axe-core-python, which holds axe-core, is not installed")
    browser.open(report, dark=dark)
    axe = Path(found.origin).with_name("axe.min.js").read_text(encoding="utf-8")
    browser.run(axe)
    result = browser.driver.execute_async_script(
        "const done = arguments[arguments.length - 1]; axe.run().then(done, (e) => done(String(e)))"
    )
    serious = [
        (one["id"], one["impact"], [node["html"][:200] for node in one["nodes"][:3]])
        for one in result["violations"]
        if one["impact"] in ("serious", "critical")
    ]
    assert serious == []
