"""A campaign: several scorers on several protocols."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...results import Results
from ...tasks import Dataset, Protocol, open_protocol, parse
from .evaluation import evaluate
from .settings import Settings


def run(
    scorers: Sequence[Any] | str,
    protocols: Sequence[Protocol | str] | str,
    *,
    episodes: int = 1000,
    seed: int = 1,
    data: str | Path | Dataset | None = None,
    root: str | Path = "runs",
    settings: Settings | None = None,
) -> Results:
    """Evaluates every scorer on every protocol; runs that are stored are not run again.

    Args:
        scorers: Names as for `wayshot run --scorer`, or scorers.
        protocols: Names, or protocols from `parse`.
        episodes: Number of episodes of each protocol.
        seed: Seed of the episodes.
        data: Folder of Omniglot, see `tasks.data.omniglot.data_folder`; for
            protocols of `arrays`, the data set from `tasks.from_arrays`.
        root: Folder of all runs.
        settings: Settings of the evaluations; None for the defaults.

    Returns:
        The runs; printing them prints their table.

    Raises:
        ScorerError: There is no such scorer, or its answers are not valid. Runs
            that were finished before are stored.
        TaskError: There is no such protocol, or its data are missing.
    """
    scorers = [scorers] if isinstance(scorers, str) else scorers
    protocols = [protocols] if isinstance(protocols, str) else protocols
    # All names are read before the first data set is opened.
    asked = [parse(one) if isinstance(one, str) else one for one in protocols]
    runs = []
    for protocol in asked:
        source = open_protocol(protocol, seed, data)
        runs += [
            evaluate(scorer, source, episodes=episodes, root=root, settings=settings)
            for scorer in scorers
        ]
    return Results(tuple(runs))
