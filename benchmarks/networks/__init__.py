"""What a network of the cases is: its data, its first weights, and what a step of it costs.

All contestants train on the same data from the same weights, so that their losses tell whether
they do the same work.
"""

from __future__ import annotations

from benchmarks.networks.dense import Mlp, Product
from benchmarks.networks.images import Cnn, ResNet
from benchmarks.networks.network import ADAM, Array, Network
from benchmarks.networks.sequences import Gpt, Recurrent

__all__ = ["ADAM", "NETWORKS", "Array", "Network"]

NETWORKS: dict[str, Network] = {
    "mlp": Mlp(),
    "product": Product(),
    "cnn": Cnn(),
    "resnet": ResNet(),
    "lstm": Recurrent(gates=4, biases=1),
    "gru": Recurrent(gates=3, biases=2),
    "gpt": Gpt(),
}
