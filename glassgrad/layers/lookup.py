"""Vocabularies: whole numbers and words as indices, and back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np

from glassgrad import ops
from glassgrad.errors import ArgumentError, DataError, DtypeError, NotBuiltError
from glassgrad.graph import Tensor, Variable, constant
from glassgrad.graph.dtypes import default_float
from glassgrad.graph.operation import Array
from glassgrad.graph.symbolic import has_symbols
from glassgrad.layers.categories import encoded, require_mode
from glassgrad.layers.fitting import batches_of
from glassgrad.layers.layer import Layer, register, require_count
from glassgrad.naming import unique_name
from glassgrad.serialization import Configurable

__all__ = ["IntegerLookup", "StringLookup"]

MODES = ("int", "one_hot", "multi_hot", "count")


class Vocabulary:
    """The base: which tokens there are, in which order, and what stands before them.

    Index 0 is the mask, if there is one; then come the indices for unknown tokens, then the
    vocabulary.
    """

    name: str
    built: bool
    kind = "biu"  # of the dtypes that tokens can have
    described = "whole numbers"

    def _set_up(
        self,
        max_tokens: int | None,
        num_oov_indices: int,
        mask_token: Any,
        oov_token: Any,
        vocabulary: Sequence[Any] | None,
        invert: bool,
        output_mode: str,
        pad_to_max_tokens: bool,
    ) -> None:
        self.max_tokens = None if max_tokens is None else require_count("max_tokens", max_tokens, 2)
        self.num_oov_indices = require_count("num_oov_indices", num_oov_indices, 0)
        self.mask_token = mask_token
        self.oov_token = oov_token
        self.invert = bool(invert)
        self.output_mode = require_mode(output_mode, MODES)
        self.pad_to_max_tokens = bool(pad_to_max_tokens)
        if self.output_mode != "int" and (mask_token is not None or self.invert):
            raise ArgumentError(
                "mask_token and invert belong to output_mode='int'. "
                f"Got output_mode={output_mode!r}."
            )
        if self.pad_to_max_tokens and (self.max_tokens is None or self.output_mode == "int"):
            raise ArgumentError(
                "pad_to_max_tokens needs max_tokens, and another output_mode than 'int'. "
                f"Got max_tokens={max_tokens!r} and output_mode={output_mode!r}."
            )
        self.vocabulary: list[Any] | None = None
        if vocabulary is not None:
            self.set_vocabulary(vocabulary)

    @property
    def _first(self) -> int:
        """The index of the first token that is known."""
        return self.num_oov_indices + (self.mask_token is not None)

    def set_vocabulary(self, vocabulary: Any) -> None:
        """Take tokens, in the order of their indices.

        Args:
            vocabulary: a list or array of tokens; those of a list that ``get_vocabulary`` gave
                may begin with the mask and the token for what is unknown.

        Raises:
            ArgumentError: tokens are of another kind, there are none or too many, or one of them
                is there twice; or the layer has been used.
        """
        tokens = self._plain(np.asarray(vocabulary))
        special = self._special()
        tokens = tokens[len(special) :] if special and tokens[: len(special)] == special else tokens
        room = None if self.max_tokens is None else self.max_tokens - self._first
        if not tokens or len(set(tokens)) < len(tokens) or len(tokens) > (room or len(tokens)):
            raise ArgumentError(
                f"The vocabulary of {self.name!r} must hold different tokens, at least one and "
                f"with max_tokens={self.max_tokens} no more than {room}. Got {len(tokens)} tokens, "
                f"{len(set(tokens))} of them different."
            )
        reserved = [token for token in special if token in tokens]
        if reserved:
            raise ArgumentError(
                f"The vocabulary of {self.name!r} must not hold {reserved[0]!r}, which stands for "
                "what is missing or unknown."
            )
        self._keep(tokens)

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Learn the vocabulary: the most frequent tokens first, of equally frequent the greatest.

        Args:
            data: an array of tokens, or an iterable of batches of them.
            steps: how many batches to take; all by default.

        Raises:
            ArgumentError: tokens are of another kind, or the layer has been used.
            DataError: there are none.
        """
        most = None if steps is None else require_count("steps", steps)
        counts: Counter[Hashable] = Counter()
        for number, batch in enumerate(batches_of(data)):
            if number == most:
                break
            counts.update(self._plain(batch))
        for token in self._special():
            counts.pop(token, None)
        if not counts:
            raise DataError(f"{self.name!r} found no tokens in the data.")
        ranked = sorted(counts.items(), key=_frequency, reverse=True)
        room = None if self.max_tokens is None else max(self.max_tokens - self._first, 1)
        self._keep([token for token, _ in ranked[:room]])

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[Any]:
        """The tokens in the order of their indices.

        Args:
            include_special_tokens: whether the mask and what stands for the unknown come first.
        """
        known = list(self.vocabulary or ())
        return self._special() + known if include_special_tokens else known

    def vocabulary_size(self) -> int:
        """How many indices there are."""
        return self._first + len(self.vocabulary or ())

    def _special(self) -> list[Any]:
        mask = [] if self.mask_token is None else [self.mask_token]
        return mask + [self.oov_token] * self.num_oov_indices

    def _depth(self) -> int:
        padded = self.max_tokens if self.pad_to_max_tokens else None
        return padded or self.vocabulary_size()

    def _keep(self, tokens: list[Any]) -> None:
        if self.built:
            raise ArgumentError(
                f"{self.name!r} has been used with its vocabulary, which programs may hold. Make a "
                "new layer for another one."
            )
        self.vocabulary = tokens

    def _tokens(self) -> list[Any]:
        if self.vocabulary is None:
            raise NotBuiltError(
                f"{self.name!r} has no vocabulary yet: call adapt(data) with the training data "
                "before it is used, or pass vocabulary."
            )
        return self.vocabulary

    def _plain(self, batch: Array) -> list[Any]:
        if batch.dtype.kind == "O" and all(isinstance(one, str) for one in batch.ravel()):
            batch = batch.astype(str)
        if batch.size and batch.dtype.kind not in self.kind:
            raise ArgumentError(
                f"{self.name!r} looks up {self.described}. Got dtype {batch.dtype}."
            )
        tokens: list[Any] = batch.ravel().tolist()
        return tokens


