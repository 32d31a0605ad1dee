"""scikit-learn: fitted objects with `transform` or `predict_proba`."""

from __future__ import annotations

import sys
from typing import Any, ClassVar

import numpy as np

from ...errors import ScorerError
from .model import Model, square
from .outputs import as_array


class SklearnModel(Model):
    """A fitted object of scikit-learn; what it gives for an image is the embedding."""

    kind: ClassVar[str] = "a scikit-learn object"
    devices: ClassVar[str] = "it computes on the CPU"
    packages: ClassVar[tuple[str, ...]] = ("scikit-learn",)
    layout = "flat"
    channels = 1
    fixed = True

    def __init__(self, model: Any, device: str | None = None) -> None:
        """Reads the number of pixels.

        Args:
            model: The fitted object.
            device: Not used.

        Raises:
            ScorerError: It has neither `transform` nor `predict_proba`.
        """
        super().__init__(model, device)
        methods = [name for name in ("transform", "predict_proba") if hasattr(model, name)]
        if not methods:
            raise ScorerError(
                f"{type(model).__name__} has neither transform nor predict_proba; to fit it on "
                "the support of every episode, use wayshot.fewshot"
            )
        self._method = methods[0]
        features = getattr(model, "n_features_in_", None)
        if features is not None:
            self.size, self.channels = square(int(features))

    @classmethod
    def recognises(cls, model: Any) -> bool:
        """Tells whether an object is an estimator of scikit-learn."""
        base = getattr(sys.modules.get("sklearn.base"), "BaseEstimator", None)
        return base is not None and isinstance(model, base)

    def run(self, *images: np.ndarray) -> np.ndarray:
        """Transforms images, or gives the probabilities of their classes."""
        return as_array(getattr(self.model, self._method)(*images))
