import re
import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest
from wayshot.results import ResultError, table
from wayshot.results.tables.by_group import breakdowns
from wayshot.results.tables.confusion import confusion_tables
from wayshot.results.tables.latex import escape, write
from wayshot.results.tables.layout import MISSING, STYLES, Cell, Column, Ends, Layout, Section

DOCUMENT = r"""\documentclass{article}
\usepackage{booktabs}
\usepackage{siunitx}%s
\begin{document}
%s
\end{document}
"""

HOSTILE = [
    "<script>alert(1)</script><b>&amp;",
    r"\input{x}$_^~%#&{}",
    r"\end{tabular}\end{table}\input{/etc/passwd}",
    "x % y",
    "x\n\\input{y}\n& 99.9 \\\\ % fake",
    "x\rfake",
    "x\x1b[2J\x1b]0;owned\x07",
    "x\0y",
    "[1cm] bracket",
    "*star",
    "a--b---c ''quoted'' ``x`` ?` !` ,,",
    '"double" <<guillemets>>',
    "Zürich Ærø łódź ő 日本 Ωμέγα е 🙂 ±×°†§–",
    "e\u0301 combining, a\u0328 ogonek, \u0301lone",
    "{\\bfseries 100.0}",
    "".join(map(chr, range(32, 127))),
]

BROKEN = re.compile(
    r"^! |Overfull \\[hv]box|Float too large|LaTeX Warning: (?!Label)", re.MULTILINE
)


@pytest.fixture(scope="session")
def compiled(tmp_path_factory):
    """Compiles tables as they are in a small document; gives what pdflatex prints, and the text."""
    files = ["kpsewhich", "siunitx.sty", "booktabs.sty"]
    if not shutil.which("pdflatex") or subprocess.run(files, capture_output=True).returncode:
        pytest.skip("pdflatex, siunitx or booktabs is missing")

    def compile_(*tables, version=""):
        folder = tmp_path_factory.mktemp("latex")
        source = DOCUMENT % (version, "\n\n\\clearpage\n".join(tables))
        (folder / "small.tex").write_text(source, encoding="utf-8")
        command = ["pdflatex", "-interaction=nonstopmode", "-no-shell-escape", "small"]
        done = subprocess.run(
            command, cwd=folder, capture_output=True, timeout=300, check=False, encoding="latin-1"
        )
        assert (folder / "small.pdf").exists(), done.stdout[-2000:]
        if not shutil.which("pdftotext"):
            return done.stdout, None
        subprocess.run(["pdftotext", "-layout", "small.pdf"], cwd=folder, check=True)
        return done.stdout, (folder / "small.txt").read_text(encoding="utf-8")

    return compile_


def named(name):
    return {"name": name, "digest": name.encode().hex()[:64].ljust(64, "0")}


@pytest.fixture
def paper(store):
    """A table with everything in it."""
    credit = np.ones(400)
    credit[::9] = 0
    protocols = {
        "lake-runs": {"structure": "runs"},
        "lake-within-5w1s": {"structure": "within"},
        "lake-within-20w1s": {"structure": "within"},
        "vinyals-20w1s-rot": {"split": "vinyals"},
    }
    runs = []
    for name, fields in protocols.items():
        more = {
            "protocol": {"name": name, "fields": fields},
            "episodes_digest": name.ljust(64, "0"),
        }
        full = {"parameters": 1_806_369, "flops": 37_240_000, "leaked_characters": 0}
        latency = {"p50_ms": 0.412}
        runs += [
            store(credit, scorer=named("siamese-small") | full, latency=latency, **more),
            store(credit, scorer=named("leaky") | {"leaked_characters": 3}, **more),
            store(1 - credit, scorer=named("hausdorff") | {"parameters": 0}, **more),
            store(np.full(400, 0.05), scorer=named("chance") | {"parameters": None}, **more),
        ]
    return table(
        runs[:-1],
        baseline="hausdorff",
        published="all",
        extras=("params", "flops", "latency"),
    ).render("latex")


@pytest.mark.parametrize("version", ["", "[=v2]"], ids=["siunitx", "siunitx-v2"])
def test_a_full_table_compiles_as_it_is(paper, compiled, version):
    log, text = compiled(paper, version=version)
    assert not BROKEN.findall(log)
    if text:
        # The last of the notes is still on a page.
        assert re.search(r"Hospedales,\s+CVPR 2018\.", text)


def test_a_plain_table_compiles_without_a_warning(store, compiled):
    runs = [
        store(scorer=named(name), protocol={"name": protocol}, episodes_digest=protocol * 8)
        for protocol in ("lake-runs", "lake-within-20w1s")
        for name in ("siamese-small", "hausdorff")
    ]
    log, text = compiled(table(runs).render("latex"))
    assert not BROKEN.findall(log)
    if text:
        assert "Table 1: Accuracy (%) with 95 % population intervals" in " ".join(text.split())
        for run in runs:
            assert run.scorer in text and run.protocol in text
        # What is raised and lowered stands on lines of its own.
        assert len(re.findall(r"[+−]\d+\.\d", text)) == 8


