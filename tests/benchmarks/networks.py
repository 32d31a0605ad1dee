"""Networks and evaluations that benchmarks share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from wayshot import tasks
from wayshot.bench import Evaluation, Settings
from wayshot.bench.scorer import Traits
from wayshot.models import assemble
from wayshot.models.recipe import Network
from yardsticks import KIND

PROTOCOL = f"{KIND}-within-20w1s"


def source() -> tasks.Source:
    """The episodes that are timed."""
    return tasks.open_protocol(tasks.parse(PROTOCOL), seed=1)


def conv4_file(folder: Path) -> Path:
    """A Siamese network of conv-4 that has learned nothing, compared by Euclidean distance.

    So it is a prototypical network at one shot, as peers have it.
    """
    path = folder / "conv-4.keras"
    if not path.exists():
        network = Network(backbone="conv-4", join="squared", head="similarity")
        assemble(network, "conv-4").save(path)
    return path


def evaluation(
    scorer: Any, known: Traits, asked: tasks.Source, root: Path, episodes: int, *, cache: bool
) -> Evaluation:
    """An evaluation into a folder of its own."""
    settings = Settings(cache=cache)
    return Evaluation(scorer, known, asked, episodes=episodes, root=root, settings=settings)
