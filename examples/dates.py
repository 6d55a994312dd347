"""Translation with attention: dates as people write them become dates as computers do.

"Saturday, 7 March 1998", "march 7th 1998" and "07.03.98" are all 1998-03-07. An encoder reads the
characters, and a decoder writes the translation one character at a time, looking at whatever part
of the source it needs (Bahdanau, Cho, Bengio, "Neural machine translation by jointly learning to
align and translate", 2015; Vaswani et al., "Attention is all you need", 2017).

    python examples/dates.py
    python examples/dates.py --full
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
from command_line import run

from glassgrad import set_random_seed
from glassgrad.layers import (
    Dense,
    Input,
    TokenAndPositionEmbedding,
    TransformerDecoder,
    TransformerEncoder,
)
from glassgrad.losses import SparseCategoricalCrossentropy
from glassgrad.models import Model
from glassgrad.optimizers import Adam
from glassgrad.optimizers.schedules import CosineDecay

Array = np.ndarray[Any, Any]

FIRST, DAYS = date(1950, 1, 1), 36524  # a hundred years, so that two digits name a year
LONGEST, LENGTH = 30, len("1998-03-07")
PADDING, START = "\0", "\1"
CHARACTERS = PADDING + START + "abcdefghijklmnopqrstuvwxyz0123456789 ,.-/'"
NUMBERS = {character: number for number, character in enumerate(CHARACTERS)}


@dataclass(frozen=True)
class Scale:
    """How large everything is."""

    width: int
    examples: int
    epochs: int
    rate: float


SCALES = {
    "small": Scale(width=32, examples=3000, epochs=6, rate=5e-3),
    "full": Scale(width=64, examples=10000, epochs=15, rate=3e-3),
}


def written(day: date, rng: np.random.Generator) -> str:
    """A date in one of the ways in which people write it."""
    ending = {1: "st", 2: "nd", 3: "rd"}.get(day.day % 10 if day.day not in (11, 12, 13) else 0)
    ways = (
        f"{day:%A}, {day.day} {day:%B %Y}",
        f"{day:%B} {day.day}{ending or 'th'} {day:%Y}",
        f"{day.day} {day:%b} '{day:%y}",
        f"{day:%d.%m.%y}",
        f"{day.day}/{day.month}/{day:%Y}",
    )
    return ways[rng.integers(len(ways))].lower()


def as_numbers(texts: list[str], length: int) -> Array:
    """One text a row, with padding behind it."""
    rows = np.zeros((len(texts), length), np.int32)
    for row, text in zip(rows, texts, strict=True):
        row[: len(text)] = [NUMBERS[character] for character in text]
    return rows


def examples(days: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """Sources and translations of dates, given by their number."""
    dates = [FIRST + timedelta(int(day)) for day in days]
    sources = [written(day, rng) for day in dates]
    return as_numbers(sources, LONGEST), as_numbers([day.isoformat() for day in dates], LENGTH)


def shifted(translations: Array) -> Array:
    """What the decoder has written before each character."""
    return np.insert(translations[:, :-1], 0, NUMBERS[START], axis=1)


def network(scale: Scale, steps: int) -> Model:
    """From the source, and what is written so far, to logits of each next character."""
    source, so_far = Input((LONGEST,), dtype="int32"), Input((LENGTH,), dtype="int32")
    read = TokenAndPositionEmbedding(len(CHARACTERS), LONGEST, scale.width, mask_zero=True)(source)
    read = TransformerEncoder(2 * scale.width, 4, normalize_first=True)(read)
    write = TokenAndPositionEmbedding(len(CHARACTERS), LENGTH, scale.width)(so_far)
    write = TransformerDecoder(2 * scale.width, 4, normalize_first=True)(write, read)
    model = Model([source, so_far], Dense(len(CHARACTERS))(write))
    warmup = steps // 20
    rate = CosineDecay(0.0, steps - warmup, warmup_target=scale.rate, warmup_steps=warmup)
    model.compile(Adam(rate, global_clipnorm=1.0), SparseCategoricalCrossentropy(from_logits=True))
    return model


def translate(model: Model, sources: Array) -> Array:
    """Write each translation character by character, always the most probable one."""
    found = np.zeros((len(sources), LENGTH), np.int32)
    for place in range(LENGTH):
        logits = model.predict([sources, shifted(found)], 500, verbose=0)
        found[:, place] = logits[:, place].argmax(axis=-1)
    return found


def main(scale: str = "small", data: str | None = None, seed: int = 0) -> dict[str, float]:
    """Train, and give how many dates that were never seen are translated without a mistake."""
    set_random_seed(seed)
    size, rng = SCALES[scale], np.random.default_rng(seed)
    days = rng.permutation(DAYS)
    x, y = examples(days[: size.examples], rng)
    x_test, y_test = examples(days[-1000:], rng)
    model = network(size, size.epochs * -(-size.examples // 64))
    model.fit([x, shifted(y)], y, 64, size.epochs, verbose=0)
    found = translate(model, x_test)
    for source, translation in zip(x_test[:5], found[:5], strict=True):
        texts = ("".join(CHARACTERS[n] for n in some if n) for some in (source, translation))
        print("{:>{width}}  {}".format(*texts, width=LONGEST))
    return {
        "dates translated without a mistake": float((found == y_test).all(axis=1).mean()),
        "characters that are right": float((found == y_test).mean()),
    }


if __name__ == "__main__":
    run(main)
