"""The doctor: why a network does not learn, with evidence, cause and remedies."""

from glassgrad.lens.doctor.finding import Evidence, Finding, Remedy

__all__ = ["Evidence", "Finding", "Remedy"]
