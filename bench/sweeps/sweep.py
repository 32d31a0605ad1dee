"""A sweep: scorers, protocols and seeds in a file, all of them with one another."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bracex

from ...models.engines import ENGINES, KERAS
from ...tasks import Protocol, TaskError, load_yaml, parse, read_regular
from ..errors import ScorerError
from .place import Wanted

_LARGEST = 2**24
_MOST = 10**6

_OWN = ("label", "files", "resources", "engines", "scorer")
"""Fields of a scorer in the file that are not keys of the scorer."""

_LEFT_OUT = {
    "latency": "latencies belong to one machine on which nothing else runs; measure them with: "
    "wayshot latency",
    "until_halfwidth": "a sweep has a fixed number of episodes; use: wayshot run --until-halfwidth",
}


class SweepError(ScorerError):
    """A file of a sweep that is wrong."""


@dataclass(frozen=True)
class Sweep:
    """What is to be run.

    Attributes:
        scorers: The scorers, each with each of its engines.
        protocols: The protocols, by the name that was typed.
        seeds: Seeds of the episodes.
        episodes: Number of episodes of each protocol.
        scores: Whether to store every score.
        runs: Folder of the runs, or None where the file does not say.
        data: Folder of Omniglot, or None.
        left_out: What of the file a sweep does not do, with the reason.
    """

    scorers: tuple[Wanted, ...]
    protocols: Mapping[str, Protocol]
    seeds: tuple[int, ...] = (1,)
    episodes: int = 1000
    scores: bool = False
    runs: str | None = None
    data: str | None = None
    left_out: tuple[str, ...] = ()

    @classmethod
    def read(cls, path: Path) -> Sweep:
        """Reads a file, and checks all of it before anything is run.

        Args:
            path: A YAML file with the fields of `wayshot sweep --help`.

        Raises:
            SweepError: Something in it is wrong.
            TaskError: A protocol does not exist.
        """
        try:
            told = load_yaml(read_regular(path, _LARGEST))
        except TaskError as error:
            raise SweepError(f"{path}: {error}") from None
        if not isinstance(told, dict) or not {"scorers", "protocols"} <= {*told}:
            raise SweepError(
                f"{path}: expected the fields scorers and protocols, and if wanted seeds, "
                "episodes, engines, scores, runs, data"
            )
        try:
            return cls._of(told)
        except SweepError as error:
            raise SweepError(f"{path}: {error}") from None

    @classmethod
    def _of(cls, told: dict[str, Any]) -> Sweep:
        left_out = tuple(
            f"{name} is left out: {why}" for name, why in _LEFT_OUT.items() if told.pop(name, None)
        )
        fields = ("scorers", "protocols", "seeds", "episodes", "engines", "scores", "runs", "data")
        strange = sorted(map(str, {*told} - {*fields}))
        if strange:
            raise SweepError(f"unknown field {strange[0]!r}, expected {', '.join(fields)}")
        engines = _engines(told.get("engines"))
        scorers = [one for said in _listed(told, "scorers") for one in _scorers(said, engines)]
        protocols = {
            name: parse(name)
            for said in _listed(told, "protocols")
            for name in _expanded(_text(said, "protocols"))
        }
        seeds = _seeds(told.get("seeds", 1))
        if len(scorers) * len(protocols) * len(seeds) > _MOST:
            raise SweepError(
                f"{len(scorers):,} scorers, {len(protocols):,} protocols and {len(seeds):,} seeds "
                f"are more than {_MOST:,} runs; write several sweeps"
            )
        episodes = told.get("episodes", 1000)
        if not _is_count(episodes) or not 1 <= episodes <= 10**9:
            raise SweepError(f"episodes {episodes!r}, expected a number from 1 to 1,000,000,000")
        scores = told.get("scores", False)
        if not isinstance(scores, bool):
            raise SweepError(f"scores {scores!r}, expected true or false")
        for name in ("runs", "data"):
            if not isinstance(told.get(name), str | None):
                raise SweepError(f"{name} {told[name]!r}, expected the path of a folder")
        return cls(
            tuple(dict.fromkeys(scorers)),
            protocols,
            seeds,
            episodes,
            scores,
            told.get("runs"),
            told.get("data"),
            left_out,
        )


def _is_count(said: Any) -> bool:
    return isinstance(said, int) and not isinstance(said, bool)


def _listed(told: Mapping[str, Any], name: str) -> list[Any]:
    said = told[name]
    said = [said] if isinstance(said, str | dict) else said
    if not isinstance(said, list) or not said:
        raise SweepError(f"{name}: expected a list of at least one")
    return said


def _text(said: Any, name: str) -> str:
    if not isinstance(said, str) or not said:
        raise SweepError(f"{name}: {said!r}, expected a text")
    return said


def _expanded(text: str) -> list[str]:
    """Gives all texts that braces such as `{1,5}` and `{1..5}` stand for."""
    try:
        return list(bracex.iexpand(text, limit=_MOST))
    except bracex.ExpansionLimitException:
        raise SweepError(f"{text}: stands for more than {_MOST:,} texts") from None


def _engines(said: Any) -> tuple[str, ...]:
    said = ["auto"] if said is None else [said] if isinstance(said, str) else said
    known = ["auto", "keras", *KERAS, *ENGINES]
    if not isinstance(said, list) or not said:
        raise SweepError("engines: expected a list of at least one")
    for one in said:
        if one not in known:
            raise SweepError(f"engine {one!r}, expected {', '.join(known)}")
    return tuple(said)


def _seeds(said: Any) -> tuple[int, ...]:
    """Reads numbers, or texts such as `1..5`, which stands for all from 1 to 5."""
    found: list[int] = []
    for one in said if isinstance(said, list) else [said]:
        texts = _expanded(f"{{{one}}}") if isinstance(one, str) and ".." in one else [one]
        for text in texts:
            if not (_is_count(text) or (isinstance(text, str) and text.isdecimal())):
                raise SweepError(f"seeds: {one!r}, expected numbers from 0, or a text as '1..5'")
            found.append(int(text))
    if not found or min(found) < 0 or max(found) >= 2**63:
        raise SweepError("seeds: expected numbers from 0 to 2**63 - 1")
    return tuple(dict.fromkeys(found))


def _scorers(said: Any, engines: tuple[str, ...]) -> Iterable[Wanted]:
    """Gives the scorers that an entry stands for."""
    told = {"scorer": said} if isinstance(said, str) else said
    if not isinstance(told, dict) or not isinstance(told.get("scorer"), str):
        raise SweepError(
            f"scorers: {said!r}, expected what is typed after -s, or fields with it as scorer"
        )
    keys = {key: value for key, value in told.items() if key not in _OWN}
    words = ",".join(f"{key}={_word(value)}" for key, value in keys.items())
    files = told.get("files", [])
    files = [files] if isinstance(files, str) else files
    if not isinstance(files, list) or not all(isinstance(one, str) for one in files):
        raise SweepError(f"scorer {told['scorer']}: files {files!r}, expected a list of paths")
    missing = [one for one in files if not Path(one).expanduser().exists()]
    if missing:
        raise SweepError(f"scorer {told['scorer']}: {missing[0]}: no such file or folder")
    resources = told.get("resources", {})
    if not isinstance(resources, dict) or not all(
        isinstance(name, str) and isinstance(amount, int | float) and amount > 0
        for name, amount in resources.items()
    ):
        raise SweepError(
            f"scorer {told['scorer']}: resources {resources!r}, expected names with amounts, as "
            "{GPU: 1}"
        )
    texts = [match for text in _expanded(told["scorer"]) for match in _matches(text)]
    label = told.get("label")
    if label is not None and len(texts) > 1:
        raise SweepError(f"scorer {told['scorer']}: one label for {len(texts)} scorers")
    chosen = _engines(told["engines"]) if "engines" in told else engines
    for text in texts:
        whole = ",".join(filter(None, [text, words]))
        whole = f"{label}={whole}" if label is not None else whole
        for engine in chosen:
            yield Wanted(whole, engine, tuple(files), tuple(sorted(resources.items())))


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"[{','.join(map(_word, value))}]" if isinstance(value, list) else str(value)


def _matches(text: str) -> list[str]:
    """Gives the files that a pattern of paths stands for; any other text as it is."""
    if not glob.has_magic(text) or Path(text).exists():
        return [text]
    path = Path(text).expanduser()
    found = sorted(map(str, Path(path.anchor).glob(str(path.relative_to(path.anchor)))))
    if not found:
        raise SweepError(f"scorer {text}: no file is called so")
    return found
