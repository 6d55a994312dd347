"""What is measured: a network of some sizes, trained on batches of some size.

A case names its network; `networks` says what that is, and each contestant of `contestants`
builds it in its own way. Cases of another network are rows of another table here.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["CURVES", "GRID", "HEADLINE", "PRODUCT", "Case"]

LEAST_EXAMPLES, LEAST_BATCHES = 2048, 2


@dataclass(frozen=True)
class Case:
    """A network and the size of a batch.

    Args:
        network: its name in `networks.NETWORKS`.
        batch: examples in a batch.
        sizes: what the network makes of them; for "mlp" the units of every layer, inputs first.
            For "product" the examples are the rows of a matrix, and these the sizes of another.
    """

    network: str
    batch: int
    sizes: tuple[int, ...]

    @property
    def batches(self) -> int:
        """How many different batches there are; training goes through them again and again."""
        return max(LEAST_BATCHES, LEAST_EXAMPLES // self.batch)

    @property
    def name(self) -> str:
        """The network and the batch, short enough for a table.

        Example:
            >>> Case("mlp", 32, (784, 64, 64, 64, 10)).name
            'mlp 784-[64]x3-10, batch 32'
        """
        runs = [(size, len(list(run))) for size, run in itertools.groupby(self.sizes)]
        sizes = "-".join(f"[{size}]x{count}" if count > 1 else f"{size}" for size, count in runs)
        return f"{self.network} {sizes}, batch {self.batch}"

    def to_json(self) -> dict[str, Any]:
        """What `from_json` takes."""
        return asdict(self)

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Case:
        """The case with these fields."""
        return cls(fields["network"], fields["batch"], tuple(fields["sizes"]))


def mlp(batch: int, hidden: Sequence[int]) -> Case:
    """Images of 28x28 pixels, ten classes, and fully connected layers between them."""
    return Case("mlp", batch, (784, *hidden, 10))


HEADLINE = mlp(128, [256, 128])
"""The network whose figures come first."""

GRID = [
    mlp(batch, [width] * depth)
    for batch in (32, 128, 1024)
    for width in (64, 256, 1024)
    for depth in (2, 4, 16)
]
"""From small networks, where each call counts, to large ones, where products do."""

CURVES = {
    "batch": [mlp(4**power, [256, 256]) for power in range(7)],
    "width": [mlp(128, [width, width]) for width in (16, 64, 256, 1024, 2048)],
    "depth": [mlp(128, [64] * depth) for depth in (1, 4, 16, 32, 64, 100)],
}
"""How the time of a step grows with one size, where the others stay."""

PRODUCT = Case("product", 2048, (2048, 2048))
"""Rows of 2048 numbers times a matrix: large enough to show what the machine can do."""
