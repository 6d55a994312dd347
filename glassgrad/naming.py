"""Names that are made from names: snake_case, and numbered where a name is taken."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import count

__all__ = ["forget_names", "snake_case", "unique_name"]

_given: dict[str, Iterator[int]] = {}


def snake_case(name: str) -> str:
    """The name of a class as Keras writes it in lower case.

    Example:
        >>> snake_case("GlorotUniform"), snake_case("Conv2D"), snake_case("SGD")
        ('glorot_uniform', 'conv2d', 'sgd')
    """
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def unique_name(prefix: str) -> str:
    """The prefix at its first use, then with a number: dense, dense_1, dense_2.

    Example:
        >>> unique_name("cell_of_this_example"), unique_name("cell_of_this_example")
        ('cell_of_this_example', 'cell_of_this_example_1')
    """
    number = next(_given.setdefault(prefix, count()))  # also right where threads build layers
    return f"{prefix}_{number}" if number else prefix


def forget_names() -> None:
    """Let numbering begin anew, as Keras's ``clear_session`` does."""
    _given.clear()
