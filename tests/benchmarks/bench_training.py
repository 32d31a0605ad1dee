"""Training: what surrounds a network's own steps."""

from __future__ import annotations

import msgspec
from wayshot.models import Training, load_keras
from wayshot.models.training import recipe as recipes
from wayshot.tasks import load
from yardsticks import Figure, side_by_side

STEPS, OWN = 12, 3


def _stage(backbone: str):
    recipe = recipes.read("siamese-small", backbone, "glyphs-background")
    images = load("glyphs", "background")
    return Training(msgspec.structs.replace(recipe, pairs=None), images, 1)._stages["classes"]


def test_what_surrounds_a_step_of_training(benchmark):
    """Batches are drawn and distorted for a stub; the network gets the same images again."""
    keras = load_keras()
    stub, stage = _stage("networks:stub"), _stage("glyphnet")
    drawn, labels = stage.prepare(0)
    given = keras.ops.convert_to_numpy(stage.model.images(drawn))
    own = keras.Sequential([stage.model.network, stage.model.last])
    own.compile(optimizer=stage._optimizer(), loss=stage._loss)
    at = iter(range(10**6))

    def surroundings() -> None:
        first = next(at) * STEPS
        stub.train(first, first + STEPS)

    def steps() -> None:
        for _ in range(OWN):
            own.train_on_batch(given, labels)

    surroundings()
    steps()
    took, beside = side_by_side(surroundings, steps)
    benchmark.pedantic(surroundings, rounds=1)
    took, beside = took / STEPS, beside / OWN
    Figure(
        f"all of a step of siamese-small with a stub for its tower, {len(labels)} images",
        "the tower's own step on images that are given",
        took,
        beside,
        took / beside,
        "at most 0.1",
    ).tell(benchmark)
