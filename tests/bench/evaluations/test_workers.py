from __future__ import annotations

import time

import numpy as np
import pytest
from example_calls import dies_until, raises, slow, stalls
from example_scorers import Pairs
from wayshot.bench import ScorerError, Settings
from wayshot.bench.evaluations.dispatch import Dispatch
from wayshot.bench.evaluations.work import Bench
from wayshot.bench.evaluations.workers import DiedError, Workers
from wayshot.bench.scorers.failures import OverdueError
from wayshot.bench.scorers.scorer import traits


@pytest.mark.parametrize("processes", [False, True])
def test_workers_give_what_functions_give_and_raise(processes):
    with Workers(2, processes=processes) as workers:
        assert [workers.submit(divmod, n, 3).result() for n in (7, 8)] == [(2, 1), (2, 2)]
        with pytest.raises(ScorerError, match="not\nthis"):
            workers.submit(raises, "scorer").result()
        with pytest.raises(RuntimeError if processes else KeyError, match="x"):
            workers.submit(raises, "key").result()


@pytest.mark.parametrize("processes", [False, True])
def test_a_call_that_takes_too_long_ends_and_the_next_is_done(processes):
    with Workers(processes=processes, limit=60) as workers:
        assert workers.submit(slow, 0).result() == 0
        with pytest.raises(OverdueError, match=r"no answer within 0\.2 seconds"):
            workers.submit_within(0.2, slow, 3600).result()
        assert workers.submit(slow, 0.01).result() == 0.01


def test_the_time_in_which_a_process_starts_is_not_that_of_its_first_call(tmp_path, monkeypatch):
    (tmp_path / "slow_to_import.py").write_text(
        "import multiprocessing, time\n"
        "if multiprocessing.parent_process():\n    time.sleep(4)\n"
        "def answer():\n    return 42\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    from slow_to_import import answer  # pyright: ignore[reportMissingImports]

    with Workers(processes=True, limit=3) as workers:
        assert workers.submit(answer).result() == 42


def test_a_process_that_does_not_begin_is_said(monkeypatch):
    monkeypatch.setattr("wayshot.bench.evaluations.workers.START", 0.0)
    with (
        Workers(processes=True) as workers,
        pytest.raises(DiedError, match="did not begin within 0 seconds"),
    ):
        workers.submit(divmod, 7, 3).result()


def test_a_call_whose_process_dies_is_made_again_and_said(tmp_path):
    said: list[str] = []
    with Workers(processes=True, warn=said.append) as workers:
        assert workers.submit(dies_until, tmp_path, 1).result() == 1
        assert said == ["a worker process died (killed by SIGKILL); its unit is done again"]
        with pytest.raises(DiedError, match="as the 2 before it"):
            workers.submit(dies_until, tmp_path, 10).result()
        assert len(list(tmp_path.iterdir())) == 1 + 3
        assert workers.submit(slow, 0).result() == 0


def test_an_error_ends_workers_whatever_they_do():
    before = time.monotonic()
    with pytest.raises(ZeroDivisionError), Workers(2, processes=True) as workers:
        for _ in range(5):
            workers.submit(slow, 3600)
        while not workers._busy:
            time.sleep(0.01)
        raise ZeroDivisionError
    assert time.monotonic() - before < 600


class Watched(Workers):
    """Counts the calls that are not yet done."""

    def __init__(self):
        super().__init__()
        self.most = self.flying = 0

    def submit(self, fn, /, *args, **kwargs):
        self.flying += 1
        self.most = max(self.most, self.flying)
        future = super().submit(fn, *args, **kwargs)
        future.add_done_callback(self.done)
        return future

    def done(self, future):
        self.flying -= 1


def test_only_a_window_of_units_is_in_flight(source):
    with Watched() as workers:
        settings = Settings(executor=workers, window=5)
        with Dispatch(Bench(Pairs(), traits(Pairs(), "x"), source()), settings) as dispatch:
            rows = [(np.arange(n, n + 3),) for n in range(40)]
            answers = {call[0][0]: answer for call, answer in dispatch.units("pair_rows", rows)}
    assert sorted(answers) == list(range(40))
    assert workers.most == 5


def test_the_limit_holds_while_an_answer_is_received(monkeypatch):
    monkeypatch.setattr("wayshot.bench.evaluations.workers.GRACE", 1.0)
    with Workers(processes=True, limit=30) as workers:
        assert workers.submit(slow, 0).result() == 0
        with pytest.raises(OverdueError, match="no answer within 1 seconds"):
            workers.submit_within(1, stalls).result()
        assert workers.submit(slow, 0).result() == 0
