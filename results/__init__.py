"""What came out: trials, runs, estimates and tables."""

from .errors import ResultError
from .estimates import INTERVALS, LEVEL, Estimate, clustered, estimate, wilson
from .run import Run, find, key, place, read, write
from .table import FORMATS, Table, result, table
from .trials import SCHEMA, judge

__all__ = [
    "FORMATS",
    "INTERVALS",
    "LEVEL",
    "SCHEMA",
    "Estimate",
    "ResultError",
    "Run",
    "Table",
    "clustered",
    "estimate",
    "find",
    "judge",
    "key",
    "place",
    "read",
    "result",
    "table",
    "wilson",
    "write",
]
