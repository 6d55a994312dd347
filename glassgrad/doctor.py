"""The doctor: find out why a network does not learn, and mend it."""

from glassgrad.lens.doctor import (
    BadValue,
    Case,
    Doctor,
    Evidence,
    Finding,
    Remedy,
    Repair,
    Repetition,
    Watcher,
    diagnose,
    examine,
    find_first_bad_value,
    findings_as_json,
    repair,
    replay,
    watch,
)

__all__ = [
    "BadValue",
    "Case",
    "Doctor",
    "Evidence",
    "Finding",
    "Remedy",
    "Repair",
    "Repetition",
    "Watcher",
    "diagnose",
    "examine",
    "find_first_bad_value",
    "findings_as_json",
    "repair",
    "replay",
    "watch",
]
