"""Workers of other versions are told apart."""

from wayshot.bench.clusters.versions import differences, versions


def test_equal_versions_do_not_differ():
    assert differences(versions(), versions()) == ""


def test_other_versions_are_named_with_both_numbers():
    here = versions()
    numpy, wayshot = here["packages"]["numpy"], here["packages"]["wayshot"]
    there = {**here, "python": "3.1.4", "packages": {**here["packages"], "numpy": "0.1"}}
    del there["packages"]["wayshot"]
    line = differences(here, there)
    assert f"numpy 0.1 (here {numpy})" in line
    assert f"wayshot missing (here {wayshot})" in line
    assert "python 3.1.4" in line
