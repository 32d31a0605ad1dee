"""Invariance: checks that other images of a call, and their order, do not matter."""

from __future__ import annotations

import numpy as np

from ..scorers import BATCH
from .agreement import STEADY, same, worst
from .findings import FAILED, NOT_APPLICABLE, NOTED, PASSED, Answer, RefusalError
from .places import follows, placed
from .subject import Subject

TRANSDUCTIVE = "transductive"
"""The first word of what is said of a scorer that uses the other queries."""


def company(subject: Subject) -> Answer:
    """Checks that other images in a batch do not matter."""
    images, count = np.concatenate([subject.queries, subject.support]), len(subject.queries)
    # Ink and paper exchanged: images as different as possible.
    others = subject.panel.whole - subject.others
    step, parts = max(1, min(len(images), subject.traits.batch // 2)), []
    for start in range(0, len(images), step):
        part = images[start : start + step]
        parts.append(subject.embed(subject.batch(part, others))[: len(part)])
    embedded = np.concatenate(parts)[None]
    scores = subject.compare(embedded[:, :count], embedded[:, count:])[0]
    return same(subject, scores, subject.reference)


def batch_size(subject: Subject) -> Answer:
    """Checks that the number of images in a call does not matter."""
    if subject.traits.batch != BATCH:
        return Answer(NOT_APPLICABLE, f"it says that it takes {subject.traits.batch} images")
    answers = []
    for size in (1, 2, 7):
        query = subject.embedded[0].copy()
        query[0, :size] = subject.embed(subject.queries[:size])
        found = subject.compare(query, subject.embedded[1])[0]
        answers.append(same(subject, found, subject.reference))
    return worst(answers)


def batch_order(subject: Subject) -> Answer:
    """Checks that the place of an image in a batch does not matter."""
    images = np.concatenate([subject.queries, subject.support])
    embedded = subject.embed(subject.batch(images)[::-1])[::-1][None, : len(images)]
    count = len(subject.queries)
    scores = subject.compare(embedded[:, :count], embedded[:, count:])[0]
    return same(subject, scores, subject.reference)


def _at_once(subject: Subject, queries: slice) -> np.ndarray:
    """Gives the scores of some of the queries, asked in one call."""
    if subject.level == 1:
        return subject.compare(subject.embedded[0][:, queries], subject.embedded[1])[0]
    if subject.level == 2:
        return subject.score(subject.queries[queries], subject.support)
    return subject.classify(subject.queries[queries], subject.support)


def other_queries(subject: Subject) -> Answer:
    """Checks that other queries do not matter for levels 1 and 2; for level 3 they may."""
    if subject.level == 2:
        # An evaluation asks one query in a call; here all are asked at once.
        return same(subject, _at_once(subject, slice(None)), subject.reference)
    if subject.level == 3:
        return _transductive(subject)
    return worst(
        [
            same(subject, _at_once(subject, slice(count)), subject.reference[:count])
            for count in (1, len(subject.queries) // 2)
        ]
    )


def _transductive(subject: Subject) -> Answer:
    """Looks whether the answers to queries change when other queries come with them."""
    if subject.singly:
        return Answer(PASSED, "it gets one query in a call")
    count = len(subject.queries)
    # The same number of queries at the same places: some methods take no other number, and
    # a place is not a query.
    kept = np.arange(count) % 2 == 1
    mixed = subject.others[:count].copy()
    mixed[kept] = subject.queries[kept]
    found = subject.classify(mixed, subject.support)[kept]
    answers, fixed = [same(subject, found, subject.reference[kept])], False
    for fewer in {1, max(1, count // 2)}:
        try:
            found = _at_once(subject, slice(fewer))
        except RefusalError:
            fixed = True
        else:
            answers.append(same(subject, found, subject.reference[:fewer]))
    answer = worst(answers)
    if answer.amount and subject.noise > STEADY:
        return Answer(NOT_APPLICABLE, "the same call gives other answers, whatever the queries")
    if answer.status == FAILED:
        cause = "Uses all queries of an episode together, as transductive classifiers do?"
        return Answer(NOTED, f"{TRANSDUCTIVE}: {answer.found}", answer.amount, cause)
    if fixed:
        cause = "Takes as many queries as an episode has, which is allowed."
        return Answer(NOTED, f"{answer.found}; fewer queries are refused", answer.amount, cause)
    return answer


def query_order(subject: Subject) -> Answer:
    """Checks that the order of queries does not matter."""
    # At level 2 the reference has one query in a call.
    expected = _at_once(subject, slice(None)) if subject.level == 2 else subject.reference
    found = _at_once(subject, slice(None, None, -1))[::-1]
    answer = same(subject, found, expected)
    if subject.level == 3 and answer.status == FAILED:
        first, later = expected.argmax(axis=1), found.argmax(axis=1)
        if not follows(first == later, first == later[::-1]):
            cause = "Draws lots, or learns, from one query to the next, which is allowed."
            return Answer(NOTED, answer.found, answer.amount, cause)
    return answer


def other_support(subject: Subject) -> Answer:
    """Checks that other support images do not matter for level 2; for level 1 they may."""
    if subject.level == 2:
        more = np.concatenate([subject.support, subject.others[: BATCH - len(subject.support)]])
        answers = []
        for size in (1, 2, 7, len(more)):
            found = subject.ask(subject.queries[:4], more[:size])[:, : len(subject.support)]
            answers.append(same(subject, found, subject.reference[:4, :size]))
        return worst(answers)
    half = len(subject.support) // 2
    found = subject.compare(subject.embedded[0], subject.embedded[1][:, :half])[0]
    answer = same(subject, found, subject.reference[:, :half])
    if answer.status == FAILED:
        cause = "Scores are shares of what all classes get, as after a softmax?"
        return Answer(NOTED, answer.found, answer.amount, cause)
    return answer


def support_order(subject: Subject) -> Answer:
    """Checks that the order of support images does not matter.

    Methods that read the support one by one depend on it. A preference for a place is a bug.
    """

    def asked(places: np.ndarray) -> np.ndarray:
        if subject.level == 3:
            # Scores come by class, wherever its images are.
            order = np.argsort(places[subject.panel.labels], kind="stable")
            labels = subject.panel.labels[order]
            return subject.classify(subject.queries, subject.support[order], labels)
        order = np.argsort(places)
        if subject.level == 1:
            scores = subject.compare(subject.embedded[0], subject.embedded[1][:, order])[0]
        else:
            scores = subject.ask(subject.queries, subject.support[order])
        return scores[:, places]

    return placed(subject, asked)


def class_positions(subject: Subject) -> Answer:
    """Checks that the numbers of the classes do not matter.

    Methods that begin with another head for each class depend on them. A preference for a
    number is a bug.
    """

    def asked(places: np.ndarray) -> np.ndarray:
        labels = places[subject.panel.labels]
        return subject.classify(subject.queries, subject.support, labels)[:, places]

    return placed(subject, asked)


def other_episodes(subject: Subject) -> Answer:
    """Checks that other episodes of a call do not matter."""
    query, support = subject.embedded
    pairs = [(query, support), (query[:, ::-1], support), (query, support[:, ::-1])]
    queries, supports = (np.concatenate(part) for part in zip(*pairs, strict=True))
    found = subject.compare(queries, supports)
    alone = np.concatenate([subject.compare(*pair) for pair in pairs])
    return same(subject, found, alone)


def symmetry(subject: Subject) -> Answer:
    """Checks whether query and support can be exchanged; a difference is only noted."""
    if subject.level == 1:
        first, second = (one[:, :8] for one in subject.embedded)
        here, there = subject.compare(first, second)[0], subject.compare(second, first)[0]
    else:
        first, second = subject.queries[:8], subject.support[:8]
        here, there = subject.ask(first, second), subject.ask(second, first)
    answer = same(subject, here, there.T)
    if answer.status == FAILED:
        return Answer(NOTED, answer.found, answer.amount)
    return answer
