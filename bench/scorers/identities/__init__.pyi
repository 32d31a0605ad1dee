from .code import files_from as files_from
from .identity import UNSTEADY as UNSTEADY
from .identity import Identity as Identity
from .identity import identify as identify
from .probes import Probes as Probes
