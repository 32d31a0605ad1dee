"""A protocol: which episodes, exactly, under a name that can be read and typed."""

from __future__ import annotations

import difflib
import hashlib
import json
import os
import re
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args, get_type_hints

from .errors import TaskError
from .files import at_home
from .splits import SPLITS, is_own, parts_of, read_part
from .suffixes import Suffix
from .text import readable

VERSION = 2
"""Part of every digest. Raised when the same fields come to mean other episodes, or when
what a digest covers changes."""

SUFFIXES = {
    suffix.name: suffix
    for suffix in (
        Suffix("qN", "queries", None, None, "N query images a class instead of 1"),
        Suffix(
            "distinctdrawers",
            "drawers",
            "distinct",
            "support and queries by distinct drawers",
            "no drawer of a support image drew a query of the episode",
        ),
        Suffix(
            "samedrawer",
            "drawers",
            "same",
            "support of all classes by the same drawers, queries by others",
            "the same drawers drew the support of all classes, and others drew the queries",
        ),
        Suffix(
            "rot",
            "rotations",
            "classes",
            "rotated characters as classes",
            "the four orientations of a character are four classes",
        ),
        Suffix(
            "rotapart",
            "rotations",
            "apart",
            "rotated characters as classes, no character at two rotations in an episode",
            "as -rot, but never two orientations of one character in an episode",
        ),
        Suffix(
            "once",
            "reuse",
            "once",
            "every image at most once",
            "every image is used at most once in all episodes",
        ),
        Suffix(
            "fitting",
            "small",
            "leave out",
            "classes with too few images left out",
            "characters with too few images, and alphabets with too few characters, are left out",
        ),
    )
}
"""All suffixes, in the order in which a name has them."""

_NAME = re.compile(
    r"(?P<split>(?:folder|images):.+(?=-(?:within|between)-)|(?:folder|images):.+?|[a-z0-9]+?)"
    r"(?:-(?P<part>background|evaluation|train|validation|test))?"
    r"(?:-(?P<structure>within|between))?"
    r"-(?:(?P<fewest>0*[1-9][0-9]{0,4})to)?(?P<ways>[0-9]{1,5})w(?P<shots>[0-9]{1,5})s"
    r"(?P<suffixes>(?:-[a-z0-9]+)*)"
)
_EXAMPLES = (
    "lake-runs, lake-within-20w1s, lake-between-5w5s, vinyals-20w1s-rot, glyphs-within-20w1s"
)
_LARGEST = 10_000


