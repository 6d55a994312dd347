"""A table as a data set: divided by a seed, encoded by what its training part shows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from glassgrad.datasets.dataset import Dataset
from glassgrad.datasets.splitting import scarce_classes, split_rows
from glassgrad.errors import ArgumentError, DataError
from glassgrad.preprocessing import Table, TableEncoder
from glassgrad.preprocessing.targets import ClassTarget, Task, learn_target

__all__ = ["dataset_of"]

FEWEST_ROWS = 5
FEWEST_ROWS_TO_WATCH = 40  # below that no row can be spared for validation
VALIDATION_SIZE = 0.125  # of what is not for testing: a tenth of the whole

Rows = npt.NDArray[np.int64]


def dataset_of(
    table: Table,
    name: str,
    target: str | None,
    task: Task = "auto",
    test_size: float = 0.2,
    seed: int = 0,
    training: int | None = None,
) -> Dataset:
    """Divide a table into training, validation and test, and encode it for a network.

    What is done to each column is learned on the training part alone. Classes have their share
    in each part. From 50 rows on, a tenth is for validation.

    Args:
        table: The table.
        name: What the data set is called.
        target: The column that is to be told from the others.
        task: "classification", "regression", or "auto": by the target's values.
        test_size: Which share of the rows is for testing.
        seed: Decides which rows.
        training: How many rows from the first on are for training and validation; by default the
            seed divides all.

    Raises:
        ArgumentError: No target is named, or the share is not between 0 and 1.
        UnknownNameError: There is no column of that name.
        DataError: The table cannot be learned from: see `TableEncoder.learn`.

    Examples:
        >>> table = Table.of({"x": [0.0, 1.0] * 10, "y": ["low", "high"] * 10})
        >>> dataset_of(table, "steps", "y")
        Dataset('steps', x_train (16, 1), x_test (4, 1), classes=2)
    """
    if target is None:
        raise ArgumentError(
            f"Say which column is to be told from the others: target=…, or --target on the "
            f"command line. {table.source} has {', '.join(table.names)}."
        )
    if len(table) < FEWEST_ROWS:
        raise DataError(
            f"There must be {FEWEST_ROWS} rows at least to learn from. {table.source} has "
            f"{len(table)}."
        )
    learned = learn_target(table[target], np.arange(len(table)), task)
    labels = learned.encode(table[target]) if isinstance(learned, ClassTarget) else None
    if training is None:
        rest, test = split_rows(len(table), test_size, seed, labels)
    else:
        rest, test = np.split(np.arange(len(table)), [training])
    train, validation = _watched(rest, labels, seed)
    encoder = TableEncoder.learn(table, target, train, task)
    x, y = encoder.inputs(table), encoder.targets(table)
    classes = encoder.target.classes if isinstance(encoder.target, ClassTarget) else None
    scarce = [] if classes is None else scarce_classes(classes, y[train], y[test])
    return Dataset(
        name,
        x[train],
        y[train],
        x[test],
        y[test],
        classes=None if classes is None else len(classes),
        scale=1.0,
        description=f"{len(table):,} rows of {table.source}, {len(table.names)} columns",
        attribution="",
        x_validation=x[validation] if len(validation) else None,
        y_validation=y[validation] if len(validation) else None,
        preprocessing=encoder,
        class_names=None if classes is None else tuple(classes),
        remarks=(*table.remarks, *encoder.extremes(table), *scarce),
    )


def _watched(rows: Rows, labels: Rows | None, seed: int) -> tuple[Rows, Rows]:
    """The rows for training, and those for watching over it where they can be spared."""
    if len(rows) < FEWEST_ROWS_TO_WATCH:
        return rows, rows[:0]
    kept = None if labels is None else labels[rows]
    train, validation = split_rows(len(rows), VALIDATION_SIZE, seed, kept)
    return rows[train], rows[validation]
