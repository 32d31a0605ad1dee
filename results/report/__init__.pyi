from .document import in_detail as in_detail
from .document import render as render
from .drawings import Drawings as Drawings
