"""Asking: the scorer interface, evaluation, and the command line.

Names are loaded when they are first used, so that the command line starts at once.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from .errors import ScorerError

if TYPE_CHECKING:
    from .audits import Audit, audit, audit_episodes
    from .evaluation import Evaluation, evaluate
    from .registry import registered, resolve
    from .scorer import (
        BATCH,
        EmbeddingScorer,
        FewShotClassifier,
        PairScorer,
        Scorer,
        Traits,
        traits,
    )
    from .settings import Settings

_HOMES = {
    "Audit": "audits",
    "audit": "audits",
    "audit_episodes": "audits",
    "Evaluation": "evaluation",
    "Settings": "settings",
    "evaluate": "evaluation",
    "registered": "registry",
    "resolve": "registry",
    "BATCH": "scorer",
    "EmbeddingScorer": "scorer",
    "FewShotClassifier": "scorer",
    "PairScorer": "scorer",
    "Scorer": "scorer",
    "Traits": "scorer",
    "traits": "scorer",
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
