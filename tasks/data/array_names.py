"""Array names: what people call the arrays of images and labels in their files."""

from __future__ import annotations

from collections.abc import Sequence

from .parts import SPELLINGS

NAMES = ("images", "labels", "groups", "drawers")
"""Arrays of a data set; the last two may be missing."""

_CALLED = {
    "images": ("images", "image", "x", "data"),
    "labels": ("labels", "label", "y", "targets", "target"),
    "groups": ("groups", "group"),
    "drawers": ("drawers", "drawer"),
}
"""What files call them, the most telling name first."""


def named(names: Sequence[str]) -> dict[str, dict[str, str]]:
    """Says which arrays are the images and labels, and of which part.

    Args:
        names: Names of all arrays, in any case: `images`; or with a part before or after it, as
            in Keras's `x_train` and MedMNIST's `test_images`.

    Returns:
        By part, "" for all, the name of the array for each of `NAMES` that is there. Only parts
        with images and labels; {} if there are none.
    """
    by_words = {frozenset(name.lower().replace("-", "_").split("_", 1)): name for name in names}
    by_words |= {frozenset({name.lower()}): name for name in names}
    parts: dict[str, dict[str, str]] = {}
    for part, spellings in {"": ("",), **SPELLINGS}.items():
        for spelling in spellings:
            has = {}
            for what, calls in _CALLED.items():
                words = (frozenset({spelling, call} - {""}) for call in calls)
                name = next((by_words[one] for one in words if one in by_words), None)
                if name is not None:
                    has[what] = name
            if {"images", "labels"} <= has.keys():
                parts.setdefault(part, has)
    return parts
