"""New inputs from old ones: bits flipped, pieces moved, numbers made extreme, words thrown in."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

__all__ = ["mutate"]

MOST_CHANGES = 3
LONGEST = 1 << 16  # so that pieces that double do not grow without end
NUMBER = re.compile(rb"-?\d+(\.\d+)?")
EXTREME_NUMBERS = (
    b"0", b"-1", b"1e999", b"-1e308", b"nan", b"inf", b"4294967296", b"9223372036854775808",
    b"1" * 400, b"0.1", b"255", b"2147483647", b"1_0", b"0x7f", b"true", b"null", b'""', b"[]",
)  # fmt: skip
EXTREME_INTEGERS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 2**63 - 1,
                    2**64 - 1)  # fmt: skip

Random = random.Random
Change = Callable[[Random, bytearray], None]


def mutate(chance: Random, corpus: Sequence[bytes], words: Sequence[bytes] = ()) -> bytes:
    """One of the corpus with a few changes.

    Args:
        chance: Decides everything.
        corpus: Inputs that mean something to the reader.
        words: What the format knows, such as delimiters and keys.
    """
    content = bytearray(chance.choice(corpus))
    for _ in range(chance.randint(1, MOST_CHANGES)):
        kind = chance.randrange(len(CHANGES) + 2)
        if kind < len(CHANGES):
            CHANGES[kind](chance, content)
        elif kind == len(CHANGES):
            _splice(chance, content, chance.choice(corpus))
        else:
            _insert(chance, content, chance.choice(words or EXTREME_NUMBERS))
    return bytes(content[:LONGEST])


def _place(chance: Random, content: bytearray) -> int:
    """Mostly anywhere, and rather often near the beginning, where headers are."""
    limit = len(content) if chance.random() < 0.6 else min(len(content), 64)
    return chance.randrange(limit + 1)


def _piece(chance: Random, content: bytearray) -> slice:
    begin = _place(chance, content)
    return slice(begin, begin + chance.choice((1, 1, 2, 4, 8, 16, 64, 256)))


def _flip_a_bit(chance: Random, content: bytearray) -> None:
    if content:
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)


def _set_a_byte(chance: Random, content: bytearray) -> None:
    if content:
        content[min(_place(chance, content), len(content) - 1)] = chance.randrange(256)


def _set_an_integer(chance: Random, content: bytearray) -> None:
    size = chance.choice((1, 2, 4, 8))
    begin = _place(chance, content)
    value = chance.choice(EXTREME_INTEGERS) & (256**size - 1)
    order = chance.choice(("little", "big"))
    content[begin : begin + size] = value.to_bytes(size, order)  # type: ignore[arg-type]  # a str


def _change_a_number(chance: Random, content: bytearray) -> None:
    found = list(NUMBER.finditer(content[:4096]))
    if found:
        begin, end = chance.choice(found).span()
        content[begin:end] = chance.choice(EXTREME_NUMBERS)


def _truncate(chance: Random, content: bytearray) -> None:
    del content[_place(chance, content) :]


def _delete(chance: Random, content: bytearray) -> None:
    del content[_piece(chance, content)]


def _double(chance: Random, content: bytearray) -> None:
    piece = content[_piece(chance, content)]
    _insert(chance, content, bytes(piece) * chance.choice((1, 1, 2, 9)))


def _move(chance: Random, content: bytearray) -> None:
    chosen = _piece(chance, content)
    piece = bytes(content[chosen])
    del content[chosen]
    _insert(chance, content, piece)


def _append(chance: Random, content: bytearray) -> None:
    content += chance.randbytes(chance.choice((1, 4, 32)))


def _insert(chance: Random, content: bytearray, piece: bytes) -> None:
    place = _place(chance, content)
    content[place:place] = piece


def _splice(chance: Random, content: bytearray, other: bytes) -> None:
    content[_place(chance, content) :] = other[chance.randrange(len(other) + 1) :]


CHANGES: tuple[Change, ...] = (
    _flip_a_bit,
    _flip_a_bit,
    _set_a_byte,
    _set_an_integer,
    _set_an_integer,
    _change_a_number,
    _change_a_number,
    _truncate,
    _delete,
    _double,
    _move,
    _append,
)
