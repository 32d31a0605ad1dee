"""All odd scorers, by what is typed for them."""

from __future__ import annotations

import odd_answers
import odd_attributes
import odd_forms
import odd_leavings
import odd_objects
import odd_raising

_MODULES = {
    one.__name__: one
    for one in (odd_raising, odd_attributes, odd_objects, odd_answers, odd_forms, odd_leavings)
}

FAILING = {
    name: {f"{name}:{kind.__name__}": kind for kind in getattr(module, "FAILING", ())}
    for name, module in _MODULES.items()
}
"""By module, those of which each is an error row."""

SOUND = {
    name: {f"{name}:{kind.__name__}": kind for kind in getattr(module, "SOUND", ())}
    for name, module in _MODULES.items()
}
"""By module, those of which each is a row, with the scores of `odd_pixels:Pixels`."""

ENDING = {f"odd_raising:{kind.__name__}": kind for kind in odd_raising.ENDING}
"""Those that end their process."""

SAMPLE = {
    *("odd_raising:RaisesBase", "odd_raising:RaisesInterrupt", "odd_raising:RaisesSilent"),
    "odd_raising:MakesNothing",
    *("odd_attributes:AttributeRaisesLater", "odd_attributes:TrainedOnEndless"),
    *("odd_attributes:OddText", "odd_attributes:Lines", "odd_objects:NoObject"),
    *("odd_attributes:Numbers", "odd_answers:NanLater", "odd_answers:Generator"),
    *("odd_forms:SmallWhole", "odd_forms:OwnArrays", "odd_forms:ChangesSupport"),
    *("odd_leavings:Moves", "odd_leavings:Strict", "odd_leavings:Speaks"),
    *("odd_leavings:Forks", "odd_leavings:NoStreams", "odd_leavings:FewFiles"),
    *("odd_leavings:LogsToOutput", "odd_leavings:NoPaths"),
}
"""Some of every kind, for a test that is made at every change."""

AMONG_WORKERS = {
    *("odd_raising:RaisesBase", "odd_raising:RaisesInterrupt", "odd_raising:RaisesSilent"),
    *("odd_attributes:OddText", "odd_leavings:Moves", "odd_leavings:Speaks"),
    *("odd_leavings:Forks", "odd_leavings:NoStreams"),
}
"""Some of those that matter to worker processes, which take longer."""


def count(module: str) -> int:
    """Gives the number of odd scorers in a module, without those that end their process."""
    return len(FAILING[module]) + len(SOUND[module])
