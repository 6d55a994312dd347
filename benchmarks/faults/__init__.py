"""Sick networks: programs that train well, and the same with a fault, for the doctor to find."""
