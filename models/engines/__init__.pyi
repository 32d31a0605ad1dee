from .embedder import Embedder as Embedder
from .engines import ENGINES as ENGINES
from .engines import Engine as Engine
from .engines import packages as packages
from .engines import versions as versions
from .engines import with_version as with_version
from .exporting import Origin as Origin
from .exporting import fingerprint as fingerprint
