"""Repair: remedies tried on copies of a network, one by one, and kept where they help."""

from glassgrad.lens.doctor.repair.mending import repair
from glassgrad.lens.doctor.repair.report import Repair
from glassgrad.lens.doctor.repair.trials import Trial

__all__ = ["Repair", "Trial", "repair"]
