from __future__ import annotations

import unicodedata
from pathlib import Path

import numpy as np
import pytest
from wayshot.tasks import TaskError
from wayshot.tasks.data import album, folder
from wayshot.tasks.data.layouts import listed

pytestmark = pytest.mark.usefixtures("no_omniglot")


@pytest.fixture
def root(tmp_path, save, draw):
    """Six pictures, at the top, in a folder, and in the folder images."""
    for i, name in enumerate(("1.png", "2.png", "sub/3.png", "sub/4.png", "images/5.png", "6.JPG")):
        save(tmp_path / "set" / name, draw(8, 8, seed=i))
    return tmp_path / "set"


ROWS = "1.png,a\n2.png,b\nsub/3.png,a\n./sub/4.png,b\n5.png,a\n6.JPG,b\n"


def labelled(root, rows=ROWS, name="labels.csv", head="filename,label"):
    (root / name).write_text(f"{head}\n{rows}")
    return root


def found(root):
    return listed(root, "here")


def test_a_file_of_labels_says_what_the_images_show_wherever_they_lie(root):
    listing = found(labelled(root))
    assert [(file.name, file.character) for file in listing.files] == [
        ("1.png", "a"),
        ("2.png", "b"),
        ("6.JPG", "b"),
        ("images/5.png", "a"),
        ("sub/3.png", "a"),
        ("sub/4.png", "b"),
    ]
    assert {file.alphabet for file in listing.files} == {"all"}
    assert listing.remarks == [] and listing.parts == {}


def test_the_file_of_labels_may_be_named_itself(root):
    for name in ("one.csv", "two.csv"):
        labelled(root, name=name)
    assert found(root / "one.csv") == found(root / "two.csv")
    assert len(album.load(str(root / "one.csv"))) == 6


def test_groups_and_drawers_are_taken_from_the_labels(root):
    rows = "1.png,a,g,me\n2.png,a,h,you\n"
    listing = found(labelled(root, rows, head="filename,label,group,drawer"))
    assert [(file.alphabet, file.drawer) for file in listing.files] == [("g", "me"), ("h", "you")]
    table = album.load(str(root)).table
    assert sorted(zip(table["alphabet"], table["drawer"], strict=True)) == [
        ("g", "me"),
        ("h", "you"),
    ]


def test_a_folder_of_characters_may_have_labels_too(tmp_path, save):
    for i in range(4):
        ink = np.full((30, 30), 255, np.uint8)
        ink[5:25, 5 + 4 * i : 9 + 4 * i] = 0
        save(tmp_path / f"{i}.png", ink)
    labelled(tmp_path, "0.png,a,1\n1.png,a,2\n2.png,b,1\n3.png,b,2\n", head="filename,label,drawer")
    dataset = folder.load(str(tmp_path))
    assert dataset.table["character"].tolist() == list("aabb")
    assert dataset.table["drawer"].tolist() == list("1212")


@pytest.mark.parametrize("read", [album.load, folder.load])
def test_other_groups_are_other_data(read, tmp_path, save):
    root = tmp_path / "set"
    for i in range(6):
        ink = np.full((30, 30), 255, np.uint8)
        ink[5:25, 5 + 2 * i : 9 + 2 * i] = 0
        save(root / f"{i}.png", ink)
    digests = set()
    for head in ("filename,label", "filename,label,groups", "filename,label,split"):
        labelled(root, "".join(f"{i}.png,{i % 3},{i % 2}\n" for i in range(6)), head=head)
        if head == "filename,label":
            labelled(root, "".join(f"{i}.png,{i % 3}\n" for i in range(6)))
        data = read(str(root))
        digests.add(data.digest)
        assert data.remarks[:1] == (
            ("labels.csv: columns not read: split; read are filename, label",)
            if head.endswith("split")
            else ()
        )
    assert len(digests) == 2
    labelled(root, "".join(f"{i}.png,{i // 2}\n" for i in range(6)))
    digests.add(read(str(root)).digest)
    for shift in (0, 1):
        rows = "".join(f"{i}.png,{i // 2},{i % 2 + shift}\n" for i in range(6))
        labelled(root, rows, head="filename,label,drawer")
        digests.add(read(str(root)).digest)
    assert len(digests) == 5
    digests.add(read(str(root)).digest)
    assert len(digests) == 5


@pytest.mark.parametrize("read", [album.load, folder.load])
def test_other_labels_of_a_part_are_other_data(read, tmp_path, save):
    root = tmp_path / "set"
    for i in range(6):
        ink = np.full((30, 30), 255, np.uint8)
        ink[5:25, 5 + 2 * i : 9 + 2 * i] = 0
        save(root / f"{i}.png", ink)
    labelled(root, "0.png,a\n1.png,a\n", name="train.csv")
    digests = set()
    for rows in ("2.png,b\n3.png,b\n4.png,c\n5.png,c\n", "2.png,b\n3.png,c\n4.png,b\n5.png,c\n"):
        digests.add(read(str(labelled(root, rows, name="test.csv")), "test").digest)
    assert len(digests) == 2


def test_groups_and_drawers_that_only_some_images_have_are_a_remark(root):
    rows = "1.png,a,g,me\n2.png,a,,you\n6.JPG,b,g,\n"
    remarks = found(labelled(root, rows, head="filename,label,group,drawer")).remarks
    assert remarks[:2] == [
        "1 of 3 images have no group in the labels; their group is called all",
        "1 of 3 images have no drawer in the labels, so that its drawers are not used",
    ]


def test_images_that_no_row_names_are_counted(root):
    listing = found(labelled(root, "1.png,a\n"))
    assert [file.name for file in listing.files] == ["1.png"]
    assert listing.remarks == [
        "not read are 5 images that the labels do not name (2.png, 6.JPG, images/5.png, sub/3.png, "
        "sub/4.png)"
    ]


