"""Checks of a scorer: each changes one thing that must not matter, and compares the scores."""

from __future__ import annotations

from ..scorers import BATCH
from . import answers, conventions, invariance, pitfalls
from .findings import Check

CHECKS: dict[str, Check] = {
    "finite": Check(
        answers.finite,
        "asked for the scores of 24 images and 12 classes, then of an image without ink",
        "Divides by zero, or a number overflows?",
        short=True,
    ),
    "spread": Check(
        answers.spread,
        "checked whether the scores of a query differ",
        "Gives every image the same embedding, or so few values that most are tied?",
        short=True,
    ),
    "determinism": Check(
        answers.determinism,
        "made the same call twice",
        "Draws random numbers, because dropout or augmentation is active at test time?",
        short=True,
    ),
    "fresh instance": Check(
        answers.fresh_instance,
        "made the scorer again and asked it the same queries",
        "Weights are initialised instead of loaded when it is made?",
    ),
    "another process": Check(
        answers.another_process,
        "made the scorer in another process and asked it the same queries",
        "Depends on hashes, on a global generator at import, or on what this process did before, "
        "such as a cache that several models share?",
    ),
    "company": Check(
        invariance.company,
        f"embedded the same images in batches of {BATCH} with other images beside them",
        "Scores change with the batch: batch normalisation in training mode, or a quantisation "
        "whose range is that of the batch?",
        levels=(1,),
        short=True,
    ),
    "batch size": Check(
        invariance.batch_size,
        f"embedded 1, 2 and 7 images at once, and not {BATCH}",
        "Removes or mixes up an axis when the batch is small, or normalises by the batch?",
        levels=(1,),
    ),
    "batch order": Check(
        invariance.batch_order,
        "embedded the same batch in reverse order",
        "Something depends on the place in the batch: augmentation or dropout with a fixed seed?",
        levels=(1,),
        short=True,
    ),
    "other queries": Check(
        invariance.other_queries,
        "gave fewer queries at once, or all in one call",
        "Uses other queries: normalises scores over the queries, or assigns them one to one?",
        short=True,
    ),
    "query order": Check(
        invariance.query_order,
        "gave the queries in reverse order",
        "Answers depend on the place of a query, or on the query before?",
        short=True,
    ),
    "other support": Check(
        invariance.other_support,
        "gave fewer, or more, support images beside the same ones",
        "The score of a pair depends on the other pairs of the call: a softmax, or a "
        "normalisation over the batch?",
        levels=(1, 2),
    ),
    "support order": Check(
        invariance.support_order,
        "gave the support images, and their labels, in reverse order",
        "Answers depend on the place of a support image, or labels are assumed to be sorted?",
        short=True,
    ),
    "class positions": Check(
        invariance.class_positions,
        "numbered the classes in another order",
        "Favours classes by their number: the first one wins ties, or the true class used to be "
        "at a fixed place?",
        levels=(3,),
        short=True,
    ),
    "other episodes": Check(
        invariance.other_episodes,
        "compared three episodes in one call, and each by itself",
        "Treats the first axis, of episodes, as queries or as the batch?",
        levels=(1,),
        short=True,
    ),
    "orientation": Check(
        answers.orientation,
        "asked for the nearest of 12 images, each of which is among them",
        "The scorer is weak, or treats query and support differently, which is allowed.",
        short=True,
    ),
    "symmetry": Check(
        invariance.symmetry,
        "exchanged query and support",
        "Treats query and support differently, which is allowed.",
        levels=(1, 2),
    ),
    "identity": Check(
        pitfalls.identity,
        "gave equal images in other memory, and other images in the same memory",
        "Caches answers by the array and not by its pixels, or reads memory without strides?",
    ),
    "input": Check(
        pitfalls.input_kept,
        "checked, after every call so far, whether its input arrays have changed",
        "Works in place on its input: copy it first?",
        short=True,
    ),
    "read-only input": Check(
        pitfalls.read_only,
        "gave read-only arrays",
        "Needs arrays that it can write into, which is allowed.",
    ),
    "bytes": Check(
        pitfalls.whole_bytes,
        "gave the pixels as signed bytes, widened embeddings of whole numbers, and changed as "
        "many pixels as a byte can count",
        "Unsigned bytes wrap modulo 256 when they are subtracted or added up: convert to float "
        "first?",
    ),
    "global state": Check(
        pitfalls.global_state,
        "seeded the global generators of NumPy and Python in two ways",
        "Draws from a global generator, or seeds it: make an own numpy.random.Generator?",
    ),
    "pixels": Check(
        conventions.pixels,
        "showed the same characters with 0 and 1 and with 0 and 255 for ink and paper, and with "
        "the two exchanged",
        "Made for other pixels than it gets?",
        short=True,
    ),
    "training data": Check(
        pitfalls.training_data,
        "looked for trained_on",
        "Does not say what it was trained on, so that leakage cannot be detected.",
    ),
    "memory": Check(
        answers.memory,
        "asked the same queries again after all other checks and 48 other images",
        "Learns from what it is asked: running statistics that are still updated?",
    ),
}
"""The checks by name, in the order in which they are made."""
