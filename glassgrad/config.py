"""What Keras lets a script ask about its settings, answered for this package."""

from __future__ import annotations

from glassgrad.graph.dtypes import default_float

__all__ = [
    "disable_traceback_filtering",
    "epsilon",
    "floatx",
    "image_data_format",
    "is_traceback_filtering_enabled",
]

_EPSILON = 1e-7


def floatx() -> str:
    """The dtype of floats where none is asked for; ``glassgrad.float_type`` changes it.

    Example:
        >>> floatx()
        'float32'
    """
    return str(default_float())


def epsilon() -> float:
    """The small number that keeps losses and optimizers away from log(0) and from dividing by 0.

    Example:
        >>> epsilon()
        1e-07
    """
    return _EPSILON


def image_data_format() -> str:
    """Where the channels of images lie: always last, (batch, height, width, channels).

    Example:
        >>> image_data_format()
        'channels_last'
    """
    return "channels_last"


def disable_traceback_filtering() -> None:
    """Accepted as in Keras: tracebacks here show every frame anyway."""


def is_traceback_filtering_enabled() -> bool:
    """Whether tracebacks hide frames of the package: never.

    Example:
        >>> is_traceback_filtering_enabled()
        False
    """
    return False
