import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from wayshot.tasks import TaskError
from wayshot.tasks.data.fetch import HOME, fetch, verify
from wayshot.tasks.data.omniglot import PARTS

SMALL = "images_background_small1"
RUNS = "all_runs"


class Handler(SimpleHTTPRequestHandler):
    def __init__(self, *args, asked, **kwargs):
        self.asked = asked
        super().__init__(*args, **kwargs)

    def do_GET(self):
        self.asked.append(self.path)
        if "broken-off" in self.path:
            self.send_response(200)
            self.send_header("Content-Length", "1000000")
            self.end_headers()
            self.wfile.write(b"PK")
        elif "trickle" in self.path:
            self.trickle("headers" in self.path)
        else:
            super().do_GET()

    def trickle(self, already_in_headers):
        """A byte now and then, so that no single read ever takes long."""
        self.send_response(200)
        if not already_in_headers:
            self.send_header("Content-Length", "1000000")
            self.end_headers()
        else:
            self.flush_headers()
            self.wfile.write(b"X-Long: ")
        with suppress(OSError):
            while not self.server.closing.wait(0.05):
                self.wfile.write(b"P")

    def log_message(self, format, *args):
        pass


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A public home on this machine: its address, folder, and what was asked for."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    folder = tmp_path / "public"
    (folder / "one-shot-classification").mkdir(parents=True)
    asked = []
    handler = partial(Handler, directory=str(folder), asked=asked)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.closing = threading.Event()
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/", folder, asked
        finally:
            server.closing.set()
            server.shutdown()
            thread.join()


@pytest.fixture
def two(monkeypatch, small, small_runs, home):
    """Omniglot of two parts, generated, at its public home."""
    for name in set(PARTS) - {SMALL, RUNS}:
        monkeypatch.delitem(PARTS, name)
    _, public, _ = home
    (public / f"{SMALL}.zip").write_bytes(small.zip)
    (public / "one-shot-classification" / f"{RUNS}.zip").write_bytes(small_runs.zip)
    return {SMALL: small, RUNS: small_runs}


def names_in(folder):
    return sorted(path.name for path in folder.rglob("*"))


def assert_one_line(error):
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 500


def test_the_public_home_is_that_of_the_authors():
    assert HOME == "https://github.com/brendenlake/omniglot/raw/master/python/"


def test_what_is_missing_is_downloaded(two, home, tmp_path):
    address, _, asked = home
    folder = tmp_path / "new" / "omniglot"
    got = list(fetch(folder, address))
    assert [(status.part, status.state, status.path) for status in got] == [
        (name, "there", folder / f"{name}.zip") for name in (SMALL, RUNS)
    ]
    assert asked == [f"/{SMALL}.zip", f"/one-shot-classification/{RUNS}.zip"]
    assert names_in(folder) == [f"{RUNS}.zip", f"{SMALL}.zip"]
    for name, published in two.items():
        assert (folder / f"{name}.zip").read_bytes() == published.zip
    assert {status.state for status in verify(folder)} == {"there"}


def test_what_is_there_is_kept_without_asking(two, home, tmp_path):
    address, _, asked = home
    list(fetch(tmp_path / "data", address))
    asked.clear()
    assert [status.state for status in fetch(tmp_path / "data", address)] == ["there", "there"]
    assert asked == []


def test_a_repacked_zip_is_kept_for_its_pixels(two, home, zip_of, tmp_path):
    address, _, asked = home
    repacked = {}
    for name, published in two.items():
        repacked[name] = zip_of({".DS_Store": b"", **published.members})
        assert repacked[name] != published.zip
        (tmp_path / f"{name}.zip").write_bytes(repacked[name])
    assert [status.state for status in verify(tmp_path)] == ["there", "there"]
    list(fetch(tmp_path, address))
    assert asked == []
    for name, content in repacked.items():
        assert (tmp_path / f"{name}.zip").read_bytes() == content


def test_a_repacked_zip_at_the_home_is_accepted_for_its_pixels(two, home, zip_of, tmp_path):
    address, public, _ = home
    repacked = zip_of({".DS_Store": b"", **two[SMALL].members})
    (public / f"{SMALL}.zip").write_bytes(repacked)
    list(fetch(tmp_path / "data", address))
    assert (tmp_path / "data" / f"{SMALL}.zip").read_bytes() == repacked


def test_only_what_is_damaged_is_replaced(two, home, tmp_path):
    address, _, asked = home
    folder = tmp_path / "data"
    list(fetch(folder, address))
    (folder / f"{SMALL}.zip").write_bytes(two[SMALL].zip[:500])
    asked.clear()
    list(fetch(folder, address))
    assert asked == [f"/{SMALL}.zip"]
    assert (folder / f"{SMALL}.zip").read_bytes() == two[SMALL].zip
    assert names_in(folder) == [f"{RUNS}.zip", f"{SMALL}.zip"]


@pytest.mark.parametrize("old", [None, b"the old and damaged file"])
@pytest.mark.parametrize("wrong", ["page", "other images"])
def test_a_wrong_file_is_refused_and_the_old_one_kept(two, home, zip_of, tmp_path, old, wrong):
    address, public, _ = home
    members = dict(two[SMALL].members)
    members[next(iter(members))] = members[list(members)[-1]]
    content = b"<html>sign in</html>" if wrong == "page" else zip_of(members)
    (public / f"{SMALL}.zip").write_bytes(content)
    folder = tmp_path / "data"
    folder.mkdir()
    if old is not None:
        (folder / f"{SMALL}.zip").write_bytes(old)
    with pytest.raises(TaskError, match=f"{address}{SMALL}.zip is not the official file") as error:
        list(fetch(folder, address))
    assert_one_line(error)
    assert names_in(folder) == ([] if old is None else [f"{SMALL}.zip"])
    if old is not None:
        assert (folder / f"{SMALL}.zip").read_bytes() == old


