from .embedder import Embedder as Embedder
from .engines import ENGINES as ENGINES
from .engines import with_version as with_version
from .exporting import Origin as Origin
from .exporting import fingerprint as fingerprint
