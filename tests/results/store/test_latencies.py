import json
import os

import pytest
from wayshot.results import ResultError, table
from wayshot.results.store import latencies
from wayshot.results.tables import result

RECORD = {
    "schema_version": 1,
    "protocol": {"name": "glyphs-within-5w1s"},
    "scorer": {"name": "net", "digest": "d" * 64},
    "ways": 5,
    "shots": 1,
    "mode": "ready",
    "p50_ms": 1.5,
    "low_ms": 1.25,
    "high_ms": 1.75,
    "valid": True,
    "threads": 2,
    "engine": "tensorflow 2.20.0",
    "environment": {"machine": "x86_64", "cpu": "one", "gpus": []},
    "created": "2026-01-01T00:00:00+00:00",
}


@pytest.fixture
def stored(tmp_path, store):
    """Stores a run of 5-way 1-shot, and latencies that differ from `RECORD` as said."""

    def latency(key="k", **fields):
        record = {**RECORD, **fields}
        scorer, protocol = record["scorer"], record["protocol"]["name"]
        path = latencies.place(tmp_path, protocol, scorer["name"], scorer["digest"], key)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(record))
        return path

    def run(name="net", digest="d" * 64, **fields):
        made = store(
            scorer={"name": name, "digest": digest},
            protocol={"fields": {"ways": 5, "shots": 1}},
            **fields,
        )
        folder = tmp_path / "lake-within-5w1s" / made.folder.name
        folder.parent.mkdir(exist_ok=True)
        made.folder.rename(folder)
        return type(made)(folder, made.record)

    return run, latency


def test_latency_is_found_whether_measured_before_or_after(stored):
    run, latency = stored
    first = run()
    assert result(first)["latency"] is None
    latency()
    found = result(first)["latency"]
    assert found["p50_ms"] == 1.5 and found["mode"] == "ready" and found["valid"]
    assert result(run())["latency"] == found


def test_latency_of_another_scorer_or_size_of_episodes_is_not_found(stored):
    run, latency = stored
    latency(scorer={"name": "net", "digest": "d" * 12 + "0" * 52})
    latency(protocol={"name": "glyphs-within-20w1s"}, ways=20)
    latency(protocol={"name": "glyphs-within-5w5s"}, shots=5)
    assert result(run())["latency"] is None


def test_of_several_latencies_that_of_the_protocol_counts_then_the_last(stored):
    run, latency = stored
    one = run()
    latency("old", p50_ms=1.0)
    latency("new", p50_ms=2.0, created="2026-01-02T00:00:00+00:00")
    assert result(one)["latency"]["p50_ms"] == 2
    latency("own", p50_ms=3.0, protocol={"name": "lake-within-5w1s"})
    assert result(one)["latency"]["p50_ms"] == 3


def test_what_a_records_own_field_says_comes_first(stored):
    run, latency = stored
    latency()
    assert result(run(latency={"p50_ms": 9.0}))["latency"] == {"p50_ms": 9.0}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("{", "cannot be read"),
        ("[]", "schema version None, expected 1"),
        (json.dumps({"schema_version": 1}), "missing or wrong"),
        (json.dumps({**RECORD, "p50_ms": -1}), "missing or wrong"),
        (json.dumps({**RECORD, "environment": {"gpus": ["x"], "more": [[]] * 9}})[:-1], "read"),
        (json.dumps({**RECORD, "engine": ["a"]}), "missing or wrong"),
        (json.dumps({**RECORD, "valid": "yes"}), "missing or wrong"),
        (json.dumps({**RECORD, "mode": "other"}), "missing or wrong"),
        *(
            (json.dumps({**RECORD, "created": one}), "missing or wrong")
            for one in (None, 5, [], {}, "", "yesterday", "2026-13-01T00:00:00+00:00")
        ),
        ("[" * 10**5, "cannot be read"),
        (json.dumps({**RECORD, "later": "x" * 2**22}), "too large"),
        (json.dumps({**RECORD, "schema_version": 2}), "schema version 2, expected 1"),
        (json.dumps({**RECORD, "p50_ms": "fast"}), "missing or wrong"),
        (json.dumps({k: v for k, v in RECORD.items() if k != "threads"}), "missing or wrong"),
    ],
)
def test_a_damaged_record_is_refused_in_one_line(stored, content, problem):
    run, latency = stored
    latency().write_text(content)
    with pytest.raises(ResultError, match=problem) as raised:
        result(run())
    assert "\n" not in str(raised.value)


def test_a_damaged_record_among_others_is_left_out_of_a_table_with_a_line(stored, caplog):
    run, latency = stored
    latency("bad").write_text("{")
    latency("good")
    made = table([run(), run("other", "e" * 64)], extras=("latency",))
    assert "1.5 ms" in made.render("text")
    (line,) = caplog.messages
    assert line.startswith("left out: ") and "bad.json" in line


@pytest.mark.parametrize("kind", ["pipe", "device", "loop", "nowhere", "folder"])
def test_a_record_that_is_no_file_is_refused_in_one_line(stored, kind):
    run, latency = stored
    path = latency()
    path.unlink()
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to({"device": "/dev/zero", "loop": path.name, "nowhere": "x"}[kind])
    with pytest.raises(ResultError, match="cannot be read") as raised:
        result(run())
    assert str(raised.value).startswith(f"{path}: ") and "\n" not in str(raised.value)


@pytest.mark.parametrize("left", [".new-0a1b2c3d-k.json", ".k.json"])
def test_a_file_that_a_killed_process_left_unfinished_is_no_record(stored, left):
    run, latency = stored
    path = latency()
    path.with_name(left).write_text("{")
    assert result(run())["latency"]["p50_ms"] == 1.5


@pytest.mark.parametrize("digest", ["**", "*" * 64, "[a-z", "../../*", "/etc/**", "..", "?", "\0"])
def test_a_digest_is_a_text_and_no_pattern(stored, digest):
    run, latency = stored
    latency()
    assert result(run(digest=digest))["latency"] is None


def test_the_table_says_what_latencies_are_of(stored):
    run, latency = stored
    latency()
    one = table([run()], extras=["latency"])
    assert "1.5 ms" in one.render("text")
    assert (
        "p50 latency of one query: 5-way 1-shot, support ready, 2 threads, tensorflow 2.20.0"
        in one.notes
    )
    assert not any("latenc" in note for note in table([run()]).notes)


def test_latencies_that_cannot_be_compared_are_told(stored):
    run, latency = stored
    latency()
    pairs = {"name": "pairs", "digest": "e" * 64}
    elsewhere = {**RECORD["environment"], "cpu": "another"}
    latency(scorer=pairs, mode="cold", threads=1, engine=None, environment=elsewhere, valid=False)
    one = table([run(), run(**pairs)], extras=["latency"])
    assert "1.5 ms (INVALID)" in one.render("text")
    assert "p50 latency of one query: 5-way 1-shot, support included, 1 thread (pairs)" in one.notes
    assert "The latencies were measured on different machines." in one.notes
