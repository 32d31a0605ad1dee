"""A protocol: which episodes, exactly, under a name that can be read and typed."""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from dataclasses import asdict, astuple, dataclass
from typing import Literal, get_args, get_type_hints

from .errors import TaskError
from .splits import SPLITS, parts_of
from .text import readable

VERSION = 1
"""Part of every digest; changes when the same fields come to mean other episodes."""

_NAME = re.compile(
    r"(?P<split>folder:.+(?=-(?:within|between)-)|folder:.+?|[a-z0-9]+?)"
    r"(?:-(?P<part>background|evaluation|train|validation|test))?"
    r"(?:-(?P<structure>within|between))?"
    r"-(?:(?P<fewest>0*[1-9][0-9]{0,4})to)?(?P<ways>[0-9]{1,5})w(?P<shots>[0-9]{1,5})s"
    r"(?P<suffixes>(?:-[a-z0-9]+)*)"
)
_DRAWERS = {"distinctdrawers": "distinct", "samedrawer": "same"}
_ROTATIONS = {"rot": "classes", "rotapart": "apart"}
_EXAMPLES = (
    "lake-runs, lake-within-20w1s, lake-between-5w5s, vinyals-20w1s-rot, glyphs-within-20w1s"
)
_LARGEST = 10_000


@dataclass(frozen=True)
class Protocol:
    """What is asked of a scorer.

    Attributes:
        split: A name in `SPLITS`, or `folder:PATH`.
        part: Which part of the split.
        structure: Classes of an episode from one alphabet (`within`), from
            all (`between`), or the official one-shot runs (`runs`).
        ways: Classes in an episode; the most, where it varies.
        shots: Support images a class.
        queries: Query images a class.
        fewest_ways: Where smaller than `ways`, an episode has a uniformly
            drawn number of classes from `fewest_ways` to the smaller of
            `ways` and the alphabet's size (as Meta-Dataset has it).
        drawers: `any`; `distinct`: no drawer of a support image drew a query
            of the episode; `same`: the same `shots` drawers drew the support
            of every class, and the same `queries` others the queries (at one
            shot as in Lake's runs).
        rotations: `none`; `classes`: the four orientations of a character
            are classes of their own, as in Vinyals et al. 2016; `apart`: the
            same, but no character at two orientations in an episode.
        reuse: `independent` episodes, or every image at most `once`.
    """

    split: str
    part: str
    structure: Literal["within", "between", "runs"]
    ways: int
    shots: int
    queries: int = 1
    fewest_ways: int = 0
    drawers: Literal["any", "distinct", "same"] = "any"
    rotations: Literal["none", "classes", "apart"] = "none"
    reuse: Literal["independent", "once"] = "independent"

    def __post_init__(self) -> None:
        object.__setattr__(self, "fewest_ways", self.fewest_ways or self.ways)
        official = ("lake", "evaluation", "runs", 20, 1, 1, 20, "any", "none", "independent")
        if self.structure == "runs" and astuple(self) != official:
            raise TaskError("the official runs are 20-way 1-shot; they are called lake-runs")
        for field, kind in get_type_hints(Protocol).items():
            allowed = get_args(kind)
            if allowed and getattr(self, field) not in allowed:
                raise TaskError(
                    f"{field} {getattr(self, field)!r} is unknown, expected {' or '.join(allowed)}"
                )
        parts = parts_of(self.split)
        if self.part not in parts:
            raise TaskError(f"{self.split} has the parts {', '.join(parts)}, not {self.part!r}")
        for field in ("ways", "shots", "queries", "fewest_ways"):
            value = getattr(self, field)
            if not 1 <= value <= _LARGEST:
                raise TaskError(f"{field} {value} is impossible, expected 1 to {_LARGEST}")
        if self.ways < 2 or self.fewest_ways < 2:
            raise TaskError(f"{self.fewest_ways} ways leave nothing to choose, expected at least 2")
        if self.fewest_ways > self.ways:
            raise TaskError(f"{self.fewest_ways} to {self.ways} ways is no range")
        if self.reuse == "once" and (self.drawers != "any" or self.fewest_ways != self.ways):
            raise TaskError("-once goes with any drawers and a fixed number of ways only")
        if self.reuse == "once" and self.rotations == "classes":
            raise TaskError("-once would meet an image again in its turned copies; use -rotapart")

    @property
    def name(self) -> str:
        """The shortest name that `parse` reads as this protocol."""
        if self.structure == "runs":
            return "lake-runs"
        split = SPLITS.get(self.split)
        words = [self.split]
        if split and self.part != split.parts[0]:
            words.append(self.part)
        if not split or self.structure != split.structure:
            words.append(self.structure)
        fewest = f"{self.fewest_ways}to" if self.fewest_ways != self.ways else ""
        words.append(f"{fewest}{self.ways}w{self.shots}s")
        if self.queries != 1:
            words.append(f"q{self.queries}")
        for table, value in ((_DRAWERS, self.drawers), (_ROTATIONS, self.rotations)):
            words += [suffix for suffix, meaning in table.items() if meaning == value]
        if self.reuse == "once":
            words.append("once")
        return "-".join(words)

    @property
    def digest(self) -> str:
        """SHA-256 in hexadecimal over every field and `VERSION`."""
        fields = json.dumps({"version": VERSION, **asdict(self)}, sort_keys=True)
        return hashlib.sha256(fields.encode()).hexdigest()

    def describe(self) -> str:
        """Says in one sentence what the episodes are."""
        if self.structure == "runs":
            return "the 20 official one-shot runs of Lake et al. 2015: 400 trials, 20-way 1-shot"
        fewest = f"{self.fewest_ways} to " if self.fewest_ways != self.ways else ""
        words = [f"{fewest}{self.ways}-way {self.shots}-shot {self.structure} alphabets"]
        words.append(f"{self.queries} quer{'y' if self.queries == 1 else 'ies'} a class")
        if self.drawers == "distinct":
            words.append("support and queries by distinct drawers")
        if self.drawers == "same":
            words.append("support of all classes by the same drawers, queries by others")
        if self.rotations != "none":
            words.append("rotated characters as classes")
        if self.rotations == "apart":
            words.append("no character at two rotations in an episode")
        if self.reuse == "once":
            words.append("every image at most once")
        split = SPLITS.get(self.split)
        where = f"{self.split} {self.part}" if split else self.split
        return f"{', '.join(words)}; {where}"


