"""What is asked: images, splits, protocols and episodes."""

from .dataset import Dataset
from .episodes import BLOCK, Episodes, Sampler, Source, digest, open_protocol
from .errors import TaskError
from .images import SIDE, Images
from .protocol import RUNS, Protocol, parse
from .splits import SPLITS, Split, load
from .store import cache_folder, make_cache_folder, replacing

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
