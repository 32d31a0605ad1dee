"""Origin: how the runs of a report were made, and the commands that make them again."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..pictures import Material
from ..store import Run
from ..text import shown


@dataclass(frozen=True)
class Origin:
    """How the runs were made.

    Attributes:
        protocols: A row of facts for each protocol.
        scorers: A row of facts for each scorer.
        machines: Environments, each with the number of its runs.
        commands: Commands that make the runs and the report again.
        own: Whether there are scorers whose names alone do not make them again.
    """

    protocols: list[dict[str, str]]
    scorers: list[dict[str, str]]
    machines: list[str]
    commands: list[str]
    own: bool


def _environment(run: Run) -> str:
    said: dict[str, Any] = run.record.get("environment") or {}
    packages = ", ".join(f"{name} {one}" for name, one in (said.get("packages") or {}).items())
    parts = [
        f"Python {said['python']}" if said.get("python") else "",
        *(str(said[name]) for name in ("platform", "machine", "cpu") if said.get(name)),
        f"{said['cpus']} processors" if said.get("cpus") else "",
        ", ".join(map(str, said.get("gpus") or [])),
        packages,
    ]
    return shown("; ".join(part for part in parts if part)) if any(parts) else "not recorded"


def _commands(runs: Sequence[Run]) -> list[str]:
    """Writes the commands of `wayshot run`: one for each seed and number of episodes."""
    jobs: dict[tuple[Any, ...], tuple[dict[str, None], dict[str, None]]] = {}
    for run in runs:
        official = run.is_official
        asked = () if official else (run.record["episodes"], run.record["seed"])
        scores = bool(run.record.get("scores_digest"))
        protocols, scorers = jobs.setdefault((*asked, scores), ({}, {}))
        typed = run.record["scorer"].get("spec") or run.scorer
        protocols[shown(run.protocol)] = scorers[shown(typed)] = None
    found = []
    for (*asked, scores), (protocols, scorers) in jobs.items():
        words = ["wayshot", "run", *protocols]
        if asked:
            words += ["--episodes", str(asked[0]), "--seed", str(asked[1])]
        words += ["--scores"] * scores
        for name in scorers:
            words += ["-s", name]
        found.append(shlex.join(words))
    return found


def origin(material: Material, command: str) -> Origin:
    """Collects how the runs were made.

    Args:
        material: The runs.
        command: The command that makes the report again.
    """
    runs = list(material.table.runs.values())
    protocols: dict[str, dict[str, str]] = {}
    scorers: dict[str, dict[str, str]] = {}
    machines: dict[str, int] = {}
    for (row, column), run in material.table.runs.items():
        record, scorer = run.record, run.record["scorer"]
        protocols.setdefault(
            column,
            {
                "protocol": column,
                "what it is": shown(str(record["protocol"].get("description") or "")),
                "episodes": f"{record['episodes']:,}",
                "seed": "–" if run.is_official else str(record["seed"]),
                "trials": f"{record['n']:,}",
                "digest of the protocol": shown(str(record["protocol"]["digest"])[:12]),
                "digest of the episodes": shown(str(record["episodes_digest"])[:12]),
                "data set": shown(
                    f"{record['dataset'].get('name')}, {str(record['dataset'].get('digest'))[:12]}"
                ),
            },
        )
        leaked = scorer.get("leaked_characters")
        scorers.setdefault(
            row,
            {
                "scorer": row,
                "digest": shown(str(scorer["digest"])[:12]),
                "parameters": "–" if scorer.get("parameters") is None
                else f"{scorer['parameters']:,}",
                "pooling": shown(str(scorer.get("pooling") or "–")),
                "trained on test characters": "unknown" if leaked is None else f"{leaked}",
                "audit": shown(str((record.get("audit") or {}).get("verdict") or "none")),
            },
        )  # fmt: skip
        words = _environment(run)
        machines[words] = machines.get(words, 0) + 1
    return Origin(
        list(protocols.values()),
        list(scorers.values()),
        [f"{count:,} runs: {words}" for words, count in machines.items()],
        [*_commands(runs), command],
        any(not run.record["scorer"].get("baseline") for run in runs),
    )