@dataclass(frozen=True)
class Protocol:
    """What is asked of a scorer.

    Attributes:
        split: A name in `SPLITS`, `folder:PATH`, `images:PATH`, or `arrays` for
            images that are given from Python.
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
        small: What becomes of characters with too few images, and of alphabets
            with too few characters then: `refuse` the data, or `leave out`.
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
    small: Literal["refuse", "leave out"] = "refuse"

    def __post_init__(self) -> None:
        object.__setattr__(self, "fewest_ways", self.fewest_ways or self.ways)
        if self.structure == "runs" and self.identity != _OFFICIAL:
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
            raise TaskError(
                "-once cannot be combined with -samedrawer, -distinctdrawers or a varying number "
                "of ways; leave one of them out"
            )
        if self.reuse == "once" and self.rotations == "classes":
            raise TaskError(
                "-once cannot be combined with -rot, which shows an image again in its turned "
                "copies; use -rotapart"
            )

    @property
    def name(self) -> str:
        """The shortest name that `parse` reads as this protocol."""
        if self.structure == "runs":
            return "lake-runs"
        split = SPLITS.get(self.split)
        words = [self.split]
        if is_own(self.split):
            # A path may itself end in what looks like a part.
            said = self.part != "all" or self.split.rpartition("@")[2] in parts_of(self.split)
            words = [f"{self.split}@{self.part}"] if ":" in self.split and said else [self.split]
        elif self.part != parts_of(self.split)[0]:
            words.append(self.part)
        if not split or self.structure != split.structure:
            words.append(self.structure)
        fewest = f"{self.fewest_ways}to" if self.fewest_ways != self.ways else ""
        words.append(f"{fewest}{self.ways}w{self.shots}s")
        for suffix in SUFFIXES.values():
            word = suffix.write(getattr(self, suffix.field), getattr(Protocol, suffix.field))
            words += [word] if word else []
        return "-".join(words)

    @property
    def title(self) -> str:
        """The name, with only the last part of a folder's path: the same on every machine."""
        return self.name.replace(self.split, self._source, 1)

    @property
    def _source(self) -> str:
        kind, _, path = self.split.partition(":")
        return f"{kind}:{at_home(path).resolve().name}" if path else kind

    @property
    def is_official(self) -> bool:
        """Whether these are the 20 official runs."""
        return self.structure == "runs"

    @property
    def identity(self) -> dict[str, Any]:
        """What the digest covers: the fields that differ from their defaults.

        A field that is added later, at its default, leaves the digests of all
        protocols as they were. Of a folder it covers that it is a folder, not
        its path: the digest of the data tells which images they are. Pictures
        are the same whether they come from files or from arrays.
        """
        values = {
            field.name: value
            for field in fields(self)
            if (value := getattr(self, field.name)) != field.default
        }
        kind = self.split.partition(":")[0]
        values["split"] = "images" if kind == "arrays" else kind
        if self.fewest_ways == self.ways:
            del values["fewest_ways"]
        return values

    @property
    def digest(self) -> str:
        """SHA-256 in hexadecimal over `identity` and `VERSION`."""
        content = json.dumps({"version": VERSION, **self.identity}, sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()

    def describe(self) -> str:
        """Says in one sentence what the episodes are."""
        if self.structure == "runs":
            return "the 20 official one-shot runs of Lake et al. 2015: 400 trials, 20-way 1-shot"
        fewest = f"{self.fewest_ways} to " if self.fewest_ways != self.ways else ""
        words = [f"{fewest}{self.ways}-way {self.shots}-shot {self.structure} alphabets"]
        words.append(f"{self.queries} quer{'y' if self.queries == 1 else 'ies'} a class")
        words += [
            suffix.says
            for suffix in SUFFIXES.values()
            if suffix.says and suffix.write(getattr(self, suffix.field), None)
        ]
        part = "" if self.part == "all" else f" {self.part}"
        where = f"{self.split if self.split in SPLITS else self._source}{part}"
        return f"{', '.join(words)}; {where}"


_OFFICIAL = {"split": "lake", "part": "evaluation", "structure": "runs", "ways": 20, "shots": 1}

RUNS = Protocol("lake", "evaluation", "runs", 20, 1)
"""The official runs, `lake-runs`."""


_OTHER = re.compile(r"(?P<what>.+?)(?:-(?:within|between))?-(?P<size>\d+w\d+s)(?:-[a-z0-9]+)*")
"""A name whose first part is no split."""


def _in_small_letters(name: str) -> str:
    """Gives a name in small letters, but for the path of a folder."""
    match = re.fullmatch(
        r"(folder|images)(:.+?)(-(?:within|between)-.+?|-[0-9]+w[0-9]+s.*?)", name, re.IGNORECASE
    )
    return f"{match[1].lower()}{match[2]}{match[3].lower()}" if match else name.lower()


def _can_be_read(name: str) -> bool:
    match = _NAME.fullmatch(name)
    return name == "lake-runs" or bool(
        match and (match["split"] in SPLITS or is_own(match["split"]))
    )


def _closest(name: str) -> str:
    """Says what else could have been meant."""
    other = _OTHER.fullmatch(name)
    what, size = (other["what"], other["size"]) if other else (name, "20w1s")
    if what.lower().startswith("omniglot"):
        ways = ", ".join(
            f"{split.name}-{split.structure or 'within'}-{size}"
            for split in SPLITS.values()
            if split.source.startswith("Omniglot")
        )
        return f"Omniglot is divided as in lake-runs, {ways}; wayshot list protocols tells them"
    # Not by pathlib, which refuses what cannot be a path.
    if os.path.exists(os.path.expanduser(re.sub("@.*", "", what))):  # noqa: PTH110, PTH111
        said = name if re.search("-(within|between)-", name) else f"{what}-between-{size}"
        return f"for your own folder, folder:{said} (characters) or images:{said} (any pictures)"
    typical = [
        f"{split.name}-{structure}{ways}w{shots}s"
        for split in SPLITS.values()
        for structure in ("within-", "between-", *([""] if split.structure else []))
        for ways in (5, 20)
        for shots in (1, 5)
    ]
    small = _in_small_letters(name)
    close = difflib.get_close_matches(small, ["lake-runs", *typical], n=3, cutoff=0.5)
    if small != name and _can_be_read(small):
        close = [small]
    return f"closest: {', '.join(close)}" if close else f"names look like {_EXAMPLES}"


def parse(name: str) -> Protocol:
    """Reads a protocol's name.

    Args:
        name: `SPLIT[-PART][-within|-between]-WAYSwSHOTSs[-SUFFIX...]`, or
            `lake-runs`. Of data of one's own, a part follows an @, as in
            `folder:letters@test-within-5w1s`. Ways may vary: `5to50w1s`. Suffixes are `qN` (queries
            a class) and the others of `SUFFIXES`.

    Raises:
        TaskError: The name cannot be read, or asks for the impossible.

    Examples:
        >>> from wayshot import tasks
        >>> protocol = tasks.parse("lake-within-20w1s")
        >>> protocol.ways, protocol.shots
        (20, 1)
        >>> protocol.describe()
        '20-way 1-shot within alphabets, 1 query a class; lake evaluation'
    """
    if name == "lake-runs":
        return RUNS
    match = _NAME.fullmatch(name)
    of = match["split"] if match else ""
    split = SPLITS.get(of)
    if match is None or (split is None and not is_own(of)):
        raise TaskError(f"unknown protocol {name!r}; {_closest(name)}")
    structure = match["structure"] or (split.structure if split else "")
    if not structure:
        raise TaskError(
            f"protocol {name!r} must say within or between alphabets, "
            f"for example {readable(of)}-within-{match['ways']}w{match['shots']}s"
        )
    parts = parts_of(of)
    part = match["part"] or parts[0]
    if is_own(of) and not match["part"]:
        of, part = read_part(of)
    if part not in parts:
        raise TaskError(f"protocol {name!r}: {of} has the parts {', '.join(parts)}")
    asked: dict[str, Any] = {}
    for word in match["suffixes"].split("-")[1:]:
        read = {
            suffix.field: value
            for suffix in SUFFIXES.values()
            if (value := suffix.read(word)) is not None
        }
        if not read:
            raise TaskError(
                f"protocol {name!r}: there is no suffix -{word}, expected one of "
                f"{', '.join(f'-{suffix}' for suffix in SUFFIXES)}"
            )
        if not asked.keys().isdisjoint(read):
            raise TaskError(f"protocol {name!r} says twice what its {', '.join(read)} are")
        asked |= read
    try:
        return Protocol(
            split=of,
            part=part,
            structure=structure,  # pyright: ignore[reportArgumentType]
            ways=int(match["ways"]),
            shots=int(match["shots"]),
            fewest_ways=int(match["fewest"] or 0),
            **asked,
        )
    except TaskError as error:
        raise TaskError(f"protocol {name!r}: {error}") from None
