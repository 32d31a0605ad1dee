from __future__ import annotations

import pytest
from wayshot.tasks.data.labels import Label, files_of, read, unread


@pytest.fixture
def table(tmp_path):
    def write(content: str | bytes, name: str = "labels.csv"):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def test_columns_are_found_by_name_in_any_order_and_case(table):
    path = table('note,Label , FILENAME,drawer\n"x, y",a, 1.png ,me\n,b,sub\\2.png,\n')
    assert list(read(path)) == [
        Label("1.png", "a", "", "me", ""),
        Label("sub/2.png", "b", "", "", ""),
    ]


def test_groups_quotes_empty_lines_and_a_byte_order_mark_are_read(table):
    path = table(b'\xef\xbb\xbffilename,label,group\r\n\r\n"a ""b"".png","x, y",g\r\n , , \r\n')
    assert list(read(path)) == [Label('a "b".png', "x, y", "g", "", "")]


def test_accents_have_one_spelling(table):
    rows = list(read(table("filename,label\n1.png,e\u0301\n2.png,\u00e9\n")))
    assert {row.label for row in rows} == {"\u00e9"}


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("train.csv", "train"),
        ("Val.csv", "validation"),
        ("validation.csv", "validation"),
        ("test.CSV", "test"),
        ("labels.csv", ""),
        ("my-train.csv", ""),
    ],
)
def test_a_files_name_may_say_the_part(name, part, table):
    (row,) = read(table("filename,label\n1.png,a\n", name))
    assert row.part == part


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "no column filename and label; expected a first line with filename,label"),
        ("file,label\n1.png,a\n", "no column filename; expected"),
        ("filename\n1.png\n", "no column label; expected"),
        ("filename,label,label\n1.png,a,b\n", "more than one column label; expected"),
        ("filename,label\n1.png\n", "line 2 has 1 cells of 2, or no filename or label; expected"),
        ("filename,label\n1.png,a\n2.png,\n", "line 3 has 2 cells of 2, or no filename"),
        ("filename,label\n,a\n", "line 2 has 2 cells of 2, or no filename"),
        ("filename,label\n1.png,a,b\n", "line 2 has 3 cells of 2"),
        ("filename,label\n1.png," + "a" * 140_000 + "\n", "not a CSV file in UTF-8 (field larger"),
        (b"filename,label\n1.png,\xff\n", "not a CSV file in UTF-8 ('utf-8' codec"),
        ("filename,label\n1.png,a\n".encode("utf-16-le"), "not a CSV file in UTF-8 (it has NUL"),
        ("filename,label\n1.png,a\0b\n", "not a CSV file in UTF-8 (it has NUL"),
    ],
)
def test_what_is_no_file_of_labels_says_what_is_expected(content, reason, table, refused):
    message = refused(lambda: list(read(table(content))))
    assert message.startswith(f"labels.csv: {reason}")


def test_a_folder_of_that_name_is_no_file_of_labels(tmp_path, refused):
    (tmp_path / "labels.csv").mkdir()
    assert "labels.csv: not a file" in refused(lambda: list(read(tmp_path / "labels.csv")))


@pytest.mark.parametrize(
    ("head", "group", "drawer", "remarks"),
    [
        ("filename,label,groups,drawers", "g", "d", []),
        ("File name,Labels,GROUP,Drawer", "g", "d", []),
        ("file_name,target,alphabets,drawers", "g", "d", []),
        (
            "filename,label,alphabet,writer",
            "g",
            "",
            ["columns not read: writer; read are filename, label, alphabet as group"],
        ),
        (
            "filename,label,split,",
            "",
            "",
            ["columns not read: split, one without a name; read are filename, label"],
        ),
        (
            "filename,label,group,groups",
            "g",
            "",
            ["columns not read: groups; read are filename, label, group"],
        ),
        (
            "filename,label,a\x1b,drawer",
            "",
            "d",
            ["columns not read: a\\x1b; read are filename, label, drawer"],
        ),
    ],
)
def test_columns_of_other_names_are_read_or_named(head, group, drawer, remarks, table):
    path = table(f"{head}\n1.png,a,g,d\n")
    assert list(read(path)) == [Label("1.png", "a", group, drawer, "")]
    assert unread(path) == [f"labels.csv: {one}" for one in remarks]


@pytest.mark.parametrize(
    ("name", "column"),
    [("grop", "group"), ("Grouped", "group"), ("drawr", "drawer"), ("Drawer1", "drawer")],
)
def test_a_column_that_looks_misspelt_is_refused(name, column, table, refused):
    path = table(f"filename,label,{name}\n1.png,a,x\n")
    message = refused(lambda: list(read(path)))
    assert message.startswith(f"labels.csv: column {name} is not read; call it {column}, or")
    # Beside the column itself it can only be something else.
    path = table(f"filename,label,{name},{column}\n1.png,a,x,y\n")
    assert len(unread(path)) == len(list(read(path))) == 1


def test_an_optional_column_that_is_there_twice_is_refused(table, refused):
    path = table("filename,label,group,Group\n1.png,a,x,y\n")
    assert "more than one column group; expected" in refused(lambda: list(read(path)))


@pytest.mark.parametrize(
    ("there", "chosen"),
    [
        ((), []),
        (("other.csv",), ["other.csv"]),
        (("LABELS.CSV", "other.csv"), ["LABELS.CSV"]),
        (("labels.csv", "train.csv"), ["labels.csv"]),
        (("test.csv", "train.csv", "other.csv"), ["test.csv", "train.csv"]),
        (("other.csv", ".hidden.csv"), ["other.csv"]),
    ],
)
def test_the_file_of_labels_is_found(there, chosen, tmp_path):
    for name in there:
        (tmp_path / name).touch()
    assert [path.name for path in files_of(tmp_path)] == chosen


def test_of_several_files_none_is_guessed(tmp_path, refused):
    for name in ("a.csv", "b\x1b.csv"):
        (tmp_path / name).touch()
    message = refused(files_of, tmp_path)
    assert "several CSV files (a.csv, b\\x1b.csv); call the one with the labels labels.csv" in (
        message
    )
    assert files_of(tmp_path / "a.csv") == [tmp_path / "a.csv"]
