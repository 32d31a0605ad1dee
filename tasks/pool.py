"""The pool of classes from which a protocol draws, as arrays."""

from __future__ import annotations

import numpy as np

from .data import Dataset
from .errors import TaskError
from .protocol import Protocol
from .text import readable

_NAMED = 10
"""How many classes a message names."""

_REMARKS = 3
"""How many remarks on the data a message has."""


def _padded(lists: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Stacks rows of unequal length; gives also the lengths."""
    sizes = np.array([len(row) for row in lists], dtype=np.int32)
    stacked = np.full((len(lists), sizes.max()), -1, dtype=np.int32)
    stacked[np.arange(sizes.max()) < sizes[:, None]] = np.concatenate(lists)
    return stacked, sizes


def _listed(words: list[str]) -> str:
    """Lists the first words, and says how many others there are."""
    more = f" and {len(words) - _NAMED} others" if len(words) > _NAMED else ""
    return readable(", ".join(words[:_NAMED]) + more)


class Pool:
    """Classes, their images, and the groups from which an episode's classes come.

    Attributes:
        items: int32 ndarray (classes, most images): rows of `Dataset.images`,
            -1 beyond a class's size. If rotations are classes, class
            `4 * c + t` is character c after t quarter turns; otherwise class c
            is character c.
        class_sizes: int32 ndarray (classes,): images of each class.
        group_classes: int32 ndarray (groups, most classes): the classes of each
            alphabet, or of one group of all alphabets. If an episode may not
            have a character at two rotations, it holds characters instead.
        group_sizes: int32 ndarray (groups,): number of classes of each group.
    """

    def __init__(self, protocol: Protocol, dataset: Dataset) -> None:
        """Arranges the data set.

        Args:
            protocol: The protocol.
            dataset: The data set.

        Raises:
            TaskError: The data do not allow such episodes; the message says
                which alphabets or characters are too small.
        """
        self._protocol = protocol
        self._characters = dataset.characters
        # What the data lack may be what was left out of them.
        few = [*dataset.remarks[:_REMARKS], *(["..."] if len(dataset.remarks) > _REMARKS else [])]
        self._why = f" ({'; '.join(few)})" if few else ""
        codes = dataset.character_codes
        order = np.argsort(codes, kind="stable")
        ends = np.flatnonzero(np.diff(codes[order])) + 1
        self.items, self.class_sizes = _padded(np.split(order.astype(np.int32), ends))
        characters = np.arange(len(self.items), dtype=np.int32)
        alphabets = self._characters["alphabet"].to_numpy()
        fits = self.class_sizes >= protocol.shots + protocol.queries
        self.left_out = self._small_characters(fits)
        groups = {dataset.name: characters[fits]}
        if protocol.structure == "within":
            alphabets = self._characters["alphabet"].to_numpy()
            groups = {
                name: characters[fits & (alphabets == name)] for name in dict.fromkeys(alphabets)
            }
        groups = self._large_enough(groups)
        if protocol.drawers != "any":
            self._check_drawers(dataset, np.concatenate(groups))
        if protocol.rotations != "none":
            turns = np.arange(4, dtype=np.int32) * len(dataset)
            turned = np.where(self.items[:, None] < 0, -1, self.items[:, None] + turns[:, None])
            self.items = turned.reshape(-1, self.items.shape[1])
            self.class_sizes = np.repeat(self.class_sizes, 4)
        if protocol.rotations == "classes":
            groups = [(group[:, None] * 4 + np.arange(4)).ravel() for group in groups]
        self.group_classes, self.group_sizes = _padded(groups)

    def _small_characters(self, fits: np.ndarray) -> list[str]:
        """Names the characters with too few images.

        Raises:
            TaskError: There are some, and the protocol does not leave them out.
        """
        protocol = self._protocol
        small = np.flatnonzero(~fits)
        names = ["/".join(self._characters.iloc[i]) for i in small]
        if len(small) and protocol.small == "refuse":
            needed = protocol.shots + protocol.queries
            fewer = "" if needed == 2 else ", ask for fewer shots or queries"
            counted = [
                f"{name} has {size}"
                for name, size in zip(names, self.class_sizes[small], strict=True)
            ]
            raise TaskError(
                f"{protocol.name}: {protocol.shots} shots and {protocol.queries} queries need "
                f"{needed} images a character, and {len(small)} of {len(fits)} characters have "
                f"fewer: {_listed(counted)}; add images{fewer}, or leave these characters out by "
                f"the suffix -fitting{self._why}"
            )
        return names

    def _large_enough(self, groups: dict[str, np.ndarray]) -> list[np.ndarray]:
        """Gives the groups with enough classes for an episode.

        Raises:
            TaskError: A group has too few and the protocol does not leave it
                out, or no group has enough.
        """
        protocol = self._protocol
        orientations = 4 if protocol.rotations == "classes" else 1
        counts = {name: len(group) * orientations for name, group in groups.items()}
        small = [name for name, count in counts.items() if count < protocol.fewest_ways]
        if small and (protocol.small == "refuse" or len(small) == len(groups)):
            counted = [f"{name} has {counts[name]} characters" for name in small]
            ways = "" if protocol.fewest_ways == 2 else "ask for fewer ways"
            out = "" if len(small) == len(groups) else "leave these out by the suffix -fitting"
            advice = " or ".join(filter(None, (ways, out))) or "add characters"
            raise TaskError(
                f"{protocol.name}: {protocol.fewest_ways} ways are impossible: {_listed(counted)}"
                f"{', of those with enough images' if self.left_out else ''}; {advice}{self._why}"
            )
        self.left_out += small
        return [group for name, group in groups.items() if name not in small]

    def _check_drawers(self, dataset: Dataset, characters: np.ndarray) -> None:
        """Checks that the images of every class are by the same drawers, in the same order."""
        protocol = self._protocol
        sizes = self.class_sizes[characters]
        # Larger classes that are left out are of no account.
        self.items = self.items[:, : sizes.max()]
        drawers = dataset.table["drawer"].cat.codes.to_numpy()
        drew = drawers[self.items[characters]]
        if (
            sizes.min() < self.items.shape[1]
            or len(np.unique(drew[0])) < len(drew[0])
            or np.any(drew != drew[0])
        ):
            raise TaskError(
                f"{protocol.name}: not every drawer drew every character of {dataset.name} "
                "once, as far as names of files tell; leave out -samedrawer or -distinctdrawers, "
                "or give the images of one person the same name in every character, such as "
                "07.png or 0001_07.png"
            )
        half = self.items.shape[1] // 2
        if protocol.drawers == "distinct" and max(protocol.shots, protocol.queries) > half:
            raise TaskError(
                f"{protocol.name}: half of the drawers, {half}, give the support and half the "
                f"queries of a class; ask for at most {half} shots and queries"
            )

    def use_once(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Divides all images into episodes that share no image.

        The images of a class are divided into portions of shots + queries. In
        each round, every class that has portions left comes once, in random
        order; every `ways` consecutive classes make an episode. If an episode
        begins in one round and ends in the next, a class that it has already
        waits for the next episode. Then the episodes of all groups are mixed.

        Args:
            rng: Source of random numbers.

        Returns:
            Two arrays: classes, int32 (E, ways), and images, int32
            (E, ways, shots + queries).
        """
        protocol = self._protocol
        ways, count = protocol.ways, protocol.shots + protocol.queries
        classes: list[list[int]] = []
        for group, size in zip(self.group_classes, self.group_sizes, strict=True):
            classes += self._deal(rng, group[:size], ways, count)
        chosen = np.array(classes, dtype=np.int32).reshape(-1, ways)
        chosen = chosen[np.argsort(rng.random(len(chosen)))]
        # Where rotations are kept apart, rows of `items` are a character's four turns.
        turns = 4 if protocol.rotations == "apart" else 1
        # Keys above 1 keep the padding of small classes behind their images.
        keys = rng.random(self.items[::turns].shape) + (self.items[::turns] < 0)
        positions = np.argsort(keys, axis=1)
        next_portion = np.zeros(len(positions), dtype=np.int64)
        images = np.empty((*chosen.shape, count), dtype=np.int32)
        for episode, members in enumerate(chosen):
            start = next_portion[members] * count
            which = positions[members[:, None], start[:, None] + np.arange(count)]
            turned = members * turns + (rng.random(ways) * turns).astype(np.int32)
            images[episode] = self.items[turned[:, None], which]
            next_portion[members] += 1
        return chosen, images

    def _deal(
        self, rng: np.random.Generator, group: np.ndarray, ways: int, count: int
    ) -> list[list[int]]:
        turns = 4 if self._protocol.rotations == "apart" else 1
        left = {int(member): int(self.class_sizes[member * turns]) // count for member in group}
        episodes: list[list[int]] = []
        current: list[int] = []
        while True:
            open_classes = np.array([member for member, portions in left.items() if portions])
            if len(open_classes) == 0:
                return episodes
            waiting = [int(m) for m in open_classes[np.argsort(rng.random(len(open_classes)))]]
            progressed = False
            while waiting:
                fitting = next((m for m in waiting if m not in current), None)
                if fitting is None:
                    break
                waiting.remove(fitting)
                current.append(fitting)
                left[fitting] -= 1
                progressed = True
                if len(current) == ways:
                    episodes.append(current)
                    current = []
            if not progressed:
                return episodes
