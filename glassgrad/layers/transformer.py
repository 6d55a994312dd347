"""Blocks of a transformer: attention and a small network, each added to what goes past it."""

from __future__ import annotations

from typing import Any

from glassgrad.errors import ArgumentError
from glassgrad.graph import Tensor
from glassgrad.layers.layer import Shape, register
from glassgrad.layers.multi_head_attention import MultiHeadAttention
from glassgrad.layers.normalization import LayerNormalization
from glassgrad.layers.regularization import Dropout
from glassgrad.layers.transformer_layer import TransformerLayer, merged

__all__ = ["TransformerBlock", "TransformerDecoder", "TransformerEncoder"]


@register()
class TransformerEncoder(TransformerLayer):
    """Self-attention, then a network of two layers: each with its input added, and normalised.

    x <- norm(x + attention(x)); x <- norm(x + W₂ f(W₁ x + b₁) + b₂). With ``normalize_first``
    x <- x + attention(norm(x)) instead, which trains deep stacks more easily.

    Args:
        intermediate_dim: the width of the network's first layer.
        num_heads: how many heads the attention has; a head is features // num_heads wide.
        dropout: the part that is dropped in training of attention's weights, and of what is added.
        activation: f, a name or a function.
        layer_norm_epsilon: is added to variances.
        kernel_initializer: how kernels begin.
        bias_initializer: how biases begin.
        normalize_first: whether to normalise what goes into each of the two, and not the sums.
        kwargs: name, trainable and dtype, see ``Layer``.

    Shapes:
        (batch, T, features) gives the same shape.

    Called with:
        the input; padding_mask (batch, T), True where there is something, by default the mask that
        the input carries; attention_mask (batch, T, T), True where a query sees a key;
        return_attention_scores, to have the weights of attention as a second output.

    Raises:
        ArgumentError: a number is none or out of range.
        ShapeError: on the call, the input has not three axes, or fewer features than heads.

    Example:
        >>> from glassgrad import ops
        >>> TransformerEncoder(8, num_heads=2)(ops.ones((1, 3, 4))).shape
        (1, 3, 4)

    Source: Vaswani et al., "Attention is all you need", 2017.
    """

    def __init__(
        self,
        intermediate_dim: int,
        num_heads: int,
        dropout: float = 0,
        activation: Any = "relu",
        layer_norm_epsilon: float = 1e-05,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        normalize_first: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            intermediate_dim=intermediate_dim,
            num_heads=num_heads,
            dropout=dropout,
            activation=activation,
            layer_norm_epsilon=layer_norm_epsilon,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            **kwargs,
        )
        self.normalize_first = bool(normalize_first)

    def build(self, input_shape: Shape) -> None:
        self._build_self_attention(input_shape)
        self._build_norm_of_network(input_shape)
        self._build_network(input_shape)

    def call(
        self,
        inputs: Tensor,
        padding_mask: Any = None,
        attention_mask: Any = None,
        return_attention_scores: bool = False,
    ) -> Any:
        seen = merged(inputs, padding_mask, attention_mask)
        scores: list[Tensor] = []

        def attend(x: Tensor) -> Any:
            output, weights = self.self_attention(
                x, x, attention_mask=seen, return_attention_scores=True
            )
            scores.append(weights)
            return output

        def attend_only(x: Tensor) -> Any:
            return self.self_attention(x, x, attention_mask=seen)

        function = attend if return_attention_scores else attend_only
        x = self._past(inputs, self.self_attention_norm, function, self.self_attention_dropout)
        y = self._past(x, self.feedforward_norm, self._network, self.feedforward_dropout)
        return (y, *scores) if scores else y


