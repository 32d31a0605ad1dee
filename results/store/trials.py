"""Trials: one row a query, what was asked and what came of it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import ResultError

_NAMES = pa.dictionary(pa.int32(), pa.string())
SCHEMA = pa.schema(
    [
        pa.field("episode", pa.int64(), nullable=False),
        pa.field("query", pa.int32(), nullable=False),
        pa.field("target", pa.int16(), nullable=False),
        pa.field("predicted", pa.int16(), nullable=False),
        pa.field("credit", pa.float64(), nullable=False),
        pa.field("margin", pa.float32(), nullable=False),
        pa.field("rank", pa.float32(), nullable=False),
        pa.field("alphabet", _NAMES, nullable=False),
        pa.field("character", _NAMES, nullable=False),
        pa.field("drawer", _NAMES, nullable=False),
    ]
)
"""Columns of stored trials.

- episode: number of the episode, from 0; query: place of the query in it.
- target, predicted: way of the query's class, and of the first class with
  the highest score.
- credit: 1/m where m classes share the highest score, the true class among
  them; else 0.
- margin: score of the true class minus the highest other score, in the
  scorer's own units.
- rank: of the true class, 1 the best; classes with equal scores share the
  mean of their ranks.
- alphabet, character, drawer: of the query image. A rotated character says so:
  `character03@90`.
"""


_RANGES = {
    "episode": (0, 2**62),
    "query": (0, 2**31),
    "target": (0, 2**15),
    "predicted": (0, 2**15),
    "credit": (0, 1),
    "margin": (-np.finfo(np.float32).max, np.finfo(np.float32).max),
    "rank": (0, 2**15),
}
"""What trials may hold, both ends included."""

_ROWS_A_BYTE = 16
"""Rows of Parquet beyond which a file says nothing: where a class sits takes a bit or more."""

_ROWS_AT_LEAST = 2**20

Columns = Mapping[str, np.ndarray | pd.Categorical]
"""Some trials, an array a column."""


def judge(scores: np.ndarray, target: np.ndarray) -> dict[str, np.ndarray]:
    """Turns scores into outcomes.

    Args:
        scores: float ndarray (..., ways), higher is more alike; -inf for
            classes that an episode does not have.
        target: int ndarray (...), the true way of each query.

    Returns:
        Arrays of the shape of `target` for the columns target, predicted,
        credit, margin and rank of `SCHEMA`.

    Raises:
        ResultError: A score is NaN, or infinite otherwise than above.
    """
    if np.isnan(scores).any() or np.isposinf(scores).any():
        raise ResultError("a score is NaN or infinite, expected finite numbers")
    if scores.dtype.kind in "iu":
        scores = scores.astype(np.float64)
    ways, place = scores.shape[-1], np.arange(target.size)
    true = target.ravel().astype(np.intp)
    # Classes first: sums and maxima over a short last axis take several times as long.
    by_class = np.array(scores.reshape(-1, ways).T, order="C")
    truth = by_class[true, place]
    if np.isneginf(truth).any():
        raise ResultError("the score of a true class is minus infinity, expected finite numbers")
    best = by_class.max(axis=0)
    tied, above, equal = (
        some.sum(axis=0, dtype=np.int32)
        for some in (by_class == best, by_class > truth, by_class == truth)
    )
    by_class[true, place] = -np.inf
    largest = np.finfo(np.float32).max
    found = {
        "target": target,
        "predicted": scores.argmax(axis=-1),
        "credit": np.where(truth == best, 1.0 / tied, 0.0),
        "margin": np.clip(truth - by_class.max(axis=0), -largest, largest),
        "rank": 1 + above + (equal - 1) / 2,
    }
    return {
        name: values.reshape(target.shape).astype(SCHEMA.field(name).type.to_pandas_dtype())
        for name, values in found.items()
    }


def write(path: Path, chunks: Iterable[Columns]) -> int:
    """Writes trials as a Parquet file, chunk by chunk.

    Args:
        path: The file.
        chunks: For each chunk an array for each column of `SCHEMA`;
            categoricals with the same categories in all chunks for names.

    Returns:
        How many trials were written.
    """
    with pq.ParquetWriter(path, SCHEMA, compression="zstd") as writer:
        count = 0
        for columns in chunks:
            arrays = []
            for field in SCHEMA:
                column = columns[field.name]
                if isinstance(column, pd.Categorical):
                    codes = pa.array(column.codes.astype(np.int32))
                    names = pa.array(list(column.categories), pa.string())
                    arrays.append(pa.DictionaryArray.from_arrays(codes, names))
                else:
                    arrays.append(pa.array(column, type=field.type))
            writer.write_table(pa.Table.from_arrays(arrays, schema=SCHEMA))
            count += len(arrays[0])
    return count


def digest(path: Path) -> str:
    """SHA-256 of the file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _column(column: pa.ChunkedArray) -> np.ndarray | pd.Categorical:
    """A column as pandas has it; by hand, which takes a third of `to_pandas`."""
    if not pa.types.is_dictionary(column.type):
        return column.to_numpy()
    whole = column.combine_chunks()
    if isinstance(whole, pa.ChunkedArray):
        whole = whole.chunk(0) if whole.num_chunks else pa.array([], column.type)
    codes = whole.indices.to_numpy(zero_copy_only=False)
    return pd.Categorical.from_codes(codes, dtype=_kind(tuple(whole.dictionary.to_pylist())))


