"""Callbacks, by Keras's names."""

from glassgrad.training.callbacks import Callback, EarlyStopping, History, ModelCheckpoint

__all__ = ["Callback", "EarlyStopping", "History", "ModelCheckpoint"]
