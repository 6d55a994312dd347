"""The gradient on its way back through deep networks: where it vanishes, and where it does not.

Ten layers of 64 units, before any learning. The derivative of the sigmoid is at most 1/4, and so
the gradient becomes smaller in every layer (Hochreiter, 1991); relu with weights drawn to fit it
hands it on (He et al., 2015), and a sum around each layer leads it past (He et al., 2016).

    python examples/vanishing_gradients.py [PICTURE.svg]
"""

from __future__ import annotations

import sys

import numpy as np

from glassgrad import set_random_seed
from glassgrad.layers import Dense, Input
from glassgrad.models import Model

LAYERS, UNITS, EXAMPLES = 10, 64, 32


def network(name: str, activation: str, initializer: str, *, residual: bool = False) -> Model:
    """Layers of one width from 64 numbers to one."""
    x = inputs = Input((UNITS,))
    for number in range(1, LAYERS + 1):
        layer = Dense(UNITS, activation, kernel_initializer=initializer, name=f"layer_{number}")
        x = layer(x) + x if residual else layer(x)
    model = Model(inputs, Dense(1, name="out")(x), name=name)
    model.compile("sgd", "mse")
    return model


def networks() -> dict[str, Model]:
    """Three of them, by name."""
    set_random_seed(0)
    plain, fitting = "glorot_uniform", "he_normal"
    return {
        "sigmoid": network("sigmoid", "sigmoid", plain),
        "relu": network("relu", "relu", fitting),
        "sigmoid with sums": network("with_sums", "sigmoid", plain, residual=True),
    }


if __name__ == "__main__":
    random = np.random.default_rng(0)
    x, y = random.normal(size=(EXAMPLES, UNITS)), random.normal(size=(EXAMPLES, 1))
    found = networks()
    names = [f"layer_{number}/kernel" for number in range(1, LAYERS + 1)]
    print("norm of the gradient of each layer's weights, from the first layer to the last")
    for title, model in found.items():
        slopes = model.gradients(x, y, of=names)
        print(f"{title:<18}", *(f"{np.linalg.norm(slopes[name]):.0e}" for name in names))
    if len(sys.argv) > 1:
        found["sigmoid"].plot(sys.argv[1], x, y, show_shapes=False)
