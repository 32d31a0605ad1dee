import contextlib
import copy
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import hypothesis
import numpy as np
import pandas as pd
import pytest
from hypothesis import strategies as st
from wayshot import results
from wayshot.results import ResultError, annotate, find, key, place, read, write
from wayshot.results.statistics.influences import COLUMNS
from wayshot.results.store.record import SCHEMA_VERSION

RECORD = {
    "protocol": {"name": "lake-within-5w1s", "digest": "p" * 64, "description": "5-way 1-shot"},
    "dataset": {"name": "omniglot", "digest": "d" * 64, "images": 32460},
    "scorer": {"name": "pixel-cosine", "digest": "s" * 64, "leaked_characters": 0},
    "seed": 1,
    "episodes": 30,
    "episodes_digest": "e" * 64,
    "environment": {"python": "3.12", "machine": "Zürich ±"},
    "timings": {"total_seconds": 1.5},
}
REQUIRED = (*RECORD, "n", "trials_digest")

HOSTILE = (
    *("a/b", "../../x", "..", ".", "", "/etc/passwd", "~", "C:\\x", ".hidden", "a b", "-rf"),
    *("日本語", "é" * 300, "x" * 300, "nul\0", "new\nline", "\x1b[2J", "...x", "x...", "a/../../b"),
)


def chunk(n=6, start=0, credit=1.0):
    names = [f"alphabet{number % 6}" for number in range(n)]
    zeros = np.zeros(n)
    return {
        "episode": np.arange(start, start + n),
        "query": zeros.astype(np.int32),
        "target": zeros.astype(np.int16),
        "predicted": zeros.astype(np.int16),
        "credit": np.full(n, credit),
        "margin": zeros.astype(np.float32),
        "rank": np.ones(n, np.float32),
        "alphabet": pd.Categorical(names),
        "character": pd.Categorical(names),
        "drawer": pd.Categorical(names),
    }


def contents(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def contents_of_one(folder):
    return [folder.name, f"{folder.name}/record.json", f"{folder.name}/trials.parquet"]


@pytest.fixture
def folder(tmp_path):
    """Where a run belongs; nothing is there yet."""
    return tmp_path / "runs" / "protocol" / "scorer-0123456789ab"


@pytest.fixture
def run(folder):
    return write(folder, RECORD, [chunk(), chunk(start=6)])


@pytest.fixture
def change(run):
    """Changes the stored record."""

    def change(**fields):
        path = run.folder / "record.json"
        record = json.loads(path.read_text(encoding="utf-8"))
        record.update(fields)
        path.write_text(json.dumps(record), encoding="utf-8")
        return run.folder

    return change


def refusal(folder):
    with pytest.raises(ResultError) as caught:
        read(folder)
    message = str(caught.value)
    assert message.startswith(f"{folder / 'record.json'}: ")
    assert "\n" not in message
    return message


def test_what_is_written_is_read_again(run, folder):
    again = read(folder)
    assert again == run
    assert again.record == {
        "schema_version": SCHEMA_VERSION,
        **RECORD,
        "n": 12,
        "trials_digest": run.record["trials_digest"],
    }
    assert (again.protocol, again.scorer) == ("lake-within-5w1s", "pixel-cosine")
    assert again.trials["episode"].tolist() == list(range(12))
    outcome = results.read(again.folder).outcome()
    assert set(outcome) == {"query", "character", "drawer", *COLUMNS}
    pd.testing.assert_frame_equal(outcome, again.trials[list(outcome)])
    pd.testing.assert_frame_equal(outcome, again.outcome()[list(outcome)])


def test_scores_are_stored_beside_the_trials(tmp_path):
    scores = np.arange(36, dtype=np.float32).reshape(12, 3)
    scores[3, 2] = -np.inf
    parts = [{**chunk(5), "scores": scores[:5]}, {**chunk(7), "scores": scores[5:]}]
    run = write(tmp_path / "scored", RECORD, parts)
    assert contents(run.folder) == ["record.json", "scores.parquet", "trials.parquet"]
    again = read(run.folder)
    assert again.scores.dtype == np.float32
    np.testing.assert_array_equal(again.scores, scores)
    plain = write(tmp_path / "plain", RECORD, [chunk(5), chunk(7)])
    assert plain.scores is None
    assert plain.record["trials_digest"] == run.record["trials_digest"]
    (run.folder / "scores.parquet").write_bytes(b"other")
    with pytest.raises(ResultError, match="not the scores of the record"):
        read(run.folder).verify()


def test_a_record_can_be_given_more_fields(run, folder):
    more = annotate(run, stopping={"looks": 3})
    assert read(folder) == more
    assert more.record == {**run.record, "stopping": {"looks": 3}}
    assert contents(folder) == ["record.json", "trials.parquet"]


def test_a_record_can_be_given_fields_by_several_at_once(run, folder):
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda look: annotate(run, stopping={"look": look}), range(40)))
    assert read(folder).record["stopping"]["look"] in range(40)
    assert contents(folder) == ["record.json", "trials.parquet"]


