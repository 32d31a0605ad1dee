"""Names from strangers' records, in everything that is made of stored runs."""

from __future__ import annotations

import csv
import html.parser
import io
import json
import re
import sys
import unicodedata
from xml.etree import ElementTree

import pytest

NAMES = {
    "html": "<script>alert(1)</script><b>&amp;\"'",
    "latex": r"\input{/etc/passwd}$\alpha$_^~%#&{}",
    "markdown": "x|y `code` **bold** [a](b) ![c](d) ~~e~~ # f",
    "list": "- item",
    "formula": "=cmd|' /C calc'!A0",
    "sum": "@SUM(1)",
    "escape": "x\x1b[2J\x1b]0;owned\x07",
    "c1 and no font": "x\x9b31my 网络 🎉",
    "reversed": "x\u202egpj.exe",
    "newline": "x\n| fake | 99.9 |\r\n\\\\ y",
    "separator": "x\u2028y\u2029z\x85",
    "spaces": " \u3000\u00a0\u200b ",
    "module": "antigravity:fly",
    "path": "../../../etc/passwd",
    "long": "x" * 5000,
    "nothing": "",
    "minus": "-1+1",
    "stars": "***",
}
"""Names that someone gave a scorer, a protocol, an alphabet, a character, a drawer."""

TABLES = {
    "accuracy": ("--columns", "params,latency,flops", "--published"),
    "alphabets": ("--by", "alphabet"),
    "drawers": ("--by", "drawer"),
    "confusions": ("--confusions", 5),
    "seeds": ("--seeds",),
}


THREES = [list(NAMES)[place : place + 3] for place in range(0, len(NAMES), 3)]
ALL = " ".join(text for kind, text in NAMES.items() if kind != "long")


@pytest.fixture(scope="module", params=THREES, ids="-".join)
def runs(request, record, store, trials_of, tmp_path_factory):
    """The folder of three runs, whose scorers have a name each and all else has all of them."""
    root = tmp_path_factory.mktemp("strange") / "runs"
    for place, kind in enumerate(request.param):
        one = record()
        one["protocol"] |= {"name": ALL, "description": ALL}
        one["dataset"]["name"] = one["environment"]["machine"] = ALL
        one["audit"] = {"verdict": ALL}
        one["scorer"] |= {"name": NAMES[kind], "digest": f"{place}" * 64}
        one["scorer"]["training"] = {"recipe": ALL, "seed": place}
        store(root / f"run{place}", one, trials_of(0.5 + 0.5 * place, ALL))
    return root


def strange(text: str) -> set[str]:
    """What no terminal should get."""
    return {
        char
        for char in text
        if char != "\n" and (unicodedata.category(char)[0] == "C" or char in "\u2028\u2029")
    }


@pytest.mark.parametrize("kind", TABLES)
def test_tables_hold_names_as_text(wayshot, runs, kind):
    for form, check in CHECKS.items():
        status, out, err = wayshot("table", runs, *TABLES[kind], "--format", form)
        assert (status, err) == (0, "")
        assert not strange(out) - {"\ufffd"}
        check(out)


def _is_text(out: str) -> None:
    assert "± " in out or "%" in out


def _is_markdown(out: str) -> None:
    for block in out.split("\n\n"):
        cells = {len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}
        assert len(cells) == 1, block
        assert not re.search(r"(?<!\\)(?:\\\\)*[<`\[]", block), block
        assert not re.match(r"\s*([-+]|\d+[.)])\s", block), block


def _is_latex(out: str) -> None:
    assert r"\input" not in out and r"\alpha" not in out
    commands = set(re.findall(r"\\[A-Za-z]+", out))
    assert commands <= LATEX, commands - LATEX
    assert out.count(r"\begin{table}") == out.count(r"\end{table}") > 0
    for line in out.splitlines():
        comment = line.startswith("% Needs ")
        assert comment or not re.search(r"(?<!\\)%", line), line


