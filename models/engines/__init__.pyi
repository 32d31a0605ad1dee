from .embedder import (Embedder as Embedder)
from .engines import (ENGINES as ENGINES, with_version as with_version)
from .exporting import (Origin as Origin, fingerprint as fingerprint)
