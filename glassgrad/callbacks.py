"""Callbacks, by Keras's names."""

from glassgrad.training.callback_list import CallbackList
from glassgrad.training.callbacks import (
    BackupAndRestore,
    Callback,
    CSVLogger,
    EarlyStopping,
    History,
    LambdaCallback,
    LearningRateScheduler,
    ModelCheckpoint,
    ReduceLROnPlateau,
    StopAtTarget,
    SwapEMAWeights,
    TerminateOnNaN,
    TimeLimit,
)

__all__ = [
    "BackupAndRestore",
    "CSVLogger",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "ReduceLROnPlateau",
    "StopAtTarget",
    "SwapEMAWeights",
    "TerminateOnNaN",
    "TimeLimit",
]
