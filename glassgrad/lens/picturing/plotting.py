"""Pictures of networks, with the sizes of their gradients where there are data."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from glassgrad.arguments import checked
from glassgrad.errors import ArgumentError, shown
from glassgrad.gradients import Step, gradients
from glassgrad.graph import (
    Formula,
    Tensor,
    Trace,
    tracing,
)
from glassgrad.graph.tensor import Key
from glassgrad.graph.trace import LayerCall
from glassgrad.graph.trees import leaves_of
from glassgrad.layers.layer import common_shape, require_count
from glassgrad.lens.explanation import Explanation
from glassgrad.lens.picturing.boxes import LayerBoxes, OperationBoxes, Words, names_of_inputs
from glassgrad.lens.picturing.lettering import short_number
from glassgrad.lens.picturing.measuring import (
    Evaluate,
    Values,
    all_of,
    flow,
    gradients_of_parameters,
)
from glassgrad.lens.picturing.picture import Flow, Picture
from glassgrad.lens.picturing.sketching import Part, Sketch
from glassgrad.lens.subject import Subject, subject_of
from glassgrad.models import Model

if TYPE_CHECKING:
    from glassgrad.graph.symbolic import OpenShape
    from glassgrad.lens.derivation import Derivation

__all__ = ["Look", "draw", "picture_of", "picture_of_derivation", "plot"]

RANKDIRS = {"TB": "down", "LR": "right"}
MOST_OPERATIONS = 120  # in an explanation that is read; what is asked for may be larger
MOST_BOXES = 600  # more are no picture


@checked
def plot(
    model: Model,
    path: str | os.PathLike[str] | None = None,
    x: Any = None,
    y: Any = None,
    *,
    sample_weight: Any = None,
    show_shapes: bool = True,
    rankdir: str = "TB",
    depth: int = 1,
    per_element: bool = False,
    training: bool = True,
) -> Picture:
    """Draw the network: layers as boxes, and with data the size of the gradient on every line.

    With x and y the backward pass is drawn beside the forward pass. A line is coloured and thick
    by the norm of what it carries of the gradient of the loss, on a logarithmic scale; where a
    tensor is used by several layers, the shares of the lines are added up there. So a gradient
    that vanishes, or that lives on its way around a block, is seen.

    Args:
        model: built; compiled, where there are data.
        path: where the picture is written, a name that ends in .svg; nowhere by default.
        x: inputs of one batch, as ``fit`` takes them.
        y: its targets.
        sample_weight: how much each example counts.
        show_shapes: whether boxes say the shape of what they give.
        rankdir: "TB", from top to bottom, or "LR", from left to right.
        depth: 1 draws the layers of the model, 2 those inside of layers and models as well.
        per_element: colour by the root mean square of the gradient instead of its norm: layers of
            very different sizes become comparable.
        training: whether layers behave as in training, where there are data.

    Raises:
        NotBuiltError: the model is not built; or, with data, not compiled.
        ArgumentError: there are targets without inputs, or a name or number is out of its range.
        DataError, ShapeError, DtypeError: the data do not fit the model or the loss.
        FileError: the file cannot be written.

    Example:
        >>> import numpy as np
        >>> from glassgrad.layers import Dense, Input
        >>> model = Model(x := Input((4,)), Dense(2, name="dense")(x), name="line")
        >>> plot(model)
        <Picture of line: 2 boxes, 1 line>
        >>> model.compile("sgd", "mse")
        >>> picture = plot(model, x=np.ones((3, 4)), y=np.ones((3, 2)))
        >>> [box.name for box in picture.boxes]
        ['x', 'dense', 'y', 'loss']
    """
    if not isinstance(model, Model):
        raise ArgumentError(f"What is drawn is a model. Got {shown(model)}.")
    if path is not None and not isinstance(path, str | os.PathLike):
        raise ArgumentError(
            "The first argument of plot is the name of a file; data are named: "
            f"plot(x=…, y=…). Got {shown(path)}."
        )
    if rankdir not in RANKDIRS:
        raise ArgumentError(f"rankdir must be 'TB' or 'LR'. Got {rankdir!r}.")
    if x is None and (y is not None or sample_weight is not None):
        raise ArgumentError("The backward pass needs inputs as well: plot(x=…, y=…). Got no x.")
    look = Look(show_shapes, RANKDIRS[rankdir], require_count("depth", depth), per_element)
    if x is None:
        picture = _forward_picture(model, look)
    else:
        picture = picture_of(subject_of(model, x, y, sample_weight, training=training), look=look)
    if path is not None:
        picture.save(path)
    return picture


def draw(target: Explanation | Model | Tensor, x: Any = None, y: Any = None) -> Picture:
    """Draw whatever can be drawn: an explanation, a model, or the operations of a small loss.

    Args:
        target: an explanation with its picture, a model as for ``plot``, or a scalar made of
            tensors and variables, of which every operation becomes a box.
        x: for a model the inputs of one batch.
        y: its targets.

    Raises:
        ArgumentError: it is something else, or too large for a picture.
        GlassgradError: as ``plot``.

    Example:
        >>> from glassgrad import Variable
        >>> w = Variable(3.0, name="w")
        >>> picture = draw((w * 2.0).square())
        >>> [(box.title, box.details) for box in picture.boxes]
        [('w', ('3', 'dL/dw = 24')), ('t1 = w * 2', ('6',)), ('t2 = t1 ** 2', ('36',))]
        >>> [(flow.source, flow.target, flow.value) for flow in picture.flows]
        [('w', 't1', 24.0), ('t1', 't2', 12.0)]
    """
    if isinstance(target, Model):
        return plot(target, x=x, y=y)
    if isinstance(target, Tensor):
        return picture_of(subject_of(target, x, y))
    picture = getattr(target, "picture", None)
    if isinstance(picture, Picture):
        return picture
    raise ArgumentError(
        "What is drawn is a model, a loss, or an explanation that has a picture. "
        f"Got {shown(target)}."
    )


@dataclass(frozen=True)
class Look:
    """How a picture is made; see ``plot``."""

    show_shapes: bool = True
    direction: str | None = None  # down for layers, to the right for operations
    depth: int = 1
    per_element: bool = False


def picture_of(
    subject: Subject,
    record: Sequence[Step] | None = None,
    evaluate: Evaluate | None = None,
    *,
    look: Look | None = None,
    names: Mapping[Key, Formula] | None = None,
) -> Picture:
    """The picture of a subject: of its layers, or of its operations where it has no layers.

    Args:
        subject: a loss with everything that enters it.
        record: the steps of the chain rule from this very loss back to the parameters; found anew
            by default.
        evaluate: gives the values of tensors of graph and record; what was computed before need
            not be computed again.
        look: how it is made.
        names: of operations without layers, which results have a name and a box; all by default.

    Raises:
        ArgumentError: there would be more boxes than can be looked at.
    """
    chosen = look or Look()
    if record is None:
        record = []
        gradients(subject.loss, subject.parameters, record=record)
    described: LayerBoxes | OperationBoxes
    if subject.model is None:
        described = OperationBoxes(subject, names)
    else:
        described = LayerBoxes(subject, depth=chosen.depth, show_shapes=chosen.show_shapes)
    sketch = described.sketch
    sketch.add_gradients(record, subject.parameters)
    if len(sketch.parts) > MOST_BOXES:
        raise ArgumentError(
            f"A picture has at most {MOST_BOXES} boxes. Got {len(sketch.parts)}; draw a model made "
            "of layers, or a smaller depth."
        )
    of_parameters = gradients_of_parameters(subject.parameters, record)
    seen = Values(evaluate or subject.evaluate)
    seen.learn(
        [
            *described.looked_at(),
            *(t for shares in sketch.shares.values() for t in all_of(shares.gradients)),
            *all_of(of_parameters),
        ]
    )
    boxes = [described.box(part, of_parameters, seen) for part in sketch.parts]
    flows = [
        flow(source, target, shares, seen) for (source, target), shares in sketch.shares.items()
    ]
    (loss,) = seen.of([subject.loss])
    return Picture(
        subject.title,
        boxes,
        flows,
        f"loss {short_number(float(loss))}",
        chosen.direction or described.direction,
        chosen.per_element,
    )


def picture_of_derivation(derivation: Derivation) -> Picture | None:
    """The picture of what was derived, with values that are known; ``None`` if it is too large."""
    if derivation.subject.model is None and len(derivation.nodes) > MOST_OPERATIONS:
        return None
    try:
        return picture_of(
            derivation.opened, derivation.record, derivation.evaluate, names=derivation.names
        )
    except ArgumentError:
        return None


# ---- a model without data


def _forward_picture(model: Model, look: Look) -> Picture:
    """The forward pass alone, with open lengths: it is followed at two sizes."""
    small, large = (_followed(model, sample) for sample in (0, 1))
    sketches = [
        Sketch(outputs, None, data, calls=calls, depth=look.depth, model=model)
        for outputs, data, calls in (small, large)
    ]
    words = Words(show_shapes=look.show_shapes)
    boxes = [
        words.box(part, _open_shapes(part, other))
        for part, other in zip(sketches[0].parts, sketches[1].parts, strict=True)
    ]
    flows = [
        Flow(source.name, target.name, sum(t.size for t in shares.tensors.values()))
        for (source, target), shares in sketches[0].shares.items()
    ]
    parameters = sum(weight.spec.size for weight in model.weights)
    return Picture(model.name, boxes, flows, f"{parameters:,} parameters", look.direction or "down")


def _followed(
    model: Model, sample: int
) -> tuple[list[Tensor], dict[Key, str], Sequence[LayerCall]]:
    """Outputs, inputs by name, and calls, for inputs of one of two sizes."""
    inputs = model.input_samples(sample)
    with tracing(Trace(training=True, random=model.random)) as trace:
        outputs = model(inputs)
    data = names_of_inputs(model, leaves_of(inputs))
    return [t for t in leaves_of(outputs) if isinstance(t, Tensor)], data, trace.calls


def _open_shapes(small: Part, large: Part) -> list[OpenShape]:
    pairs = zip(small.outputs, large.outputs, strict=True)
    return [common_shape(a.shape, b.shape) for a, b in pairs]
