"""A small residual network reads handwritten digits that are turned, shifted and zoomed a little.

Three stages of one block each, as He et al. have them for small images ("Deep residual learning for
image recognition", 2015). Every image of the training is disturbed anew in every epoch.

    python examples/resnet_on_mnist.py
    python examples/resnet_on_mnist.py --full --data FOLDER
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from command_line import run

from glassgrad import Tensor, datasets, set_random_seed
from glassgrad.layers import (
    Add,
    BatchNormalization,
    Conv2D,
    Dense,
    GlobalAveragePooling2D,
    Input,
    RandomRotation,
    RandomTranslation,
    RandomZoom,
    ReLU,
    Rescaling,
    Reshape,
)
from glassgrad.models import Model
from glassgrad.optimizers import Adam
from glassgrad.optimizers.schedules import CosineDecay


@dataclass(frozen=True)
class Scale:
    """How large everything is."""

    widths: Sequence[int]
    batch: int
    epochs: int


SCALES = {"small": Scale((8, 16), 32, 10), "full": Scale((16, 32, 64), 64, 12)}


def normalized(x: Tensor, filters: int, window: int = 3, stride: int = 1) -> Tensor:
    """A convolution, whose results have mean 0 and variance 1 in each batch, scaled and shifted."""
    x = Conv2D(filters, window, stride, padding="same", use_bias=False)(x)
    return BatchNormalization(momentum=0.9)(x)


def block(x: Tensor, filters: int, stride: int) -> Tensor:
    """Two convolutions, added to what goes around them."""
    y = ReLU()(normalized(x, filters, stride=stride))
    y = normalized(y, filters)
    if x.shape != y.shape:
        x = normalized(x, filters, window=1, stride=stride)
    return ReLU()(Add()([y, x]))


def network(side: int, brightest: int, widths: Sequence[int]) -> Model:
    """From images, (side, side), whose values begin at 0, to the chances of ten digits."""
    images = Input((side, side))
    x = Reshape((side, side, 1))(Rescaling(1 / brightest)(images))
    x = RandomRotation(0.03, fill_mode="constant")(x)
    x = RandomTranslation(0.08, 0.08, fill_mode="constant")(x)
    x = RandomZoom((-0.1, 0.1), (-0.1, 0.1), fill_mode="constant")(x)
    x = ReLU()(normalized(x, widths[0]))
    for stage, width in enumerate(widths):
        x = block(x, width, stride=2 if stage else 1)
    return Model(images, Dense(10, activation="softmax")(GlobalAveragePooling2D()(x)))


def main(scale: str = "small", data: str | None = None, seed: int = 0) -> dict[str, float]:
    """Train, and give the accuracy on digits that were not trained on."""
    set_random_seed(seed)
    size = SCALES[scale]
    loaded = datasets.mnist.load_data(data) if scale == "full" else datasets.digits.load_data()
    (x_train, y_train), (x_test, y_test) = loaded
    model = network(x_train.shape[1], int(x_train.max()), size.widths)
    steps = size.epochs * -(-len(x_train) // size.batch)
    rate = CosineDecay(1e-3, steps * 9 // 10, warmup_target=5e-3, warmup_steps=steps // 10)
    model.compile(Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x_train, y_train, size.batch, size.epochs, verbose=0)
    return {"test accuracy": model.evaluate(x_test, y_test, 1000, verbose=0)[1]}


if __name__ == "__main__":
    run(main)
