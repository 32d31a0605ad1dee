"""Pages of a Parquet file, which say what they unpack to; they are counted before any is unpacked.

The footer of the file says that, too, but nothing holds it to the truth. Headers of pages are
structs in Thrift's compact protocol, as parquet-format describes them
(https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import BinaryIO

import pyarrow.parquet as pq

LARGEST_ROWS = 2**20
"""The number of rows that a file of any size may have."""

_ROWS_A_BYTE = 16
"""The largest plausible number of rows for each byte of a larger file."""

_LARGEST = 2**26
"""The number of bytes that a file of any size may unpack to."""

_DENSEST = 256
"""The largest plausible number of unpacked bytes for each byte of a larger file."""

_LARGEST_HEADER = 2**16

_DEEPEST = 8
"""Most structs in one another in a header."""

_ENCODINGS = frozenset({0, 2, 3, 4, 8})
"""Plain, dictionary, run lengths and bits; of others, a byte can stand for a whole text."""

_OF_KIND = {0: 5, 2: 7, 3: 8}
"""The field that describes a page, by its kind: data, dictionary, data of the second version."""

_ENCODING = {5: 2, 7: 2, 8: 4}
"""The place of the encoding in each of these fields."""


class _Header:
    """The bytes of a header, read from their beginning."""

    def __init__(self, content: bytes) -> None:
        self.content, self.place = content, 0

    def byte(self) -> int:
        self.place += 1
        return self.content[self.place - 1]

    def whole(self) -> int:
        """Reads a number without sign."""
        value = shift = 0
        while (part := self.content[self.place]) & 0x80:
            self.place += 1
            value |= (part & 0x7F) << shift
            shift += 7
            if shift > 63:
                raise ValueError("a number of more than 64 bits")
        self.place += 1
        return value | part << shift

    def signed(self) -> int:
        """Reads a number whose sign is its last bit."""
        value = self.whole()
        return (value >> 1) ^ -(value & 1)

    def value(self, kind: int, depth: int) -> object:
        """Reads a value of a kind; of texts and lists, only the place is moved."""
        if kind in (1, 2):
            return kind == 1
        if kind in (4, 5, 6):
            return self.signed()
        if kind in (3, 7):
            self.place += 1 if kind == 3 else 8
        elif kind == 8:
            length = self.whole()
            self.place += length
        elif kind in (9, 10):
            head = self.byte()
            count = head >> 4 if head >> 4 < 15 else self.whole()
            for _ in range(min(count, _LARGEST_HEADER)):
                # In a list, each truth value is a byte.
                self.value(3 if head & 15 in (1, 2) else head & 15, depth)
        elif kind == 12:
            return self.struct(depth + 1)
        else:
            raise ValueError(f"a field of kind {kind}")
        return None

    def struct(self, depth: int = 0) -> dict[int, object]:
        """Reads a struct: its values by their numbers."""
        if depth > _DEEPEST:
            raise ValueError("structs too deep in one another")
        found: dict[int, object] = {}
        number = 0
        while head := self.byte():
            number = number + (head >> 4) if head >> 4 else self.signed()
            found[number] = self.value(head & 15, depth)
        return found


def _number(value: object) -> int:
    if type(value) is not int or value < 0:
        raise ValueError("a header without its sizes")
    return value


def _unpacked(file: BinaryIO, chunks: Iterable[pq.ColumnChunkMetaData]) -> int:
    """Counts the bytes that parts of columns unpack to.

    Args:
        file: The Parquet file.
        chunks: What the footer says of each part of a column.

    Raises:
        ValueError: A header is damaged, or a page is written in a way that wayshot does not use.
    """
    total = 0
    for chunk in chunks:
        place = chunk.data_page_offset
        if chunk.dictionary_page_offset is not None:
            place = min(place, chunk.dictionary_page_offset)
        end = place + chunk.total_compressed_size
        while place < end:
            file.seek(place)
            header = _Header(file.read(min(_LARGEST_HEADER, end - place)))
            try:
                said = header.struct()
            except IndexError:
                raise ValueError("a header of a page is damaged") from None
            total += _number(said.get(2))
            field = _OF_KIND.get(_number(said.get(1)), 0)
            described = said.get(field)
            if not isinstance(described, dict) or described.get(_ENCODING[field]) not in _ENCODINGS:
                raise ValueError("a page is written in a way that wayshot does not use")
            place += header.place + _number(said.get(3))
    return total


def check(path: Path, file: pq.ParquetFile, columns: Sequence[str], each: int = 1) -> None:
    """Refuses a file whose columns would fill the memory.

    Args:
        path: The file.
        file: The same, opened.
        columns: Names of the columns that will be read.
        each: Number of values in each row of a column.

    Raises:
        ValueError: The file has more rows, or unpacks to more bytes, than is plausible for its
            size, or it is damaged.
    """
    metadata, size = file.metadata, path.stat().st_size
    rows = metadata.num_rows
    if rows > max(LARGEST_ROWS, _ROWS_A_BYTE * size):
        raise ValueError(f"{rows:,} trials are impossible in such a small file")
    groups = [metadata.row_group(one) for one in range(metadata.num_row_groups)]
    if sum(group.num_rows for group in groups) != rows:
        raise ValueError("the footer contradicts itself")
    chunks = []
    for group in groups:
        for one in map(group.column, range(group.num_columns)):
            if one.path_in_schema.partition(".")[0] in columns:
                if one.num_values != group.num_rows * each:
                    raise ValueError("the footer contradicts itself")
                chunks += [one] * bool(one.num_values)
    with path.open("rb") as opened:
        unpacked = _unpacked(opened, chunks)
    if unpacked > max(_LARGEST, _DENSEST * size):
        raise ValueError(f"unpacks to {unpacked:,} bytes, which is implausible for {size:,}")
