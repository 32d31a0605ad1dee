"""Loading: a network's tower in an inference engine, checked against Keras."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..errors import ModelError
from ..networks import view
from .engines import Engine, Run
from .exporting import Export, Origin, exported, probe

TOLERANCE = 1e-4
"""Largest allowed difference from Keras's embeddings, relative to their largest value."""

Embed = Callable[[np.ndarray], np.ndarray]
"""From uint8 images (B, side, side), ink = 1, to embeddings (B, D)."""


def _embedder(export: Export, run: Run) -> Embed:
    def embed(images: np.ndarray) -> np.ndarray:
        seen = view(images, export.size, export.pixels)
        if export.channels > 1:
            seen = np.repeat(seen, export.channels, axis=-1)
        return np.asarray(run(np.ascontiguousarray(seen)), dtype=np.float32)

    return embed


def load(engine: Engine, origin: Origin) -> Embed:
    """Loads a network's tower into an engine, and exports it first if necessary.

    An engine of full precision must agree with Keras on fixed images.

    Args:
        engine: The engine, from `engines.find`.
        origin: The network.

    Raises:
        ModelError: The tower cannot be exported or loaded, or the engine does
            not agree with Keras.
        TaskError: The cache folder cannot be made.
    """
    export = exported(origin, engine.form, engine.precision)
    expected = export.reference
    try:
        embed = _embedder(export, engine.open(export.path, engine.precision))
        found = embed(probe(len(expected)))
        if found.shape != expected.shape or not np.isfinite(found).all():
            raise ModelError(
                f"embeddings have shape {found.shape} or are not finite, expected {expected.shape}"
            )
    except Exception as error:
        kind = "" if isinstance(error, ModelError) else f"{type(error).__name__}: "
        problem = " ".join(f"{kind}{error}".split())[:200]
        raise ModelError(
            f"engine {engine.name}: {origin.network} cannot be run ({problem})"
        ) from None
    apart = float(np.abs(found - expected).max() / max(np.abs(expected).max(), 1e-30))
    if engine.precision == "f32" and apart > TOLERANCE:
        raise ModelError(
            f"engine {engine.name}: embeddings of {origin.network} differ from Keras's by "
            f"{apart:.1e} of the largest value, expected at most {TOLERANCE:g}; use another engine"
        )
    return embed
