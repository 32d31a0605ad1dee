"""Asking: the scorer interface, evaluation, and the command line.

Names are loaded when they are first used, so that the command line starts at once.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from .errors import ScorerError

if TYPE_CHECKING:
    from .audits import Audit, audit, audit_episodes
    from .evaluations.evaluation import Evaluation, evaluate
    from .evaluations.settings import Settings
    from .scorers.registry import registered, resolve
    from .scorers.scorer import (
        BATCH,
        EmbeddingScorer,
        FewShotClassifier,
        PairScorer,
        Scorer,
        Traits,
        traits,
    )

_HOMES = {
    "Audit": "audits",
    "audit": "audits",
    "audit_episodes": "audits",
    "Evaluation": "evaluations.evaluation",
    "Settings": "evaluations.settings",
    "evaluate": "evaluations.evaluation",
    "registered": "scorers.registry",
    "resolve": "scorers.registry",
    "BATCH": "scorers.scorer",
    "EmbeddingScorer": "scorers.scorer",
    "FewShotClassifier": "scorers.scorer",
    "PairScorer": "scorers.scorer",
    "Scorer": "scorers.scorer",
    "Traits": "scorers.scorer",
    "traits": "scorers.scorer",
}

__all__ = [
    "BATCH",
    "Audit",
    "EmbeddingScorer",
    "Evaluation",
    "FewShotClassifier",
    "PairScorer",
    "Scorer",
    "ScorerError",
    "Settings",
    "Traits",
    "audit",
    "audit_episodes",
    "evaluate",
    "registered",
    "resolve",
    "traits",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