def test_a_run_is_two_files_and_leaves_nothing_else(run, folder):
    assert contents(folder) == ["record.json", "trials.parquet"]
    assert contents(folder.parent.parent) == [
        "protocol",
        "protocol/scorer-0123456789ab",
        "protocol/scorer-0123456789ab/record.json",
        "protocol/scorer-0123456789ab/trials.parquet",
    ]


def test_the_callers_record_stays_as_it_was(folder):
    record = copy.deepcopy(RECORD)
    write(folder, record, [chunk()])
    assert record == RECORD


def test_writing_again_replaces_the_older_run(run, folder):
    write(folder, {**RECORD, "seed": 2}, [chunk(3)])
    again = read(folder)
    assert (again.record["seed"], again.record["n"], len(again.trials)) == (2, 3, 3)
    assert contents(folder.parent) == contents_of_one(folder)


def interrupted(error):
    yield chunk()
    raise error


INTERRUPTIONS = [RuntimeError("half-way"), KeyboardInterrupt(), MemoryError()]


@pytest.mark.parametrize("error", INTERRUPTIONS, ids=lambda error: type(error).__name__)
def test_a_run_cut_off_half_way_leaves_nothing(folder, error):
    with pytest.raises(type(error)):
        write(folder, RECORD, interrupted(error))
    assert contents(folder.parent) == []


@pytest.mark.parametrize("error", INTERRUPTIONS, ids=lambda error: type(error).__name__)
def test_a_run_cut_off_half_way_leaves_the_older_one(run, folder, error):
    with pytest.raises(type(error)):
        write(folder, {**RECORD, "seed": 2}, interrupted(error))
    assert contents(folder.parent) == contents_of_one(folder)
    assert read(folder) == run
    assert len(read(folder).trials) == 12


def test_a_run_that_cannot_be_moved_into_place_leaves_the_older_one(run, folder, monkeypatch):
    def refuse(*_):
        raise OSError("disk full")

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(OSError, match="disk full"):
        write(folder, {**RECORD, "seed": 2}, [chunk(3)])
    monkeypatch.undo()
    assert contents(folder.parent) == contents_of_one(folder)
    assert read(folder) == run


class Killed(BaseException):
    """As a SIGKILL, nothing of this project catches it."""


@pytest.mark.parametrize("step", [0, 1, 2])
@pytest.mark.parametrize("after", [False, True])
def test_killed_while_scores_are_added_the_run_and_what_the_user_has_there_stay(
    run, folder, monkeypatch, step, after
):
    (folder / "notes.txt").write_text("mine")
    steps, rename = iter(range(9)), Path.rename

    def killing(path, target):
        now = next(steps) == step
        if now and not after:
            raise Killed
        rename(path, target)
        if now:
            raise Killed

    scores = {"scores": np.zeros((6, 5), np.float32)}
    with_scores = [chunk() | scores, chunk(start=6) | scores]
    before = run.trials
    monkeypatch.setattr(Path, "rename", killing)
    with pytest.raises(Killed):
        write(folder, RECORD, with_scores)
    monkeypatch.undo()
    read(folder).verify()
    pd.testing.assert_frame_equal(read(folder).trials, before)
    write(folder, RECORD, with_scores)
    assert read(folder).scores is not None
    assert (folder / "notes.txt").read_text() == "mine"


