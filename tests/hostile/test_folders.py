"""Folders that cannot be listed: what lies in them is never left out in silence."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from wayshot.bench.cli.report import cards_in
from wayshot.results import ResultError, find
from wayshot.tasks import TaskError, below, open_protocol, parse
from wayshot.tasks.data.archive import members


@pytest.fixture
def close(monkeypatch):
    """Takes away the permission to list a folder, also from root."""
    real = os.scandir
    closed = set()

    def scandir(path="."):
        if not isinstance(path, int) and Path(path) in closed:
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    return closed.add


@pytest.fixture
def letters(tmp_path):
    """A folder of two alphabets of three characters."""
    generator = np.random.default_rng(0)
    for alphabet in "AB":
        for character in "123":
            folder = tmp_path / "letters" / alphabet / character
            folder.mkdir(parents=True)
            for drawer in range(3):
                ink = generator.random((12, 12)) < 0.3
                Image.fromarray(~ink).save(folder / f"{drawer}.png")
    return tmp_path / "letters"


@pytest.mark.parametrize("place", ["A", "B", "A/2", "."])
@pytest.mark.parametrize("kind", ["folder", "images"])
def test_an_alphabet_or_a_character_without_permission_is_an_error(letters, close, kind, place):
    protocol = parse(f"{kind}:{letters}-between-2w1s")
    close(letters / place)
    with pytest.raises(TaskError, match="Permission denied"):
        open_protocol(protocol)


def test_a_folder_beside_a_file_of_labels_is_an_error(letters, close):
    names = sorted(path.relative_to(letters).as_posix() for path in letters.rglob("*.png"))
    rows = [f"{name},{name[0]}" for name in names if not name.startswith("A/1/")]
    (letters / "labels.csv").write_text("\n".join(["file,label", *rows]))
    protocol = parse(f"images:{letters}-between-2w1s")
    close(letters / "A" / "1")
    with pytest.raises(TaskError, match=r"A/1 cannot be opened \(Permission denied"):
        open_protocol(protocol)


@pytest.mark.parametrize("place", ["", "Alpha", "Alpha/character01"])
def test_a_part_of_omniglot_that_cannot_be_listed_is_an_error(tmp_path, close, place):
    part = tmp_path / "images_background_small1"
    (part / "Alpha" / "character01").mkdir(parents=True)
    close(part / place)
    with pytest.raises(TaskError, match=r"cannot be listed \(Permission denied"):
        list(members(part, (".png",)))


def test_a_run_without_permission_is_an_error_and_no_row_less(
    tmp_path, record, trials_of, store, close
):
    for name in ("one", "two"):
        store(tmp_path / "runs" / "protocol" / name, record(), trials_of(1.0))
    assert len(find([tmp_path / "runs"])) == 2
    close(tmp_path / "runs" / "protocol" / "two")
    with pytest.raises(ResultError, match="protocol/two: cannot be listed"):
        find([tmp_path / "runs"])


def test_trained_networks_without_permission_are_an_error(tmp_path, close):
    (tmp_path / "nets" / "one").mkdir(parents=True)
    close(tmp_path / "nets" / "one")
    with pytest.raises(TaskError, match="cannot be listed"):
        cards_in(tmp_path / "nets")


def test_below_a_folder_is_what_a_pattern_finds(letters):
    (letters / "A" / "link").symlink_to(letters / "B")
    (letters / "A" / "nowhere").symlink_to("nothing")
    assert below(letters) == sorted(letters.rglob("*"))


def test_a_damaged_run_among_others_is_told_and_the_others_are_read(
    tmp_path, record, trials_of, store, caplog
):
    runs = [store(tmp_path / "runs" / name, record(), trials_of(1.0)) for name in "abcdefg"]
    (runs[0] / "record.json").write_text("{")
    (runs[1] / "trials.parquet").unlink()
    (runs[2] / "trials.parquet").write_bytes(b"x")
    (runs[3] / "record.json").write_text('{"schema_version": 99}')
    (runs[4] / "record.json").unlink()
    (runs[4] / "record.json").mkdir()
    # A foreign file that has the digest in the record beside it.
    (runs[5] / "trials.parquet").write_bytes(b"PAR1")
    foreign = json.loads((runs[5] / "record.json").read_text())
    foreign["trials_digest"] = hashlib.sha256(b"PAR1").hexdigest()
    (runs[5] / "record.json").write_text(json.dumps(foreign))
    assert [run.folder for run in find([tmp_path])] == [runs[6]]
    lines = [one.getMessage() for one in caplog.records]
    assert len(lines) == 6 and all(line.startswith("left out: ") for line in lines)
    assert all(str(folder) in line for folder, line in zip(runs, lines, strict=False))
    (runs[6] / "record.json").write_text("{")
    with pytest.raises(ResultError, match="cannot be read"):
        find([tmp_path])


def test_a_folder_of_runs_whose_name_is_not_utf_8_is_refused_in_one_line(wayshot, tmp_path):
    name = os.fsdecode(b"runs\xff")
    words = ("run", "glyphs-within-5w1s", "-s", "chance", "--episodes", 5, "--runs", name)
    status, _, err = wayshot(*words)
    assert status == 2 and "the name is not UTF-8" in err.splitlines()[-1]
