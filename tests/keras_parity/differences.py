"""Every deliberate difference to Keras 3, with its reason: the table behind tests and page.

``python -m tests.keras_parity.differences`` writes ``docs/differences_from_keras.md`` anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "differences_from_keras.md"


@dataclass(frozen=True)
class Difference:
    """One row.

    Args:
        where: what it is about, as ``family.Name(argument)``; ``*`` stands for any text.
        ours: what glassgrad does.
        keras: what Keras does.
        reason: why.
        tolerance: for numbers, the relative distance that is expected all the same.
    """

    where: str
    ours: str
    keras: str
    reason: str
    tolerance: float | None = None

    def covers(self, subject: str) -> bool:
        """Whether the row is about a subject."""
        return any(fnmatchcase(subject, pattern) for pattern in self.where.split(", "))


# ---- names, order and defaults of arguments; a test finds each of them by comparing signatures

ARGUMENTS: tuple[Difference, ...] = (
    Difference(
        "*(kwargs)",
        "the keywords are written out, down to those of the base class",
        "many signatures end in `**kwargs`",
        "An argument that is misspelt is refused, with the names that are known.",
    ),
    Difference(
        "*.serialize(*)",
        "one function, whose argument is `value`, serves all families",
        "each family has its own function, whose argument is named after the family",
        "Objects describe themselves by the arguments of their constructors.",
    ),
    Difference(
        "utils.plot_model(to_file)",
        "pictures are SVG, `model.svg` by default, drawn by glassgrad itself",
        "`model.png` by default, drawn by pydot and Graphviz",
        "No other program is needed, and `model.plot(x=x, y=y)` draws the gradients as well.",
    ),
    Difference(
        "layers.*(autocast), models.*(autocast)",
        "floats of another type are always cast to the type of the layer",
        "`autocast=False` leaves them as they are",
        "One rule is enough: a model that computes in another type has another `dtype`.",
    ),
    Difference(
        "layers.*(lora_rank), layers.*(lora_alpha), layers.*(quantization_config), "
        "layers.*(gptq_unpacked_column_size)",
        "absent",
        "low-rank adapters and quantisation of trained models",
        "They serve the adaptation of large language models, which is not what glassgrad is for.",
    ),
    Difference(
        "layers.BatchNormalization(renorm*), layers.BatchNormalization(synchronized)",
        "absent; the statistics are always those of the whole batch",
        "renormalisation, and statistics that are shared between devices",
        "There is one batch, wherever its parts are computed.",
    ),
    Difference(
        "layers.*.compute_mask(*), models.*.compute_mask(*)",
        "`compute_mask(inputs, previous_mask=None)` everywhere",
        "the second argument is `previous_mask` or `mask`, the first may be `_`",
        "A method has one signature.",
    ),
    Difference(
        "layers.*.call(training), models.*.call(training)",
        "`call` has the argument where it uses it, and is always told",
        "often an argument with the default `None`",
        "The step that is traced knows whether it trains; "
        "`layer(x, training=True)` says it from outside.",
    ),
    Difference(
        "layers.Layer.call(*), layers.InputLayer.call(*), models.Model.call(*)",
        "`call(inputs, *args, **kwargs)`",
        "`call(*args, **kwargs)` or `call()`",
        "Every layer has inputs.",
    ),
    Difference(
        "layers.Layer.compute_output_shape(*)",
        "takes the shape of the input, or a list of shapes",
        "takes anything",
        "Every layer has inputs.",
    ),
    Difference(
        "layers.Layer.add_weight(*)",
        "arguments also by position, with the initializer `glorot_uniform` and the name `weight` "
        "as defaults",
        "keywords only, with `None` as default of all of them; an aggregation over replicas, and "
        "variables that a gradient overwrites",
        "The defaults stand where they can be read; there is one replica of a weight.",
    ),
    Difference(
        "layers.InputLayer(activity_regularizer), layers.InputLayer(trainable)",
        "absent",
        "accepted as by every layer",
        "An input has neither weights nor activities.",
    ),
    Difference(
        "layers.InputSpec(*)",
        "rank, least and greatest rank, shape, axes and dtype",
        "also names, inputs that may be missing, and a last axis that may be squeezed",
        "It is there for layers of one's own that check their inputs.",
    ),
    Difference(
        "layers.Random*.call(*), layers.Resizing.call(*)",
        "`call(inputs)`, as in every layer",
        "`call(data)`, where data are images, or images and labels",
        "Labels are classes or numbers: they stay as they are.",
    ),
    Difference(
        "layers.*Conv*(strides), layers.*Conv*(dilation_rate), layers.MaxPool*D(pool_size)",
        "by default one number, which holds for all axes",
        "by default a tuple of as many as there are axes",
        "Both mean the same, and a configuration holds the tuple.",
    ),
    Difference(
        "layers.Conv*3DTranspose(output_padding), layers.Conv*3DTranspose(data_format)",
        "`output_padding` comes before `data_format`, as with one and two axes",
        "the other way round with three axes",
        "One order is easier to remember; both are mostly given by name.",
    ),
    Difference(
        "layers.*Lookup(idf_weights), layers.*Lookup.set_vocabulary(idf_weights), "
        "layers.*Lookup(sparse), layers.*Lookup(salt), layers.*Lookup(oov_method), "
        "layers.*Lookup(encoding), layers.*Lookup(vocabulary_dtype), layers.IntegerLookup(name), "
        "layers.StringLookup(activity_regularizer), layers.StringLookup(trainable), "
        "layers.StringLookup(dtype)",
        "a vocabulary gives integers, counts or indicators",
        "also weights by frequency, sparse results, salted hashing, other encodings of text",
        "Columns of a table need no more.",
    ),
    Difference(
        "*.from_config(custom_objects), *.from_config(safe_mode)",
        "`from_config(config)`",
        "own classes and functions can be handed over with the configuration",
        "Own classes are registered, or named around the call by `custom_object_scope`; a "
        "configuration never executes anything.",
    ),
    Difference(
        "metrics.Metric.add_variable(initializer), metrics.Metric.add_weight(initializer)",
        "`zeros` by default",
        "no default, or `None`, which means zeros",
        "The default stands where it can be read.",
    ),
    Difference(
        "models.Model(*), models.Sequential(inputs), models.Sequential(outputs), "
        "models.Sequential(dtype), models.Sequential(activity_regularizer)",
        "`Model(inputs=None, outputs=None, **kwargs)`, and what every layer takes",
        "`Model(*args, **kwargs)`, which becomes another class where there are inputs",
        "The arguments stand where they can be read; the calls are the same.",
    ),
    Difference(
        "models.*.compile(executor), models.*.fit(checkpoint)",
        "what computes; a file with which an interrupted training goes on, to the same bits",
        "absent",
        "They are additions, by keyword and at the end.",
    ),
    Difference(
        "models.*.load_weights(by_name), saving.load_weights(by_name)",
        "by keyword, for transfer to another architecture",
        "absent from the signature, accepted for old files alone",
        "Weights that are found by name are how a network trained for one task begins another.",
    ),
    Difference(
        "models.*.save(zipped), models.*.save_weights(max_shard_size), saving.save_model(zipped), "
        "saving.save_weights(max_shard_size)",
        "one file in the safetensors format",
        "a folder or a zip archive; weights divided into several files",
        "One file that is written at once, or not at all.",
    ),
    Difference(
        "models.Sequential.add(rebuild)",
        "absent",
        "`rebuild=False` leaves the model unbuilt",
        "It serves Keras's own loading.",
    ),
    Difference(
        "optimizers.LossScaleOptimizer(*), optimizers.LossScaleOptimizer.build(*)",
        "takes the optimizer inside, the first scale, the steps until it grows, and a name",
        "takes the arguments of every optimizer as well",
        "Clipping, decay and averaging belong to the optimizer inside, which does them.",
    ),
)

# ---- results

NUMBERS: tuple[Difference, ...] = (
    Difference(
        "activations.hard_sigmoid",
        "the slope is 1/6 in the float type that is used",
        "on PyTorch the slope is 1/6 rounded to float32, in float64 as well",
        "PyTorch's kernel holds the constant in single precision.",
        tolerance=1e-7,
    ),
    Difference(
        "layers.RandomRotation, layers.RandomTranslation, layers.RandomZoom",
        "the transformation is computed in the float type of the layer",
        "it is computed in float32, also for float64 images",
        "A layer computes in its own float type.",
        tolerance=1e-6,
    ),
    Difference(
        "layers.Attention, layers.AdditiveAttention, layers.MultiHeadAttention, "
        "layers.GroupQueryAttention",
        "a query whose mask hides all keys gets zeros",
        "it gets the mean of all values; zeros where heads have dropout or return their weights",
        "Who sees nothing reads nothing, by whichever path it is computed.",
    ),
    Difference(
        "layers.AveragePooling1D, layers.AveragePooling2D, layers.AveragePooling3D",
        'with `padding="same"` a window at the border takes the mean of what it sees',
        "on PyTorch uneven padding repeats the border, which then counts twice",
        "Padding does not count, whether it is even or not.",
    ),
    Difference(
        "layers.Conv1D, layers.Conv2D, layers.Conv3D, layers.Conv1DTranspose, "
        "layers.Conv2DTranspose, layers.Conv3DTranspose",
        "strides and dilation may be combined",
        "one of them must be 1",
        "The formula has both, and every executor computes it.",
    ),
    Difference(
        "layers.Resizing",
        "gives floats for images of integers, and wants the axis of the batch",
        "rounds to integers again, and takes one image as well",
        "What follows computes with floats; rounding would lose what interpolation has found.",
    ),
    Difference(
        "models.Model.fit",
        "data that are empty or not finite, and labels outside the classes, are refused",
        "training goes on, and the loss is not a number",
        "The mistake is in the data, and is told before hours have passed.",
    ),
    Difference(
        "losses.CategoricalCrossentropy, losses.SparseCategoricalCrossentropy, "
        "losses.BinaryCrossentropy",
        "where a model ends in softmax or sigmoid, the loss is computed from what goes into it: "
        "exact, and with a gradient, however sure a wrong prediction is",
        "probabilities are kept within 1e-7 and 1 - 1e-7, where the gradient ends",
        "The stable form is the same number wherever both are defined.",
    ),
    Difference(
        "initializers, layers",
        "the same seed gives the same numbers on every machine and executor",
        "the same seed gives other numbers than with us, and on each backend",
        "Random numbers are counted, not drawn in turn, so that a resumed run goes on with them.",
    ),
    Difference(
        "metrics.IoU, metrics.BinaryIoU, metrics.MeanIoU, metrics.OneHotIoU, metrics.OneHotMeanIoU",
        "counts and quotients are float64, and weights may be fractions; labels of one column, "
        "and weights of whole examples, are taken as well",
        "quotients are float32, with 1e-7 added to their divisors; weights are rounded down to "
        "integers, unless `dtype` is a float type",
        "A weight of 0.5 counts one half.",
        tolerance=1e-6,
    ),
    Difference(
        "losses.BinaryFocalCrossentropy, losses.CategoricalFocalCrossentropy",
        "with `from_logits` computed from the logits; negative `gamma` is refused",
        "turned into probabilities first, which are kept within 1e-7 and 1 - 1e-7",
        "The stable form is the same number wherever both are defined.",
    ),
    Difference(
        "losses.CategoricalGeneralizedCrossEntropy",
        "a probability below 1e-7 counts as 1e-7",
        "at 0 the gradient is infinite",
        "One impossible example would spoil the weights.",
    ),
    Difference(
        "losses.Dice, losses.Tversky",
        "without `axis` there is one value, and weights of examples are refused",
        "the one value is multiplied by the mean of the weights",
        "A weight that does nothing for its example misleads.",
    ),
    Difference(
        "metrics",
        "states are float64, whatever the type of the predictions",
        "states have the type of the metric, float32 by default",
        "Counts stay exact, and means of millions of examples keep their digits.",
    ),
    Difference(
        "layers.RandomFlip, layers.RandomRotation, layers.RandomTranslation, layers.RandomZoom",
        "images have four axes, (examples, height, width, channels)",
        "three axes are one image, (height, width, channels)",
        "A batch of gray images without a channel axis would pass for one image.",
    ),
    Difference(
        "regularizers.OrthogonalRegularizer",
        "the penalty of a single row or column is 0",
        "it is not a number: 0 / 0",
        "Where there are no pairs, none is off the right angle.",
    ),
    Difference(
        "optimizers",
        "negative learning rates and decays are refused; a learning rate is a number or a schedule",
        "they are accepted; a learning rate may be any callable",
        "A schedule is part of the step's graph, so it is an object that is made of operations.",
    ),
    Difference(
        "optimizers.schedules.CosineDecayRestarts",
        "`t_mul` below 1 is refused",
        "it gives not a number after some steps",
        "The periods would add up to a finite number of steps.",
    ),
    Difference(
        "initializers.VarianceScaling(input_axes), initializers.VarianceScaling(output_axes)",
        "both or none",
        "one alone is ignored",
        "An argument that is ignored misleads.",
    ),
    Difference(
        "constraints.MaxNorm, constraints.MinMaxNorm",
        "limits that no norm can meet and rates outside [0, 1] are refused",
        "they are accepted",
        "They would spoil the weights in silence.",
    ),
    Difference(
        "utils.normalize",
        "along the first axis, columns are divided by their lengths",
        "`axis=0` divides rows by the lengths of columns",
        "0 counts as no axis there, which is a mistake.",
    ),
    Difference(
        "layers.SimpleRNN",
        "`activity_regularizer` is a penalty on the output",
        "it is taken and forgotten",
        "`LSTM` and `GRU` have it in Keras as well.",
    ),
    Difference(
        "layers.RNN, layers.LSTM, layers.GRU",
        "a mask that the input carries is heeded with an `initial_state` too, and that of the "
        "outputs is turned round by `go_backwards`; rates of dropout outside [0, 1) are refused",
        "with an `initial_state` the mask must be handed in, and it keeps its order; rates are "
        "brought within [0, 1], and of 1 nothing happens",
        "Padding is no data, whatever the state begins with.",
    ),
    Difference(
        "layers.RNN.stateful",
        "states are made for the first batch that is computed; what a cell draws at random is the "
        "same at all steps",
        "the length of the batch must be known when the layer is built; layers inside a cell draw "
        "anew at each step",
        "A step is a graph that is made once; `RNN` documents dropout within it.",
    ),
    Difference(
        "layers.Masking",
        "weights of examples may meet a mask of steps in losses and metrics",
        "they must have the shape of the mask",
        "Weights of examples are what `fit` is mostly given.",
    ),
    Difference(
        "layers.IntegerLookup, layers.StringLookup, layers.Discretization.adapt",
        "no other library is needed",
        "needs TensorFlow, on every backend",
        "These are compared by tests of their own, without Keras.",
    ),
)

# ---- public names that Keras does not have

NAMES: tuple[Difference, ...] = (
    Difference(
        "layers.PositionEmbedding, layers.SinePositionEncoding, layers.RotaryEmbedding, "
        "layers.TokenAndPositionEmbedding, layers.TransformerEncoder, layers.TransformerDecoder",
        "encodings of positions and the layers of a transformer, by KerasHub's names, arguments "
        "and formulas (without its caches and its scalings of rotary embeddings beyond the linear)",
        "in the package KerasHub",
        "Attention does not know where anything stands; nobody should need a second package.",
    ),
    Difference(
        "layers.TransformerBlock",
        "a block whose sums are never normalised (pre-norm), causal or not, as in GPT",
        "absent; KerasHub's decoder with `normalize_first=True` computes it",
        "It is the block of nearly all language models today.",
    ),
    Difference(
        "activations.register",
        "gives a function of one's own a name: `@activations.register()`",
        "`keras.saving.register_keras_serializable`",
        "What a file may name is what was registered; nothing else becomes an object.",
    ),
    Difference(
        "activations.heaviside",
        "the threshold unit, 0 or 1",
        "absent",
        "The classic texts begin with it; asking for its gradient is an error that teaches.",
    ),
    Difference(
        "initializers.compute_fans, initializers.initialize, initializers.require",
        "what layers and initializers of one's own are made with",
        "not public",
        "A layer of one's own may need them.",
    ),
    Difference(
        "losses.LossFunctionWrapper, losses.as_loss, metrics.as_metric",
        "a function as a loss or metric object",
        "not public; `compile` does it",
        "Own training loops need it as well.",
    ),
    Difference(
        "losses.crossentropy, metrics.crossentropy, losses.resolve_crossentropy, "
        "metrics.resolve_accuracy",
        "the cross-entropy and the accuracy that the names `crossentropy` and `accuracy` mean for "
        "given shapes",
        "not public; `compile` does it",
        "The rule can be looked up and tested.",
    ),
    Difference(
        "losses.fuse_probabilities",
        "replaces cross-entropy of probabilities by the stable form on logits",
        "absent",
        "It is a transformation of the graph that every training step goes through.",
    ),
    Difference(
        "metrics.ConfusionMatrix",
        "counts of classes against classes",
        "absent",
        "It is the first thing to look at in classification.",
    ),
    Difference(
        "callbacks.StopAtTarget, callbacks.TimeLimit",
        "stop at a value of the loss or a metric, or after a time",
        "absent",
        "They are stop conditions of the classic texts.",
    ),
    Difference(
        "optimizers.schedules.LinearWarmup, optimizers.schedules.OneCycle, "
        "optimizers.schedules.StepDecay",
        "warm-up before any schedule, one cycle, and a drop every so many steps",
        "absent",
        "They are in common use elsewhere.",
    ),
    Difference(
        "models.Input",
        "the same as `layers.Input`",
        "`keras.Input` and `layers.Input`",
        "Where models are made, their inputs are at hand.",
    ),
    Difference(
        "models.lsuv, models.Scaling",
        "layer-sequential unit-variance initialisation of a model by data",
        "absent",
        "It needs a whole model, so it is no initializer.",
    ),
)

SECTIONS = (
    ("Arguments", ARGUMENTS),
    ("Numbers and behaviour", NUMBERS),
    ("Names that Keras does not have", NAMES),
)


def covering(table: tuple[Difference, ...], subject: str) -> Difference | None:
    """The row of a table that is about a subject, if there is one."""
    return next((row for row in table if row.covers(subject)), None)


INTRODUCTION = """\
# Differences from Keras 3

Public names, arguments, their order and defaults, string aliases and formulas are those of Keras 3.
The tests compare every layer, activation, loss, metric, optimizer, schedule, initializer,
regularizer and constraint with Keras on its PyTorch backend, in float32 to 1e-5 and in float64 to
1e-10 of the largest entry, and every signature word by word. What differs on purpose stands here;
the tests read the same table, and fail where something else differs, or where a row is out of date.
In the first column `*` stands for any text.

Keras lets values of float64 meet in float32, on PyTorch as well. For the comparison in float64 the
tests lift this rule, for otherwise Keras's own results would be right to seven digits only.
"""


def page() -> str:
    """The documentation page, made from the tables."""
    parts = [INTRODUCTION]
    for title, table in SECTIONS:
        rows = [
            f"| {_as_code(row.where)} | {row.ours} | {row.keras} | {row.reason} |" for row in table
        ]
        heading = ["| where | glassgrad | Keras 3 | why |", "|---|---|---|---|"]
        parts.append("\n".join([f"## {title}", "", *heading, *rows, ""]))
    return "\n".join(parts)


def _as_code(where: str) -> str:
    return ", ".join(f"`{pattern}`" for pattern in where.split(", "))


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