@pytest.mark.parametrize("name", ["none.png", "../outside.png", "{root}/1.png", "/etc/hostname"])
def test_a_row_whose_image_is_not_in_the_folder_is_refused_and_not_read(
    name, root, save, draw, refused
):
    save(root.parent / "outside.png", draw(8, 8))
    name = name.format(root=root)
    message = refused(found, labelled(root, f"1.png,a\n{name},b\n"))
    assert f"here: labels.csv: 1 of its images are not there ({name})" in message
    assert "put them there, or remove the rows" in message


def test_the_table_whose_images_are_missing_is_named_with_five_of_them(root, refused):
    labelled(root, "1.png,a\n", name="train.csv")
    labelled(root, "".join(f"x{i}\x1b.png,b\n" for i in range(7)), name="val.csv")
    message = refused(found, root)
    assert "val.csv: 7 of its images are not there (x0\\x1b.png, x1" in message
    assert "x4\\x1b.png, ...)" in message


def test_files_that_are_no_images_are_counted_beside_labels_too(root):
    for name in ("README.md", "sub/notes.txt", "other.csv", "wayshot.yaml", "test.txt", ".hidden"):
        (root / name).touch()
    assert found(labelled(root)).remarks == [
        "not read are 1 file ending in .csv, 1 file ending in .md, 1 file ending in .txt, which is "
        "no known ending of images"
    ]
    for letter in "abcdefghijk":
        (root / f"1.x{letter}").touch()
    (said,) = found(root).remarks
    assert "1 file ending in .xe, 6 files of other endings, which is" in said


def test_two_rows_of_one_image_are_refused(root, refused):
    message = refused(found, labelled(root, "1.png,a\n./1.png,a\n"))
    assert message == "here: labels.csv: 1.png has two rows; keep one"
    assert "has two rows" in refused(found, labelled(root, "5.png,a\nimages/5.png,b\n"))


def test_a_table_without_rows_is_refused(root, refused):
    assert "labels.csv: no images; expected a first line" in refused(found, labelled(root, ""))


def test_tables_of_parts_divide_the_classes(root):
    labelled(root, "1.png,a\nsub/3.png,a\n", name="train.csv")
    labelled(root, "2.png,b\n", name="val.csv")
    labelled(root, "6.JPG,c\n5.png,d\n", name="test.csv")
    listing = found(root)
    assert listing.parts == {
        ("all", "a"): "train",
        ("all", "b"): "validation",
        ("all", "c"): "test",
        ("all", "d"): "test",
    }
    assert set(album.load(str(root), "test").table["character"]) == {"c", "d"}
    assert len(album.load(str(root))) == 5


def test_a_class_in_two_tables_is_refused(root, refused):
    labelled(root, "1.png,a\n", name="train.csv")
    labelled(root, "2.png,a\n", name="test.csv")
    message = refused(found, root)
    assert "here: class a is in test and in train; what is trained on cannot be tested" in message


def test_one_image_in_two_tables_is_refused(root, refused):
    labelled(root, "1.png,a\n", name="train.csv")
    labelled(root, "1.png,b\n", name="test.csv")
    assert "1.png has two rows" in refused(found, root)


def test_lists_of_classes_divide_labelled_images_too(root):
    labelled(root)
    (root / "test.txt").write_text("b\n")
    assert found(root).parts == {("all", "b"): "test"}


def test_names_with_accents_are_found_in_either_spelling(tmp_path, save, draw):
    for form in ("NFC", "NFD"):
        root = tmp_path / form
        save(root / unicodedata.normalize(form, "é.png"), draw(8, 8))
        for said in ("NFC", "NFD"):
            labelled(root, unicodedata.normalize(said, "é.png,ä\n"))
            (file,) = found(root).files
            assert (file.name, file.character) == ("é.png", "ä")


def test_hidden_files_and_linked_folders_are_not_looked_into(root, save, draw, tmp_path):
    save(root / ".hidden" / "x.png", draw(8, 8))
    save(root / "._1.png", draw(8, 8))
    save(tmp_path / "outside" / "x.png", draw(8, 8))
    (root / "link").symlink_to(tmp_path / "outside")
    assert found(labelled(root)).remarks == []


def test_labels_of_any_letters_are_harmless_in_messages(root, refused):
    rows = '1.png,"a\x1b[2J</script>\n"\n2.png,"a\x1b[2J</script>\n"\n'
    labelled(root, rows, name="train.csv")
    labelled(root, 'sub/3.png,"a\x1b[2J</script>\n"\n', name="test.csv")
    assert "class a\\x1b[2J</script> is in test and in train" in refused(found, root)


@pytest.mark.parametrize("name", ["none", "none.csv", "1.png"])
def test_what_is_no_folder_says_what_is_expected(name, root, refused):
    message = refused(found, root / name)
    assert message.startswith("here: no such folder; expected alphabet/character/*.png")
    assert "or a file labels.csv with filename,label" in message


@pytest.mark.parametrize(
    ("where", "words", "expected"),
    [
        ("images:x", "@gray@28", "images:PATH@SIZE@gray@PART in this order"),
        ("images:x", "@28px", "images:PATH@SIZE@gray@PART in this order"),
        ("images:x", "@tset", "PART is one of train, validation, test"),
        ("folder:x", "@28", "folder:PATH@PART, where PART is one of .*; sizes are for images:PATH"),
    ],
)
def test_words_after_an_at_sign_that_cannot_be_read_say_so(where, words, expected, root):
    with pytest.raises(TaskError, match=rf"{where}: {words} cannot be read here, .*{expected}"):
        listed(Path(f"{root}{words}"), where)