@pytest.mark.parametrize("trouble", ["nowhere/", "broken-off/", "refused"])
def test_a_failed_download_is_one_line_that_says_what_to_do(two, home, tmp_path, trouble):
    address, _, _ = home
    if trouble == "refused":
        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as closed:
            address = f"http://127.0.0.1:{closed.server_port}/"
    else:
        address += trouble
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / f"{SMALL}.zip").write_bytes(b"old")
    with pytest.raises(TaskError, match=f"{SMALL}: cannot be downloaded") as error:
        list(fetch(folder, address))
    assert_one_line(error)
    assert f"{address}{SMALL}.zip" in str(error.value)
    assert str(folder) in str(error.value)
    assert names_in(folder) == [f"{SMALL}.zip"]
    assert (folder / f"{SMALL}.zip").read_bytes() == b"old"


@pytest.mark.parametrize("where", ["trickle/", "trickle-in-headers/"])
def test_a_mirror_that_sends_a_byte_now_and_then_is_given_up(
    two, home, tmp_path, monkeypatch, where
):
    monkeypatch.setattr("wayshot.tasks.data.fetch.PATIENCE", 0.3)
    folder = tmp_path / "data"
    with pytest.raises(TaskError, match=f"{SMALL}: cannot be downloaded .* bytes came") as error:
        list(fetch(folder, home[0] + where))
    assert_one_line(error)
    assert names_in(folder) == []


def test_four_at_once_all_end_with_the_data_and_leave_nothing(two, home, tmp_path):
    address, _, asked = home
    folder = tmp_path / "data"
    with ThreadPoolExecutor(4) as threads:
        found = [threads.submit(lambda: list(fetch(folder, address))) for _ in range(4)]
        states = [status.state for each in found for status in each.result()]
    assert states == 8 * ["there"]
    assert names_in(folder) == [f"{RUNS}.zip", f"{SMALL}.zip"]
    assert sorted(asked) == sorted([f"/{SMALL}.zip", f"/one-shot-classification/{RUNS}.zip"])


def test_what_a_killed_download_has_left_is_removed_by_the_next(two, home, tmp_path):
    address, _, asked = home
    folder = tmp_path / "data"
    code = f"""
from pathlib import Path
from wayshot.tasks.data.fetch import fetch
from wayshot.tasks.data.omniglot import PARTS
for name in set(PARTS) - {set(two)}:
    del PARTS[name]
list(fetch(Path({str(folder)!r}), "{address}trickle/"))
"""
    words = [sys.executable, "-c", code]
    process = subprocess.Popen(words)
    while not asked:
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert names_in(folder) == [f".{SMALL}.lock", f".{SMALL}.new.zip"]
    list(fetch(folder, address))
    assert names_in(folder) == [f"{RUNS}.zip", f"{SMALL}.zip"]


def test_data_in_a_folder_that_cannot_be_written_are_found(two, home, tmp_path):
    address, _, asked = home
    list(fetch(tmp_path / "data", address))
    asked.clear()
    (tmp_path / "data").chmod(0o500)
    assert [status.state for status in fetch(tmp_path / "data", address)] == ["there", "there"]
    (tmp_path / "data").chmod(0o700)
    assert asked == []


def test_what_came_before_a_failure_stays(two, home, tmp_path):
    address, public, _ = home
    (public / "one-shot-classification" / f"{RUNS}.zip").unlink()
    statuses = fetch(tmp_path / "data", address)
    assert next(statuses).part == SMALL
    with pytest.raises(TaskError, match=RUNS):
        next(statuses)
    assert names_in(tmp_path / "data") == [f"{SMALL}.zip"]


def test_an_address_that_is_none_is_refused(two, tmp_path):
    with pytest.raises(TaskError, match=f"{SMALL}: cannot be downloaded"):
        list(fetch(tmp_path / "data", "somewhere/"))


def test_a_file_in_place_of_the_folder_is_refused(two, home, tmp_path):
    (tmp_path / "data").write_bytes(b"")
    with pytest.raises(TaskError, match="data"):
        list(fetch(tmp_path / "data", home[0]))


def test_verification_says_what_is_missing_and_what_is_damaged(two, home, tmp_path):
    (tmp_path / f"{SMALL}.zip").write_bytes(two[SMALL].zip[:500])
    small, runs = verify(tmp_path)
    assert (small.state, small.path) == ("damaged", tmp_path / f"{SMALL}.zip")
    assert small.problem.startswith("damaged zip")
    assert (runs.state, runs.path, runs.problem) == ("missing", None, "")


def test_verification_decides_by_content(two, home, zip_of, tmp_path):
    members = dict(two[SMALL].members)
    first, second = list(members)[:2]
    members[first], members[second] = members[second], members[first]
    (tmp_path / f"{SMALL}.zip").write_bytes(zip_of(members))
    status = next(verify(tmp_path))
    assert status.state == "damaged"
    assert "not the official" in status.problem


@pytest.mark.slow
def test_all_official_parts_pass_verification(omniglot):
    assert [(status.part, status.state) for status in verify()] == [
        (name, "there") for name in PARTS
    ]


def test_the_official_file_is_fetched_from_a_mirror(omniglot, home, monkeypatch, tmp_path):
    address, public, _ = home
    for name in set(PARTS) - {SMALL}:
        monkeypatch.delitem(PARTS, name)
    official = Path(omniglot / f"{SMALL}.zip").read_bytes()
    (public / f"{SMALL}.zip").write_bytes(official)
    (status,) = fetch(tmp_path / "data", address)
    assert status.path.read_bytes() == official
