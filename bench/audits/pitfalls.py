"""Pitfalls: checks of memory, number types and global state, where errors stay unnoticed."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import numpy as np

from ..scorers import is_part
from .agreement import STEADY, apart, same, worst
from .findings import FAILED, NOT_APPLICABLE, NOTED, PASSED, Answer, RefusalError
from .subject import Subject


def _in_other_memory(array: np.ndarray, image: bool) -> np.ndarray:
    """Copies an array into memory of another order, with gaps."""
    return np.repeat(array.T, 2, axis=-1)[..., ::2].T


def identity(subject: Subject) -> Answer:
    """Checks that the memory of an array does not matter."""
    places: dict[tuple[int, ...], np.ndarray] = {}
    # The arguments of a call lie at different places, though their shapes may be equal.
    arguments = itertools.cycle(range(2 if subject.level == 2 else 3))

    def reused(array: np.ndarray, image: bool) -> np.ndarray:
        place = places.setdefault((*array.shape, next(arguments)), array.copy())
        place[...] = array
        return place

    count = len(subject.queries)
    other, support = subject.others[:count], subject.others[count : count + len(subject.support)]
    expected = subject.ask(other, support)
    subject.ask(subject.queries, subject.support, reused)
    return worst(
        [
            same(subject, subject.ask(other, support, reused), expected),
            same(subject, subject.ask(other, support, _in_other_memory), expected),
        ]
    )


def input_kept(subject: Subject) -> Answer:
    """Checks that a scorer does not change its input."""
    if subject.written:
        return Answer(FAILED, f"{' and '.join(sorted(subject.written))} changed what was given")
    return Answer(PASSED, "arrays are as they were")


def read_only(subject: Subject) -> Answer:
    """Checks that a scorer accepts read-only arrays."""

    def locked(array: np.ndarray, image: bool) -> np.ndarray:
        array = array.copy()
        array.flags.writeable = False
        return array

    try:
        queries = subject.queries if subject.level == 3 else subject.queries[:4]
        subject.ask(queries, subject.support, locked)
    except RefusalError as refusal:
        return Answer(NOTED, str(refusal))
    return Answer(PASSED, "read-only arrays will do")


def _altered(rng: np.random.Generator, image: np.ndarray, less: int, more: int) -> np.ndarray:
    """Removes the ink of some pixels and adds ink to others, at random."""
    flat = image.ravel().copy()
    for value, count in ((1, less), (0, more)):
        flat[rng.permutation(np.flatnonzero(image.ravel() == value))[:count]] = 1 - value
    return flat.reshape(image.shape)


def _wrapping(subject: Subject) -> Answer:
    """Looks for pixel counts in a byte, in which 256 becomes 0 and -1 becomes 255."""
    rng = np.random.Generator(np.random.PCG64(0))
    pool = np.concatenate([subject.support[:8], subject.others])
    images = pool[:4] | pool[4:8]
    changes = ((0, 0), (256, 0), (128, 128), (192, 0), (16, 0), (0, 16))
    altered = np.stack([[_altered(rng, one, *change) for one in images] for change in changes])
    support = altered.reshape(-1, *images.shape[1:])
    if subject.level == 3:
        scores = subject.classify(images, support, np.arange(len(support)))
    else:
        scores = subject.ask(images, support)
    span = float(np.ptp(scores))
    each = np.arange(len(images))
    own = scores.reshape(len(images), len(changes), len(images))[each, :, each]
    below = own[:, :1] - own
    _, fewer, moved, control, lost, gained = (np.abs(below) > 1e-9 * span).T
    if control.all() and (not fewer.any() or not moved.any()):
        words = "256 pixels changed leave an image as near as it was, and 192 do not"
        return Answer(FAILED, words, 1.0)
    if lost.all() and gained.all():
        ratio = below[:, 4] / below[:, 5]
        if _are(ratio, 255.0) or _are(1 / ratio, 255.0):
            return Answer(FAILED, "a pixel less and a pixel more count 1 to 255", 255.0)
    return Answer(PASSED, "pixels more and pixels less count alike")


def _are(values: np.ndarray, expected: float) -> bool:
    return bool(np.allclose(values, expected, rtol=1e-3))


def whole_bytes(subject: Subject) -> Answer:
    """Checks that numbers of eight bits do not wrap around."""

    def signed(array: np.ndarray, image: bool) -> np.ndarray:
        return array.copy().view(np.int8) if image else array.copy()

    answers = []
    # Only ink has values that are the same as signed numbers.
    if subject.panel.of_ink:
        # Who does not take so many ways, or cannot read the same bytes as signed, is left to
        # the other ways.
        with suppress(RefusalError):
            answers.append(_wrapping(subject))
        with suppress(RefusalError):
            scores = subject.ask(subject.queries, subject.support, signed)
            answers.append(same(subject, scores, subject.reference))
    if subject.level == 1:
        query, support = subject.embedded
        if query.dtype.kind in "iu" and query.dtype.itemsize < 8:
            wide = subject.compare(query.astype(np.int64), support.astype(np.int64))[0]
            answers.append(same(subject, wide, subject.reference))
    if not answers:
        return Answer(NOT_APPLICABLE, "it takes no such images")
    return worst(answers)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seeds the global generators of NumPy and Python, and restores them afterwards."""
    numpys, pythons = np.random.get_state(), random.getstate()  # noqa: NPY002
    try:
        np.random.seed(seed)  # noqa: NPY002
        random.seed(seed)
        yield
    finally:
        np.random.set_state(numpys)  # noqa: NPY002
        random.setstate(pythons)


def _state() -> str:
    _, words, *rest = np.random.get_state(legacy=True)  # noqa: NPY002
    return repr((np.asarray(words).tobytes(), rest, random.getstate()))


def global_state(subject: Subject) -> Answer:
    """Checks that global generators do not matter and are not used."""
    scores = []
    touched = False
    for seed in (1, 1, 2):
        with seeded(seed):
            before = _state()
            scores.append(subject.ask(subject.queries, subject.support))
            touched |= _state() != before
    # A difference with the same seeds has another cause; another check finds it.
    noise = apart(subject, scores[1], scores[0])
    answer = same(subject, scores[2], scores[0], STEADY + 4 * noise, noisy=False)
    if answer.status == PASSED and touched:
        return Answer(NOTED, "the same scores, but a global generator is drawn from or seeded")
    return answer


def training_data(subject: Subject) -> Answer:
    """Checks that a scorer says what it was trained on."""
    seen = subject.traits.trained_on
    if seen is None:
        return Answer(NOTED, "not said")
    parts = sorted(one for one in seen if is_part(one))
    names = [f"{len(seen) - len(parts)} characters"] if len(seen) > len(parts) or not parts else []
    return Answer(PASSED, " and ".join([*parts, *names]))
