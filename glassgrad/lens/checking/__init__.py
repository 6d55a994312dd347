"""Gradients held against differences: points, slopes, kinks, directions and what follows."""
