"""Contents travel in pieces and are known by their digest."""

import pytest
from wayshot.bench.clusters import Content, ContentStore
from wayshot.bench.clusters.contents import PIECE, Piece
from wayshot.bench.errors import ScorerError


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("WAYSHOT_CACHE", str(tmp_path / "cache"))
    return ContentStore()


def sent(store, content):
    for piece in content.pieces():
        store.put(content.digest, piece)
    store.finish(content.digest)


def test_files_arrive_as_they_were(store, tmp_path):
    large = bytes(range(256)) * (PIECE // 256) + b"end"
    (tmp_path / "large").write_bytes(large)
    content = Content({"a/large": tmp_path / "large", "b": b"few", "empty": b""})
    assert not store.has(content.digest)
    sent(store, content)
    assert store.has(content.digest)
    folder = store.folder / content.digest
    assert (folder / "a" / "large").read_bytes() == large
    assert (folder / "b").read_bytes() == b"few"
    assert (folder / "empty").read_bytes() == b""
    assert content.size == len(large) + 3


def test_a_digest_covers_names_and_bytes():
    assert Content({"a": b"x"}).digest != Content({"b": b"x"}).digest
    assert Content({"a": b"x"}).digest != Content({"a": b"y"}).digest
    assert Content({"a": b"xy", "b": b""}).digest != Content({"a": b"x", "b": b"y"}).digest


def test_what_is_damaged_on_its_way_is_no_content(store):
    content = Content({"a": b"right"})
    store.put(content.digest, Piece("a", 0, b"wrong"))
    with pytest.raises(ScorerError, match="damaged"):
        store.finish(content.digest)
    assert not store.has(content.digest)
    assert [*store.folder.iterdir()] == []


@pytest.mark.parametrize("name", ["../out", "/out", "a/../../out"])
def test_no_name_leads_out_of_a_content(store, name):
    with pytest.raises(ScorerError, match="no name of a file"):
        store.put("0" * 64, Piece(name, 0, b""))


def test_what_was_not_used_for_longest_makes_room(store, monkeypatch):
    monkeypatch.setattr("wayshot.bench.clusters.contents.KEPT", 25)
    first, second, third = (Content({"a": bytes([one]) * 10}) for one in range(3))
    sent(store, first)
    sent(store, second)
    import os

    os.utime(store.folder / second.digest, (1, 1))
    sent(store, third)
    assert [store.has(one.digest) for one in (first, second, third)] == [True, False, True]
