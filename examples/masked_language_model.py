"""A small BERT learns a language by filling gaps, and verbs to agree with subjects far away.

Sentences come from a grammar: "the old keys near the big cabinet rust quietly ." A part of the
words is hidden, and the network, which reads in both directions, says what they were (Devlin et
al., "BERT", 2019). Between the subject and its verb there may be nouns of the other number, so the
nearest noun is a bad guide (Linzen, Dupoux, Goldberg, "Assessing the ability of LSTMs to learn
syntax-sensitive dependencies", 2016).

    python examples/masked_language_model.py
    python examples/masked_language_model.py --full
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from command_line import run

from glassgrad import set_random_seed
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

LEXICON = """
nouns: key cabinet cat dog teacher child river road tree house ship star
verbs: rust sleep wait laugh shine fall grow wander vanish rest
adjectives: old big small quiet green strange happy dark
prepositions: near behind with above under
adverbs: quietly again here slowly today
"""
NOUNS, VERBS, ADJECTIVES, PREPOSITIONS, ADVERBS = (
    line.partition(": ")[2].split() for line in LEXICON.strip().splitlines()
)
PADDING, GAP = "", "[gap]"
WORDS = [
    *(".", "the"),
    *(*ADJECTIVES, *PREPOSITIONS, *ADVERBS),
    *(word + ending for word in (*NOUNS, *VERBS) for ending in ("", "s")),
]
NUMBERS = {word: number for number, word in enumerate([PADDING, GAP, *WORDS])}
LENGTH = 20
IGNORED = -1  # what is no gap is not asked for


@dataclass(frozen=True)
class Scale:
    """How large everything is."""

    blocks: int
    width: int
    sentences: int
    epochs: int
    rate: float


SCALES = {
    "small": Scale(blocks=2, width=32, sentences=3000, epochs=6, rate=5e-3),
    "full": Scale(blocks=2, width=64, sentences=20000, epochs=16, rate=3e-3),
}


@dataclass(frozen=True)
class Sentence:
    """Its words, the place of its verb, and whether the noun next to it has another number."""

    words: list[str]
    verb: int
    is_misled: bool


def sentence(rng: np.random.Generator) -> Sentence:
    """The subject, up to two nouns that belong to it, and the verb."""
    is_plural = bool(rng.integers(2))
    words, nearest = phrase(is_plural, rng), is_plural
    for _ in range(rng.integers(3)):
        nearest = bool(rng.integers(2))
        words += [str(rng.choice(PREPOSITIONS)), *phrase(nearest, rng)]
    verb = len(words)
    words.append(str(rng.choice(VERBS)) + ("" if is_plural else "s"))
    words += [str(word) for word in rng.choice(ADVERBS, rng.integers(2))]
    return Sentence([*words, "."], verb, nearest != is_plural)


def phrase(is_plural: bool, rng: np.random.Generator) -> list[str]:
    """The, perhaps an adjective, and a noun."""
    adjectives = [str(word) for word in rng.choice(ADJECTIVES, rng.integers(2))]
    return ["the", *adjectives, str(rng.choice(NOUNS)) + ("s" if is_plural else "")]


def as_numbers(sentences: list[Sentence]) -> Array:
    """One sentence a row, with padding behind it."""
    rows = np.zeros((len(sentences), LENGTH), np.int32)
    for row, one in zip(rows, sentences, strict=True):
        row[: len(one.words)] = [NUMBERS[word] for word in one.words]
    return rows


def with_gaps(tokens: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """Hide 15 % of the words: most become gaps, some another word, some stay as they are."""
    is_asked = (rng.random(tokens.shape) < 0.15) & (tokens != NUMBERS[PADDING])
    how = rng.random(tokens.shape)
    others = rng.integers(NUMBERS["."], len(NUMBERS), tokens.shape)
    hidden = np.where(how < 0.8, NUMBERS[GAP], np.where(how < 0.9, others, tokens))
    shown = np.where(is_asked, hidden, tokens).astype(np.int32)
    return shown, np.where(is_asked, tokens, IGNORED).astype(np.int32)


def network(scale: Scale, steps: int) -> Sequential:
    """What reads a sentence with gaps and gives logits of the word at each place."""
    model = Sequential(
        [
            Input((LENGTH,), dtype="int32"),
            TokenAndPositionEmbedding(len(NUMBERS), LENGTH, scale.width, mask_zero=True),
            *(TransformerBlock(4) for _ in range(scale.blocks)),
            LayerNormalization(epsilon=1e-5),
            Dense(len(NUMBERS)),
        ]
    )
    warmup = steps // 20
    rate = CosineDecay(0.0, steps - warmup, warmup_target=scale.rate, warmup_steps=warmup)
    model.compile(
        AdamW(rate, weight_decay=0.01, global_clipnorm=1.0),
        SparseCategoricalCrossentropy(from_logits=True, ignore_class=IGNORED),
    )
    return model


def main(scale: str = "small", data: str | None = None, seed: int = 0) -> dict[str, float]:
    """Train, and give how many gaps are filled as they were, and how many verbs agree."""
    set_random_seed(seed)
    size, rng = SCALES[scale], np.random.default_rng(seed)
    train = as_numbers([sentence(rng) for _ in range(size.sentences)])
    model = network(size, size.epochs * -(-size.sentences // 64))
    for epoch in range(size.epochs):  # with other gaps each time
        x, y = with_gaps(train, rng)
        model.fit(x, y, 64, epoch + 1, initial_epoch=epoch, verbose=0)
    unseen = [sentence(rng) for _ in range(2000)]
    shown, asked = with_gaps(as_numbers(unseen), rng)
    filled = model.predict(shown, 500, verbose=0).argmax(axis=-1)
    misled = [one for one in unseen if one.is_misled]
    found = agreement(model, misled)
    print(examples_of(model, misled[:3]))
    return {
        "gaps filled with the very word": float((filled == asked)[asked != IGNORED].mean()),
        "gaps filled by the most frequent word": float(
            (np.bincount(train[train > 0]).argmax() == asked[asked != IGNORED]).mean()
        ),
        "verbs that agree with their subject": found,
        "verbs that agree with the nearest noun": 1 - found,
    }


def without_verbs(sentences: list[Sentence]) -> Array:
    """The sentences with a gap for the verb."""
    tokens = as_numbers(sentences)
    tokens[np.arange(len(tokens)), [one.verb for one in sentences]] = NUMBERS[GAP]
    return tokens


def said(model: Sequential, sentences: list[Sentence]) -> Array:
    """For each sentence the probabilities of all words in the place of its verb."""
    logits = model.predict(without_verbs(sentences), 500, verbose=0)
    of_verbs = logits[np.arange(len(logits)), [one.verb for one in sentences]]
    powers = np.exp(of_verbs - of_verbs.max(axis=-1, keepdims=True))
    shares: Array = powers / powers.sum(axis=-1, keepdims=True)
    return shares


def agreement(model: Sequential, sentences: list[Sentence]) -> float:
    """How often verbs of the right number are more probable, together, than those of the wrong."""
    shares = said(model, sentences)
    plural, singular = (shares[:, [NUMBERS[v + end] for v in VERBS]].sum(1) for end in ("", "s"))
    is_plural = [not one.words[one.verb].endswith("s") for one in sentences]
    return float(((plural > singular) == is_plural).mean())


def examples_of(model: Sequential, sentences: list[Sentence]) -> str:
    """Sentences with the verb that the network puts into the gap."""
    words, lines = list(NUMBERS), []
    for one, shares in zip(sentences, said(model, sentences), strict=True):
        before, after = one.words[: one.verb], one.words[one.verb + 1 :]
        lines.append(" ".join([*before, words[int(shares.argmax())].upper(), *after]))
    return "\n".join(lines)


if __name__ == "__main__":
    run(main)
