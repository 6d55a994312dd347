"""What happens around training: stopping early, keeping the best, recording."""

from glassgrad.training.callbacks.backup_and_restore import BackupAndRestore
from glassgrad.training.callbacks.callback import Callback, Logs, as_callbacks
from glassgrad.training.callbacks.csv_logger import CSVLogger
from glassgrad.training.callbacks.history import History
from glassgrad.training.callbacks.lambda_callback import LambdaCallback
from glassgrad.training.callbacks.learning_rate import LearningRateScheduler, ReduceLROnPlateau
from glassgrad.training.callbacks.model_checkpoint import ModelCheckpoint
from glassgrad.training.callbacks.stopping import (
    EarlyStopping,
    StopAtTarget,
    TerminateOnNaN,
    TimeLimit,
)
from glassgrad.training.callbacks.swap_ema_weights import SwapEMAWeights

__all__ = [
    "BackupAndRestore",
    "CSVLogger",
    "Callback",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "Logs",
    "ModelCheckpoint",
    "ReduceLROnPlateau",
    "StopAtTarget",
    "SwapEMAWeights",
    "TerminateOnNaN",
    "TimeLimit",
    "as_callbacks",
]