def _frequency(entry: tuple[Any, int]) -> tuple[int, Any]:
    token, count = entry
    return count, token


@register()
class IntegerLookup(Vocabulary, Layer):
    """Whole numbers as indices of a vocabulary: the i-th of them becomes i, unknown ones 0.

    Args:
        max_tokens: how large the vocabulary may be, with what stands before it.
        num_oov_indices: how many indices unknown numbers have; they are spread by their remainder.
            With 0 an unknown number is refused.
        mask_token: the number that stands for nothing; its index is 0, and all others are one
            higher.
        oov_token: the number that stands for unknown ones where indices are turned back.
        vocabulary: the numbers; learnt by ``adapt`` unless given.
        invert: whether indices are turned into numbers.
        output_mode: "int", the index; or "one_hot", "multi_hot" or "count" as in
            ``CategoryEncoding``.
        pad_to_max_tokens: whether rows have the length max_tokens even if fewer are known.
        kwargs: name, trainable and dtype, see ``Layer``.

    Raises:
        ArgumentError: an argument is outside what is said above, or two do not go together.
        NotBuiltError: on the call, there is no vocabulary yet.
        ExecutionError: while a program runs, a number is unknown and num_oov_indices is 0, or an
            index is outside the vocabulary.

    Example:
        >>> lookup = IntegerLookup(vocabulary=[12, 36, 1138, 42])
        >>> lookup([[12, 1138, 42], [42, 1000, 36]]).numpy()
        array([[1, 3, 4],
               [4, 0, 2]], dtype=int32)
    """

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: int | None = None,
        oov_token: int = -1,
        vocabulary: Sequence[int] | None = None,
        invert: bool = False,
        output_mode: str = "int",
        pad_to_max_tokens: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._set_up(
            max_tokens,
            num_oov_indices,
            mask_token,
            oov_token,
            vocabulary,
            invert,
            output_mode,
            pad_to_max_tokens,
        )

    def build(self, input_shape: Any) -> None:
        self._tokens()

    def call(self, inputs: Tensor) -> Tensor:
        tokens = inputs if inputs.dtype.kind in "iu" else inputs.cast("int32")
        if self.invert:
            return ops.take(constant(self.get_vocabulary()), tokens)
        return encoded(self._indices(tokens), self.output_mode, self._depth(), self.dtype)

    def _indices(self, tokens: Tensor) -> Tensor:
        known = constant(self._tokens())
        hits = ops.equal(tokens.reshape((*tokens.shape, 1)), known)
        places = constant(np.arange(self._first, self.vocabulary_size()), "int32")
        place = ops.sum(hits.cast("int32") * places, axis=-1)
        is_known = ops.max(hits.cast("int32"), axis=-1)
        indices: Tensor = ops.where(ops.greater(is_known, 0), place, self._unknown(tokens))
        if self.mask_token is not None:
            indices = ops.where(ops.equal(tokens, self.mask_token), 0, indices)
        return indices if self.num_oov_indices else self._looked_up(indices)

    def _looked_up(self, indices: Tensor) -> Tensor:
        """The indices, read from the list of all of them, where those outside are refused."""
        return ops.take(constant(np.arange(self.vocabulary_size()), "int32"), indices)

    def _unknown(self, tokens: Tensor) -> Tensor:
        """The indices that they would have if they were unknown."""
        first = self._first - self.num_oov_indices
        if self.num_oov_indices < 2:
            return constant(np.full(tokens.shape, first if self.num_oov_indices else -1), "int32")
        numbers = tokens.cast("float64")
        whole: Tensor = ops.floor(numbers / self.num_oov_indices) * self.num_oov_indices
        return (numbers - whole).cast("int32") + first


