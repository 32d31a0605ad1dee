from __future__ import annotations

import time

import pytest
from wayshot.tasks.data.settings import Settings, read


@pytest.fixture
def said(tmp_path):
    def write(text: str | bytes):
        content = text.encode() if isinstance(text, str) else text
        (tmp_path / "wayshot.yaml").write_bytes(content)
        return tmp_path

    return write


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Settings()),
        ("# nothing\n", Settings()),
        ("ink: dark", Settings("dark")),
        ("ink: light\nkind: gray\nsize: 28\n", Settings("light", "gray", 28)),
        ("{size: 4096, kind: color}", Settings(kind="color", size=4096)),
        ("size: 0", Settings()),
    ],
)
def test_settings_are_read(text, expected, said):
    assert read(said(text)) == expected


def test_without_a_file_there_are_the_defaults(tmp_path):
    assert read(tmp_path) == read(tmp_path / "none") == Settings("auto", "", 0)


def test_settings_lie_beside_a_file_of_labels(said):
    root = said("size: 28")
    (root / "labels.csv").touch()
    assert read(root / "labels.csv").size == 28


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("ink: blue", "ink is 'blue', expected auto, dark, light"),
        ("kind: rgb", "kind is 'rgb', expected gray or color"),
        ("kind:", "kind is NoneType, expected gray or color"),
        ("size: -1", "size is -1, expected 1 to 4096 pixels"),
        ("size: 4097", "size is 4097"),
        ("size: 84.0", "size is 84.0"),
        ("size: true", "size is True"),
        ("size: '84'", "size is '84'"),
        ("size: 0x" + "f" * 4000, "size is int"),
        ("ink: 0x" + "f" * 4000, "ink is int"),
        ("ink: [dark]", "ink is list"),
        ("inc: dark", "expected lines such as ink: dark, of ink, kind, size"),
        ("- ink", "expected lines such as ink: dark"),
        ("dark", "expected lines such as ink: dark"),
        ("ink: 2024-13-45", "not a readable YAML file (month must be in 1..12)"),
        ("ink: [", "not a readable YAML file ("),
        ("ink: !!python/object/apply:os.getcwd []", "not a readable YAML file ("),
        ("[" * 1500, "not a readable YAML file ("),
        (b"\xff", "not a readable YAML file ("),
        ("#" * 4097, "4,097 bytes, expected at most 4,096"),
    ],
)
def test_other_settings_are_one_line_that_names_the_file(text, reason, said, refused):
    root = said(text)
    assert refused(read, root).startswith(f"{root / 'wayshot.yaml'}: {reason}")


def test_a_short_file_that_means_a_long_list_takes_no_time(said, refused):
    lines = "[&a0 [x, x, x, x, x, x, x, x]"
    lines += "".join(f", &a{i} [{', '.join([f'*a{i - 1}'] * 8)}]" for i in range(1, 12)) + "]"
    started = time.perf_counter()
    for name in ("ink", "kind", "size"):
        assert "write its content instead" in refused(read, said(f"{name}: {lines}"))
    assert time.perf_counter() - started < 5
