from __future__ import annotations

import pytest
from wayshot.bench.cli import main

SCORER = """
import numpy as np

class Net:
    def embed(self, images):
        return images.reshape(len(images), -1)[:, ::50].astype(np.float32)

    def compare(self, queries, support):
        return queries @ support.swapaxes(-1, -2)
"""


@pytest.fixture
def stored(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net_of_labels.py").write_text(SCORER)
    spec = "mine=net_of_labels.py:Net"
    main(["run", "glyphs-within-5w1s", "--episodes", "10", "-s", spec])
    capsys.readouterr()
    return spec


@pytest.mark.parametrize(
    "command",
    [["audit", "mine"], ["latency", "-s", "mine"], ["run", "glyphs-within-5w2s", "-s", "mine"]],
)
def test_a_label_of_stored_runs_is_told_what_was_typed_for_it(stored, command, capsys):
    with pytest.raises(SystemExit) as ended:
        main(command)
    lines = capsys.readouterr().err.strip().splitlines()
    assert ended.value.code == 2
    assert "'mine'" in lines[-1] and stored in lines[-1]


def test_another_unknown_name_is_told_the_closest(stored, capsys):
    with pytest.raises(SystemExit):
        main(["audit", "chanse"])
    assert "closest: chance" in capsys.readouterr().err


def test_a_report_names_the_command_that_works_again(stored, tmp_path):
    main(["report", "-o", "page.html"])
    assert f"--seed 1 -s {stored}" in (tmp_path / "page.html").read_text()
