from . import recipe as recipe
from .devices import keep_compiled as keep_compiled
from .devices import use_devices as use_devices
from .finished import finish as finish
from .precision import PRECISIONS as PRECISIONS
from .recipe import Recipe as Recipe
from .training import Report as Report
from .training import Training as Training
