"""Fairness: whether episodes are what their protocol says, fairly drawn and fairly judged."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...results import judge
from ...tasks import BLOCK, SUFFIXES
from .drawing import Drawing, equal, joined, repeated, whole_of
from .findings import FAILED, NOT_APPLICABLE, NOTED, PASSED, Answer, Check, RefusalError
from .pitfalls import seeded

ALPHA = 1e-9
"""Probability with which each statistical check calls a fair drawing unfair."""

_RARE = 0.001
"""The share of episodes in which a picture may be twice before a check fails."""

_FEWEST = 20
"""Fewest episodes for each way, so that the chi-square distribution is a good approximation."""


def _shapes(drawing: Drawing) -> Answer:
    asked, one = drawing.protocol, drawing.episodes
    count, width = len(one), asked.ways * asked.queries
    for name, array, shape in (
        ("support", one.support, (count, asked.ways, asked.shots)),
        ("query", one.query, (count, width)),
        ("target", one.target, (count, width)),
    ):
        if array.shape != shape or array.dtype.kind not in "iu":
            raise RefusalError(f"{name} has shape {array.shape} of {array.dtype}, expected {shape}")
    if count != drawing.count:
        raise RefusalError(f"{count} episodes, expected {drawing.count}")
    largest = max(one.support.max(), one.query.max())
    least = min(one.support.min(), one.query.min(), one.target.min())
    if largest >= 4 * len(drawing.source.dataset) or least < -1:
        raise RefusalError(f"rows from {least} to {largest}: there are no such images")
    ways = drawing.ways
    places = np.arange(asked.ways) < ways[:, None]
    wrong = (one.support >= 0) != places[..., None]
    wrong = wrong.any(axis=(1, 2)) | (ways < asked.fewest_ways)
    there = np.arange(width) < (ways * asked.queries)[:, None]
    wrong |= ((one.query >= 0) != there).any(axis=1) | ((one.target >= 0) != there).any(axis=1)
    wrong |= (one.target >= ways[:, None]).any(axis=1)
    if wrong.any():
        raise RefusalError(f"{wrong.sum()} of {count} episodes lack classes or queries")
    return Answer(PASSED, f"{count} episodes")


def _classes(drawing: Drawing) -> Answer:
    classes = drawing.look(drawing.episodes.support, "class")
    mixed = np.not_equal(classes, classes[..., :1]).any(axis=(1, 2))
    return drawing.judged(repeated(classes[..., 0]) | mixed, "have a class twice, or mix two")


def _images(drawing: Drawing) -> Answer:
    one = drawing.episodes
    rows = np.concatenate([one.support.reshape(len(one), -1), one.query], axis=1)
    if drawing.protocol.rotations != "classes":
        rows = np.where(rows < 0, -1, rows % len(drawing.source.dataset))
    return drawing.judged(repeated(rows), "have an image twice, as support, query or both")


def _pictures(drawing: Drawing) -> Answer:
    one, count = drawing.episodes, len(drawing.source.dataset)
    rows = np.concatenate([one.support.reshape(len(one), -1), one.query], axis=1)
    # An image that comes twice itself is the matter of another check.
    rows = np.sort(rows, axis=1)
    rows[:, 1:][rows[:, 1:] == rows[:, :-1]] = -1
    _, shown = np.unique(drawing.source.dataset.images.keys, return_inverse=True)
    turns, images = np.divmod(rows, count)
    if drawing.protocol.rotations != "classes":
        turns = np.zeros_like(turns)
    pictures = np.where(rows < 0, -1, shown[images] + turns * count)
    found = drawing.judged(repeated(pictures), "have one picture twice, as two images")
    # Omniglot has one such pair, two dots in Braille.
    rare = found.status == FAILED and (found.amount or 0) <= _RARE
    return Answer(NOTED, found.found, found.amount) if rare else found


def _targets(drawing: Drawing) -> Answer:
    one, asked = drawing.episodes, drawing.protocol
    of_way = drawing.look(one.support[..., 0], "class")
    expected = np.take_along_axis(of_way, np.maximum(one.target, 0).astype(np.intp), axis=1)
    wrong = (drawing.look(one.query, "class") != expected) & (one.target >= 0)
    each = (one.target[:, :, None] == np.arange(asked.ways)).sum(axis=1)
    there = np.arange(asked.ways) < drawing.ways[:, None]
    uneven = (each != np.where(there, asked.queries, 0)).any(axis=1)
    return drawing.judged(wrong.any(axis=1) | uneven, "name a wrong class, or ask unevenly")


def _positions(drawing: Drawing) -> Answer:
    from scipy.stats import chisquare

    if drawing.protocol.is_official:
        return Answer(NOT_APPLICABLE, "the official runs are not drawn")
    values: list[float] = []
    for ways in np.unique(drawing.ways):
        target = drawing.episodes.target[drawing.ways == ways]
        if len(target) < _FEWEST * ways:
            continue
        # In one place the episodes are independent; places of one episode are not.
        for place in range(ways * drawing.protocol.queries):
            counts = np.bincount(target[:, place], minlength=ways)
            values.append(float(chisquare(counts).pvalue))
    if not values:
        return Answer(NOT_APPLICABLE, "too few episodes to count")
    chance = min(1.0, min(values) * len(values))
    words = f"the true class sits as it does by chance with p = {chance:.2g}"
    return Answer(FAILED if chance < ALPHA else PASSED, words, chance)


def _alphabets(drawing: Drawing) -> Answer:
    if drawing.protocol.structure == "between":
        return Answer(NOT_APPLICABLE, "classes are of all alphabets")
    alphabets = drawing.look(drawing.episodes.support[..., 0], "alphabet")
    wrong = (alphabets != alphabets[:, :1]) & (alphabets >= 0)
    return drawing.judged(wrong.any(axis=1), "mix alphabets")


def _rotations(drawing: Drawing) -> Answer:
    rotations, support = drawing.protocol.rotations, drawing.episodes.support
    if rotations == "none":
        turned = support.max(axis=(1, 2)) >= len(drawing.source.dataset)
        return drawing.judged(np.asarray(turned), "have turned images")
    if rotations == "classes":
        return Answer(NOT_APPLICABLE, "rotations are classes")
    wrong = repeated(drawing.look(support[..., 0], "character"))
    return drawing.judged(wrong, "have a character at two rotations")


def _drawers(drawing: Drawing) -> Answer:
    asked, one = drawing.protocol, drawing.episodes
    if asked.drawers == "any":
        return Answer(NOT_APPLICABLE, "drawers are any")
    support, query = (drawing.look(rows, "drawer") for rows in (one.support, one.query))
    flat = support.reshape(len(one), -1)
    shared = (flat[:, :, None] == query[:, None, :]) & (query >= 0)[:, None, :]
    wrong = shared.any(axis=(1, 2))
    if asked.drawers == "same":
        wrong |= ((support != support[:, :1]) & (support >= 0)).any(axis=(1, 2))
        ordered = np.sort(query, axis=1)
        people = ((np.diff(ordered, axis=1, prepend=-1) != 0) & (ordered >= 0)).sum(axis=1)
        wrong |= people > asked.queries
    return drawing.judged(wrong, "are by other drawers than asked for")


def _once(drawing: Drawing) -> Answer:
    if drawing.protocol.reuse != "once":
        return Answer(NOT_APPLICABLE, "images may come again")
    one = drawing.episodes
    rows = np.concatenate([one.support.ravel(), one.query.ravel()]) % len(drawing.source.dataset)
    again = len(rows) - len(np.unique(rows))
    return Answer(FAILED if again else PASSED, f"{again} of {len(rows)} images came before", again)


def _fitting(drawing: Drawing) -> Answer:
    asked, dataset = drawing.protocol, drawing.source.dataset
    if asked.small != "leave out":
        return Answer(NOT_APPLICABLE, "no classes are left out")
    codes = dataset.character_codes
    fits = np.bincount(codes) >= asked.shots + asked.queries
    groups = np.zeros(len(fits), dtype=np.int64)
    if asked.structure == "within":
        groups = dataset.characters["alphabet"].astype("category").cat.codes.to_numpy()
    sizes = np.bincount(groups[fits], minlength=groups.max() + 1)
    orientations = 4 if asked.rotations == "classes" else 1
    fits &= (sizes * orientations >= asked.fewest_ways)[groups]
    drawn = np.unique(drawing.look(drawing.episodes.support[..., 0], "character"))
    missing = np.setdiff1d(np.flatnonzero(fits), drawn)
    small = np.setdiff1d(drawn[drawn >= 0], np.flatnonzero(fits))
    words = (
        f"{len(small)} classes are drawn that are too small, {len(missing)} of {fits.sum()} that "
        "are large enough are not"
    )
    # Each class of a group comes as often, and each group.
    least = asked.fewest_ways / sizes[groups[fits]].max() / len(np.unique(groups[fits]))
    expected = fits.sum() * (1 - min(least, 1)) ** len(drawing.episodes)
    lacking = len(missing) > 0 and expected < ALPHA
    return Answer(FAILED if len(small) or lacking else PASSED, words, len(small) + len(missing))


def _repeats(drawing: Drawing) -> Answer:
    own, counts = np.unique(whole_of(drawing.episodes), return_counts=True)
    other, others = np.unique(whole_of(drawing.other), return_counts=True)
    _, here, there = np.intersect1d(own, other, assume_unique=True, return_indices=True)
    pairs = int((counts * (counts - 1) // 2).sum())
    # Where there are few different episodes, two seeds share twice as many as one has pairs.
    shared = int((counts[here] * others[there]).sum())
    failed = pairs > shared + 10
    words = f"{pairs} pairs of equal episodes, {shared} with those of another seed"
    return Answer(FAILED if failed else PASSED, words, pairs)


def _seeds(drawing: Drawing) -> Answer:
    if drawing.protocol.is_official:
        return Answer(NOT_APPLICABLE, "the official runs are not drawn")
    same = float((whole_of(drawing.episodes) == whole_of(drawing.other)).mean())
    words = f"{100 * same:.3g} % of episodes are the same with another seed"
    return Answer(FAILED if same > 0.5 else PASSED, words, same)


def _global_state(drawing: Drawing) -> Answer:
    again = []
    for seed in (1, 2):
        with seeded(seed):
            again.append(joined(drawing.make(drawing.seed), min(drawing.count, BLOCK)))
    first = drawing.episodes[: len(again[0])]
    if not equal(*again) or not equal(again[0], first):
        return Answer(FAILED, "other episodes of the same seed")
    return Answer(PASSED, "the same episodes")


def _beginning(drawing: Drawing) -> Answer:
    source, whole = drawing.source, drawing.episodes
    last = (drawing.count - 1) // BLOCK
    for index in (last, 0):
        expected = whole[index * BLOCK : (index + 1) * BLOCK]
        if not equal(source.block(index)[: len(expected)], expected):
            return Answer(FAILED, f"block {index} by itself has other episodes")
    part = min(drawing.count, BLOCK + 100)
    if not equal(joined(source, part), whole[:part]):
        return Answer(FAILED, f"the first {part} episodes are others when no more are asked for")
    return Answer(PASSED, "the same episodes")


def _judging(drawing: Drawing) -> Answer:
    ways = int(drawing.ways.max())
    target = drawing.episodes.target[drawing.ways == ways][:64, : ways * drawing.protocol.queries]
    target = target.ravel().astype(np.int64)
    scores = np.random.Generator(np.random.PCG64(0)).random((len(target), ways))
    by_hand = [
        float(row[truth] == max(row))
        for row, truth in zip(scores.tolist(), target.tolist(), strict=True)
    ]
    wrong = sum(
        int((judge(given, target)["credit"] != expected).sum())
        for given, expected in (
            (np.zeros_like(scores), 1 / ways),
            (np.eye(ways)[target], 1.0),
            (-np.eye(ways)[target], 0.0),
            (scores, by_hand),
        )
    )
    words = f"{wrong} of {4 * len(target)} queries do not get the credit that their scores give"
    return Answer(FAILED if wrong else PASSED, words, wrong / (4 * len(target)))


PROMISES: dict[str, Callable[[Drawing], Answer]] = {
    "queries": _shapes,
    "drawers": _drawers,
    "rotations": _rotations,
    "reuse": _once,
    "small": _fitting,
}
"""For each field of a protocol that a suffix can set, the check of what the suffix promises."""


def _promises(drawing: Drawing) -> Answer:
    unknown = [
        suffix.name
        for suffix in SUFFIXES.values()
        if suffix.field not in PROMISES and suffix.write(getattr(drawing.protocol, suffix.field), 1)
    ]
    if unknown:
        raise RefusalError(
            f"nothing checks what -{', -'.join(unknown)} promises; add a check to PROMISES in "
            "bench/audits/fairness.py"
        )
    return Answer(PASSED, "every suffix has a check")


DRAWING: dict[str, Check] = {
    "shapes": Check(_shapes, "drew episodes", "Classes or queries are missing?"),
    "promises": Check(
        _promises,
        "looked for a check of each suffix of the protocol's name",
        "A suffix was added without a check of what it promises?",
    ),
    "classes": Check(
        _classes,
        "looked for classes that come twice in an episode",
        "Distractors are drawn with replacement?",
    ),
    "images": Check(
        _images,
        "looked for images that come twice in an episode",
        "Support and queries are drawn separately, so that a query can be its own support?",
    ),
    "pictures": Check(
        _pictures,
        "looked for images of an episode that are the same picture, by their pixels",
        "The data hold copies, as of a file that was saved twice?",
    ),
    "targets": Check(
        _targets,
        "compared the class of each query with that of its target",
        "Images are shuffled, and their labels are not?",
    ),
    "positions": Check(
        _positions,
        "counted where the true class sits, for each place of a query",
        "The true class sits at a fixed place, or queries come in the order of the classes?",
    ),
    "alphabets": Check(_alphabets, "looked up alphabets", "Classes are drawn from all alphabets?"),
    "rotations": Check(_rotations, "looked up rotations", "Turned copies are among the images?"),
    "drawers": Check(
        _drawers, "looked up drawers", "Images are drawn without regard to who drew them?"
    ),
    "images used once": Check(
        _once, "looked for images that come again", "Images are put back after an episode?"
    ),
    "small classes": Check(
        _fitting,
        "counted the images of classes, drawn and not drawn",
        "More or fewer classes are left out than are too small?",
    ),
    "repeats": Check(
        _repeats,
        "looked for episodes that come again",
        "Parallel workers draw the same episodes, so that there are fewer than it seems?",
    ),
    "seeds": Check(
        _seeds, "drew the episodes of another seed", "The seed is accepted and then ignored?"
    ),
    "global state": Check(
        _global_state,
        "prepared the same episodes again, with global generators seeded otherwise",
        "Classes are shuffled by a global generator, or another library is seeded than is drawn "
        "from?",
    ),
    "judging": Check(
        _judging,
        "judged a constant, a perfect, an always wrong and a random scorer",
        "Ties count as right, or the best query of a class is taken for the best class of a query?",
    ),
    "beginning": Check(
        _beginning,
        "drew the same blocks again, in another order, and fewer episodes",
        "Episodes depend on what was drawn before them?",
    ),
}
"""The checks by name, in the order in which they are made."""
