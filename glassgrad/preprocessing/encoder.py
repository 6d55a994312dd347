"""A table as the array that a network takes, and back: learned on the training part alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from glassgrad.errors import DataError
from glassgrad.preprocessing import features, targets
from glassgrad.preprocessing.base import Preprocessing, register
from glassgrad.preprocessing.column import Array, Kind
from glassgrad.preprocessing.extremes import extremes_in_words
from glassgrad.preprocessing.features import Feature, LeftOut, Standardized, learn_feature
from glassgrad.preprocessing.table import Table
from glassgrad.preprocessing.targets import NumberTarget, Target, Task, learn_target

__all__ = ["TableEncoder"]


@register()
class TableEncoder(Preprocessing):
    """What is done to each column of a table, and what the network learns to tell.

    It is plain data, and a model file holds it as `model.preprocessing`: the model then takes
    tables of the same columns, in any order and with others among them.

    Args:
        features: For each column what is done to it, as objects or as configurations.
        target: What is told from them.

    Examples:
        >>> table = Table.of({"size": [1.0, 3.0] * 5, "fits": ["no", "yes"] * 5})
        >>> encoder = TableEncoder.learn(table, "fits")
        >>> encoder.inputs(Table.of({"size": [2.0, 3.0]}))
        array([[0.],
               [1.]], dtype=float32)
        >>> encoder.targets(table)[:2]
        array([0, 1], dtype=int32)
        >>> encoder.decode(np.array([[0.1, 0.9]])).tolist()
        ['yes']
    """

    def __init__(self, features: Sequence[Any], target: Any) -> None:
        self.features = [_as_feature(feature) for feature in features]
        self.target = target if isinstance(target, Target) else targets.deserialize(target)

    @classmethod
    def learn(
        cls, table: Table, target: str, rows: Array | None = None, task: Task = "auto"
    ) -> Self:
        """Decide what is done to each column, from the rows of the training part.

        Args:
            table: The whole table; `Table.of` makes one of a data frame.
            target: The column that is to be told from the others.
            rows: Which rows are the training part; all by default.
            task: "classification", "regression", or "auto": by the target's values.

        Raises:
            UnknownNameError: There is no column of that name.
            DataError: The target has missing values, one value, or too many classes; or no other
                column is of use.
        """
        chosen = np.arange(len(table)) if rows is None else rows
        learned = learn_target(table[target], chosen, task)
        found = [learn_feature(column.take(chosen)) for column in table if column.name != target]
        if not any(feature.width for feature in found):
            reasons = "; ".join(f"{one.name!r} is {one.described()}" for one in found)
            raise DataError(
                f"There must be a column from which {target!r} can be told: "
                f"{reasons or 'there is no other'}."
            )
        return cls(found, learned)

    @property
    def kinds(self) -> dict[str, Kind]:
        """What the columns of a file have to be read as, by name."""
        wanted: dict[str, Kind] = {self.target.name: self.target.kind}
        for feature in self.features:
            if (kind := feature.kind) is not None:
                wanted[feature.name] = kind
        return wanted

    @property
    def width(self) -> int:
        """How many numbers a row becomes."""
        return sum(feature.width for feature in self.features)

    def inputs(self, data: Any) -> Array:
        """The rows as the network takes them, (rows, width) of float32.

        Columns are found by name; others, the target among them, are passed over.

        Args:
            data: With all columns that the network uses: a table, or what `Table.of` takes.

        Raises:
            DataError: A column is missing, or holds what it did not hold in training.
        """
        table = self.table(data)
        used = [feature for feature in self.features if feature.width]
        missing = [feature.name for feature in used if feature.name not in table]
        if missing:
            raise DataError(
                f"The network needs the columns {', '.join(one.name for one in used)}. "
                f"{table.source} lacks {', '.join(map(repr, missing))}; it has "
                f"{', '.join(table.names)}. Add or rename them."
            )
        parts = [feature.encode(table[feature.name]) for feature in used]
        return np.concatenate(parts, axis=1).astype(np.float32)

    def table(self, data: Any) -> Table:
        """A table of what `Table.of` takes, each column read as it was in training.

        Args:
            data: A data frame or a dictionary of columns; a table is given back as it is.

        Examples:
            >>> learned = Table.of({"code": ["7", "A1"] * 3, "y": [1.5, 2.5] * 3})
            >>> TableEncoder.learn(learned, "y").table({"code": ["007"]})
            Table(1 rows: code (text))
        """
        return data if isinstance(data, Table) else Table.of(data, self.kinds)

    def targets(self, data: Any) -> Array:
        """The target as the loss takes it: int32 numbers of classes, or (rows, 1) of float32.

        Args:
            data: A table, or what `Table.of` takes.

        Raises:
            DataError: There is no such column, or a value is missing or of no known class.
        """
        table = self.table(data)
        if self.target.name not in table:
            raise DataError(
                f"The target {self.target.name!r} is needed here. {table.source} has "
                f"{', '.join(table.names)}."
            )
        encoded = self.target.encode(table[self.target.name])
        return encoded.astype(np.float32) if encoded.dtype.kind == "f" else encoded

    def report(self) -> list[tuple[str, str]]:
        """Each column, the target last, with what is done to it."""
        columns = [(feature.name, feature.described()) for feature in self.features]
        return [*columns, (self.target.name, self.target.described())]

    def extremes(self, table: Table) -> list[str]:
        """What is to be said of numbers far beyond all others, the target's first.

        Columns that the network does not see, and classes, have none; see
        `extremes.extreme_rows` for the rule.

        Args:
            table: The whole table that is learned from.
        """
        seen = [feature.name for feature in self.features if isinstance(feature, Standardized)]
        told = [self.target.name] if isinstance(self.target, NumberTarget) else []
        found = [extremes_in_words(table[name], table.place) for name in (*told, *seen)]
        return [words for words in found if words]

    def remarks(self, data: Any) -> list[str]:
        """What is unusual about a new table: further columns, unknown texts, missing values.

        Args:
            data: A table, or what `Table.of` takes.
        """
        table = self.table(data)
        known = {feature.name for feature in self.features} | {self.target.name}
        others = [name for name in table.names if name not in known]
        found = [f"not used: {', '.join(others)}"] if others else []
        for feature in self.features:
            if not isinstance(feature, LeftOut) and feature.name in table:
                found += feature.remarks(table[feature.name])
        return found


def _as_feature(feature: Any) -> Feature:
    return feature if isinstance(feature, Feature) else features.deserialize(feature)
