"""Records, trials and scores that someone made up."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from wayshot import results
from wayshot.results import ResultError, find, read
from wayshot.results.store.record import LARGEST, decode

WRONG = {
    "null": None,
    "text": "12",
    "negative": -1,
    "fraction": 1.5,
    "true": True,
    "list": [1],
    "object": {"a": 1},
    "huge": 10**400,
    "beyond": 2**64,
    "module": "os:abort",
}
"""What stands where something else is expected."""


def paths(value, before=()):
    """The places of all values in a record."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield (*before, name)
            yield from paths(inner, (*before, name))


@pytest.fixture(scope="module")
def sound(record, store, trials_of, tmp_path_factory):
    """A run with every field that a record may have."""
    whole = record()
    whole["stopping"] = {"halfwidth": 0.1, "look": 1, "looks": 3}
    whole["audit"] = {"verdict": "passed"}
    whole["latency"] = {"p50_ms": 1.5}
    whole["scorer"] |= {"flops": 10, "scale": "log-odds", "pooling": "mean"}
    return store(tmp_path_factory.mktemp("sound") / "run", whole, trials_of(1.0))


@pytest.fixture
def change(sound, tmp_path):
    """A copy of the run, with other values in its record, or another text in its place."""

    def change(text=None, **fields):
        folder = tmp_path / "changed"
        folder.mkdir(exist_ok=True)
        for name in ("trials.parquet", "scores.parquet"):
            (folder / name).write_bytes((sound / name).read_bytes())
        record = json.loads((sound / "record.json").read_text()) | fields
        (folder / "record.json").write_text(text or json.dumps(record))
        return folder

    return change


def refusal(action, *arguments) -> str:
    with pytest.raises(ResultError) as caught:
        action(*arguments)
    message = str(caught.value)
    assert message.isprintable(), message
    assert len(message) < 1000
    return message


def everything(folder: Path) -> None:
    """All that is made of a run."""
    runs = find([folder])
    made = results.table(runs, extras=("params", "flops", "latency"))
    for form in results.FORMATS:
        made.render(form)
    json.dumps(results.metrics(runs[0]), allow_nan=False)


def test_the_sound_run_is_read(sound):
    everything(sound)


PLACES = [
    *(("protocol", name) for name in ("name", "digest", "description", "fields")),
    *(("protocol", "fields", name) for name in ("structure", "ways", "reuse")),
    *(("scorer", name) for name in ("name", "digest", "parameters", "flops", "scale", "training")),
    *(("scorer", name) for name in ("leaked_characters", "level", "pooling")),
    *(("scorer", "training", name) for name in ("recipe", "seed")),
    *(("stopping", name) for name in ("looks", "look", "halfwidth")),
    *(("environment", name) for name in ("machine", "platform", "cpus")),
    ("dataset", "name"),
    ("audit", "verdict"),
    ("latency", "p50_ms"),
    ("timings", "total_seconds"),
    *((name,) for name in ("protocol", "dataset", "scorer", "seed", "episodes", "n", "timings")),
    *((name,) for name in ("episodes_digest", "trials_digest", "scores_digest", "environment")),
    *((name,) for name in ("stopping", "audit", "latency")),
]


def test_every_field_that_a_figure_comes_from_is_tried(sound):
    there = set(paths(json.loads((sound / "record.json").read_text())))
    assert set(PLACES) <= there


@pytest.mark.parametrize("place", PLACES, ids=".".join)
def test_a_value_of_another_kind_is_refused_or_does_no_harm(change, place):
    record = json.loads((change() / "record.json").read_text())
    *above, last = place
    for value in WRONG.values():
        changed = json.loads(json.dumps(record))
        part = changed
        for name in above:
            part = part[name]
        part[last] = value
        folder = change(text=json.dumps(changed))
        try:
            everything(folder)
        except ResultError as error:
            assert str(error).isprintable()


@pytest.mark.parametrize(
    "text",
    [
        '{"schema_version": 1, "timings": {"a": 1e999}}',
        '{"schema_version": 1, "timings": {"a": NaN}}',
        '{"schema_version": 1, "n": ' + "9" * 5000 + "}",
        '{"schema_version": 1, "x": ' + "[" * 200 + "]" * 200 + "}",
        '{"a":' * 100_000,
        '{"schema_version": true}',
        '{"schema_version": 1.0}',
        '{"schema_version": "' + "\\n\\u001b" * 1000 + '"}',
        '{"schema_version": 1, "protocol": {"\\u001b[2J": 1}}',
        '{"schema_version": 1' + " " * LARGEST + "}",
        '{"schema_version": 1, "x": "\\uD800"}',
        '{"schema_version": 1, "\\udc00": 1}',
        "\ufeff{}",
    ],
    ids=lambda text: text[:40].encode("unicode_escape").decode(),
)
def test_a_text_that_is_no_record_is_refused_in_one_line(change, text):
    refusal(read, change(text=text))


