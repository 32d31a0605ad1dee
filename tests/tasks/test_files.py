from __future__ import annotations

import hashlib
import os

import pytest
from wayshot.tasks import TaskError, cache_folder, read_regular, replacing
from wayshot.tasks.files import hash_regular


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"some content")
    return path


def test_a_file_or_a_link_to_it_is_read_and_hashed(file, tmp_path):
    (tmp_path / "link").symlink_to(file)
    for path in (file, tmp_path / "link"):
        assert read_regular(path, 12) == b"some content"
        assert hash_regular(path, 12) == hashlib.sha256(b"some content").hexdigest()


@pytest.mark.parametrize("read", [read_regular, hash_regular])
def test_what_is_too_large_is_not_read(read, file):
    with pytest.raises(TaskError, match=r"^12 bytes, expected at most 11$"):
        read(file, 11)


@pytest.mark.parametrize("read", [read_regular, hash_regular])
def test_what_may_be_endless_or_is_nowhere_is_not_opened(read, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name in ("pipe", "link", "none", "."):
        with pytest.raises(TaskError, match="not a file; a link to nowhere, a pipe or a device"):
            read(tmp_path / name, 100)


@pytest.mark.parametrize("read", [read_regular, hash_regular])
def test_what_may_not_be_read_is_one_line(read, file, monkeypatch):
    def refuse(self, *arguments):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(file), "open", refuse)
    with pytest.raises(TaskError, match=r"^cannot be read \(Permission denied\)$"):
        read(file, 100)


def test_a_replaced_file_stays_until_the_new_one_is_whole(file):
    with replacing(file) as fresh:
        fresh.write_bytes(b"new")
        assert file.read_bytes() == b"some content"
        assert fresh.parent == file.parent
    assert file.read_bytes() == b"new"


def test_two_who_replace_one_file_do_not_meet(file):
    with replacing(file) as one, replacing(file) as other:
        assert one != other
        one.write_bytes(b"one")
        other.write_bytes(b"other")
    assert file.read_bytes() == b"one"
    assert [path.name for path in file.parent.iterdir()] == ["file"]


def test_a_user_without_a_home_is_told_of_the_variable(monkeypatch):
    def nowhere(name):
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("WAYSHOT_CACHE", raising=False)
    for found in (nowhere, lambda name: "~/.cache/wayshot"):
        monkeypatch.setattr("platformdirs.user_cache_dir", found)
        with pytest.raises(TaskError, match="no home folder; name a folder by WAYSHOT_CACHE"):
            cache_folder()


def test_the_cache_folder_may_begin_with_the_home_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("WAYSHOT_CACHE", "~/inner")
    assert cache_folder() == tmp_path / "inner"


def test_the_cache_folder_stays_where_it_was_named(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WAYSHOT_CACHE", "inner")
    assert cache_folder() == tmp_path / "inner"
