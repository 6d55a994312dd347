"""A character GPT: four blocks of causal attention learn to write like their text.

Each step predicts every next character of twelve windows of the text. At full scale this is the
published small configuration for the works of Shakespeare (Karpathy, nanoGPT): 4 layers, 4 heads,
width 128, windows of 64 characters, 2,000 steps; validation loss 1.88. Without a file of text, a
small network learns numbers written out in words; a folder of text holds it as input.txt.

    python examples/character_gpt.py
    python examples/character_gpt.py --full --data FOLDER
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from command_line import run

from glassgrad import set_random_seed
from glassgrad.initializers import RandomNormal
from glassgrad.layers import (
    Dense,
    Input,
    LayerNormalization,
    TokenAndPositionEmbedding,
    TransformerBlock,
)
from glassgrad.losses import SparseCategoricalCrossentropy
from glassgrad.models import Sequential
from glassgrad.optimizers import AdamW
from glassgrad.optimizers.schedules import CosineDecay

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Scale:
    """How large everything is."""

    layers: int
    heads: int
    width: int
    window: int
    batch: int
    steps: int
    rate: float


SCALES = {
    "small": Scale(layers=2, heads=2, width=32, window=32, batch=12, steps=250, rate=5e-3),
    "full": Scale(layers=4, heads=4, width=128, window=64, batch=12, steps=2000, rate=1e-3),
}


@dataclass(frozen=True)
class Alphabet:
    """The characters of a text, numbered."""

    characters: str

    def numbers(self, text: str) -> Array:
        """The number of each character."""
        return np.array([self.characters.index(one) for one in text], np.int32)

    def text(self, numbers: Array) -> str:
        """The way back."""
        return "".join(self.characters[number] for number in numbers)


def windows(numbers: Array, starts: Array, length: int) -> tuple[Array, Array]:
    """Pieces of a text, and for each of their characters the one that follows."""
    pieces = numbers[starts[:, None] + np.arange(length + 1)]
    return pieces[:, :-1], pieces[:, 1:]


def network(scale: Scale, characters: int) -> Sequential:
    """What reads a window and gives logits of the next character at each place of it."""
    initializer = RandomNormal(stddev=0.02)
    model = Sequential(
        [
            Input((scale.window,), dtype="int32"),
            TokenAndPositionEmbedding(
                characters, scale.window, scale.width, embeddings_initializer=initializer
            ),
            *(
                TransformerBlock(
                    scale.heads, causal=True, use_bias=False, kernel_initializer=initializer
                )
                for _ in range(scale.layers)
            ),
            LayerNormalization(epsilon=1e-5),
            Dense(characters, use_bias=False, kernel_initializer=initializer),
        ]
    )
    warmup = scale.steps // 20
    rate = CosineDecay(
        0.0, scale.steps - warmup, alpha=0.1, warmup_target=scale.rate, warmup_steps=warmup
    )
    optimizer = AdamW(rate, beta_2=0.99, weight_decay=0.1, global_clipnorm=1.0)
    optimizer.exclude_from_weight_decay(var_names=["gamma", "beta"])
    model.compile(optimizer, SparseCategoricalCrossentropy(from_logits=True))
    return model


def sample(model: Sequential, start: Array, count: int, window: int, seed: int) -> Array:
    """Go on with a text, each character drawn with the probability that the network gives it."""
    rng = np.random.default_rng(seed)
    written = list(start)
    for _ in range(count):
        seen = written[-window:]
        padded = np.array([seen + [0] * (window - len(seen))], np.int32)  # none sees what follows
        logits = model.predict(padded, verbose=0)[0, len(seen) - 1].astype("float64")
        chances = np.exp(logits - logits.max())
        written.append(int(rng.choice(len(logits), p=chances / chances.sum())))
    return np.array(written)


def numbers_in_words() -> str:
    """A text to learn without a file: the numbers up to a thousand, in random order."""
    ones = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen"
    words = [*ones.split(), "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"]
    tens = "twenty thirty forty fifty sixty seventy eighty ninety"

    def written(number: int) -> str:
        if number < 20:
            return words[number]
        if number < 100:
            rest = number % 10
            return tens.split()[number // 10 - 2] + (f"-{words[rest]}" if rest else "")
        rest = number % 100
        return f"{words[number // 100]} hundred" + (f" and {written(rest)}" if rest else "")

    return "\n".join(written(int(n)) for n in np.random.default_rng(0).permutation(1000))


def main(scale: str = "small", data: str | None = None, seed: int = 0) -> dict[str, float]:
    """Train, write a sample, and give the losses per character."""
    set_random_seed(seed)
    size = SCALES[scale]
    text = numbers_in_words() if data is None else (Path(data) / "input.txt").read_text("utf-8")
    alphabet = Alphabet("".join(sorted(set(text))))
    numbers = alphabet.numbers(text)
    learnt, unseen = np.split(numbers, [len(numbers) * 9 // 10])
    starts = np.random.default_rng(seed).integers(
        0, len(learnt) - size.window, size.steps * size.batch
    )
    model = network(size, len(alphabet.characters))
    history = model.fit(
        *windows(learnt, starts, size.window), batch_size=size.batch, shuffle=False, verbose=0
    )
    all_starts = np.arange(0, len(unseen) - size.window, size.window)
    loss = model.evaluate(*windows(unseen, all_starts, size.window), verbose=0)
    begin = alphabet.numbers("\n")
    written = sample(model, begin, 300 if scale == "full" else 60, size.window, seed)
    print(alphabet.text(written).strip())
    shares = np.bincount(learnt) / len(learnt)
    return {
        "validation loss": float(loss),
        "mean training loss": history.history["loss"][-1],
        "loss of guessing by frequency": float(-np.mean(np.log(shares[unseen]))),
    }


if __name__ == "__main__":
    run(main)
