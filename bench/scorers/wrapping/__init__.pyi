from .kinds import KINDS as KINDS
from .kinds import READERS as READERS
from .kinds import kind_of as kind_of
from .methods import fewshot as fewshot
from .outputs import as_array as as_array
from .services import is_service as is_service
from .wrapped import wrap as wrap
