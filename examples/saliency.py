"""What a network looks at when it reads a digit.

A convolutional network learns to read digits; then the gradient of its answer with respect to the
pixels says which of them mattered, in four forms (Simonyan et al., 2013; Sundararajan et al., 2017;
Smilkov et al., 2017). Whether they did is measured: the pixels that are named most are blanked, and
the answer must become less sure than when as many others of the ink are.
``glassgrad.lens.saliency_picture(images, importance)`` draws it.

    python examples/saliency.py
    python examples/saliency.py --full --data FOLDER
"""

from __future__ import annotations

from typing import Any

import numpy as np
from cnn_on_mnist import network
from command_line import run

from glassgrad import datasets, set_random_seed
from glassgrad.models import Sequential

Array = np.ndarray[Any, Any]

METHODS = ("gradient", "gradient_times_input", "integrated", "smooth")
BATCH, LOOKED_AT = 128, 200
EPOCHS = {"small": 6, "full": 2}
BLANKED = 0.2  # of the pixels that have ink


def trained(scale: str, data: str | None, seed: int) -> tuple[Sequential, Array, Array]:
    """A network that reads digits, and digits that it has not seen."""
    set_random_seed(seed)
    loaded = datasets.mnist.load_data(data) if scale == "full" else datasets.digits.load_data()
    (x_train, y_train), (x_test, y_test) = loaded
    model = network(x_train.shape[1], int(x_train.max()))
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(x_train, y_train, BATCH, EPOCHS[scale], verbose=0)
    return model, x_test[:LOOKED_AT].astype("float32"), y_test[:LOOKED_AT].astype("int32")


def chances(model: Sequential, images: Array, labels: Array) -> Array:
    """How sure the network is of the right digit."""
    found: Array = model.predict(images, verbose=0)
    return found[np.arange(len(labels)), labels]


def blanked(images: Array, importance: Array) -> Array:
    """The images without the most important part of their ink."""
    flat = images.reshape(len(images), -1).copy()
    order = np.argsort(-np.where(flat > 0, importance.reshape(flat.shape), -np.inf), axis=1)
    for image, places in zip(flat, order, strict=True):
        image[places[: int(BLANKED * (image > 0).sum())]] = 0
    return flat.reshape(images.shape)


def main(scale: str = "small", data: str | None = None, seed: int = 0) -> dict[str, float]:
    """Train, look, and give how sure the network is once pixels are blanked."""
    model, images, labels = trained(scale, data, seed)
    random = np.random.default_rng(seed).random(images.shape)
    found = {
        "sure of the right digit": chances(model, images, labels).mean(),
        "after blanking ink at random": chances(model, blanked(images, random), labels).mean(),
    }
    for method in METHODS:
        importance = model.saliency(images, labels, method=method, logits=True)
        after = chances(model, blanked(images, importance), labels)
        found[f"after blanking what is named by {method}"] = after.mean()
    return {name: float(value) for name, value in found.items()}


if __name__ == "__main__":
    run(main)
