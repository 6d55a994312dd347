"""What is measured: a network of some sizes, trained on batches of some size.

A case names its network; `networks` says what that is, and each contestant of `contestants`
builds it in its own way. Cases of another network are rows of another table here.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

__all__ = [
    "CNN", "CURVES", "GPT", "GRID", "GRU", "HEADLINE",
    "LSTM", "OTHERS", "PRODUCT", "RESNET", "Case",
]  # fmt: skip

LEAST_EXAMPLES, LEAST_BATCHES = 2048, 2
LEAST_EXAMPLES_OF = {"cnn": 512, "resnet": 512, "gpt": 96}
"""Of networks whose examples take so long that fewer of them fill a turn."""


@dataclass(frozen=True)
class Case:
    """A network and the size of a batch.

    Args:
        network: its name in `networks.NETWORKS`.
        batch: examples in a batch.
        sizes: what the network makes of them; for "mlp" the units of every layer, inputs first.
            For "product" the examples are the rows of a matrix, and these the sizes of another.
            For the others `networks` names them.
    """

    network: str
    batch: int
    sizes: tuple[int, ...]

    @property
    def batches(self) -> int:
        """How many different batches there are; training goes through them again and again."""
        examples = LEAST_EXAMPLES_OF.get(self.network, LEAST_EXAMPLES)
        return max(LEAST_BATCHES, examples // self.batch)

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

CNN = Case("cnn", 128, (28, 1, 32, 64, 128, 10))
RESNET = Case("resnet", 128, (28, 1, 16, 32, 64, 1, 10))
LSTM = Case("lstm", 128, (28, 28, 128, 10))
GRU = Case("gru", 128, (28, 28, 128, 10))
GPT = Case("gpt", 12, (65, 64, 128, 4, 4))

OTHERS = [
    Case("cnn", 32, (28, 1, 8, 16, 64, 10)),
    CNN,
    Case("cnn", 64, (32, 3, 64, 128, 256, 10)),
    Case("resnet", 32, (28, 1, 16, 32, 64, 1, 10)),
    RESNET,
    Case("resnet", 128, (32, 3, 16, 32, 64, 2, 10)),
    Case("lstm", 32, (28, 28, 32, 10)),
    LSTM,
    Case("lstm", 128, (56, 64, 256, 10)),
    Case("gru", 32, (28, 28, 32, 10)),
    GRU,
    Case("gru", 128, (56, 64, 256, 10)),
    Case("gpt", 12, (65, 32, 64, 2, 2)),
    GPT,
    Case("gpt", 8, (65, 128, 256, 8, 6)),
]
"""Networks of other layers: of each a small one, the one whose figure counts, a large one."""
