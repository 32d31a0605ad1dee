"""The command line, as `python -m wayshot`."""

from .bench.cli import main

main()
