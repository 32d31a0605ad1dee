from .campaign import run as run
from .evaluation import Evaluation as Evaluation
from .evaluation import evaluate as evaluate
from .settings import Settings as Settings
from .stopping import until_narrow as until_narrow
from .work import recognise as recognise
from .worker_spec import WorkerSpec as WorkerSpec
from .workers import Workers as Workers
