"""A model card: read, and written as JSON and as Markdown."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..tasks import readable, replacing
from .errors import ModelError


def _code(text: str) -> str:
    """Writes a name that may come from anyone as code in a cell of Markdown."""
    return "`" + readable(text).replace("`", "'").replace("|", r"\|") + "`"


def _percent(accuracy: Mapping[str, float]) -> str:
    return ", ".join(f"{100 * value:.1f} % {name}" for name, value in accuracy.items())


def _steps(card: Mapping[str, Any]) -> str:
    """Says how many of the planned steps were trained."""
    planned = card["recipe"]
    return ", ".join(
        f"{done:,} of {planned[stage]['steps']:,} by {stage}"
        for stage, done in card["steps"].items()
    )


def _made(card: Mapping[str, Any]) -> str:
    """Says what was trained on besides the data's own images."""
    made, redrawn = card.get("made_characters") or [], card["recipe"].get("redrawn", 0)
    said = f"; {len(made):,} characters composed or made up" if made else ""
    return said + (f"; {redrawn} redrawings of each image" if redrawn else "")


def _effort(flops: int | None) -> str:
    return "FLOPs unknown" if flops is None else f"{flops / 1e6:,.0f} MFLOP an image"


def _seeds(seeds: list[dict[str, Any]]) -> list[str]:
    """Writes the table of trainings that differ only in their seed."""
    if not seeds:
        return []
    protocols = sorted(set.intersection(*(set(one["results"]) for one in seeds)))
    heads = " | ".join(f"seed {one['seed']}" for one in seeds)
    lines = [
        "## Between seeds",
        "",
        f"The same recipe trained with {len(seeds)} seeds; the standard deviation is that of "
        "single trainings.",
        "",
        f"| protocol | {heads} | mean | sd |",
        "|---|" + "---|" * (len(seeds) + 2),
    ]
    rows = [(_code(name), [one["results"][name] for one in seeds]) for name in protocols]
    for name in seeds[0]["validation"]:
        rows.append((f"validation, {name}", [one["validation"][name] for one in seeds]))
    for name, shares in rows:
        percents = 100 * np.array(shares)
        shown = " | ".join(f"{percent:.2f}" for percent in percents)
        lines.append(f"| {name} | {shown} | {percents.mean():.2f} | {percents.std(ddof=1):.2f} |")
    return [*lines, ""]


def render_card(card: Mapping[str, Any]) -> str:
    """Writes a card as Markdown."""
    data, software, network = card["data"], card["software"], card["network"]
    teacher = card.get("teacher")
    taught = (
        [f"| teacher | `{teacher['name']}`, weights `{teacher['digest']}` |"] if teacher else []
    )
    held_out = ", ".join(data["held_out_alphabets"]) or "none"
    where = "the held-out background alphabets" if held_out != "none" else "its part validation"
    effort = f", {_effort(card['flops'])}" if "flops" in card else ""
    lines = [
        f"# {card['name']}",
        "",
        f"A Siamese network: tower `{network['backbone']}`"
        f"{', of images in all four orientations' if network['quarter_turns'] else ''}; "
        f"{card['embedding']}-dimensional embeddings; join `{network['join']}`, head "
        f"`{network['head']}`; {card['parameters']:,} parameters"
        f"{effort}.",
        "",
        "| | |",
        "|---|---|",
        f"| weights | float16, SHA-256 `{card['digest']}` |",
        f"| licence | {card['licence']} |",
        f"| data | `{data['part']}` (pixels `{data['digest'][:16]}`), "
        f"{data['characters_seen']} characters seen{_made(card)} |",
        f"| held-out alphabets | {held_out} |",
        f"| seed | {card['seed']} |",
        *taught,
        f"| steps | {_steps(card)} |",
        f"| trained on | {card['hardware']}; Keras {software['keras']} on {software['backend']} "
        f"({software['precision']}), Python {software['python']} |",
        f"| time | {card['seconds'] / 60:.0f} minutes of wall time |",
    ]
    if card["validation"]:
        lines += [
            f"| validation, {card.get('validation_ways') or 20}-way 1-shot | "
            f"{_percent(card['validation'])} |",
            "",
            f"Validation is one-shot accuracy on {where}, with "
            f"{card['recipe']['validation_episodes']} episodes.",
        ]
    lines.append("")
    if "evaluation" in card:
        evaluation = card["evaluation"]
        lines += ["## Evaluation", "", evaluation["statement"], ""]
        lines += ["| protocol | accuracy % | n | interval |", "|---|---|---|---|"]
        for one in evaluation["results"]:
            accuracy = one["accuracy"]
            value, low, high = (100 * accuracy[end] for end in ("value", "low", "high"))
            lines.append(
                f"| {_code(one['protocol'])} | {value:.2f} ({low:.2f} to {high:.2f}) | "
                f"{one['n']:,} | {accuracy['method']} |"
            )
        lines.append("")
        lines += _seeds(evaluation.get("seeds", []))
    lines += ["## Recipe", "", "| field | value |", "|---|---|"]
    for name, value in card["recipe"].items():
        if isinstance(value, dict) and value:
            lines += [f"| {name}.{inner} | {content} |" for inner, content in value.items()]
        else:
            lines.append(f"| {name} | {value} |")
    lines += [
        "",
        "## Validation curve",
        "",
        "| stage | step | loss | accuracy |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {entry['stage']} | {entry['step']} | {entry['loss']:.3f} | "
        f"{_percent(entry['accuracy'])} |"
        for entry in card["history"]
    ]
    return "\n".join(lines) + "\n"


def write_card(folder: Path, card: Mapping[str, Any]) -> None:
    """Writes a card into a folder, as `NAME.json` and `NAME.md`.

    Nothing is written if the card is not valid.

    Args:
        folder: The folder.
        card: The card.

    Raises:
        ModelError: The card's name cannot be the name of a file, or a field is
            missing or has a wrong type.
    """
    from .networks import NAME

    name = card.get("name")
    if not isinstance(name, str) or not re.fullmatch(NAME, name):
        raise ModelError(
            f"the name {name!r} of a card is not valid, expected letters, digits, '.', '_' and '-'"
        )
    try:
        # Encoded first, so that a card that cannot be encoded leaves no file.
        data = (json.dumps(card, indent=1, ensure_ascii=False) + "\n").encode()
        text = render_card(card).encode()
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise ModelError(
            f"the card of {name}: a field is missing or has a wrong type "
            f"({type(error).__name__}: {' '.join(str(error).split())[:200]})"
        ) from None
    for content, ending in ((data, "json"), (text, "md")):
        with replacing(folder / f"{name}.{ending}") as fresh:
            fresh.write_bytes(content)


def read_card(path: Path) -> dict[str, Any]:
    """Reads a card, `NAME.json` as `wayshot train` writes it.

    Raises:
        ModelError: The file is missing, or is not a card.
    """
    from .training import recipe

    try:
        card = json.loads(path.read_text(encoding="utf-8"))
        _ = card["name"], card["digest"], card["seed"]
        card["recipe"] = recipe.complete({**card["recipe"]})
    except (OSError, ValueError, KeyError, TypeError):
        raise ModelError(
            f"{path}: not a readable model card; expected a file that wayshot train has written"
        ) from None
    return card
