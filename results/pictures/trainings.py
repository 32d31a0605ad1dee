"""A chart of trainings: loss and validation accuracy by step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from .material import Material
from .style import COLOURS, INK, Size, figure, looks, short, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def _stages(card: Mapping[str, Any]) -> Iterator[tuple[str, int, list[Mapping[str, Any]]]]:
    """Gives each stage's name, the steps before it, and its validations."""
    before = 0
    for stage, steps in card["steps"].items():
        entries = [entry for entry in card["history"] if entry["stage"] == stage]
        if entries:
            yield stage, before, entries
        before += steps


def draw_training(material: Material, size: Size) -> Figure | None:
    """Draws the loss and the validation accuracy of each training against its steps.

    Args:
        material: The runs, with cards of trained networks.
        size: Size of the chart.

    Returns:
        The chart; None where no card has a history.
    """
    cards = [card for card in material.trainings if card["history"]]
    if not cards:
        return None
    from matplotlib.ticker import NullFormatter

    names = [f"{card['name']}, seed {card['seed']}" for card in cards]
    look = looks(names) if len(cards) > 1 else {names[0]: looks(names)[names[0]]}
    with styled(size):
        drawn = figure(size, max(3.6, 1.0 * size.width))
        loss, accuracy = drawn.subplots(2, 1, sharex=True)
        for name, card in zip(names, cards, strict=True):
            one = look[name]
            for place, (_, before, entries) in enumerate(_stages(card)):
                steps = [before + entry["step"] for entry in entries]
                line = {"color": one.colour, "marker": one.marker, "markersize": 3}
                label = short(name) if not place else None
                loss.plot(steps, [entry["loss"] for entry in entries], label=label, **line)
                for number, kind in enumerate(entries[0]["accuracy"]):
                    values = [100 * entry["accuracy"][kind] for entry in entries]
                    dashes = ("-", (0, (4, 2)), (0, (1, 1.5)))[number % 3]
                    accuracy.plot(steps, values, linestyle=dashes, **line)
                if before:
                    for axes in (loss, accuracy):
                        axes.axvline(before, color=INK, linewidth=0.6, linestyle=(0, (1, 2)))
        kinds = dict.fromkeys(
            kind for card in cards for entry in card["history"][:1] for kind in entry["accuracy"]
        )
        for number, kind in enumerate(kinds):
            dashes = ("-", (0, (4, 2)), (0, (1, 1.5)))[number % 3]
            accuracy.plot([], [], color=COLOURS[6], linestyle=dashes, label=short(kind))
        loss.set(ylabel="loss", yscale="log" if _far(cards) else "linear")
        # Matplotlib's own labels of powers are formulas.
        loss.yaxis.set_major_formatter("{x:g}")
        loss.yaxis.set_minor_formatter(NullFormatter())
        accuracy.set(ylabel="validation accuracy %", xlabel="step")
        loss.legend(loc="upper right")
        accuracy.legend(loc="lower right", ncols=2)
    return drawn


def _far(cards: list[Mapping[str, Any]]) -> bool:
    """Tells whether the losses differ so much that only a logarithmic axis shows them."""
    losses = [entry["loss"] for card in cards for entry in card["history"]]
    return min(losses) > 0 and max(losses) > 20 * min(losses)
