"""A sweep on a cluster of real processes gives what one process gives."""

import json

import pytest
from machines import Machines, draw_desk, port, stored, wayshot

pytest.importorskip("distributed")

SWEEP = """\
scorers:
  - {scorer: 'mine.py:Linear', weights: matrix.npy}
  - pixel-cosine
  - {scorer: 'mine.py:Deadly'}
protocols: ['folder:characters-{within,between}-5w1s']
episodes: 200
"""


def test_a_sweep_is_the_same_bytes_as_in_one_process_and_failures_are_rows(tmp_path):
    desk = tmp_path / "desk"
    with Machines(tmp_path) as machines:
        machines.start_scheduler()
        for name in ("one", "two"):
            machines.start_worker(name, "--no-nanny")
        draw_desk(desk)
        (desk / "sweep.yaml").write_text(SWEEP)
        alone = SWEEP.replace("  - {scorer: 'mine.py:Deadly'}\n", "")
        (desk / "alone.yaml").write_text(alone)
        done = wayshot(desk, "sweep", "alone.yaml", "--runs", "alone", cache="another")
        assert done.returncode == 0, done.stderr
        words = ("sweep", "sweep.yaml", "--runs", "there", "--cluster", machines.address, "--json")
        done = wayshot(desk, *words)
    assert done.returncode == 1, done.stderr
    errors = json.loads(done.stdout)["errors"]
    assert [row["scorer"] for row in errors] == ["mine.py:Deadly"] * 2
    assert all("SIGKILL" in row["reason"] for row in errors)
    assert len(stored(desk / "there")) == 4
    assert stored(desk / "there") == stored(desk / "alone")


def test_no_scheduler_is_said_in_a_line(tmp_path):
    draw_desk(tmp_path)
    words = ("run", "folder:characters-within-5w1s", "-s", "chance")
    done = wayshot(tmp_path, *words, "--cluster", f"127.0.0.1:{port()}")
    assert done.returncode == 2
    assert "expected the address of a Dask scheduler" in done.stderr
    assert "Traceback" not in done.stderr
