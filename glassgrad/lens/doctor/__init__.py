"""The doctor: why a network does not learn, with evidence, cause and remedies."""

from glassgrad.lens.doctor.bad_value import BadValue
from glassgrad.lens.doctor.case import Case
from glassgrad.lens.doctor.diagnosis import diagnose
from glassgrad.lens.doctor.doctor import Doctor
from glassgrad.lens.doctor.examining import examine
from glassgrad.lens.doctor.finding import Evidence, Finding, Remedy, findings_as_json
from glassgrad.lens.doctor.first_bad_value import find_first_bad_value
from glassgrad.lens.doctor.pytorch import Watcher, watch
from glassgrad.lens.doctor.repair import Repair, repair
from glassgrad.lens.doctor.reproduction import Repetition, replay

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
