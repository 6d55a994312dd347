"""The command line: `glassgrad train`, `evaluate`, `predict`, `summary`, `datasets`, `runs`."""

from glassgrad.cli.application import main

__all__ = ["main"]
