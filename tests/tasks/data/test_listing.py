from __future__ import annotations

import pytest
from wayshot.tasks.data import album
from wayshot.tasks.data.layouts import listed
from wayshot.tasks.data.listing import tree

pytestmark = pytest.mark.usefixtures("no_omniglot")


@pytest.fixture
def there(tmp_path, save, draw):
    """Writes pictures of these names; gives the folder."""

    def write(*names):
        for i, name in enumerate(names):
            save(tmp_path / "set" / name, draw(8, 8, seed=i))
        return tmp_path / "set"

    return write


@pytest.mark.parametrize(
    ("train", "validation", "test"),
    [
        ("train", "val", "test"),
        ("Training", "validation", "testing_set"),
        ("images_background", "dev", "images_evaluation"),
        ("train-1", "valid-1", "test-1"),
    ],
)
def test_folders_of_other_classes_are_parts_and_no_alphabets(there, train, validation, test):
    root = there(f"{train}/a/1.png", f"{train}/b/1.png", f"{validation}/c/1.png", f"{test}/d/1.png")
    listing = tree(root, "here")
    assert listing.parts == {
        ("all", "a"): "train",
        ("all", "b"): "train",
        ("all", "c"): "validation",
        ("all", "d"): "test",
    }
    assert {file.alphabet for file in listing.files} == {"all"}
    assert [file.title for file in listing.files] == [
        file.name.split("/")[1] for file in listing.files
    ]


def test_one_folder_that_is_no_part_makes_all_of_them_alphabets(there):
    listing = tree(there("train/a/1.png", "test/b/1.png", "Greek/a/1.png"), "here")
    assert listing.parts == {}
    assert {file.alphabet for file in listing.files} == {"train", "test", "Greek"}


def test_classes_may_be_called_like_parts(there):
    listing = tree(there("train/1.png", "test/2.png"), "here")
    assert listing.parts == {} and [file.character for file in listing.files] == ["test", "train"]


def test_parts_of_the_same_classes_are_refused(there, refused):
    root = there("train/a/1.png", "test/a/2.png")
    message = refused(tree, root, "here")
    assert "test and train both hold 1 class (test/a and train/a, for example)" in message
    assert "tested against themselves; name one part, here/test or here/train" in message


def test_what_is_left_out_of_parts_is_said(there):
    root = there("train/a/1.png", "test/b/1.png")
    (root / "test" / "empty").mkdir()
    (root / "train" / "a" / "notes.xyz").touch()
    assert tree(root, "here").remarks == [
        "test/empty: no class, as it has no images (it is empty)",
        "train/a: not read are 1 file ending in .xyz, which is no known ending of images",
    ]


def test_settings_and_lists_of_classes_at_the_top_are_no_remarks(there):
    root = there("a/1.png", "b/1.png")
    for name in ("wayshot.yaml", "test.txt", "split.json"):
        (root / name).write_text("{}" if name == "split.json" else "")
    assert tree(root, "here").remarks == [] and listed(root, "here").remarks == []
    (root / "notes.txt").touch()
    assert listed(root, "here").remarks == [
        "beside the classes: not read are 1 file ending in .txt, which is no known ending of images"
    ]


@pytest.mark.parametrize(
    ("names", "hint"),
    [
        (("a/b/c0/class0/0.png", "a/b/c1/class1/0.png"), "or name {}/a/b"),
        (("x/a/b/c0/class0/0.png", "x/a/b/c0/class1/0.png"), "or name {}/x/a/b"),
        (("a/b/c/class0/0.png", "x/b/c/class0/0.png"), ""),
        (("class0_0.png", "class1_0.png"), ""),
        (("train/a/b/1.png", "test/c/d/1.png"), "for one part of it, name {}/test"),
    ],
)
@pytest.mark.parametrize("where", ["images:here", "folder:here"])
def test_a_layout_that_is_not_read_is_told_the_ways_out(names, hint, where, there, refused):
    message = refused(listed, there(*names), where)
    words = ("group", "class") if where == "images:here" else ("alphabet", "character")
    assert "is out of place; expected {0}/{1}/*.png or {1}/*.png, ".format(*words) in message
    assert "or a file labels.csv with filename,label for images that lie anywhere" in message
    end = f"; {hint.format(where)}" if hint else "lie anywhere"
    assert message.endswith(end)


def test_pictures_in_folders_of_parts_are_those_in_folders_of_classes(there, tmp_path):
    root = there("train/a/1.png", "test/b/1.png")
    whole = album.load(str(root)).digest
    for part, name in (("train", "a"), ("test", "b")):
        (root / part / name).rename(root / name)
        (root / part).rmdir()
    assert album.load(str(root)).digest == whole
