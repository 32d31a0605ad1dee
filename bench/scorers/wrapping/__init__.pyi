from .kinds import KINDS as KINDS
from .kinds import READERS as READERS
from .kinds import UNREAD as UNREAD
from .kinds import kind_of as kind_of
from .kinds import unread as unread
from .methods import fewshot as fewshot
from .outputs import as_array as as_array
from .wrapped import wrap as wrap
