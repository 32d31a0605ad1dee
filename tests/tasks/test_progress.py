from __future__ import annotations

import pytest
from wayshot.tasks import followed, quiet


class Watching:
    def __init__(self):
        self.begun, self.done = [], []

    def __call__(self, total, title):
        self.begun.append((total, title))
        return self.done.append


def test_every_step_is_told_once_it_is_done():
    progress, seen = Watching(), []
    for step in followed("abc", 3, "Reading", progress):
        assert progress.done == [1] * len(seen)
        seen.append(step)
    assert seen == ["a", "b", "c"]
    assert progress.begun == [(3, "Reading")] and progress.done == [1, 1, 1]


def test_a_step_that_fails_is_not_told():
    progress = Watching()
    with pytest.raises(ValueError, match="no"):
        for step in followed([1, 2, 3], 3, "Reading", progress):
            if step == 2:
                raise ValueError("no")
    assert progress.done == [1]


def test_steps_are_taken_one_at_a_time():
    taken = []
    steps = followed((taken.append(i) or i for i in range(5)), 5, "Reading", quiet)
    assert (next(steps), next(steps)) == (0, 1)
    assert taken == [0, 1]


def test_quiet_takes_any_number_of_steps(capsys):
    advance = quiet(3, "Reading")
    assert advance(1) is None and advance(100) is None
    assert capsys.readouterr() == ("", "")
