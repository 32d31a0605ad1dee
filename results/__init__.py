"""What came out: trials, runs, estimates and tables."""

from .errors import ResultError
from .statistics.comparison import Comparison, compare
from .statistics.estimates import (
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
from .statistics.influences import Influence, influence
from .statistics.matching import disagreeing
from .statistics.planning import Plan, plan_from_disagreement, plan_from_runs
from .statistics.ranking import Ranking, best_group, differs_from, rank
from .statistics.run_metrics import metrics, verification_of
from .statistics.seeds import Seeds, over_seeds
from .store.run import Run, annotate, find, key, place, read, write
from .store.trials import SCHEMA, judge
from .tables.accuracy_table import Table, result, table
from .tables.by_group import breakdown, breakdowns
from .tables.collection import Results, load
from .tables.confusion import confusion_tables, confusions
from .tables.literature import Published, as_published
from .tables.seeds_table import SeedsTable, seeds_table
from .tables.writers import FORMATS

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
