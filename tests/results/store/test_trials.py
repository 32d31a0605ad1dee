import hypothesis
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import strategies as st
from scipy import stats
from wayshot import results
from wayshot.results import ResultError, judge
from wayshot.results.store import trials

COLUMNS = {
    "episode": "int64",
    "query": "int32",
    "target": "int16",
    "predicted": "int16",
    "credit": "float64",
    "margin": "float32",
    "rank": "float32",
    "alphabet": "category",
    "character": "category",
    "drawer": "category",
}

fast = hypothesis.settings(max_examples=60, deadline=None, database=None, derandomize=True)


def judge_one_by_one(scores, target):
    """The definitions of `trials.SCHEMA`, a query at a time in plain Python."""
    rows = []
    for row, truth in zip(scores.reshape(-1, scores.shape[-1]), target.ravel(), strict=True):
        row = [float(score) for score in row]
        best = max(row)
        tied = [way for way, score in enumerate(row) if score == best]
        others = [score for way, score in enumerate(row) if way != truth]
        rank = stats.rankdata([-score for score in row], method="average")[truth]
        credit = 1 / len(tied) if truth in tied else 0.0
        rows.append((int(truth), tied[0], credit, row[truth] - max(others), rank))
    names = ("target", "predicted", "credit", "margin", "rank")
    return {
        name: np.array(column).reshape(target.shape)
        for name, column in zip(names, zip(*rows, strict=True), strict=True)
    }


@st.composite
def questions(draw):
    """Integer-valued scores with many ties, some classes missing, and targets among the rest."""
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    shape = draw(st.sampled_from([(7,), (3, 4), (2, 3, 2)]))
    ways = draw(st.integers(2, 8))
    scores = generator.integers(-2, draw(st.integers(0, 3)), (*shape, ways), endpoint=True)
    scores = scores.astype(draw(st.sampled_from([np.float32, np.float64])))
    if draw(st.booleans()) and ways > 2:
        missing = generator.random(scores.shape) < 0.4
        missing[..., :2] = False
        scores[generator.permuted(missing, axis=-1)] = -np.inf
    target = np.apply_along_axis(
        lambda row: generator.choice(np.flatnonzero(np.isfinite(row))), -1, scores
    )
    return scores, target.astype(draw(st.sampled_from([np.int16, np.int64])))


def some_trials(n=12, start=0, seed=0):
    generator = np.random.default_rng(seed + start)
    return {
        "episode": np.arange(start, start + n),
        "query": generator.integers(0, 5, n).astype(np.int32),
        "target": generator.integers(0, 20, n).astype(np.int16),
        "predicted": generator.integers(0, 20, n).astype(np.int16),
        "credit": 1 / generator.integers(1, 4, n),
        "margin": generator.normal(size=n).astype(np.float32),
        "rank": (generator.integers(2, 40, n) / 2).astype(np.float32),
        "alphabet": pd.Categorical.from_codes(generator.integers(0, 2, n), ["Ge_ez", "Tengwar"]),
        "character": pd.Categorical.from_codes(
            generator.integers(0, 3, n), ["character01", "character03@90", "日本 |,\n"]
        ),
        "drawer": pd.Categorical.from_codes(generator.integers(0, 2, n), ["01", "20"]),
    }


@fast
@hypothesis.given(questions())
def test_judging_a_block_equals_judging_query_by_query(question):
    scores, target = question
    judged, expected = judge(scores, target), judge_one_by_one(scores, target)
    assert list(judged) == list(expected)
    for name, column in judged.items():
        assert column.shape == target.shape
        assert column.dtype == COLUMNS[name]
        np.testing.assert_array_equal(column, expected[name].astype(column.dtype), err_msg=name)


@fast
@hypothesis.given(questions(), st.integers(0, 2**32))
def test_outcomes_do_not_depend_on_where_the_true_class_sits(question, seed):
    scores, target = question
    order = np.random.default_rng(seed).permutation(scores.shape[-1])
    moved = judge(scores[..., order], np.argsort(order)[target])
    for name in ("credit", "margin", "rank"):
        np.testing.assert_array_equal(moved[name], judge(scores, target)[name])


@pytest.mark.parametrize("ways", [2, 5, 20])
@pytest.mark.parametrize("score", [0.0, -3.5, 1e6])
def test_a_constant_scorer_gets_exactly_one_out_of_ways_on_each_query(ways, score):
    target = np.arange(ways).reshape(1, ways)
    judged = judge(np.full((1, ways, ways), score), target)
    assert (judged["credit"] == 1 / ways).all()
    assert (judged["margin"] == 0).all()
    assert (judged["rank"] == (ways + 1) / 2).all()
    assert (judged["predicted"] == 0).all()


def test_classes_that_an_episode_does_not_have_share_no_credit():
    scores = np.array([[1.0, 1.0, -np.inf, -np.inf, -np.inf]])
    judged = judge(scores, np.array([1]))
    assert judged["credit"] == 0.5
    assert judged["rank"] == 1.5


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("way", [0, 1])
def test_scores_that_are_nan_or_infinite_are_refused(bad, way):
    scores = np.zeros((2, 3))
    scores[1, way] = bad
    with pytest.raises(ResultError, match="expected finite") as caught:
        judge(scores, np.array([0, 0]))
    assert "\n" not in str(caught.value)