def test_scores_that_a_new_run_lacks_do_not_stay(run, folder):
    write(folder, RECORD, [chunk() | {"scores": np.zeros((6, 5), np.float32)}])
    write(folder, RECORD, [chunk()])
    assert contents(folder.parent) == contents_of_one(folder)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("where", ["timings", "scorer", "environment"])
def test_nan_and_infinity_are_never_written(run, folder, bad, where):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write(folder, {**RECORD, where: {"deep": [bad]}}, [chunk(3)])
    assert contents(folder.parent) == contents_of_one(folder)
    assert read(folder) == run


def test_a_record_that_json_cannot_hold_leaves_nothing(folder):
    with pytest.raises(TypeError):
        write(folder, {**RECORD, "timings": {"stages": {1, 2}}}, [chunk()])
    assert contents(folder.parent) == []


def test_others_may_read_a_stored_run(run):
    assert run.folder.stat().st_mode & 0o777 == 0o755


def test_a_missing_run_is_refused_in_one_line(folder):
    assert "cannot be read" in refusal(folder)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b'{"schema_version": 1,', b"\xff\xfe\x00", b"[" * 100_000, b"\x00" * 20],
    ids=["empty", "brace", "cut", "binary", "deep", "zeros"],
)
def test_a_damaged_record_is_refused_in_one_line(run, content):
    (run.folder / "record.json").write_bytes(content)
    assert "remove the folder" in refusal(run.folder)


@pytest.mark.parametrize("content", ["[]", "null", "1", '"x"', "{}", "[1, {}]", "true"])
def test_a_record_that_is_none_is_refused(run, content):
    (run.folder / "record.json").write_text(content)
    assert "schema version None, expected 1" in refusal(run.folder)


@pytest.mark.parametrize("version", [0, 3, "1", None, [1], 1.5])
def test_another_schema_version_is_refused_by_its_name(change, version):
    assert f"schema version {version!r}, expected 1" in refusal(change(schema_version=version))


@pytest.mark.parametrize("name", REQUIRED)
def test_a_record_that_misses_a_field_is_refused_by_its_name(run, name):
    path = run.folder / "record.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    del record[name]
    path.write_text(json.dumps(record))
    assert name in refusal(run.folder)


@pytest.mark.parametrize("name", REQUIRED)
@pytest.mark.parametrize("value", [None, [], 0.5])
def test_a_record_with_a_field_of_another_kind_is_refused_by_its_name(change, name, value):
    assert name in refusal(change(**{name: value}))


@pytest.mark.parametrize("name", ["audit", "latency", "stopping", "scores_digest"])
def test_a_field_that_need_not_be_there_is_refused_where_it_is_of_another_kind(change, name):
    assert name in refusal(change(**{name: [1]}))


@pytest.mark.parametrize("part", ["protocol", "scorer"])
@pytest.mark.parametrize("name", ["name", "digest"])
@pytest.mark.parametrize("value", [None, 1, ["x"], {}])
def test_a_protocol_or_scorer_without_name_or_digest_is_refused(change, part, name, value):
    assert f"{part}.{name}" in refusal(change(**{part: {**RECORD[part], name: value}}))


def test_a_record_with_nan_is_refused(change):
    refusal(change(timings={"total_seconds": float("nan")}))


def test_a_run_without_its_trials_is_refused_when_they_are_asked_for(run):
    (run.folder / "trials.parquet").unlink()
    with pytest.raises(ResultError, match="run it again"):
        read(run.folder).outcome()