@pytest.mark.parametrize("style", STYLES)
def test_every_style_of_interval_compiles(store, compiled, style):
    runs = [store(np.arange(60) % of != 0, scorer=named(str(of))) for of in (2, 9)]
    assert not BROKEN.findall(compiled(table(runs, style=style).render("latex"))[0])


def test_breakdowns_compile(store, compiled):
    run = store()
    tables = [document([run]).render("latex") for document in (breakdowns, confusion_tables)]
    assert not BROKEN.findall(compiled(*tables)[0])


def test_a_table_longer_than_a_page_goes_on_under_its_number(store, compiled):
    names = [f"alphabet{number:03}" for number in range(130)]
    run = store(np.ones(130), trials={"alphabet": pd.Categorical(names)})
    log, text = compiled(breakdowns([run]).render("latex"))
    assert not BROKEN.findall(log)
    if text:
        assert all(name in text for name in names)
        assert "Table 1: continued" in text and "Table 2" not in text
        assert len(text.rstrip("\f").split("\f")) == 4


def test_tables_with_hostile_names_compile(store, compiled):
    tables = [
        table(
            [
                store(
                    scorer=named(name),
                    protocol={"name": name, "description": name},
                    episodes_digest="0" * 64,
                ),
                store(
                    scorer=named("other"),
                    protocol={"name": name, "description": name},
                    episodes_digest="0" * 64,
                ),
            ],
            baseline="other",
        ).render("latex")
        for name in HOSTILE
    ]
    log, text = compiled(*tables)
    assert not re.findall(r"^! .*", log, re.MULTILINE)
    if text:
        assert "[U+65E5][U+672C]" in text
        assert r"\input{x}$" in text
        assert text.count("Accuracy (%)") == len(HOSTILE)


def body(rendered):
    """The lines of the tabular, without its first and last."""
    lines = rendered.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(r"\begin{tabular}"))
    return lines[start + 1 : lines.index(r"\end{tabular}")]


@pytest.mark.parametrize("name", HOSTILE)
def test_latex_has_no_command_that_a_name_brought_whatever_the_names(store, name):
    more = {"protocol": {"name": name, "description": name}}
    runs = [store(scorer=named(name), **more), store(scorer=named("other"), **more)]
    rendered = table(runs).render("latex")
    lines = rendered.splitlines()
    assert lines[0].startswith("% Needs ")
    assert (lines[1], lines[-1]) == (r"\begin{table}", r"\end{table}")
    for environment in ("table", "tabular", "minipage"):
        assert rendered.count(rf"\begin{{{environment}}}") == 1
        assert rendered.count(rf"\end{{{environment}}}") == 1
    assert r"\input" not in rendered
    top, heads, middle, *rows, bottom = body(rendered)
    assert (top, middle, bottom) == (r"\toprule", r"\midrule", r"\bottomrule")
    assert len(rows) == 2
    for line in (heads, *rows):
        cells = line.removesuffix(r" \\")
        assert cells != line
        assert len(re.findall(r"(?<!\\)&", cells)) == 1
        label = re.split(r"(?<!\\)&", cells)[0]
        assert not re.search(r"(?<!\\)[$#%_]", re.sub(r"\$(\\pm|\\times|\^\\circ)\$", "", label))
    # Not a comment, or half of one, but for the first line.
    assert not re.search(r"(?<!\\)%", "\n".join(lines[1:]))
    assert re.fullmatch(r"\\label\{tab:[A-Za-z0-9-]*\}", next(x for x in lines if "label" in x))


@pytest.mark.parametrize("name", HOSTILE)
def test_braces_are_balanced_whatever_the_names(name):
    depth = 0
    for brace in re.findall(r"(?<!\\)[{}]", escape(name).replace(r"\\", "")):
        depth += 1 if brace == "{" else -1
        assert depth >= 0
    assert depth == 0


def test_distinct_names_stay_distinct():
    names = ["a--b", "a–b", "a-b", "''", '"', "日", "本", "?", "\ufffd", "`", "e\u0301", "e"]
    assert len({escape(name) for name in names}) == len(names)


def layout(*cells, columns=None, heading=""):
    columns = columns or (Column("figures"),)
    rows = tuple((str(i), row) for i, row in enumerate(cells))
    return Layout("a b_c", "title", "stub", columns, (Section(rows, heading),), ("note",))


