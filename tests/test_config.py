from __future__ import annotations

import glassgrad
from glassgrad import config


def test_what_a_script_may_ask() -> None:
    assert (config.floatx(), config.epsilon(), config.image_data_format()) == (
        "float32",
        1e-7,
        "channels_last",
    )
    with glassgrad.float_type("float64"):
        assert config.floatx() == "float64"


def test_tracebacks_are_never_filtered() -> None:
    config.disable_traceback_filtering()
    assert not config.is_traceback_filtering_enabled()
