"""The command line: `glassgrad train`, `evaluate`, `predict` and `summary`."""

from glassgrad.cli.application import main

__all__ = ["main"]
