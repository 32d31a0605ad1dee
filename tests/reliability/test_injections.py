from __future__ import annotations

import command_kills
import injections
import pytest
from bed import Bed
from wayshot import results


@pytest.fixture(scope="module")
def bed(tmp_path_factory) -> Bed:
    return Bed(tmp_path_factory.mktemp("bed"))


@pytest.mark.parametrize(
    ("inject", "times"),
    [
        (injections.kills, 5),
        (command_kills.until_kills, 3),
        (command_kills.audit_kills, 2),
        (command_kills.latency_kills, 2),
        (command_kills.train_kills, 2),
        (injections.flips, 8),
        (injections.full_disks, 3),
        (injections.vanished_folders, 2),
        (injections.interrupts, 2),
        (injections.crowds, 1),
        (injections.broken_scorers, 8),
    ],
)
@pytest.mark.slow
def test_nothing_is_lost(inject, times, bed):
    row = inject(bed, times)
    assert (row.times, row.caught, row.lost) == (times, times, 0)


@pytest.mark.slow
def test_the_injection_of_flipped_bits_sees_one_that_passes(bed, monkeypatch):
    monkeypatch.setattr(results.Run, "verify", lambda run: None)
    row = injections.flips(bed, 2, kinds=["trials"])
    assert (row.times, row.caught, row.lost) == (2, 0, 2)
