"""What the harness needs of its process is put back, and what a scorer may need is left."""

from __future__ import annotations

import os
import resource
import sys
import warnings

import pytest
from wayshot.bench.scorers import belongings
from wayshot.bench.scorers.surroundings import outside


def test_variables_of_the_harness_are_put_back(monkeypatch):
    monkeypatch.setenv("WAYSHOT_CACHE", "here")
    monkeypatch.delenv("WAYSHOT_DATA", raising=False)
    with outside():
        os.environ.update(WAYSHOT_CACHE="there", WAYSHOT_DATA="there")
    assert os.environ["WAYSHOT_CACHE"] == "here" and "WAYSHOT_DATA" not in os.environ


def test_rights_and_recursion_are_put_back():
    mask = os.umask(0o022)
    belongings._umask.cache_clear()
    deepest = sys.getrecursionlimit()
    try:
        with outside():
            os.umask(0o777)
            sys.setrecursionlimit(deepest // 2)
        assert os.umask(0o022) == 0o022
        assert sys.getrecursionlimit() == deepest
    finally:
        os.umask(mask)
        belongings._umask.cache_clear()


def test_lower_limits_are_put_back_and_higher_ones_stay():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        with outside():
            resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == soft
        resource.setrlimit(resource.RLIMIT_NOFILE, (128, hard))
        with outside():
            resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 256
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_paths_are_put_back_and_new_ones_stay(monkeypatch):
    monkeypatch.setattr(sys, "path", ["a", "b"])
    with outside():
        sys.path[:] = ["new"]
    assert sys.path == ["new", "a", "b"]


@pytest.mark.parametrize("action", ["error", "ignore"])
def test_no_warning_becomes_an_error(action):
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        with outside():
            warnings.simplefilter(action)
        # What a scorer does not want to see stays unseen.
        assert warnings.filters[0][0] == ("ignore" if action == "ignore" else "default")


def test_a_closed_descriptor_is_opened_again():
    before = os.fstat(0)
    with outside():
        os.close(0)
    assert os.path.samestat(os.fstat(0), before)


def test_who_traces_is_put_back():
    before = sys.gettrace(), sys.getprofile()
    with outside():
        sys.settrace(lambda *words: None)
        sys.setprofile(lambda *words: None)
    assert (sys.gettrace(), sys.getprofile()) == before
