"""LaTeX: a layout as a table environment, for booktabs and siunitx."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from ..errors import ResultError
from ..text import plain
from .layout import Cell, Layout
from .pages import NUMBER, SMALLEST, STRETCH, Page, digits, pages, size_of, stretch

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
    "‡": r"\ddag{}",
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


def check_label(label: str) -> None:
    """Refuses a label that LaTeX would not take as it is.

    Args:
        label: The label; "" for none.

    Raises:
        ResultError: It has other than plain characters.
    """
    if not re.fullmatch(r"[A-Za-z0-9:._/+-]*", label):
        raise ResultError(
            f"LaTeX label {label!r} is impossible, expected ASCII letters, digits and :._/+- such "
            "as tab:main"
        )


def _printable(char: str) -> bool:
    base, *accents = unicodedata.normalize("NFD", char)
    accented = base.isascii() and _ACCENTS.issuperset(accents) and char < "\u0180"
    return accented or char in _LETTERS


def _number(char: str) -> str:
    return f"{{[}}U+{ord(char):04X}{{]}}"


_USUAL = "asymmetric"
"""How intervals are written that are not symmetric."""


def _ends(cell: Cell, style: str) -> tuple[str, str]:
    """Gives the two figures of an interval: its ends, or their distances from the value."""
    if cell.ends is None:
        return "", ""
    if style == "range":
        return cell.ends.low, cell.ends.high
    return cell.ends.below, cell.ends.above


def _behind(style: str, low: str, high: str) -> str:
    """Writes an interval behind its value."""
    if style == "plus-minus":
        return rf"$\,\pm\,{high}$"
    return rf"\,({low}--{high})" if style == "range" else f"$^{{+{high}}}_{{-{low}}}$"


def _marks(cell: Cell) -> str:
    """Writes marks outside the aligned width of the column."""
    marks = "".join(escape(mark) for mark in cell.marks)
    return rf"\rlap{{\textsuperscript{{{marks}}}}}" if marks else ""


class _Figures:
    """A column of figures: siunitx aligns the values, the intervals follow as text."""

    def __init__(self, cells: Sequence[Cell]):
        self._whole, self._places = digits([cell.value for cell in cells])
        # A dash has no interval.
        cells = [cell for cell in cells if cell.ends is not None]
        self._digits = {
            style: digits([text for cell in cells for text in _ends(cell, style)])
            for style in dict.fromkeys(cell.written(_USUAL) for cell in cells)
            if style != "none"
        }
        self._bold = any(cell.bold for cell in cells)

    def specification(self) -> str:
        options = f"table-format={self._whole}.{self._places}"
        room = {
            style: "0" * whole + ("." + "0" * places) * bool(places)
            for style, (whole, places) in self._digits.items()
        }
        if room:
            bold, slack = (r"\boldmath", r"\;") if self._bold else ("", "")
            # The widest of the styles that occur.
            style = next(one for one in ("range", "plus-minus", "asymmetric") if one in room)
            behind = _behind(style, room[style], room[style])
            options += rf", table-space-text-post={{{bold}{behind}{slack}}}"
        return f"S[{options}]"

    def cell(self, cell: Cell) -> str:
        if not cell.value:
            return ""
        if not NUMBER.fullmatch(cell.value.replace(",", "")):
            return f"{{{escape(cell.figures)}{_marks(cell)}}}"
        behind, style = "", cell.written(_USUAL)
        if style != "none":
            low, high = (self._padded(text, style) for text in _ends(cell, style))
            bold = r"\bfseries" if style == "range" else r"\boldmath"
            behind = bold * cell.bold + _behind(style, low, high)
        behind += _marks(cell)
        number = cell.value.replace(",", "") + (f" {{{behind}}}" if behind else "")
        return rf"\bfseries {number}" if cell.bold else number

    def _padded(self, text: str, style: str) -> str:
        """Gives a figure behind ± the room of the widest one in its column."""
        missing = self._digits[style][0] - digits([text])[0]
        pad = style == "plus-minus" and missing > 0
        return rf"\phantom{{{'0' * missing}}}{text}" if pad else text


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
    headings = [f"{{{_stacked(lines)}}}" for lines in layout.heading_lines()]
    return [*lines, " & ".join([escape(layout.stub), *headings]) + r" \\"]


def _stacked(lines: Sequence[str]) -> str:
    written = [*map(escape, lines)]
    if len(written) == 1:
        return written[0]
    return r"\shortstack{" + r" \\ ".join(written) + "}"


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


def _fitted(tabular: Sequence[str], stretched: float) -> list[str]:
    """Has LaTeX measure a table. If it is wider than the text, it is set in smaller type."""
    return [
        r"\def\wayshottable{\ignorespaces",
        *tabular,
        r"\unskip}",
        r"\sbox0{\wayshottable}",
        r"\ifdim\wd0>\linewidth\scriptsize\setlength{\tabcolsep}{2pt}",
        rf"\renewcommand{{\arraystretch}}{{{stretched + 0.3:.1f}}}\fi",
        r"\sbox0{\wayshottable}",
        r"\ifdim\wd0>\linewidth\typeout{wayshot: a table is "
        r"\the\dimexpr\wd0-\linewidth\relax\space wider than the text}\fi",
        r"\usebox0",
    ]


def _notes(notes: Sequence[str]) -> list[str]:
    if not notes:
        return []
    start = [r"\par\smallskip", r"\begin{minipage}{\linewidth}\footnotesize\raggedright"]
    return [*start, *(escape(note) + r"\par" for note in notes), r"\end{minipage}"]


def _table(page: Page, caption: list[str], size: str, full: bool) -> list[str]:
    lines = [r"\begin{table}", r"\centering", r"\setlength{\belowcaptionskip}{6pt}", *caption]
    if any(stretch(panel) > 1 for panel in page.panels):
        lines.append(rf"\renewcommand{{\arraystretch}}{{{STRETCH}}}")
    lines += [size] * bool(size) + [r"\sisetup{detect-weight, table-align-text-post=false}"]
    for panel in page.panels:
        tabular = _fitted(_tabular(panel), stretch(panel)) if full else _tabular(panel)
        lines += [r"\par\medskip"] * (panel is not page.panels[0]) + tabular
    return [*lines, *_notes(page.notes), r"\end{table}"]


def write(layout: Layout) -> str:
    """Writes a layout as a table environment, which needs booktabs and siunitx (2 or 3).

    A table that does not fit on a page continues on the next one, with the
    same number. One that about fills the width is measured by LaTeX. If it is
    wider, it is set in smaller type; if it is still wider, the log says so.

    Args:
        layout: The layout.
    """
    names, layout = layout, layout.in_words()
    if size_of(layout)[0]:
        layout = names.in_words(stacked=True)
    first, *others = pages(layout)
    name = layout.label or f"tab:{re.sub(r'[^A-Za-z0-9]+', '-', layout.name).strip('-')[:60]}"
    caption = [rf"\caption{{{escape(layout.title)}}}", rf"\label{{{name}}}"]
    size, space = size_of(layout)
    full = size == SMALLEST
    size = rf"{size}\setlength{{\tabcolsep}}{{{space}pt}}" if size else ""
    lines = [r"% Needs \usepackage{booktabs} and \usepackage{siunitx}."]
    lines += _table(first, caption, size, full)
    for page in others:
        continued = [r"\addtocounter{table}{-1}", r"\caption{continued}"]
        lines += _table(page, continued, size, full)
    return "\n".join(lines)
