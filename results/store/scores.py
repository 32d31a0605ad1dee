"""Scores: the score of every class in every trial, stored beside the trials."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import ResultError
from . import pages
from .trials import Columns

NAME = "scores"
"""Name of the array in chunks of trials, of the column, and of the file."""

_MOST_WAYS = 2**15

_LARGEST = 2**31
"""The number of bytes of scores that a file of any size may have."""

_DENSEST = 1024
"""The largest plausible number of bytes of scores for each byte of a larger file."""


def storing(path: Path, chunks: Iterable[Columns]) -> Iterator[Columns]:
    """Stores the scores of chunks of trials while it passes the chunks on.

    Args:
        path: The Parquet file; it is not created if no chunk has scores.
        chunks: For each chunk its columns; `scores` is a float ndarray
            (n, ways), -inf for classes that an episode does not have.

    Yields:
        The chunks, unchanged.
    """
    writer: pq.ParquetWriter | None = None
    try:
        for columns in chunks:
            if NAME in columns:
                scores = np.asarray(columns[NAME])
                flat = pa.array(np.ascontiguousarray(scores).ravel())
                table = pa.table({NAME: pa.FixedSizeListArray.from_arrays(flat, scores.shape[1])})
                writer = writer or pq.ParquetWriter(path, table.schema, compression="zstd")
                writer.write_table(table)
            yield columns
    finally:
        if writer:
            writer.close()


def _is_number(kind: pa.DataType) -> bool:
    return pa.types.is_floating(kind) or pa.types.is_integer(kind)


def read(path: Path, rows: int) -> np.ndarray:
    """Reads stored scores.

    Args:
        path: The Parquet file.
        rows: The number of trials.

    Returns:
        Float ndarray (n, ways), in the order of the trials.

    Raises:
        ResultError: The file is missing, damaged, or not a file of scores.
    """
    try:
        with pq.ParquetFile(path, pre_buffer=False) as file:
            kind = file.schema_arrow.field(NAME).type
            if not pa.types.is_fixed_size_list(kind) or not _is_number(kind.value_type):
                raise ValueError("expected a list of numbers for each trial")
            if file.metadata.num_rows != rows or not 1 <= kind.list_size <= _MOST_WAYS:
                raise ValueError(f"expected {rows:,} trials of 1 to {_MOST_WAYS:,} ways")
            size = rows * kind.list_size * kind.value_type.bit_width // 8
            if size > max(_LARGEST, _DENSEST * path.stat().st_size):
                raise ValueError(f"{size:,} bytes of scores are implausible in such a small file")
            pages.check(path, file, [NAME], kind.list_size)
            column = file.read([NAME], use_threads=False).column(NAME).combine_chunks()
        return column.flatten().to_numpy().reshape(-1, kind.list_size)
    except (OSError, pa.ArrowException, ValueError, KeyError, AttributeError) as error:
        problem = " ".join(str(error).split())[:200]
        raise ResultError(f"{path}: scores cannot be read ({problem}); run it again") from None
