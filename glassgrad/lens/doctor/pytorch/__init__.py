"""The doctor for modules of PyTorch: the same rules, on what a training loop of one's own does."""

from glassgrad.lens.doctor.pytorch.watcher import Watcher, watch

__all__ = ["Watcher", "watch"]