def test_trials_of_another_run_are_refused(run, folder):
    other = write(folder.with_name("other"), RECORD, [chunk(12, credit=0.0)])
    (other.folder / "trials.parquet").replace(folder / "trials.parquet")
    with pytest.raises(ResultError):
        read(folder).outcome()


def test_trials_with_a_flipped_bit_are_refused_or_read_as_they_were(run, folder):
    path, generator = folder / "trials.parquet", np.random.default_rng(0)
    stored, trials = path.read_bytes(), run.trials
    silent = 0
    for _ in range(200):
        damaged = bytearray(stored)
        damaged[generator.integers(len(stored))] ^= 1 << generator.integers(8)
        path.write_bytes(damaged)
        # What else a damaged file raises is a matter of test_trials.py.
        with contextlib.suppress(ResultError, IndexError, UnicodeDecodeError):
            silent += not read(folder).trials.equals(trials)
    assert silent == 0


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_leaves_the_root(tmp_path, name):
    root = tmp_path / "runs"
    folder = place(root, name, name, "0123456789abcdef")
    protocol, scorer = folder.relative_to(root).parts
    assert {protocol, scorer}.isdisjoint({".", ".."})
    assert folder.resolve().is_relative_to(root.resolve())
    assert folder.name.endswith("-0123456789ab")
    assert str(folder.relative_to(root)).isascii()
    assert max(len(protocol), len(scorer)) <= 80


@pytest.mark.parametrize("name", HOSTILE)
def test_runs_of_any_name_can_be_stored_and_found(tmp_path, name):
    record = copy.deepcopy(RECORD)
    record["protocol"]["name"] = record["scorer"]["name"] = name
    folder = place(tmp_path, name, name, "0" * 64)
    write(folder, record, [chunk()])
    (run,) = find([tmp_path])
    assert (run.protocol, run.scorer, run.folder) == (name, name, folder)


@hypothesis.settings(max_examples=200, deadline=None, database=None, derandomize=True)
@hypothesis.given(st.text("ab./\\ _-\0\né~", max_size=90), st.text("ab./\\ _-\0\né~", max_size=90))
def test_random_names_do_not_leave_the_root(protocol, scorer):
    root = Path("/nowhere/runs")
    folder = place(root, protocol, scorer, "0" * 64)
    assert folder.parent.parent == root
    assert not {".", ".."} & set(folder.parts)


@pytest.mark.parametrize("name", ["aaaaa." + "b" * 59, "a" * 9 + "/." + "b" * 59])
def test_a_long_name_cut_at_a_dot_is_not_hidden(tmp_path, name):
    folder = place(tmp_path, name, name, "0" * 64)
    assert not any(part.startswith(".") for part in folder.relative_to(tmp_path).parts)
    write(folder, RECORD, [chunk()])
    assert [run.folder for run in find([tmp_path])] == [folder]


ARGUMENTS = {"protocol": "a1", "dataset": "b2", "seed": 1, "episodes": 411, "scorer": "c3"}


@pytest.mark.parametrize(
    "other",
    [
        *({"protocol": "a2"}, {"dataset": "b3"}, {"seed": 2}, {"episodes": 412}, {"scorer": "c4"}),
        *(
            {"protocol": "b2", "dataset": "a1"},
            {"seed": 14, "episodes": 11},
            {"seed": 411, "episodes": 1},
        ),
    ],
    ids=lambda other: "-".join(other),
)
def test_a_key_depends_on_each_argument(other):
    assert key(**ARGUMENTS) != key(**{**ARGUMENTS, **other})


def test_the_same_arguments_give_the_same_key():
    assert key(**ARGUMENTS) == key(**ARGUMENTS)
    assert len(key(**ARGUMENTS)) == 64


def test_runs_with_other_keys_lie_in_other_folders(tmp_path):
    assert place(tmp_path, "p", "s", key(**ARGUMENTS)) != place(
        tmp_path, "p", "s", key(**{**ARGUMENTS, "seed": 2})
    )


