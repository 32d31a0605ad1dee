from __future__ import annotations

import pytest
from wayshot.tasks.data.array_names import named

MNIST = ["x_train", "y_train", "x_test", "y_test"]


@pytest.mark.parametrize(
    ("names", "parts"),
    [
        (["images", "labels"], {"": {"images": "images", "labels": "labels"}}),
        (["X", "Y"], {"": {"images": "X", "labels": "Y"}}),
        (["data", "images", "target"], {"": {"images": "images", "labels": "target"}}),
        (
            MNIST,
            {
                "train": {"images": "x_train", "labels": "y_train"},
                "test": {"images": "x_test", "labels": "y_test"},
            },
        ),
        (
            ["val_images", "val_labels"],
            {"validation": {"images": "val_images", "labels": "val_labels"}},
        ),
        (["Test-X", "Test-Y"], {"test": {"images": "Test-X", "labels": "Test-Y"}}),
        (
            ["labels", "images", "groups", "drawers", "masks"],
            {"": {one: one for one in ("images", "labels", "groups", "drawers")}},
        ),
        (["images"], {}),
        (["train_images", "labels"], {}),
        (["embeddings", "classes"], {}),
        ([], {}),
    ],
)
def test_arrays_are_told_by_the_names_that_people_give_them(names, parts):
    assert named(names) == parts


def test_the_order_of_the_names_does_not_matter():
    assert named(MNIST) == named(MNIST[::-1])
