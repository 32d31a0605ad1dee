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
from wayshot.results.store import pages
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

    def forge(table: pa.Table, name="trials", compression="snappy", **fields) -> Path:
        folder = change()
        path = folder / f"{name}.parquet"
        pq.write_table(table, path, compression=compression)
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


def shown(number: int) -> bytes:
    """A whole number as Thrift's compact protocol writes it."""
    left, parts = number << 1, []
    while left > 127:
        parts.append(left & 127 | 128)
        left >>= 7
    return bytes([*parts, left])


def understated(path: Path, number: int) -> None:
    """Says 1 in the footer of a Parquet file wherever it says a number."""
    content, old = path.read_bytes(), shown(number)
    start = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    assert old in content[start:]
    new = b"\x82" + b"\x80" * (len(old) - 2) + b"\0"
    path.write_bytes(content[:start] + content[start:].replace(old, new))


@pytest.mark.parametrize("honest", [True, False], ids=["honest", "understated"])
@pytest.mark.parametrize("column", ["alphabet", "character", "drawer"])
def test_a_name_as_long_as_a_library_is_refused_before_it_is_unpacked(
    forge, trials, column, honest
):
    codes, kind = pa.array([0] * len(trials), pa.int32()), trials.schema.field(column)
    long = pa.DictionaryArray.from_arrays(codes, pa.array(["x" * 10**8]))
    table = trials.set_column(trials.column_names.index(column), kind, long)
    folder = forge(table, compression="zstd")
    path = folder / "trials.parquet"
    assert path.stat().st_size < 10**5
    if not honest:
        groups = pq.ParquetFile(path).metadata.row_group(0)
        place = trials.column_names.index(column)
        understated(path, groups.column(place).total_uncompressed_size)
        record = json.loads((folder / "record.json").read_text())
        record["trials_digest"] = hashlib.sha256(path.read_bytes()).hexdigest()
        (folder / "record.json").write_text(json.dumps(record))
    before = pa.default_memory_pool().max_memory()
    assert "unpacks to 100,0" in refusal(everything, folder)
    assert pa.default_memory_pool().max_memory() == before


@pytest.mark.parametrize("column", ["alphabet", "drawer"])
def test_names_longer_than_any_folder_has_are_refused(forge, trials, column):
    names = trials[column].to_pylist()
    names[7] = "x" * 5000
    assert column in refusal(everything, forge(replaced(trials, column, names)))


def test_pages_whose_bytes_stand_for_more_bytes_are_refused(forge, trials, tmp_path):
    folder = forge(trials)
    path = folder / "trials.parquet"
    plain = trials.set_column(0, "alphabet", pa.array(["x" * 1000 + str(i) for i in range(120)]))
    pq.write_table(
        plain,
        path,
        use_dictionary=False,
        column_encoding={"alphabet": "DELTA_BYTE_ARRAY"},
    )
    file = pq.ParquetFile(path)
    with pytest.raises(ValueError, match="a way that wayshot does not use"):
        pages.check(path, file, ["alphabet"])


def test_a_footer_that_says_fewer_values_than_rows_is_refused(tmp_path):
    path = tmp_path / "x.parquet"
    lists = pa.FixedSizeListArray.from_arrays(pa.array(np.arange(3 * 77_777)), 3)
    pq.write_table(pa.table({"scores": lists}), path)
    pages.check(path, pq.ParquetFile(path), ["scores"], 3)
    understated(path, 3 * 77_777)
    with pytest.raises(ValueError, match="contradicts itself"):
        pages.check(path, pq.ParquetFile(path), ["scores"], 3)


@pytest.mark.parametrize("part", range(1, 40, 3))
def test_headers_of_pages_that_are_cut_or_changed_are_refused(trials, tmp_path, part):
    path = tmp_path / "x.parquet"
    pq.write_table(trials, path)
    content = bytearray(path.read_bytes())
    place = pq.ParquetFile(path).metadata.row_group(0).column(0).data_page_offset
    generator = np.random.default_rng(part)
    content[place : place + part] = generator.bytes(part)
    path.write_bytes(content)
    try:
        pages.check(path, pq.ParquetFile(path), trials.column_names)
    except ValueError as error:
        assert str(error)


@pytest.mark.parametrize("ways", [2**15 + 1, 10**6])
def test_scores_of_more_ways_than_there_can_be_are_refused(forge, trials, ways):
    flat = pa.array(np.zeros(len(trials) * ways, np.int8))
    forged = pa.table({"scores": pa.FixedSizeListArray.from_arrays(flat, ways)})
    assert "of 1 to 32,768 ways" in refusal(everything, forge(forged, "scores"))


def test_scores_of_more_trials_than_there_are_are_refused_before_they_are_unpacked(forge):
    flat = pa.array(np.zeros(2 * 10**7, np.float64))
    forged = pa.table({"scores": pa.FixedSizeListArray.from_arrays(flat, 5)})
    folder = forge(forged, "scores")
    before = pa.default_memory_pool().max_memory()
    assert "expected 120 trials" in refusal(everything, folder)
    assert pa.default_memory_pool().max_memory() == before


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