@register()
class StringLookup(Vocabulary, Configurable):
    """Words as indices of a vocabulary: the i-th of them becomes i, unknown ones 0.

    Text cannot enter a graph, so this is no layer of a model: apply it to the data first, and feed
    what comes out. It has a configuration, which holds the vocabulary.

    Args:
        max_tokens: how large the vocabulary may be, with what stands before it.
        num_oov_indices: how many indices unknown words have, 1; with 0 an unknown word is refused.
        mask_token: the word that stands for nothing; its index is 0, and all others are one higher.
        oov_token: the word that stands for unknown ones where indices are turned back.
        vocabulary: the words; learnt by ``adapt`` unless given.
        invert: whether indices are turned into words.
        output_mode: "int", the index; or "one_hot", "multi_hot" or "count" as in
            ``CategoryEncoding``.
        pad_to_max_tokens: whether rows have the length max_tokens even if fewer are known.
        name: what it is called.

    Raises:
        ArgumentError: an argument is outside what is said above, or two do not go together.
        NotBuiltError: on the call, there is no vocabulary yet.
        DataError: on the call, a word is unknown and num_oov_indices is 0, or an index is outside
            the vocabulary.
        DtypeError: on the call, what comes is a tensor, or no text.

    Example:
        >>> lookup = StringLookup()
        >>> lookup.adapt(["red", "blue", "red"])
        >>> lookup(["blue", "green", "red"])
        array([2, 0, 1], dtype=int32)
        >>> StringLookup(vocabulary=lookup.get_vocabulary(), invert=True)([1, 0])
        array(['red', '[UNK]'], dtype='<U5')
    """

    kind = "U"
    described = "text"

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: str | None = None,
        oov_token: str = "[UNK]",
        vocabulary: Sequence[str] | None = None,
        invert: bool = False,
        output_mode: str = "int",
        pad_to_max_tokens: bool = False,
        name: str | None = None,
    ) -> None:
        self.name = name or unique_name("string_lookup")
        self.built = False
        if num_oov_indices not in (0, 1):
            raise ArgumentError(
                f"num_oov_indices must be 0 or 1: words are not hashed. Got {num_oov_indices!r}."
            )
        self._set_up(
            max_tokens,
            num_oov_indices,
            mask_token,
            oov_token,
            vocabulary,
            invert,
            output_mode,
            pad_to_max_tokens,
        )

    def __call__(self, inputs: Any) -> Array:
        """Look words up, or indices if inverted.

        Args:
            inputs: a word, or an array or nested lists of them.

        Returns:
            An array of indices of the same shape; of rows for the other modes; of words if
            inverted.
        """
        if has_symbols(inputs) or isinstance(inputs, Tensor | Variable):
            raise DtypeError(
                f"{self.name!r} cannot be part of a model: text does not enter a graph. Apply it "
                "to the data, and feed the numbers that come out."
            )
        self._tokens()
        values = np.asarray(inputs)
        if self.invert:
            return self._words(values)
        if values.size and values.dtype.kind not in "UO":
            raise DtypeError(f"{self.name!r} looks up text. Got dtype {values.dtype}.")
        indices = self._indices(values)
        rows = encoded(constant(indices), self.output_mode, self._depth(), default_float())
        return rows.numpy()

    def _indices(self, values: Array) -> Array:
        places: Mapping[Any, int] = {
            token: place for place, token in enumerate(self._tokens(), self._first)
        }
        if self.mask_token is not None:
            places = {**places, self.mask_token: 0}
        unknown = self._first - 1 if self.num_oov_indices else -1
        found = [places.get(token, unknown) for token in self._plain(values)]
        if -1 in found:
            word = self._plain(values)[found.index(-1)]
            raise DataError(
                f"{self.name!r} does not know {word!r}, and num_oov_indices=0 leaves no index for "
                "unknown words."
            )
        return np.array(found, np.int32).reshape(values.shape)

    def _words(self, indices: Array) -> Array:
        words = np.array(self.get_vocabulary())
        if indices.size and (
            indices.dtype.kind not in "iu" or indices.min() < 0 or indices.max() >= len(words)
        ):
            raise DataError(f"{self.name!r} has the indices from 0 to {len(words) - 1}.")
        found: Array = words[indices.astype(int)]
        return found
