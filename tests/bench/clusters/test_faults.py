"""Workers, schedulers and clients that die, hang or are cut off cost nothing but time."""

import json
import os
import signal
import subprocess
import time

import pytest
from machines import Machines, draw_desk, start, stored, wayshot

pytest.importorskip("distributed")

# Each takes a minute, of which real processes start for most.
pytestmark = pytest.mark.slow

WITHIN = "folder:characters-within-5w1s"
SCORERS = ("-s", "mine.py:Patient", "-s", "mine.py:Linear,weights=matrix.npy")
ASKED = ("run", WITHIN, *SCORERS, "--episodes", "640")


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """The folder of a user, with the runs of one process."""
    folder = draw_desk(tmp_path_factory.mktemp("desk"))
    done = wayshot(folder, *ASKED, "--runs", "alone")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def machines(tmp_path_factory):
    with Machines(tmp_path_factory.mktemp("machines")) as started:
        started.start_scheduler()
        for name in ("one", "two"):
            started.start_worker(name)
        yield started


def wait_for(condition, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def begun(desk, runs):
    """Whether units of a run are stored already."""
    return any((desk / runs / ".partial").glob("*/trials-*"))


def asked(desk, machines, runs):
    """Starts a client; gives it once the first units are done."""
    client = start(desk, *ASKED, "--runs", runs, "--cluster", machines.address)
    wait_for(lambda: begun(desk, runs) or client.poll() is not None)
    assert client.poll() is None, client.communicate()[1]
    return client


def assert_same(desk, client, runs):
    """Waits for the client's end; gives what it has said."""
    _, said = client.communicate(timeout=300)
    assert client.returncode == 0, said
    assert stored(desk / runs) == stored(desk / "alone")
    return said


def test_a_worker_that_is_killed_costs_nothing(machines, desk):
    client = asked(desk, machines, "killed")
    wait_for(lambda: machines.kill_worker("one"))
    time.sleep(1)
    wait_for(lambda: machines.kill_worker("two"))
    assert "has gone; what it was doing is done again" in assert_same(desk, client, "killed")


def test_a_client_that_is_killed_goes_on_where_it_was(machines, desk):
    client = asked(desk, machines, "again")
    os.killpg(client.pid, signal.SIGKILL)
    client.communicate()
    done = [path.stat().st_mtime_ns for path in (desk / "again").rglob("trials-*")]
    assert done
    client = start(desk, *ASKED, "--runs", "again", "--cluster", machines.address)
    assert_same(desk, client, "again")


@pytest.mark.parametrize("who", ["worker", "scheduler"])
def test_a_network_that_is_cut_for_ten_seconds_costs_nothing(machines, desk, who):
    client = asked(desk, machines, f"cut-{who}")
    group = machines.workers["one"] if who == "worker" else machines.scheduler
    os.killpg(group.pid, signal.SIGSTOP)
    time.sleep(10)
    os.killpg(group.pid, signal.SIGCONT)
    assert_same(desk, client, f"cut-{who}")


def test_a_scorer_that_hangs_is_a_row(machines, desk):
    done = wayshot(
        desk, "run", WITHIN, "-s", "mine.py:Slow", "-s", "chance", "--episodes", "50",
        "--runs", "hung", "--unit-seconds", "15", "--cluster", machines.address, "--json",
        "--send", "matrix.npy",
    )  # fmt: skip
    told = json.loads(done.stdout)
    assert [row["scorer"] for row in told["errors"]] == ["mine.py:Slow"], done.stderr
    assert "no answer within 15 seconds" in told["errors"][0]["reason"]
    assert len(stored(desk / "hung")) == 1


def test_a_second_start_makes_only_what_is_missing(machines, desk):
    words = ("--episodes", "50", "--runs", "twice", "--cluster", machines.address)
    wayshot(desk, "run", WITHIN, "-s", "chance", *words)
    done = wayshot(desk, "run", WITHIN, "-s", "chance", "-s", "pixel-cosine", *words)
    assert done.returncode == 0
    assert "1 of 2 runs were stored in twice already" in done.stderr


def test_a_scheduler_that_is_started_again_is_said_and_costs_nothing(tmp_path, desk):
    with Machines(tmp_path) as machines:
        machines.start_scheduler()
        for name in ("one", "two"):
            machines.start_worker(name)
        client = asked(desk, machines, "restarted")
        machines.end_scheduler()
        time.sleep(3)
        machines.start_scheduler()
        # Workers may end with their scheduler.
        machines.start_worker("three")
        said = assert_same(desk, client, "restarted")
    assert "waiting for the scheduler, and what is not finished is done again" in said


def test_a_scorer_that_needs_more_memory_than_there_is_is_a_row(tmp_path, desk):
    with Machines(tmp_path) as machines:
        machines.start_scheduler()
        machines.start_worker("small", memory=5 * 2**30)
        done = wayshot(
            desk, "run", WITHIN, "-s", "mine.py:Large,weights=matrix.npy", "-s", "chance",
            "--episodes", "64", "--runs", "large", "--cluster", machines.address, "--json",
        )  # fmt: skip
    errors = json.loads(done.stdout)["errors"]
    assert [row["scorer"] for row in errors] == ["mine.py:Large,weights=matrix.npy"], done.stderr
    assert "MemoryError" in errors[0]["reason"]
    assert len(stored(desk / "large")) == 1


def test_a_scorer_that_kills_every_worker_is_a_row_and_the_cluster_stays(machines, desk):
    done = wayshot(
        desk, "run", WITHIN, "-s", "mine.py:Murderous,weights=matrix.npy", "-s", "chance",
        "--episodes", "64", "--runs", "murder", "--cluster", machines.address, "--json",
    )  # fmt: skip
    errors = json.loads(done.stdout)["errors"]
    assert [row["scorer"] for row in errors] == ["mine.py:Murderous,weights=matrix.npy"]
    assert "workers of the cluster died in the same unit" in errors[0]["reason"]
    assert len(stored(desk / "murder")) == 1


def test_scorers_go_to_workers_with_their_resources_which_may_come_later(tmp_path, desk):
    (desk / "resources.yaml").write_text(
        "scorers:\n"
        "  - {scorer: 'mine.py:Where', weights: matrix.npy, resources: {FAST: 1}}\n"
        "  - chance\n"
        f"protocols: ['{WITHIN}']\nepisodes: 64\nruns: resources\n"
    )
    with Machines(tmp_path) as machines:
        machines.start_scheduler()
        machines.start_worker("slow")
        client = start(desk, "sweep", "resources.yaml", "--cluster", machines.address)
        for line in client.stderr or ():
            if "no worker has FAST=1; waiting for one" in line:
                break
        machines.start_worker("fast", "--resources", "FAST=1")
        _, said = client.communicate(timeout=120)
        assert client.returncode == 0, said
        assert (machines.folder / "fast" / "asked").exists()
        assert not (machines.folder / "slow" / "asked").exists()
    assert len(stored(desk / "resources")) == 2


def test_a_latency_is_measured_on_one_worker_alone(machines, desk):
    words = ("latency", WITHIN, "-s", "mine.py:Linear,weights=matrix.npy", "--seconds", "0.2")
    words = (*words, "--queries", "64", "--runs", "timed", "--on", machines.address)
    done = wayshot(desk, *words, "two", "--json")
    assert done.returncode == 0, done.stderr
    (record,) = json.loads(done.stdout)["results"]
    assert record["p50_ms"] > 0 and record["footprint"]["load_ms"] > 0
    assert len(list((desk / "timed").rglob("*.json"))) == 1
    done = wayshot(desk, *words, "three")
    assert done.returncode == 2
    assert "the cluster has no worker 'three'; there are: one, two" in done.stderr


def test_connections_can_be_encrypted(tmp_path, desk):
    made = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=test",
         "-keyout", tmp_path / "key.pem", "-out", tmp_path / "cert.pem"],
        capture_output=True, check=False,
    )  # fmt: skip
    if made.returncode:
        pytest.skip("openssl makes no certificate here")
    certificate, key = str(tmp_path / "cert.pem"), str(tmp_path / "key.pem")
    files = ("--tls-ca-file", certificate, "--tls-cert", certificate, "--tls-key", key)
    client = {"CA_FILE": certificate, "CLIENT__CERT": certificate, "CLIENT__KEY": key}
    trust = {f"DASK_DISTRIBUTED__COMM__TLS__{name}": path for name, path in client.items()}
    words = ("run", WITHIN, "-s", "chance", "--episodes", "64", "--runs", "secret")
    with Machines(tmp_path, *files, scheme="tls") as machines:
        machines.start_scheduler()
        machines.start_worker("one")
        done = wayshot(desk, *words, "--cluster", machines.address, **trust)
        assert done.returncode == 0, done.stderr
        assert len(stored(desk / "secret")) == 1
        stranger = wayshot(desk, *words, "--cluster", machines.address)
    assert stranger.returncode == 2
    assert "TLS needs the certificates" in stranger.stderr
    assert "Traceback" not in stranger.stderr


def test_a_cluster_that_starts_workers_when_there_is_work_is_used(desk):
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=0, threads_per_worker=1, host="127.0.0.1", dashboard_address=None
    ) as adaptive:
        adaptive.adapt(minimum=0, maximum=2, interval="500ms")
        done = wayshot(desk, *ASKED, "--runs", "adaptive", "--cluster", adaptive.scheduler_address)
    assert done.returncode == 0, done.stderr
    assert stored(desk / "adaptive") == stored(desk / "alone")
