"""Runs: folders of training, and the database in which their metrics are."""

from glassgrad.runs.database import DATABASE, RunDatabase
from glassgrad.runs.folder import Outline, delete_run, is_run, read_run_folder
from glassgrad.runs.reading import read_runs
from glassgrad.runs.record import RunRecord
from glassgrad.runs.recorder import Recorder

__all__ = [
    "DATABASE",
    "Outline",
    "Recorder",
    "RunDatabase",
    "RunRecord",
    "delete_run",
    "is_run",
    "read_run_folder",
    "read_runs",
]
