"""LaTeX: a layout as a table environment, for booktabs and siunitx."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from ..text import plain
from .layout import Cell, Layout
from .pages import NUMBER, Page, digits, pages, size_of

_SPECIAL = {
    "\\": r"\textbackslash{}",
    **{char: f"\\{char}" for char in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\char34{}",
    # Never the argument of a line's end.
    **{char: f"{{{char}}}" for char in "[]*"},
    "±": r"$\pm$",
    "×": r"$\times$",
    "°": r"$^\circ$",
    "†": r"\dag{}",
    "§": r"\S{}",
    "–": "--",
}
"""How to write the characters that LaTeX would not print as they are."""

_LIGATURES = {"-": "-–", "–": "-–", "'": "'", "`": "`?!", ",": ","}
"""For each character, those that would form a ligature with it if they stood before it."""

_ACCENTS = frozenset("\u0300\u0301\u0302\u0303\u0304\u0306\u0307\u0308\u030a\u030b\u030c\u0327")
_LETTERS = frozenset("ßæÆøØœŒłŁ")
"""What LaTeX's default font has besides ASCII: these accents, and letters without one."""


def escape(text: str) -> str:
    """Writes any text so that LaTeX prints it as text.

    A character that needs a special font becomes its number, such as [U+65E5],
    so that different names stay different.
    """
    written, before = "", ""
    for char in unicodedata.normalize("NFC", plain(text)):
        if before and before in _LIGATURES.get(char, ""):
            written += "{}"
        written += _SPECIAL.get(char) or (char if _printable(char) else _number(char))
        before = char
    return written


def _printable(char: str) -> bool:
    base, *accents = unicodedata.normalize("NFD", char)
    accented = base.isascii() and _ACCENTS.issuperset(accents) and char < "\u0180"
    return accented or char in _LETTERS


def _number(char: str) -> str:
    return f"{{[}}U+{ord(char):04X}{{]}}"


def _marks(cell: Cell) -> str:
    """Writes marks outside the aligned width of the column."""
    marks = "".join(escape(mark) for mark in cell.marks)
    return rf"\rlap{{\textsuperscript{{{marks}}}}}" if marks else ""


class _Figures:
    """A column of figures: siunitx aligns the values, ± and reach follow as text."""

    def __init__(self, cells: Sequence[Cell]):
        self._whole, self._places = digits([cell.value for cell in cells])
        self._reach = digits([cell.reach for cell in cells])
        self._reaches = any(cell.reach for cell in cells)
        self._bold = any(cell.bold for cell in cells)

    def specification(self) -> str:
        options = f"table-format={self._whole}.{self._places}"
        if self._reaches:
            widest = "0" * self._reach[0] + ("." + "0" * self._reach[1]) * bool(self._reach[1])
            bold, slack = (r"\boldmath", r"\;") if self._bold else ("", "")
            options += rf", table-space-text-post={{{bold}$\,\pm\,{widest}${slack}}}"
        return f"S[{options}]"

    def cell(self, cell: Cell) -> str:
        if not cell.value:
            return ""
        if not NUMBER.fullmatch(cell.value.replace(",", "")):
            return f"{{{escape(cell.figures)}{_marks(cell)}}}"
        behind = ""
        if cell.reach:
            pad = r"\phantom{" + "0" * (self._reach[0] - digits([cell.reach])[0]) + "}"
            pad = "" if pad == r"\phantom{}" else pad
            behind = (r"\boldmath" if cell.bold else "") + rf"$\,\pm\,{pad}{cell.reach}$"
        behind += _marks(cell)
        number = cell.value.replace(",", "") + (f" {{{behind}}}" if behind else "")
        return rf"\bfseries {number}" if cell.bold else number


class _Texts:
    """A column of amounts or of names."""

    def __init__(self, kind: str):
        self._kind = kind

    def specification(self) -> str:
        return "l" if self._kind == "names" else "r"

    def cell(self, cell: Cell) -> str:
        text = escape(cell.figures) + _marks(cell)
        return rf"\textbf{{{text}}}" if cell.bold else text


def _column(layout: Layout, place: int) -> _Figures | _Texts:
    cells = [cells[place] for section in layout.sections for _, cells in section.rows]
    kind = layout.columns[place].kind
    return _Figures(cells) if kind == "figures" else _Texts(kind)


def _heads(layout: Layout) -> list[str]:
    lines = []
    groups = layout.groups()
    if groups:
        cells, rules, place = [""], [], 2
        for group, count in groups:
            cells.append(rf"\multicolumn{{{count}}}{{c}}{{{escape(group)}}}" if group else "")
            if group:
                rules.append(rf"\cmidrule(lr){{{place}-{place + count - 1}}}")
            place += count
        lines += [" & ".join(cells) + r" \\", " ".join(rules)]
    headings = [f"{{{escape(heading)}}}" for heading in layout.headings()]
    return [*lines, " & ".join([escape(layout.stub), *headings]) + r" \\"]


def _body(layout: Layout, columns: Sequence[_Figures | _Texts]) -> list[str]:
    lines = []
    for section in layout.sections:
        if section.heading:
            heading = (
                rf"\multicolumn{{{len(columns) + 1}}}{{l}}{{\itshape {escape(section.heading)}}}"
            )
            lines += [r"\midrule"] * bool(lines) + [heading + r" \\"]
        elif lines:
            lines.append(r"\addlinespace")
        for label, cells in section.rows:
            written = [column.cell(cell) for column, cell in zip(columns, cells, strict=True)]
            lines.append(" & ".join([escape(label), *written]) + r" \\")
    return lines


def _tabular(layout: Layout) -> list[str]:
    columns = [_column(layout, place) for place in range(len(layout.columns))]
    specification = "".join(column.specification() for column in columns)
    return [
        rf"\begin{{tabular}}{{l{specification}}}",
        r"\toprule",
        *_heads(layout),
        r"\midrule",
        *_body(layout, columns),
        r"\bottomrule",
        r"\end{tabular}",
    ]


def _notes(notes: Sequence[str]) -> list[str]:
    if not notes:
        return []
    start = [r"\par\smallskip", r"\begin{minipage}{\linewidth}\footnotesize\raggedright"]
    return [*start, *(escape(note) + r"\par" for note in notes), r"\end{minipage}"]


def _table(page: Page, caption: list[str], size: str) -> list[str]:
    lines = [r"\begin{table}", r"\centering", r"\setlength{\belowcaptionskip}{6pt}", *caption]
    lines += [size] * bool(size) + [r"\sisetup{detect-weight, table-align-text-post=false}"]
    for panel in page.panels:
        lines += [r"\par\medskip"] * (panel is not page.panels[0]) + _tabular(panel)
    return [*lines, *_notes(page.notes), r"\end{table}"]


def write(layout: Layout) -> str:
    """Writes a layout as a table environment, which needs booktabs and siunitx (2 or 3).

    A table that does not fit on a page continues on the next one, with the
    same number.

    Args:
        layout: The layout.
    """
    first, *others = pages(layout)
    name = re.sub(r"[^A-Za-z0-9]+", "-", layout.name).strip("-")[:60]
    caption = [rf"\caption{{{escape(layout.title)}}}", rf"\label{{tab:{name}}}"]
    size, space = size_of(layout)
    size = rf"{size}\setlength{{\tabcolsep}}{{{space}pt}}" if size else ""
    lines = [r"% Needs \usepackage{booktabs} and \usepackage{siunitx}."]
    lines += _table(first, caption, size)
    for page in others:
        lines += _table(page, [r"\addtocounter{table}{-1}", r"\caption{continued}"], size)
    return "\n".join(lines)