def _is_html(out: str) -> None:
    tags: set[str] = set()
    parser = html.parser.HTMLParser()
    parser.handle_starttag = lambda tag, attrs: tags.update([tag, *(name for name, _ in attrs)])
    parser.feed(out)
    known = {"table", "caption", "thead", "tbody", "tr", "th", "td", "p", "strong"}
    assert tags <= known | {"style", "colspan"}


def _is_csv(out: str) -> None:
    rows = list(csv.reader(io.StringIO(out)))
    assert len({len(row) for row in rows}) == 1 and len(rows) > 1
    for row in rows:
        for cell in row:
            # A number may have a sign.
            assert not re.match(r"\s*[=+@]|\s*-(?![\d.])", cell), cell


def _is_json(out: str) -> None:
    assert json.loads(out)


CHECKS = {
    "text": _is_text,
    "github": _is_markdown,
    "latex": _is_latex,
    "html": _is_html,
    "csv": _is_csv,
    "json": _is_json,
}
LATEX = {
    *(r"\usepackage", r"\begin", r"\end", r"\centering", r"\setlength", r"\belowcaptionskip"),
    *(r"\caption", r"\label", r"\sisetup", r"\toprule", r"\midrule", r"\bottomrule", r"\par"),
    *(r"\cmidrule", r"\multicolumn", r"\smallskip", r"\medskip", r"\addlinespace", r"\itshape"),
    *(
        r"\renewcommand",
        r"\arraystretch",
        r"\footnotesize",
        r"\raggedright",
        r"\linewidth",
        r"\bfseries",
        r"\boldmath",
        r"\textbf",
    ),
    *(r"\rlap", r"\textsuperscript", r"\pm", r"\times", r"\phantom", r"\small", r"\tabcolsep"),
    *(r"\scriptsize", r"\addtocounter", r"\dag", r"\S", r"\circ", r"\char", r"\textbackslash"),
    *(r"\textasciitilde", r"\textasciicircum", r"\textless", r"\textgreater", r"\textbar"),
    # LaTeX measures the table and sets it in smaller type if it is too wide.
    *(r"\def", r"\wayshottable", r"\ignorespaces", r"\unskip", r"\sbox", r"\ifdim", r"\wd", r"\fi"),
    *(r"\typeout", r"\the", r"\dimexpr", r"\relax", r"\space", r"\usebox"),
}


def test_comparisons_hold_names_as_text(wayshot, runs, tmp_path):
    folders = sorted(runs.iterdir())
    for words in (folders[:2], [*folders, "--diagram", tmp_path / "ranks.svg"]):
        for form in ((), ("--json",)):
            status, out, err = wayshot("compare", *words, *form)
            assert (status, err) == (0, "")
            assert not strange(out) - {"\ufffd"}
            assert not form or json.loads(out)
    ElementTree.parse(tmp_path / "ranks.svg")


def test_every_metric_is_printed_with_names_as_text(wayshot, runs, tmp_path):
    for words in ((), ("--json",), ("--curves", tmp_path / "curves.svg")):
        status, out, err = wayshot("rescore", runs, *words)
        assert (status, err) == (0, "")
        assert not strange(out) - {"\ufffd"}
    ElementTree.parse(tmp_path / "curves.svg")


def test_an_unknown_name_is_answered_in_one_line(wayshot, runs):
    for words in (("table", runs, "--scorer", "none"), ("compare", "none", "other", runs)):
        status, _, err = wayshot(*words)
        assert status == 2
        assert err.count("\n") == 1 and not strange(err) - {"\ufffd"}


def test_nothing_is_imported_or_written_because_a_record_names_it(wayshot, runs):
    before, there = set(sys.modules), sorted(runs.parent.rglob("*"))
    for words in (("table", runs), ("rescore", runs), ("compare", *sorted(runs.iterdir()))):
        assert wayshot(*words)[0] == 0
    assert "antigravity" not in set(sys.modules) - before
    assert sorted(runs.parent.rglob("*")) == there