def test_minus_infinity_for_the_true_class_is_refused():
    with pytest.raises(ResultError, match="true class"):
        judge(np.array([[-np.inf, 0.0]]), np.array([0]))


def test_judging_leaves_scores_and_targets_as_they_were():
    scores, target = np.array([[1.0, 3.0, -np.inf], [2.0, 2.0, 0.0]]), np.array([0, 1])
    before = scores.copy(), target.copy()
    judge(scores, target)
    np.testing.assert_array_equal(scores, before[0])
    np.testing.assert_array_equal(target, before[1])


def test_arrays_that_cannot_be_written_to_can_be_judged():
    scores, target = np.zeros((2, 3)), np.array([0, 2])
    scores.setflags(write=False)
    target.setflags(write=False)
    assert judge(scores, target)["credit"].tolist() == [1 / 3, 1 / 3]


def test_the_schema_is_the_documented_one():
    assert results.SCHEMA is trials.SCHEMA
    assert results.SCHEMA.names == list(COLUMNS)
    assert not any(field.nullable for field in results.SCHEMA)


@pytest.mark.parametrize("sizes", [[12], [5, 1, 7], [1000, 3]])
def test_what_is_written_is_read_again(tmp_path, sizes):
    starts = np.cumsum([0, *sizes[:-1]])
    chunks = [some_trials(n, start) for n, start in zip(sizes, starts, strict=True)]
    path = tmp_path / "trials.parquet"
    assert trials.write(path, iter(chunks)) == sum(sizes)
    read = trials.read(path)
    assert dict(read.dtypes.astype(str)) == COLUMNS
    assert list(read) == list(COLUMNS)
    for name in COLUMNS:
        expected = np.concatenate([np.asarray(chunk[name]) for chunk in chunks])
        np.testing.assert_array_equal(np.asarray(read[name]), expected, err_msg=name)


def test_no_trials_are_read_as_no_trials(tmp_path):
    assert trials.write(tmp_path / "trials.parquet", []) == 0
    read = trials.read(tmp_path / "trials.parquet")
    assert len(read) == 0
    assert list(read) == list(COLUMNS)


def test_some_columns_can_be_read_alone(tmp_path):
    trials.write(tmp_path / "trials.parquet", [some_trials()])
    read = trials.read(tmp_path / "trials.parquet", ["credit", "alphabet"])
    whole = trials.read(tmp_path / "trials.parquet")
    pd.testing.assert_frame_equal(read, whole[["credit", "alphabet"]])


def test_the_same_trials_give_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        trials.write(tmp_path / name, [some_trials(), some_trials(start=12)])
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_other_trials_give_other_bytes(tmp_path):
    trials.write(tmp_path / "one", [some_trials()])
    changed = some_trials()
    changed["credit"][5] = 0.0
    trials.write(tmp_path / "two", [changed])
    assert (tmp_path / "one").read_bytes() != (tmp_path / "two").read_bytes()


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    path = tmp_path_factory.mktemp("stored") / "trials.parquet"
    trials.write(path, [some_trials(40)])
    return path.read_bytes()


def refusal(path, columns=None):
    with pytest.raises(ResultError) as caught:
        trials.read(path, columns)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message


def test_a_missing_file_is_refused_in_one_line(tmp_path):
    assert "run it again" in refusal(tmp_path / "none.parquet")


def test_a_folder_is_refused_in_one_line(tmp_path):
    assert "run it again" in refusal(tmp_path)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1PAR1", b"{}", b"\x00" * 500])
def test_a_file_of_another_kind_is_refused_in_one_line(tmp_path, content):
    path = tmp_path / "trials.parquet"
    path.write_bytes(content)
    assert "run it again" in refusal(path)


@pytest.mark.parametrize("share", [0.01, 0.3, 0.6, 0.99, 0.999])
def test_a_file_cut_short_is_refused_in_one_line(tmp_path, stored, share):
    path = tmp_path / "trials.parquet"
    path.write_bytes(stored[: int(share * len(stored))])
    assert "run it again" in refusal(path)


def test_a_file_with_flipped_bits_is_read_or_refused_and_raises_nothing_else(tmp_path, stored):
    path, generator = tmp_path / "trials.parquet", np.random.default_rng(0)
    refused = 0
    for _ in range(600):
        damaged = bytearray(stored)
        damaged[generator.integers(len(stored))] ^= 1 << generator.integers(8)
        path.write_bytes(damaged)
        try:
            trials.read(path)
        except ResultError:
            refused += 1
    assert refused


def test_a_table_without_the_columns_is_refused_by_their_names(tmp_path):
    path = tmp_path / "trials.parquet"
    pd.DataFrame({"credit": [1.0], "rank": [1.0]}).to_parquet(path)
    assert "alphabet" in refusal(path)
    assert "alphabet" in refusal(path, ["credit", "alphabet"])


def test_a_table_with_columns_of_another_kind_is_refused(tmp_path):
    path = tmp_path / "trials.parquet"
    trials.write(path, [some_trials()])
    table = pq.read_table(path)
    place = table.column_names.index("credit")
    pq.write_table(table.set_column(place, "credit", pa.array(["yes"] * 12)), path)
    assert "credit" in refusal(path, ["credit", "alphabet"])
