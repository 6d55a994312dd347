"""Optimizers raced on classic surfaces."""

from glassgrad.lens.racing.races import Race, Races
from glassgrad.lens.racing.racing import race, race_everywhere
from glassgrad.lens.racing.runners import Runner
from glassgrad.lens.racing.surfaces import SURFACES, Surface

__all__ = ["SURFACES", "Race", "Races", "Runner", "Surface", "race", "race_everywhere"]