@register()
class TransformerDecoder(TransformerLayer):
    """Causal self-attention, attention to an encoder's output if there is one, and a network.

    Each has its input added, and is normalised before or after, see ``TransformerEncoder``.

    Args:
        intermediate_dim: the width of the network's first layer.
        num_heads: how many heads the attentions have; a head is features // num_heads wide.
        dropout: the part that is dropped in training of attention's weights, and of what is added.
        activation: of the network's first layer, a name or a function.
        layer_norm_epsilon: is added to variances.
        kernel_initializer: how kernels begin.
        bias_initializer: how biases begin.
        normalize_first: whether to normalise what goes into each part, and not the sums.
        kwargs: name, trainable and dtype, see ``Layer``.

    Shapes:
        decoder_sequence (batch, T, features) and, if given on the first call,
        encoder_sequence (batch, S, any) give (batch, T, features).

    Called with:
        decoder_sequence; encoder_sequence; for each of them a padding_mask, (batch, T) and (batch,
        S), and an attention_mask, (batch, T, T) and (batch, T, S); use_causal_mask, True by
        default, so that no position sees a later one. (KerasHub's has caches as well.)

    Raises:
        ArgumentError: a number is none or out of range; on the call, there is an encoder_sequence
            where there was none before, or the other way round.
        ShapeError: on the call, the input has not three axes, or fewer features than heads.

    Example:
        >>> from glassgrad import ops
        >>> decoder = TransformerDecoder(8, num_heads=2)
        >>> decoder(ops.ones((1, 3, 4)), ops.ones((1, 5, 6))).shape
        (1, 3, 4)

    Source: Vaswani et al., "Attention is all you need", 2017.
    """

    cross_attention: MultiHeadAttention | None
    cross_attention_norm: LayerNormalization
    cross_attention_dropout: Dropout

    def __init__(
        self,
        intermediate_dim: int,
        num_heads: int,
        dropout: float = 0,
        activation: Any = "relu",
        layer_norm_epsilon: float = 1e-05,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        normalize_first: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            intermediate_dim=intermediate_dim,
            num_heads=num_heads,
            dropout=dropout,
            activation=activation,
            layer_norm_epsilon=layer_norm_epsilon,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            **kwargs,
        )
        self.normalize_first = bool(normalize_first)

    def build(
        self, decoder_sequence_shape: Shape, encoder_sequence_shape: Shape | None = None
    ) -> None:
        shape = decoder_sequence_shape
        self._build_self_attention(shape)
        self.cross_attention = None
        if encoder_sequence_shape is not None:
            self.cross_attention = self._attention("cross_attention", shape)
            self.cross_attention.build(shape, encoder_sequence_shape)
            self.cross_attention_norm = self._norm("cross_attention_layer_norm", shape)
            self.cross_attention_dropout = self._dropout("cross_attention_dropout")
        self._build_network(shape)
        self._build_norm_of_network(shape)

    def call(
        self,
        decoder_sequence: Tensor,
        encoder_sequence: Any = None,
        decoder_padding_mask: Any = None,
        decoder_attention_mask: Any = None,
        encoder_padding_mask: Any = None,
        encoder_attention_mask: Any = None,
        use_causal_mask: bool = True,
    ) -> Tensor:
        self._require_same_inputs(encoder_sequence)
        own = merged(decoder_sequence, decoder_padding_mask, decoder_attention_mask)

        def attend(x: Tensor) -> Any:
            return self.self_attention(
                x, x, attention_mask=own, use_causal_mask=bool(use_causal_mask)
            )

        x = self._past(
            decoder_sequence, self.self_attention_norm, attend, self.self_attention_dropout
        )
        if self.cross_attention is not None:
            x = self._read(x, encoder_sequence, encoder_padding_mask, encoder_attention_mask)
        return self._past(x, self.feedforward_norm, self._network, self.feedforward_dropout)

    def _read(self, x: Tensor, encoder_sequence: Any, padding: Any, attention: Any) -> Tensor:
        """Attention to the output of the encoder."""
        source = self._enter(encoder_sequence)
        seen = merged(source, padding, attention)
        cross = self.cross_attention

        def attend(query: Tensor) -> Any:
            return None if cross is None else cross(query, source, attention_mask=seen)

        return self._past(x, self.cross_attention_norm, attend, self.cross_attention_dropout)

    def _require_same_inputs(self, encoder_sequence: Any) -> None:
        if (self.cross_attention is None) != (encoder_sequence is None):
            was, is_now = ("with", "without") if encoder_sequence is None else ("without", "with")
            raise ArgumentError(
                f"Layer {self.name!r} was built {was} an encoder_sequence, and is called {is_now} "
                "one. Make another layer."
            )


@register()
class TransformerBlock(TransformerLayer):
    """A block of a language model: x <- x + attention(norm(x)); x <- x + network(norm(x)).

    What goes past the block is never normalised (pre-norm): gradients reach the first block of a
    deep stack undiminished. The network is W₂ f(W₁ x + b₁) + b₂.

    Args:
        num_heads: how many heads the attention has; a head is features // num_heads wide.
        intermediate_dim: the width of the network's first layer; four times the features by
            default.
        dropout: the part that is dropped in training of attention's weights, and of what is added.
        activation: f, a name or a function.
        causal: whether a position sees only itself and those before it, as in GPT; or all, as in
            BERT.
        use_bias: whether the projections and the network have biases.
        layer_norm_epsilon: is added to variances.
        kernel_initializer: how kernels begin.
        bias_initializer: how biases begin.
        kwargs: name, trainable and dtype, see ``Layer``.

    Shapes:
        (batch, T, features) gives the same shape. A mask (batch, T) that the input carries is
        obeyed and handed on.

    Raises:
        ArgumentError: a number is none or out of range.
        ShapeError: on the call, the input has not three axes, or fewer features than heads.

    Example:
        >>> from glassgrad import ops
        >>> block = TransformerBlock(num_heads=2, causal=True)
        >>> block(ops.ones((1, 3, 4))).shape
        (1, 3, 4)

    Source: Radford et al., "Language models are unsupervised multitask learners", 2019.
    """

    def __init__(
        self,
        num_heads: int,
        intermediate_dim: int | None = None,
        dropout: float = 0.0,
        activation: Any = "gelu",
        causal: bool = False,
        use_bias: bool = True,
        layer_norm_epsilon: float = 1e-5,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        **kwargs: Any,
    ) -> None:
        super().__init__(
            intermediate_dim=intermediate_dim,
            num_heads=num_heads,
            dropout=dropout,
            activation=activation,
            layer_norm_epsilon=layer_norm_epsilon,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            **kwargs,
        )
        self.causal, self.use_bias = bool(causal), bool(use_bias)

    def build(self, input_shape: Shape) -> None:
        self._build_self_attention(input_shape)
        self._build_norm_of_network(input_shape)
        self._build_network(input_shape)

    def call(self, inputs: Tensor) -> Tensor:
        def attend(x: Tensor) -> Any:
            return self.self_attention(x, x, use_causal_mask=self.causal)

        x = self._past(inputs, self.self_attention_norm, attend, self.self_attention_dropout)
        return self._past(x, self.feedforward_norm, self._network, self.feedforward_dropout)
