"""What came out: trials, runs, estimates and tables."""

from .errors import ResultError
from .estimates import INTERVALS, LEVEL, Estimate, clustered, estimate, wilson
from .run import Run, find, key, place, read, write
from .table import Table, result, table
from .trials import SCHEMA, judge
from .writers import FORMATS

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
