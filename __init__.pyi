from . import bench as bench
from . import models as models
from . import results as results
from . import tasks as tasks
from .bench import audit as audit
from .bench import evaluate as evaluate
from .bench import fewshot as fewshot
from .bench import resolve as resolve
from .bench import run as run
from .bench import wrap as wrap
from .results import Results as Results
from .results import Run as Run
from .results import compare as compare
from .results import load as load
from .results import table as table
from .tasks import Protocol as Protocol
from .tasks import open_protocol as open_protocol
from .tasks import parse as parse

__version__: str
