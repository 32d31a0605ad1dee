"""The document: sections of a report, and the page that they make."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..pictures import CHARTS, MOST, Material, Size, inlined, plotted
from ..store import Run
from ..text import plain
from .accuracies import accuracies
from .browsing import Browsed, browsed
from .drawings import Drawings
from .findings import compared, concentrations, groups, trained, verified
from .origin import origin

if TYPE_CHECKING:
    from markupsafe import Markup

_TEMPLATES = Path(__file__).with_name("templates")
_SIZE = Size()

IN_DETAIL = 6
"""The largest number of protocols all of which are shown in detail."""

_OF_MANY = 3
"""How many are shown in detail if there are more; a chart takes as long as reading 20 runs."""

_OVERALL = ("ways", "shots", "latency", "params", "flops")
_OF_SECTION = {
    "differences": ("differences", "ranks"),
    "where": ("alphabets", "heatmap", "drawers"),
    "pairs": ("roc", "det", "scores", "reliability"),
}


@dataclass(frozen=True)
class Picture:
    """A chart on the page.

    Attributes:
        name: Its name, unique on the page.
        about: What it shows.
        svg: The chart.
    """

    name: str
    about: str
    svg: Markup


@dataclass
class Detail:
    """What a section says about one protocol.

    Attributes:
        column: Label of the protocol.
        pictures: Charts.
        facts: What else the section's template shows, by name.
    """

    column: str
    pictures: list[Picture]
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to say."""
        return not self.pictures and not any(self.facts.values())


def _picture(material: Material, name: str, place: int, column: str | None) -> Picture | None:
    from markupsafe import Markup

    drawn = plotted(name, material, _SIZE, column)
    if drawn is None:
        return None
    own = f"chart-{name}-{place}"
    # The writer escapes names in text; the rest is Matplotlib's.
    return Picture(own, CHARTS[name].about, Markup(inlined(drawn, own, _SIZE)))


def _pictures(
    material: Material, names: tuple[str, ...], place: int = 0, column: str | None = None
) -> list[Picture]:
    found = (_picture(material, name, place, column) for name in names)
    return [one for one in found if one]


def in_detail(material: Material) -> list[str]:
    """Chooses the protocols that are shown in detail: those with the most scorers, in order.

    Args:
        material: The runs.
    """
    columns = material.table.columns
    ordered = sorted(columns, key=lambda one: -len(material.rows(one, None)))
    most = IN_DETAIL if len(columns) <= IN_DETAIL else _OF_MANY
    return [one for one in columns if one in ordered[:most]]


def render(
    material: Material,
    command: str,
    opened: Callable[[Run], tuple[Drawings | None, str]] | None = None,
    start: str = "",
    advance: Callable[[int], None] = lambda done: None,
) -> str:
    """Writes a report as one page of HTML that needs no other file and no network.

    Args:
        material: The runs.
        command: The command that makes the report again.
        opened: Opens the images of a run's episodes: gives them, or None and
            why there are none. None for a report without images.
        start: Name of the section at which the page opens, or "".
        advance: Is told of every protocol that is done.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    sections: dict[str, Any] = {"table": accuracies(material)}
    sections["curves"] = _pictures(material, _OVERALL)
    details: dict[str, list[Detail]] = {name: [] for name in ("differences", "where", "pairs")}
    trials: list[Browsed] = []
    chosen = in_detail(material)
    for place, column in enumerate(chosen):
        facts = {
            "differences": {
                "groups": groups(material, column),
                "compared": compared(material, column),
            },
            "where": {"sentences": concentrations(material, column)},
            "pairs": {"metrics": verified(material, column)},
        }
        for name, some in details.items():
            pictures = _pictures(material, _OF_SECTION[name], place, column)
            one = Detail(column, pictures, facts[name])
            some += [] if one.empty else [one]
        run = material.run(material.rows(column)[0], column)
        drawings = opened(run) if opened else (None, "")
        looked_at = browsed(material, column, drawings)
        trials += [looked_at] if looked_at else []
        advance(1)
    sections |= details
    sections["trials"] = trials
    pictures = _pictures(material, ("training",))
    sections["training"] = {"pictures": pictures, "facts": trained(material.trainings)}
    sections["origin"] = origin(material, command)
    style, script = (
        (_TEMPLATES / name).read_text(encoding="utf-8") for name in ("report.css", "report.js")
    )
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        # Marks that change the writing direction come from no name either.
        finalize=lambda one: plain(one) if type(one) is str else one,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html").render(
        material=material,
        sections=sections,
        left_out=[one for one in material.table.columns if one not in chosen],
        most=MOST,
        style=Markup(style),
        script=Markup(script),
        # Nothing but this script runs, and nothing is loaded, whatever a name holds.
        script_digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        start=start,
        data={
            "trials": [one.data for one in trials],
            "copies": sections["table"].copies,
            "start": start,
        },
        images=opened is not None,
    )
