"""What is asked: images, splits, protocols and episodes."""

from .data.dataset import Dataset
from .data.images import SIDE, Images
from .episodes import BLOCK, Episodes, Sampler, Source, digest, open_protocol
from .errors import TaskError
from .files import cache_folder, make_cache_folder, replacing
from .protocol import RUNS, Protocol, parse
from .splits import SPLITS, Split, load

__all__ = [
    "BLOCK",
    "RUNS",
    "SIDE",
    "SPLITS",
    "Dataset",
    "Episodes",
    "Images",
    "Protocol",
    "Sampler",
    "Source",
    "Split",
    "TaskError",
    "cache_folder",
    "digest",
    "load",
    "make_cache_folder",
    "open_protocol",
    "parse",
    "replacing",
]