@lru_cache(maxsize=64)
def _kind(names: tuple[str, ...]) -> pd.CategoricalDtype:
    """Remembered, as it takes pandas as long to make as to read a column."""
    return pd.CategoricalDtype(list(names))


def read(path: str | os.PathLike[str], columns: list[str] | None = None) -> pd.DataFrame:
    """Reads stored trials.

    Args:
        path: The Parquet file.
        columns: The columns wanted; all where None.

    Raises:
        ResultError: The file is missing, damaged, or holds something else.
    """
    wanted = columns or SCHEMA.names
    try:
        with pq.ParquetFile(os.fspath(path), pre_buffer=False) as file:
            rows, size = file.metadata.num_rows, Path(path).stat().st_size
            if rows > max(_ROWS_AT_LEAST, _ROWS_A_BYTE * size):
                raise ResultError(f"{path}: {rows:,} trials in so small a file; run it again")
            kinds, found = {}, {}
            names = columns or file.schema_arrow.names
            # One after the other where all of them twice would fill the memory.
            for part in [names] if rows <= _ROWS_AT_LEAST else [[name] for name in names]:
                if part is not names:
                    pa.default_memory_pool().release_unused()
                table = file.read(part, use_threads=False)
                for name in part:
                    kinds[name], found[name] = (
                        table.column(name).type,
                        _column(table.column(name)),
                    )
        frame = pd.DataFrame(found, copy=False)
    except (OSError, pa.ArrowException, ValueError, IndexError, KeyError) as error:
        problem = " ".join(str(error).split())[:200]
        raise ResultError(f"{path}: trials cannot be read ({problem}); run it again") from None
    wrong = [name for name in wanted if kinds.get(name) != SCHEMA.field(name).type]
    if wrong:
        raise ResultError(f"{path}: no column {', '.join(wrong)} of the right type; run it again")
    wrong = [name for name in SCHEMA.names if name in found and not _is_possible(name, found[name])]
    if wrong:
        raise ResultError(f"{path}: impossible values of {', '.join(wrong)}; run it again")
    return frame


def _is_possible(name: str, column: np.ndarray | pd.Categorical) -> bool:
    """Whether what a file says can have come of trials: nothing missing, all in its range."""
    if isinstance(column, pd.Categorical):
        return bool((column.codes >= 0).all())
    low, high = _RANGES[name]
    # An empty place makes floats of whole numbers; what is not a number is not within its range.
    return column.dtype == SCHEMA.field(name).type.to_pandas_dtype() and (
        not len(column) or bool(low <= column.min() and column.max() <= high)
    )
