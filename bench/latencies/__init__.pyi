from .footprint import footprint_of as footprint_of
from .latency import measure as measure
from .latency import store as store
from .questions import Questions as Questions
from .scenarios import LONGEST as LONGEST
from .scenarios import QUERIES as QUERIES
