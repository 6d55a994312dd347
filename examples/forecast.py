"""A recurrent network forecasts the next day of a series with a trend, two seasons and accidents.

Every hour has a value, as the load of a power grid has: it rises slowly, has the shape of a day
and of a week, and wanders about them. The naive forecast says that a day is as the same day a week
ago (Hyndman and Athanasopoulos, "Forecasting: principles and practice", section 5.2). The network
reads that week, six hours at a time, and says how the day will differ from that.

    python examples/forecast.py
    python examples/forecast.py --full
"""

from __future__ import annotations

from typing import Any

import numpy as np
from command_line import run

from glassgrad import set_random_seed
from glassgrad.layers import LSTM, Dense, Input, Reshape
from glassgrad.models import Model
from glassgrad.optimizers import Adam
from glassgrad.optimizers.schedules import CosineDecay

Array = np.ndarray[Any, Any]

BATCH = 64
PIECE, DAY, WEEK = 6, 24, 168  # hours


def series(hours: int, rng: np.random.Generator) -> Array:
    """A value for each hour: trend, day, week, and a disturbance that fades with the hours."""
    hour = np.arange(hours)
    day = np.sin(2 * np.pi * hour / DAY) + 0.5 * np.sin(4 * np.pi * hour / DAY + 1)
    is_weekend = hour % WEEK >= 5 * DAY
    shape = day * np.where(is_weekend, 0.5, 1.0) - 0.8 * is_weekend
    disturbance = np.zeros(hours)
    for now, shock in enumerate(rng.normal(0, 0.12, hours)):
        disturbance[now] = 0.97 * disturbance[now - 1] + shock
    return (10 + 2e-4 * hour + 1.5 * shape + disturbance).astype(np.float32)


def windows(values: Array) -> tuple[Array, Array]:
    """Each week and the day after it: (windows, 168) and (windows, 24), less the week's mean."""
    pieces = np.lib.stride_tricks.sliding_window_view(values, WEEK + DAY)
    pieces = pieces - pieces[:, :WEEK].mean(axis=1, keepdims=True)
    return pieces[:, :WEEK], pieces[:, WEEK:]


def network(units: int) -> Model:
    """From a week to the day after it."""
    week = Input((WEEK,))
    states = LSTM(units)(Reshape((WEEK // PIECE, PIECE))(week))
    return Model(week, week[:, :DAY] + Dense(DAY)(states))


def main(scale: str = "small", data: str | None = None, seed: int = 0) -> dict[str, float]:
    """Train on the first four fifths, and give the mean absolute errors on the rest."""
    set_random_seed(seed)
    weeks, units, epochs = {"small": (20, 32, 12), "full": (150, 64, 20)}[scale]
    values = series(weeks * WEEK, np.random.default_rng(seed))
    past, future = np.split(values, [len(values) * 4 // 5])
    (x, y), (x_test, y_test) = windows(past), windows(future)
    model = network(units)
    steps = epochs * -(-len(x) // BATCH)
    model.compile(Adam(CosineDecay(5e-3, steps), global_clipnorm=1.0), "mae")
    model.fit(x, y, BATCH, epochs, verbose=0)
    naive = {"a week": x_test[:, :DAY], "a day": x_test[:, -DAY:]}
    return {
        "mean absolute error of the network": float(model.evaluate(x_test, y_test, 500, verbose=0)),
        **{
            f"of the same hours {before} before": float(np.abs(said - y_test).mean())
            for before, said in naive.items()
        },
    }


if __name__ == "__main__":
    run(main)
