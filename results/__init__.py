"""What came out: trials, runs, estimates and tables."""

from .breakdown import breakdown, breakdowns
from .collection import Results, load
from .comparison import Comparison, compare
from .confusion import confusion_tables, confusions
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
from .published import Published, as_published
from .ranking import Ranking, best_group, differs_from, rank
from .run import Run, annotate, find, key, place, read, write
from .seeds import Seeds, SeedsTable, over_seeds, seeds_table
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
    "Published",
    "Ranking",
    "ResultError",
    "Results",
    "Run",
    "Seeds",
    "SeedsTable",
    "Table",
    "annotate",
    "as_published",
    "best_group",
    "bootstrap",
    "breakdown",
    "breakdowns",
    "clopper_pearson",
    "clustered",
    "compare",
    "confusion_tables",
    "confusions",
    "differs_from",
    "disagreeing",
    "estimate",
    "estimate_run",
    "find",
    "influence",
    "judge",
    "key",
    "load",
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
    "seeds_table",
    "table",
    "verification_of",
    "wilson",
    "write",
]
