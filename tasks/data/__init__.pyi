from . import (fetch as fetch, folder as folder, glyphs as glyphs, omniglot as omniglot)
from .dataset import (Dataset as Dataset, concatenate as concatenate)
from .images import (Images as Images, SIDE as SIDE)
from .store import (cached as cached)