RUNS = Protocol("lake", "evaluation", "runs", 20, 1)
"""The official runs, `lake-runs`."""


def _closest(name: str) -> str:
    typical = [
        f"{split.name}-{structure}{ways}w{shots}s"
        for split in SPLITS.values()
        for structure in ("within-", "between-", *([""] if split.structure else []))
        for ways in (5, 20)
        for shots in (1, 5)
    ]
    close = difflib.get_close_matches(name, ["lake-runs", *typical], n=3, cutoff=0.5)
    return f"closest: {', '.join(close)}" if close else f"names look like {_EXAMPLES}"


def parse(name: str) -> Protocol:
    """Reads a protocol's name.

    Args:
        name: `SPLIT[-PART][-within|-between]-WAYSwSHOTSs[-SUFFIX...]`, or
            `lake-runs`. Ways may vary: `5to50w1s`. Suffixes are `qN` (queries
            a class), `rot`, `rotapart`, `distinctdrawers`, `samedrawer` and
            `once`; see `Protocol`.

    Raises:
        TaskError: The name cannot be read, or asks for the impossible.
    """
    if name == "lake-runs":
        return RUNS
    match = _NAME.fullmatch(name)
    split = SPLITS.get(match["split"]) if match else None
    is_folder = bool(match and match["split"].startswith("folder:"))
    if match is None or (split is None and not is_folder):
        raise TaskError(f"unknown protocol {name!r}; {_closest(name)}")
    structure = match["structure"] or (split.structure if split else "")
    if not structure:
        raise TaskError(
            f"protocol {name!r} must say within or between alphabets, "
            f"for example {readable(match['split'])}-within-{match['ways']}w{match['shots']}s"
        )
    parts = parts_of(match["split"])
    part = match["part"] or parts[0]
    if part not in parts:
        raise TaskError(f"protocol {name!r}: {match['split']} has the parts {', '.join(parts)}")
    fields: dict = {}
    for suffix in match["suffixes"].split("-")[1:]:
        if re.fullmatch(r"q[0-9]{1,5}", suffix):
            field, value = "queries", int(suffix[1:])
        elif suffix in _DRAWERS:
            field, value = "drawers", _DRAWERS[suffix]
        elif suffix in _ROTATIONS:
            field, value = "rotations", _ROTATIONS[suffix]
        elif suffix == "once":
            field, value = "reuse", "once"
        else:
            known = ["qN", *_DRAWERS, *_ROTATIONS, "once"]
            raise TaskError(
                f"protocol {name!r}: unknown suffix -{suffix}; known: {', '.join(known)}"
            )
        if field in fields:
            raise TaskError(f"protocol {name!r} says twice what its {field} are")
        fields[field] = value
    try:
        return Protocol(
            split=match["split"],
            part=part,
            structure=structure,  # pyright: ignore[reportArgumentType]
            ways=int(match["ways"]),
            shots=int(match["shots"]),
            fewest_ways=int(match["fewest"] or 0),
            **fields,
        )
    except TaskError as error:
        raise TaskError(f"protocol {name!r}: {error}") from None
