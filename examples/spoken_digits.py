"""A gated recurrent network recognises digits that a synthetic speaker pronounces.

A word is a row of sounds. A vowel has three formants, the resonances of the vocal tract; their
frequencies glide from one sound to the next. A hiss has its energy above, a nasal below. Speakers
differ in the length of their vocal tract, in their pace and in loudness, and there is noise. What
the network sees is the energy in 24 bands of frequency, every 20 milliseconds: sequences of
different lengths, filled up with zeros that a mask leaves out.

The formants are the means of men in G. E. Peterson and H. L. Barney, "Control methods used in a
study of the vowels", 1952.

    python examples/spoken_digits.py
    python examples/spoken_digits.py --full
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from command_line import run

from glassgrad import set_random_seed
from glassgrad.layers import GRU, Bidirectional, Dense, Dropout, Input, Masking
from glassgrad.models import Sequential
from glassgrad.optimizers import Adam
from glassgrad.optimizers.schedules import CosineDecay

Array = np.ndarray[Any, Any]

FORMANTS = {
    "i": (270, 2290, 3010),
    "ɪ": (390, 1990, 2550),
    "ɛ": (530, 1840, 2480),
    "ɑ": (730, 1090, 2440),
    "ɔ": (570, 840, 2410),
    "ʊ": (440, 1020, 2240),
    "u": (300, 870, 2240),
    "ʌ": (640, 1190, 2390),
    "ɝ": (490, 1350, 1690),
    "n": (250, 1200, 2200),
}
HISSES = {"s": (5000, 1.0), "z": (5000, 0.6), "f": (4000, 0.3), "θ": (4500, 0.25), "v": (3500, 0.2)}
STOPS = "tk"
WORDS = "zɪɝɔʊ wʌn tu θɝi fɔɝ fɑɪv sɪks sɛvʌn ɛɪt nɑɪn".replace("w", "u").split()

BANDS = np.geomspace(200, 6000, 24)  # the middle of each, in hertz
BATCH = 32
FRAME = 0.02  # seconds
LONGEST = 50  # frames; the rest of a shorter word is zero


@dataclass(frozen=True)
class Speaker:
    """Who speaks, and how this time.

    Args:
        stretch: by how much the frequencies are higher than the means.
        pace: by how much sounds are longer.
        loudness: added to the logarithm of the energy.
    """

    stretch: float
    pace: float
    loudness: float


def spectrum_of(sound: str) -> tuple[Array, Array]:
    """The frequencies and the strengths of a sound's three resonances."""
    if sound in FORMANTS:
        return np.array(FORMANTS[sound], float), np.array([1.0, 0.6, 0.3])
    if sound in HISSES:
        frequency, strength = HISSES[sound]
        return frequency * np.array([0.85, 1.0, 1.15]), strength * np.ones(3)
    return np.array([400.0, 1500.0, 2500.0]), np.zeros(3)  # the silence before a stop


def spoken(word: str, speaker: Speaker, rng: np.random.Generator) -> Array:
    """What is heard of a word: (frames, bands), the logarithm of the energy."""
    lengths = [
        max(2, round(rng.uniform(0.06, 0.16) * (0.4 if one in STOPS else 1) * speaker.pace / FRAME))
        for one in word
    ]
    ends = np.cumsum(lengths)
    middles = ends - np.array(lengths) / 2
    frames = np.arange(min(ends[-1], LONGEST)) + 0.5
    targets = [spectrum_of(sound) for sound in word]
    frequencies, strengths = (
        np.stack([np.interp(frames, middles, track) for track in np.stack(tracks).T])
        for tracks in zip(*targets, strict=True)
    )  # both (3, frames)
    place = np.log(BANDS[:, None, None] / (speaker.stretch * frequencies))
    energy = (strengths * np.exp(-((place / 0.12) ** 2))).sum(axis=1).T
    noise = 0.05 * rng.chisquare(2, energy.shape)
    return np.log(0.02 + energy + noise) + speaker.loudness


def recordings(count: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Words of speakers, each another one: (count, LONGEST, bands), and which digits they are."""
    digits = rng.integers(10, size=count)
    heard = np.zeros((count, LONGEST, len(BANDS)), np.float32)
    for place, digit in zip(heard, digits, strict=True):
        speaker = Speaker(
            stretch=rng.lognormal(0.08, 0.1), pace=rng.lognormal(0, 0.2), loudness=rng.normal(0, 1)
        )
        word = spoken(WORDS[digit], speaker, rng)
        place[: len(word)] = word
    return heard, digits


def network(units: int) -> Sequential:
    """From recordings to the chances of ten digits."""
    return Sequential(
        [
            Input((LONGEST, len(BANDS))),
            Masking(0.0),
            Bidirectional(GRU(units)),
            Dropout(0.3),
            Dense(10, activation="softmax"),
        ]
    )


def without_order(heard: Array) -> Array:
    """The mean energy of each band over the frames of a word, (words, bands)."""
    frames = heard.any(axis=2).sum(axis=1)
    return heard.sum(axis=1) / frames[:, None]


def accuracy_without_order(train: tuple[Array, Array], test: tuple[Array, Array]) -> float:
    """How far one gets with the nearest of the digits' mean spectra."""
    (x, y), (x_test, y_test) = train, test
    spectra = without_order(x)
    means = np.stack([spectra[y == digit].mean(axis=0) for digit in range(10)])
    distances = np.square(without_order(x_test)[:, None] - means).sum(axis=2)
    return float(np.mean(distances.argmin(axis=1) == y_test))


def main(scale: str = "small", data: str | None = None, seed: int = 0) -> dict[str, float]:
    """Train, and give the accuracy on speakers that were not heard before."""
    set_random_seed(seed)
    rng = np.random.default_rng(seed)
    count, units, epochs = {"small": (600, 16, 6), "full": (8000, 64, 15)}[scale]
    train, test = recordings(count, rng), recordings(1000, rng)
    model = network(units)
    steps = epochs * -(-count // BATCH)
    model.compile(
        Adam(CosineDecay(5e-3, steps), global_clipnorm=1.0),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    model.fit(*train, BATCH, epochs, verbose=0)
    return {
        "test accuracy": model.evaluate(*test, 500, verbose=0)[1],
        "test accuracy without the order of the sounds": accuracy_without_order(train, test),
    }


if __name__ == "__main__":
    run(main)
