"""Programs that the thresholds of the doctor were tuned with."""