def test_figures_are_aligned_by_siunitx():
    even, far = Ends("96.8", "99.2", "1.2", "1.2"), Ends("89.5", "110.5", "10.5", "10.5")
    cells = [(Cell("98.0", even, bold=True),), (Cell("100.0", far, ("†", "!")),), (MISSING,)]
    written = write(layout(*cells))
    assert r"\begin{tabular}{lS[table-format=3.1, table-space-text-post={" in written
    assert r"0 & \bfseries 98.0 {\boldmath$\,\pm\,\phantom{0}1.2$} \\" in written
    assert r"1 & 100.0 {$\,\pm\,10.5$\rlap{\textsuperscript{\dag{}!}}} \\" in written
    assert r"2 & {--} \\" in written


def test_thousands_are_left_to_siunitx():
    written = write(layout((Cell("20,000"),)))
    assert "S[table-format=5.0]" in written and "0 & 20000 \\\\" in written


def test_a_label_is_made_of_letters_digits_and_hyphens():
    assert r"\label{tab:a-b-c}" in write(layout((Cell("1"),)))


def test_groups_of_columns_have_a_heading_with_a_rule():
    columns = (Column("x-1", "x", "1"), Column("x-2", "x", "2"), Column("y"))
    written = write(layout((Cell("1"), Cell("2"), Cell("3")), columns=columns))
    assert r" & \multicolumn{2}{c}{x} &  \\" in written
    assert r"\cmidrule(lr){2-3}" in written
    assert r"stub & {1} & {2} & {y} \\" in written


def test_a_group_of_all_columns_keeps_their_headings_short():
    columns = (Column("x-1", "x", "1"), Column("x-2", "x", "2"))
    written = write(layout((Cell("1"), Cell("2")), columns=columns))
    assert r" & \multicolumn{2}{c}{x} \\" in written
    assert r" & {1} & {2} \\" in written


def test_a_wide_table_becomes_several_above_each_other():
    columns = tuple(Column(f"a-rather-long-protocol-{i}") for i in range(8))
    cells = tuple(Cell("50.0", Ends("49.0", "51.0", "1.0", "1.0")) for _ in columns)
    written = write(layout(cells, columns=columns))
    assert written.count(r"\begin{tabular}") == 3
    assert written.count(r"\begin{table}") == written.count(r"\caption") == 1
    assert all(f"{{{column.heading}}}" in written for column in columns)


def test_rows_that_stand_apart_have_a_rule_and_a_heading_in_italics():
    written = write(layout((Cell("1"),), heading="as published"))
    assert "\\midrule\n\\multicolumn{2}{l}{\\itshape as published} \\\\\n0 & 1" in written


def in_words(*columns):
    cells = tuple(Cell("98.0", Ends("97.0", "99.0", "1.0", "1.0")) for _ in columns)
    named = tuple(
        Column(f"lake-{place}", words=(group, "5-way 1-shot"))
        for place, group in enumerate(columns)
    )
    return write(layout(cells, columns=named))


def test_headings_are_in_words_also_above_a_single_column():
    written = in_words("between alphabets")
    assert r" & \multicolumn{1}{c}{between alphabets} \\" in written
    assert r"stub & {5-way 1-shot} \\" in written and "lake-0" not in written


def test_headings_of_many_columns_have_two_lines():
    written = in_words("a", "a", "b", "b", "c", "c")
    assert r"{\shortstack{5-way \\ 1-shot}} & " in written
    assert r"\multicolumn{2}{c}{b}" in written and "5-way 1-shot" not in written


@pytest.mark.parametrize("columns", [1, 3, 4, 5, 7])
@pytest.mark.parametrize(
    "name", ["net", "common-resnet18-eca (3)", "ResNet-18 MAML " * 3, "m" * 22]
)
def test_tables_of_any_width_fit_between_the_margins(store, compiled, columns, name):
    credit = np.tile([1.0, 0.0, 1.0], 40)
    runs = [
        store(
            share * credit,
            scorer=named(f"{name} {place}"),
            protocol={
                "name": f"lake-within-{ways + 2}w1s",
                "fields": {"structure": "within", "ways": ways + 2, "shots": 1},
            },
            episodes_digest=f"{ways}" * 64,
        )
        for ways in range(columns)
        for place, share in enumerate((1, 0.9))
    ]
    written = table(runs, style="asymmetric").render("latex")
    assert not BROKEN.findall(compiled(written)[0])


def test_a_table_that_no_type_is_small_enough_for_is_named_in_the_log(compiled):
    far = Column("x" * 150, kind="names")
    log = compiled(write(layout((Cell("y"),), columns=(far,))))[0]
    assert re.search(r"wayshot: a table is [\d.]+pt wider than the text", log)


@pytest.mark.parametrize("label", ["tab:a}b", "tab:ü", "a b", "%"])
def test_labels_that_latex_would_not_take_are_refused(store, label):
    with pytest.raises(ResultError, match="such as tab:main"):
        table([store()], label=label)
    assert r"\label{tab:main_2}" in table([store()], label="tab:main_2").render("latex")
