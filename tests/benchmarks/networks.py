"""Networks and evaluations that benchmarks share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from wayshot import tasks
from wayshot.bench import Evaluation, Settings
from wayshot.bench.scorers.scorer import Traits
from wayshot.models import assemble
from wayshot.models.engines.engines import ENGINES
from wayshot.models.engines.exporting import exported
from wayshot.models.networks.network import Network
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


def bare_engines(scorer: Any) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    """What runs a network's tower, by engine: from images as the tower takes them, nothing else."""
    origin, tower = scorer._embedder._origin, scorer.model.tower
    runs = {"keras": lambda seen: np.asarray(tower(seen))}
    for name, engine in ENGINES.items():
        if engine.precision == "f32" and engine.installed:
            path = exported(origin, engine.form).path
            runs[name] = engine.open(path, engine.precision)
    return runs


def evaluation(
    scorer: Any, known: Traits, asked: tasks.Source, root: Path, episodes: int, *, cache: bool
) -> Evaluation:
    """An evaluation into a folder of its own."""
    settings = Settings(cache=cache)
    return Evaluation(scorer, known, asked, episodes=episodes, root=root, settings=settings)


def stub() -> Any:
    """A backbone for images of glyphnet's size, at less than a hundredth of its cost."""
    import keras

    image = keras.Input(assemble(Network(backbone="glyphnet"), "glyphnet").network.input_shape[1:])
    x = keras.layers.AveragePooling2D(4)(image)
    return keras.Model(image, keras.layers.Dense(16)(keras.layers.Flatten()(x)))
