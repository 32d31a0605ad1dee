"""Trials: one row for each query, with its target and its outcome."""

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
from . import pages

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

- episode: number of the episode, from 0.
- query: position of the query in the episode, from 0.
- target: way of the query's true class.
- predicted: way of the class with the highest score; the first one of several.
- credit: 1/m if the true class is one of m classes with the highest score;
  else 0.
- margin: score of the true class minus the highest other score, in the
  scorer's own units.
- rank: rank of the true class, 1 is the best; classes with equal scores share
  the mean of their ranks.
- alphabet, character, drawer: those of the query image. A rotated character
  has its angle in its name: `character03@90`.
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
"""Smallest and largest possible value of each column."""

LONGEST = 2**12
"""The largest length of a name of an alphabet, character or drawer."""

Columns = Mapping[str, np.ndarray | pd.Categorical]
"""Some trials: one array for each column."""


def judge(scores: np.ndarray, target: np.ndarray) -> dict[str, np.ndarray]:
    """Turns scores into outcomes.

    Args:
        scores: float ndarray (..., ways), higher means more alike; -inf for
            classes that an episode does not have.
        target: int ndarray (...), the true way of each query.

    Returns:
        Arrays of the shape of `target` for the columns target, predicted,
        credit, margin and rank of `SCHEMA`.

    Raises:
        ResultError: A score is NaN or +inf, or the score of a true class is
            -inf.
    """
    if np.isnan(scores).any() or np.isposinf(scores).any():
        raise ResultError("a score is NaN or infinite, expected finite numbers")
    if scores.dtype.kind in "iu":
        scores = scores.astype(np.float64)
    ways, place = scores.shape[-1], np.arange(target.size)
    true = target.ravel().astype(np.intp)
    # Classes are the first axis, because sums over a short last axis are several times slower.
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
        chunks: For each chunk one array for each column of `SCHEMA`; names
            are categoricals with the same categories in all chunks.

    Returns:
        The number of trials.
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
    """Computes the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _column(column: pa.ChunkedArray) -> np.ndarray | pd.Categorical:
    """Converts a column for pandas, three times as fast as `to_pandas`."""
    if not pa.types.is_dictionary(column.type):
        return column.to_numpy()
    whole = column.combine_chunks()
    if isinstance(whole, pa.ChunkedArray):
        whole = whole.chunk(0) if whole.num_chunks else pa.array([], column.type)
    codes = whole.indices.to_numpy(zero_copy_only=False)
    return pd.Categorical.from_codes(codes, dtype=_kind(tuple(whole.dictionary.to_pylist())))


@lru_cache(maxsize=64)
def _kind(names: tuple[str, ...]) -> pd.CategoricalDtype:
    """Makes a dtype; cached, because pandas takes as long for it as for reading a column."""
    return pd.CategoricalDtype(list(names))


def read(path: str | os.PathLike[str], columns: list[str] | None = None) -> pd.DataFrame:
    """Reads stored trials.

    Args:
        path: The Parquet file.
        columns: The columns to read; None for all.

    Raises:
        ResultError: The file is missing, damaged, or not a file of trials.
    """
    wanted = columns or SCHEMA.names
    try:
        with pq.ParquetFile(os.fspath(path), pre_buffer=False) as file:
            _check_kinds(path, file.schema_arrow, wanted)
            pages.check(Path(path), file, wanted)
            found = {}
            large = file.metadata.num_rows > pages.LARGEST_ROWS
            # Large files column by column, because two copies of all columns fill the memory.
            for part in [[name] for name in wanted] if large else [wanted]:
                if large:
                    pa.default_memory_pool().release_unused()
                table = file.read(part, use_threads=False)
                for name in part:
                    found[name] = _column(table.column(name))
        frame = pd.DataFrame(found, copy=False)
    except (OSError, pa.ArrowException, ValueError, IndexError, KeyError) as error:
        problem = " ".join(str(error).split())[:200]
        raise ResultError(f"{path}: trials cannot be read ({problem}); run it again") from None
    wrong = [name for name in wanted if not _is_possible(name, found[name])]
    if wrong:
        raise ResultError(f"{path}: impossible values of {', '.join(wrong)}; run it again")
    return frame


def _check_kinds(path: str | os.PathLike[str], there: pa.Schema, wanted: list[str]) -> None:
    kinds = dict(zip(there.names, there.types, strict=True))
    wrong = [name for name in wanted if kinds.get(name) != SCHEMA.field(name).type]
    if wrong or len(kinds) < len(there.names):
        what = ", ".join(wrong or ["once each"])
        raise ResultError(f"{path}: no column {what} of the right type; run it again")


def _is_possible(name: str, column: np.ndarray | pd.Categorical) -> bool:
    """Tells whether a column has no missing values and all its values are in range."""
    if isinstance(column, pd.Categorical):
        longest = max(map(len, column.categories), default=0)
        return longest <= LONGEST and bool((column.codes >= 0).all())
    low, high = _RANGES[name]
    # A missing value turns integers into floats; NaN is in no range.
    return column.dtype == SCHEMA.field(name).type.to_pandas_dtype() and (
        not len(column) or bool(low <= column.min() and column.max() <= high)
    )
