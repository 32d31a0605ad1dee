"""The pool of classes from which a protocol draws, as arrays."""

from __future__ import annotations

import numpy as np

from .data import Dataset
from .errors import TaskError
from .protocol import Protocol


def _padded(lists: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Stacks rows of unequal length; gives also the lengths."""
    sizes = np.array([len(row) for row in lists], dtype=np.int32)
    stacked = np.full((len(lists), sizes.max()), -1, dtype=np.int32)
    stacked[np.arange(sizes.max()) < sizes[:, None]] = np.concatenate(lists)
    return stacked, sizes


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
                which alphabet or character is too small.
        """
        self._protocol = protocol
        self._characters = dataset.characters
        codes = dataset.character_codes
        order = np.argsort(codes, kind="stable")
        ends = np.flatnonzero(np.diff(codes[order])) + 1
        self.items, self.class_sizes = _padded(np.split(order.astype(np.int32), ends))
        characters = np.arange(len(self.items), dtype=np.int32)
        alphabets = self._characters["alphabet"].to_numpy()
        groups = [characters]
        names = [dataset.name]
        if protocol.structure == "within":
            names = list(dict.fromkeys(alphabets))
            groups = [characters[alphabets == name] for name in names]
        self._check(names, groups, dataset)
        if protocol.rotations != "none":
            turns = np.arange(4, dtype=np.int32) * len(dataset)
            turned = np.where(self.items[:, None] < 0, -1, self.items[:, None] + turns[:, None])
            self.items = turned.reshape(-1, self.items.shape[1])
            self.class_sizes = np.repeat(self.class_sizes, 4)
        if protocol.rotations == "classes":
            groups = [(group[:, None] * 4 + np.arange(4)).ravel() for group in groups]
        self.group_classes, self.group_sizes = _padded(groups)

    def _check(self, names: list[str], groups: list[np.ndarray], dataset: Dataset) -> None:
        protocol = self._protocol
        orientations = 4 if protocol.rotations == "classes" else 1
        for name, group in zip(names, groups, strict=True):
            classes = len(group) * orientations
            if classes < protocol.fewest_ways:
                raise TaskError(
                    f"{protocol.name}: {protocol.fewest_ways} ways are impossible: {name} has "
                    f"{classes} characters; ask for fewer ways"
                )
        needed = protocol.shots + protocol.queries
        smallest = int(np.argmin(self.class_sizes))
        if self.class_sizes[smallest] < needed:
            alphabet, character = self._characters.iloc[smallest]
            raise TaskError(
                f"{protocol.name}: {protocol.shots} shots and {protocol.queries} queries need "
                f"{needed} images a character, {alphabet}/{character} has "
                f"{self.class_sizes[smallest]}; ask for fewer"
            )
        if protocol.drawers != "any":
            self._check_drawers(dataset)

    def _check_drawers(self, dataset: Dataset) -> None:
        """Checks that the images of every class are by the same drawers, in the same order."""
        protocol = self._protocol
        drawers = dataset.table["drawer"].cat.codes.to_numpy()
        first = drawers[self.items[0]]
        if (
            self.class_sizes.min() < self.items.shape[1]
            or len(np.unique(first)) < len(first)
            or np.any(drawers[self.items] != first)
        ):
            raise TaskError(
                f"{protocol.name}: not every drawer drew every character of {dataset.name} "
                "once; leave out -samedrawer or -distinctdrawers"
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
