"""What came out: trials, runs, estimates and tables."""

from .errors import ResultError
from .estimates import (
    INTERVALS,
    LEVEL,
    Estimate,
    bootstrap,
    clopper_pearson,
    clustered,
    estimate,
    estimate_run,
    narrowest,
    on_logit_scale,
    sampler,
    wilson,
)
from .influence import Influence, influence
from .metrics import metrics, verification_of
from .run import Run, annotate, find, key, place, read, write
from .seeds import Seeds, over_seeds
from .table import Table, result, table
from .trials import SCHEMA, judge
from .writers import FORMATS

__all__ = [
    "FORMATS",
    "INTERVALS",
    "LEVEL",
    "SCHEMA",
    "Estimate",
    "Influence",
    "ResultError",
    "Run",
    "Seeds",
    "Table",
    "annotate",
    "bootstrap",
    "clopper_pearson",
    "clustered",
    "estimate",
    "estimate_run",
    "find",
    "influence",
    "judge",
    "key",
    "metrics",
    "narrowest",
    "on_logit_scale",
    "over_seeds",
    "place",
    "read",
    "result",
    "sampler",
    "table",
    "verification_of",
    "wilson",
    "write",
]
