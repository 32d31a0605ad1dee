"""What came out: trials, runs, estimates and tables."""

from .comparison import Comparison, compare
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
from .matching import disagreeing
from .metrics import metrics, verification_of
from .planning import Plan, plan_from_disagreement, plan_from_runs
from .ranking import Ranking, best_group, differs_from, rank
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
    "Comparison",
    "Estimate",
    "Influence",
    "Plan",
    "Ranking",
    "ResultError",
    "Run",
    "Seeds",
    "Table",
    "annotate",
    "best_group",
    "bootstrap",
    "clopper_pearson",
    "clustered",
    "compare",
    "differs_from",
    "disagreeing",
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
    "plan_from_disagreement",
    "plan_from_runs",
    "rank",
    "read",
    "result",
    "sampler",
    "table",
    "verification_of",
    "wilson",
    "write",
]
