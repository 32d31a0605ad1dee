from __future__ import annotations

import json

import pytest
from wayshot.tasks.data import album
from wayshot.tasks.data.parts import divide, read

pytestmark = pytest.mark.usefixtures("no_omniglot")

CLASSES = [("all", "a"), ("all", "b"), ("all", "c")]


@pytest.fixture
def said(tmp_path):
    """Writes files, text or JSON; gives the folder."""

    def write(**files):
        for name, content in files.items():
            text = content if isinstance(content, str) else json.dumps(content)
            (tmp_path / name.replace("_", ".")).write_text(text)
        return tmp_path

    return write


NAMES = ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    "files",
    [
        {"train_txt": "a\n  b \n\n", "validation_txt": "c", "test_txt": "d\n"},
        {"training_txt": "a\nb", "val_txt": "c\n", "test_txt": "d\r\n"},
        {"split_json": {"train": ["a", "b"], "valid": ["c"], "test": ["d"], "name": 5}},
        {"splits_json": {"base": ["a", "b"], "val": ["c"], "novel": ["d"]}},
        {"split_json": {"Train": ["a", "b"], "VALIDATION": ["c"]}, "test_txt": "d"},
        {"train_json": ["a", "b"], "val_json": ["c"], "test_json": ["d"]},
        {
            "base_json": {"label_names": NAMES, "image_names": ["x"], "image_labels": [1, 0, 0]},
            "val_json": {"label_names": NAMES, "image_labels": [2]},
            "novel_json": {"label_names": ["d"]},
        },
    ],
)
def test_every_form_of_a_split_is_read(files, said):
    assert read(said(**files)) == {"train": ["a", "b"], "validation": ["c"], "test": ["d"]}


def test_a_folder_without_such_files_has_no_parts(said):
    assert read(said(notes_txt="train", labels_csv="filename,label\n")) == {}


def test_a_byte_order_mark_and_other_spellings_of_accents_are_no_other_names(said, tmp_path):
    (tmp_path / "test.txt").write_bytes(b"\xef\xbb\xbf" + "e\u0301\n".encode())
    assert read(said(split_json={"train": ["a\u0308"]})) == {"train": ["ä"], "test": ["é"]}


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"train_txt": "a", "test_txt": "a"}, "class a is in train and in test; what is trained"),
        ({"split_json": {"val": ["a"], "base": ["a"]}}, "class a is in train and in validation"),
        ({"split_json": "{"}, "split.json: not JSON (Expecting property name"),
        ({"split_json": "[" * 100_000}, "split.json: not JSON"),
        ({"split_json": '{"train": 1' + "0" * 5000 + "}"}, "split.json: not JSON"),
        ({"split_json": ["a"]}, "split.json: expected lists of class names; write the names"),
        ({"split_json": {"train": [1]}}, "split.json: expected lists of class names"),
        ({"split_json": {"train": "abc"}}, "split.json: expected lists of class names"),
        ({"split_json": {"test": None}}, "split.json: expected lists of class names"),
        ({"test_json": {"label_names": NAMES, "image_labels": [4]}}, "test.json: image_labels are"),
        ({"test_json": {"label_names": NAMES, "image_labels": [-1]}}, "are no places of"),
        ({"test_json": {"label_names": NAMES, "image_labels": [{}, "a"]}}, "are no places of"),
        ({"test_json": {"label_names": [1], "image_labels": [0]}}, "test.json: expected lists"),
    ],
)
def test_what_is_no_split_is_one_line(files, reason, said, refused):
    assert reason in refused(read, said(**files))


def test_a_file_that_is_no_text_is_named(said, tmp_path, refused):
    (tmp_path / "train.txt").write_bytes(b"\xff\xfe")
    assert refused(read, tmp_path) == "train.txt: not UTF-8"


def test_classes_are_named_with_or_without_their_group():
    classes = [("g", "a"), ("h", "a"), ("h", "b")]
    assert divide(classes, {"train": ["g/a", "b"], "test": ["h/a", "h/a"]}) == {
        ("g", "a"): "train",
        ("h", "b"): "train",
        ("h", "a"): "test",
    }


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        (
            {"test": ["z"]},
            "test: z is the name of no class; write one of the names that there are, such as a, b",
        ),
        ({"test": ["z\x1b</script>"]}, "test: z\\x1b</script> is the name of no class"),
        (
            {"train": ["a"], "test": ["all/a"]},
            "class all/a is in train and in test; what is trained on cannot be tested on: leave",
        ),
    ],
)
def test_a_name_that_is_no_class_or_is_in_two_parts_is_refused(parts, reason, refused):
    assert reason in refused(divide, CLASSES, parts)


def test_a_name_of_two_classes_is_refused_with_their_whole_names(refused):
    message = refused(divide, [("g", "a"), ("h", "a")], {"train": ["a"]})
    assert "train: a is the name of 2 classes; write one" in message and "g/a, h/a" in message


def test_a_part_has_the_pictures_of_its_classes(classes, draw, refused):
    root = classes(draw(12, 8, 8))
    assert "has no parts; write the names of classes, a line each" in refused(
        album.load, str(root), "test"
    )
    (root / "train.txt").write_text("0\n1\n")
    (root / "test.txt").write_text("3\n")
    whole, test = album.load(str(root)), album.load(str(root), "test")
    assert (len(whole), len(test), test.name) == (12, 3, "images:set test")
    assert set(test.table["character"]) == {"3"}
    assert "has the parts train, test; write" in refused(album.load, str(root), "validation")


def test_another_division_decodes_nothing_again(classes, draw, monkeypatch):
    root = classes(draw(12, 8, 8))
    album.load(str(root))
    monkeypatch.setattr(album, "decode", lambda path: pytest.fail("decoded again"))
    for name in ("0", "1"):
        (root / "test.txt").write_text(name)
        assert set(album.load(str(root), "test").table["character"]) == {name}


def test_folders_of_parts_have_the_parts_of_the_files(tmp_path, draw, save):
    for i, name in enumerate(("train/a", "train/b", "val/c", "test/d")):
        save(tmp_path / "set" / name / "1.png", draw(8, 8, seed=i))
    root = str(tmp_path / "set")
    assert set(album.load(root, "train").table["character"]) == {"a", "b"}
    assert set(album.load(root, "validation").table["character"]) == {"c"}
    # What the folders say is not said otherwise by a file.
    (tmp_path / "set" / "test.txt").write_text("a\n")
    assert set(album.load(root, "test").table["character"]) == {"d"}