def test_runs_are_found_at_any_depth_in_the_order_of_their_paths(tmp_path):
    folders = [tmp_path / name for name in ("b/deep/er", "a", "c")]
    for folder in folders:
        write(folder, RECORD, [chunk()])
    assert [run.folder for run in find([tmp_path])] == sorted(folders)
    assert [run.folder for run in find([folders[2], str(folders[1])])] == [folders[2], folders[1]]


def test_folders_that_begin_with_a_dot_are_skipped(run, tmp_path):
    write(tmp_path / "runs" / ".new-abc", RECORD, [chunk()])
    write(tmp_path / "runs" / ".work" / "scorer", RECORD, [chunk()])
    (tmp_path / "runs" / ".new-damaged").mkdir()
    (tmp_path / "runs" / ".new-damaged" / "record.json").write_text("{")
    assert [found.folder for found in find([tmp_path / "runs"])] == [run.folder]


def test_runs_below_a_hidden_folder_are_found_where_it_is_asked_for(tmp_path):
    write(tmp_path / ".mine" / "run", RECORD, [chunk()])
    assert len(find([tmp_path / ".mine"])) == 1


def failure(folders):
    with pytest.raises(ResultError) as caught:
        find(folders)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_missing_folder_is_refused_by_its_name(run, tmp_path):
    assert str(tmp_path / "none") in failure([run.folder, tmp_path / "none"])


def test_folders_without_runs_are_refused_by_their_names(tmp_path):
    (tmp_path / "empty").mkdir()
    message = failure([tmp_path / "empty"])
    assert str(tmp_path / "empty") in message
    assert "wayshot run" in message


def test_folders_that_come_from_an_iterator_are_named_too(tmp_path):
    assert str(tmp_path) in failure(iter([tmp_path]))


def test_a_damaged_run_among_others_is_told_by_its_name_and_left_out(run, tmp_path, caplog):
    other = write(tmp_path / "runs" / "other", RECORD, [chunk()])
    (other.folder / "record.json").write_text("{")
    assert [one.folder for one in find([tmp_path])] == [run.folder]
    assert str(other.folder) in caplog.text
    assert str(other.folder) in failure([other.folder])


HEAVY = """
heavy = {"tensorflow", "keras", "torch", "jax"} & {name.partition(".")[0] for name in sys.modules}
ours = {name for name in sys.modules
        if name.startswith(("wayshot.tasks", "wayshot.models", "wayshot.bench"))}
sys.exit(f"imported: {sorted(heavy | ours)}" if heavy or ours else 0)
"""


def python(snippet, *arguments):
    return subprocess.run(
        [sys.executable, "-c", "import sys, types\n" + snippet + HEAVY, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_reading_imports_neither_tensorflow_nor_keras_nor_other_packages_of_the_project(run):
    done = python(
        "from wayshot import results\n"
        "table = results.table(results.find(sys.argv[1:]))\n"
        "for form in results.FORMATS: print(table.render(form))\n",
        str(run.folder),
    )
    assert done.returncode == 0, done.stderr
    assert "pixel-cosine" in done.stdout


@pytest.mark.parametrize("name", ["keras", "tensorflow", "keras.ops", "wayshot.models"])
def test_the_check_of_imports_can_fail(name):
    done = python(f"sys.modules[{name!r}] = types.ModuleType({name!r})\n")
    assert done.returncode == 1
    assert name.partition(".")[0] in done.stderr


def test_what_the_user_has_put_into_the_folder_of_a_run_stays(run):
    (run.folder / "notes.txt").write_text("mine")
    (run.folder / "figures").mkdir()
    (run.folder / "figures" / "one.svg").write_text("mine too")
    (run.folder / "link").symlink_to("nowhere")
    again = write(run.folder, RECORD, [chunk()])
    again.verify()
    assert (run.folder / "notes.txt").read_text() == "mine"
    assert (run.folder / "figures" / "one.svg").read_text() == "mine too"
    assert (run.folder / "link").is_symlink()
    assert not list(run.folder.parent.glob(".new-*"))
