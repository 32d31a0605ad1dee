from .curves import draw_curves as draw_curves
from .pareto import draw_pareto as draw_pareto
from .picture import check_suffix as check_suffix
from .ranks import draw_ranks as draw_ranks
