"""Scores: the score of every class in every trial, stored beside the trials."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import ResultError
from .trials import Columns

NAME = "scores"
"""Name of the array in chunks of trials, of the column, and of the file."""


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


def read(path: Path) -> np.ndarray:
    """Reads stored scores.

    Returns:
        Float ndarray (n, ways), in the order of the trials.

    Raises:
        ResultError: The file is missing, damaged, or not a file of scores.
    """
    try:
        column = pq.read_table(path, partitioning=None).column(NAME).combine_chunks()  # pyright: ignore
        ways = column.type.list_size
        return column.flatten().to_numpy().reshape(-1, ways)
    except (OSError, pa.ArrowException, ValueError, KeyError, AttributeError) as error:
        problem = " ".join(str(error).split())[:200]
        raise ResultError(f"{path}: scores cannot be read ({problem}); run it again") from None
