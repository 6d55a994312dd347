"""Training: the step as a graph, the loop, data feeding, callbacks, checkpoints, progress."""

from glassgrad.training.callbacks import Callback, EarlyStopping, History, ModelCheckpoint

__all__ = ["Callback", "EarlyStopping", "History", "ModelCheckpoint"]
