"""Model cards: what a trained network is and where it comes from."""

from __future__ import annotations

import json
import os
import platform
import tempfile
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from .bundle import named_weights, weights_digest, write_card
from .training import Training


def finish(training: Training, folder: Path) -> dict[str, Any]:
    """Writes what a finished training leaves.

    Args:
        training: The training, at its end.
        folder: Gets `NAME.keras` (the whole network), `NAME.npz` (its weights
            in half precision), and the card as `NAME.json` and `NAME.md`.

    Returns:
        The card.
    """
    recipe, siamese = training.recipe, training.siamese
    arrays = {
        name: ops.convert_to_numpy(variable).astype(np.float16)
        for name, variable in named_weights(siamese).items()
    }
    card = {
        "name": recipe.name,
        "backbone": recipe.backbone,
        "parameters": siamese.count_params(),
        "embedding": siamese.tower.output_shape[-1],
        "digest": weights_digest(arrays),
        "licence": "MIT; trained on Omniglot (Lake, Salakhutdinov and Tenenbaum 2015), MIT",
        "data": {
            "part": recipe.images,
            "digest": training.background_digest,
            "characters_seen": len(training.characters),
            "held_out_alphabets": list(recipe.held_out),
        },
        "recipe": json.loads(json.dumps(asdict(recipe))),
        "seed": training.seed,
        "seconds": round(training.seconds),
        "hardware": f"{platform.machine()}, {os.cpu_count()} cores",
        "software": {
            "keras": version("keras"),
            "backend": keras.config.backend(),
            "python": platform.python_version(),
        },
        "validation": training.history[-1]["accuracy"] if training.history else {},
        "history": training.history,
        "characters": training.characters,
    }
    handle, fresh = tempfile.mkstemp(suffix=".npz", prefix=".new-", dir=folder)
    with os.fdopen(handle, "wb") as file:
        np.savez_compressed(file, **arrays)
    os.replace(fresh, folder / f"{recipe.name}.npz")
    # Keras decides the format by the ending, so the name for the meantime keeps it.
    whole = folder / f".new-{recipe.name}.keras"
    siamese.save(whole)
    os.replace(whole, folder / f"{recipe.name}.keras")
    write_card(folder, card)
    return card
