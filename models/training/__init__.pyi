from . import recipe as recipe
from .finished import finish as finish
from .precision import PRECISIONS as PRECISIONS
from .recipe import Recipe as Recipe
from .training import Report as Report
from .training import Training as Training
