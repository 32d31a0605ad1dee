"""Kills: workers, clients and schedulers of a cluster die at random moments during sweeps."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
from injections import Row

sys.path.insert(0, str(Path(__file__).parents[1] / "bench"))

from machines import Machines, draw_desk, start, stored, wayshot

SWEEP = """\
scorers:
  - mine.py:Patient
  - {scorer: 'mine.py:Linear', weights: matrix.npy}
protocols: ['folder:characters-{within,between}-5w1s']
episodes: 480
"""
SWEEP_WORDS = ("sweep", "sweep.yaml", "--runs")
LONGEST = 300
"""Seconds after which a sweep has hung."""


def cluster_kills(folder: Path, workers: int, clients: int, schedulers: int) -> list[Row]:
    """Kills until each has died so often; compares the runs of every sweep with those made here.

    Args:
        folder: Gets the folders of all machines.
        workers: How often a worker is killed.
        clients: How often a client is killed.
        schedulers: How often a scheduler is killed.
    """
    rng = np.random.default_rng(1)
    desk = draw_desk(folder / "desk")
    (desk / "sweep.yaml").write_text(SWEEP)
    done = wayshot(desk, *SWEEP_WORDS, "alone")
    assert done.returncode == 0, done.stderr
    expected = stored(desk / "alone")
    left = Counter(worker=workers, client=clients, scheduler=schedulers)
    caught: Counter[str] = Counter()
    lost: Counter[str] = Counter()
    number = 0
    with Machines(folder) as machines:
        machines.start_scheduler()
        names = ["one", "two"]
        for name in names:
            machines.start_worker(name)
        while left.total():
            number += 1
            killed: Counter[str] = Counter()
            words = (*SWEEP_WORDS, f"swept{number}", "--cluster", machines.address)
            client, begun = start(desk, *words), time.monotonic()
            while client.poll() != 0 and time.monotonic() < begun + LONGEST:
                time.sleep(rng.uniform(0.5, 4))
                for name in names:
                    # A nanny gives up if its worker is killed while it starts.
                    if machines.workers[name].poll() is not None:
                        machines.start_worker(name)
                if client.poll() not in (None, 0):
                    # A command that has found no scheduler, or no worker, is started again.
                    client.communicate()
                    client = start(desk, *words)
                waiting = [who for who, count in left.items() if count > 0]
                if not waiting or client.poll() is not None:
                    continue
                chances = np.array([left[who] for who in waiting], float)
                who = str(rng.choice(waiting, p=chances / chances.sum()))
                if who == "worker" and not machines.kill_worker(str(rng.choice(names))):
                    continue
                if who == "client":
                    os.killpg(client.pid, signal.SIGKILL)
                    client.communicate()
                    client = start(desk, *words)
                if who == "scheduler":
                    for name in names:
                        machines.end_worker(name)
                    machines.end_scheduler()
                    machines.start_scheduler()
                    for name in names:
                        machines.start_worker(name)
                left[who] -= 1
                killed[who] += 1
            if client.poll() is None:
                os.killpg(client.pid, signal.SIGKILL)
            client.communicate()
            (caught if stored(desk / f"swept{number}") == expected else lost).update(killed)
            print(number, dict(killed), dict(lost), file=sys.stderr, flush=True)
    told = {
        "worker": "SIGKILL of a worker of a cluster",
        "client": "SIGKILL of the client of a cluster",
        "scheduler": "SIGKILL of a cluster's scheduler and workers",
    }
    return [
        Row(what, caught[who] + lost[who], caught[who], lost[who]) for who, what in told.items()
    ]