def test_values_that_lie_deep_in_others_are_refused_wherever_they_are(change):
    deep = json.loads("[" * 17 + "]" * 17)
    for fields in ({"later": deep}, {"environment": {"packages": {"x": deep}}}):
        assert "deeper than 16" in refusal(read, change(**fields))
    assert read(change(later=json.loads("[" * 15 + "]" * 15)))


def test_a_record_without_end_is_not_read_to_its_end(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "record.json").symlink_to("/dev/zero")
    refusal(find, [tmp_path])


@pytest.mark.parametrize("kind", ["pipe", "loop", "folder", "nowhere"])
@pytest.mark.parametrize("name", ["record.json", "trials.parquet", "scores.parquet"])
def test_what_is_no_file_is_refused(change, kind, name):
    path = change() / name
    path.unlink()
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(name if kind == "loop" else "nowhere")
    refusal(everything, path.parent)


def test_trials_elsewhere_are_not_read(change, sound):
    folder = change()
    (folder / "trials.parquet").unlink()
    (folder / "trials.parquet").symlink_to(sound / "trials.parquet")
    assert "a link" in refusal(everything, folder)


@pytest.fixture
def forge(change):
    """Writes other trials or scores, with the digest that belongs to them."""

    def forge(table: pa.Table, name="trials", **fields) -> Path:
        folder = change()
        path = folder / f"{name}.parquet"
        pq.write_table(table, path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        return change_record(folder, **{f"{name}_digest": digest, **fields})

    def change_record(folder: Path, **fields) -> Path:
        record = json.loads((folder / "record.json").read_text()) | fields
        (folder / "record.json").write_text(json.dumps(record))
        return folder

    return forge


@pytest.fixture
def trials(sound) -> pa.Table:
    return pq.read_table(sound / "trials.parquet")


def replaced(table: pa.Table, name: str, values) -> pa.Table:
    place, field = table.column_names.index(name), table.schema.field(name)
    return table.set_column(place, field.with_nullable(True), pa.array(values, field.type))


@pytest.mark.parametrize("name", ["credit", "margin", "rank"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e9, -1e9, None])
def test_figures_that_no_trial_has_are_refused(forge, trials, name, value):
    if name == "margin" and value in (1e9, -1e9):
        pytest.skip("a margin may be as large")
    values = trials[name].to_pylist()
    values[5] = value
    assert name in refusal(everything, forge(replaced(trials, name, values)))


@pytest.mark.parametrize("name", ["episode", "query", "target", "alphabet", "character", "drawer"])
@pytest.mark.parametrize("value", [None, -1])
def test_places_that_no_trial_has_are_refused(forge, trials, name, value):
    values = trials[name].to_pylist()
    values[5] = None if isinstance(values[5], str) else value
    refusal(everything, forge(replaced(trials, name, values)))


def test_more_or_fewer_trials_than_the_record_says_are_refused(forge, trials):
    for table in (trials.slice(1), pa.concat_tables([trials, trials]), trials.slice(0, 0)):
        assert "the record says 120" in refusal(everything, forge(table))


def test_no_trials_at_all_are_refused(forge, trials):
    refusal(everything, forge(trials.slice(0, 0), n=0))


def test_a_small_file_of_endlessly_many_trials_is_refused(forge, trials):
    constant = pa.concat_tables([trials.slice(0, 1)] * (1 << 11)).combine_chunks()
    table = pa.concat_tables([constant] * (1 << 10)).combine_chunks()
    message = refusal(everything, forge(table, n=len(table)))
    assert "2,097,152 trials are impossible in such a small file" in message


@pytest.mark.parametrize("change_scores", ["fewer", "nan", "inf", "text", "bits"])
def test_scores_that_no_scorer_gave_are_refused(forge, sound, change_scores):
    column = pq.read_table(sound / "scores.parquet")["scores"].combine_chunks()
    flat = column.flatten().to_numpy().copy()
    ways = column.type.list_size
    if change_scores == "fewer":
        flat = flat[:-ways]
    elif change_scores in ("nan", "inf"):
        flat[7] = float(change_scores)
    elif change_scores == "text":
        flat = flat.astype(str)
    elif change_scores == "bits":
        flat = flat > 0
    forged = pa.FixedSizeListArray.from_arrays(pa.array(flat), ways)
    refusal(everything, forge(pa.table({"scores": forged}), "scores"))


def test_a_record_is_read_whatever_else_it_holds(sound):
    record = json.loads((sound / "record.json").read_text())
    more = {**record, "later": {"x": [1, 2]}, "scorer": {**record["scorer"], "later": "y"}}
    assert decode(json.dumps(more).encode()) == more
