"""Audits: of scorers, on fixed images, and of the episodes that a protocol draws."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...tasks import BLOCK, Progress, Source, Wants, quiet
from ..scorers import EpisodeSize, Traits, resolve
from .checks import CHECKS
from .drawing import Drawing
from .fairness import DRAWING
from .findings import Audit, examine
from .invariance import TRANSDUCTIVE
from .subject import Subject


def audit(
    scorer: Any,
    traits: Traits,
    *,
    short: bool = False,
    remake: Callable[[], Any] | None = None,
    elsewhere: Callable[[], np.ndarray] | None = None,
    like: Wants | None = None,
    size: EpisodeSize | None = None,
    progress: Progress = quiet,
) -> Audit:
    """Checks with fixed images that a scorer's answers depend only on pixels.

    Args:
        scorer: The scorer.
        traits: The traits of the scorer.
        short: Whether to make only the fast checks.
        remake: Makes the scorer again; None leaves out the check that needs it.
        elsewhere: Gives the result of `reference` from another process; None
            leaves out the check that needs it.
        like: As for `Subject`.
        size: As for `Subject`: of the episodes that the scorer will be asked.
        progress: Shows the progress.
    """
    subject = Subject(scorer, traits, remake, elsewhere, like, size)
    checks = {name: check for name, check in CHECKS.items() if check.short or not short}
    findings = examine(checks, subject, traits.level, progress)
    transductive = traits.level == 3 and any(
        one.check == "other queries" and one.found.startswith(TRANSDUCTIVE) for one in findings
    )
    return Audit(findings, "short" if short else "thorough", transductive)


def reference(
    name: str, engine: str = "auto", data: str | None = None, size: EpisodeSize | None = None
) -> np.ndarray:
    """Computes the scores of the fixed images by a scorer that is made from its name.

    Args:
        name: As for `registry.resolve`.
        engine: As for `registry.resolve`.
        data: As for `registry.resolve`.
        size: As for `Subject`.

    Returns:
        float64 ndarray (queries, ways), higher means more alike.
    """
    return Subject(*resolve(name, engine, data=data), size=size).reference


def audit_episodes(
    make: Callable[[int], Source],
    *,
    seed: int = 1,
    episodes: int = 4 * BLOCK,
    progress: Progress = quiet,
) -> Audit:
    """Checks that episodes are what their protocol says, and are drawn fairly.

    Args:
        make: Prepares the episodes of a seed.
        seed: Seed of the episodes; those of a neighbouring seed are drawn too.
        episodes: Number of episodes to check.
        progress: Shows the progress.
    """
    return Audit(examine(DRAWING, Drawing(make, seed, episodes), progress=progress))
