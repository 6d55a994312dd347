"""What proves an explanation: its formulas, evaluated by NumPy, give the engine's gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import erf, erfinv

from glassgrad.gradients import gradients
from glassgrad.lens.explanation import Explanation
from glassgrad.lens.numpy_program import Identifiers
from glassgrad.lens.subject import Subject
from tests.ops import oracles, spatial_oracles
from tests.ops.test_notation import assert_balanced

FUNCTIONS = {
    **vars(np),
    "uniform": oracles.uniform,
    "erf": erf,
    "erfinv": erfinv,
    "windows": spatial_oracles.windows,
    "add_windows": spatial_oracles.add_windows,
    "block_diagonal": spatial_oracles.block_diagonal,
    "diagonal_blocks": spatial_oracles.diagonal_blocks,
}


def assert_proved(explanation: Explanation, subject: Subject) -> None:
    """Compute every line from what is given alone, and compare with the engine."""
    found = evaluated(explanation)
    engine = gradients(subject.loss, subject.parameters)
    loss, *values = subject.evaluate([subject.loss, *(g for g in engine if g is not None)])
    np.testing.assert_allclose(found[explanation.loss.name.plain], loss, rtol=1e-9, atol=1e-12)
    results = iter(values)
    for tensor, gradient in zip(subject.parameters, engine, strict=True):
        total = name_of_gradient(explanation, subject.value_of(tensor))
        assert (total is None) == (gradient is None)
        if total is not None:
            np.testing.assert_allclose(
                found[total], next(results), rtol=1e-9, atol=1e-9, err_msg=total
            )


def name_of_gradient(explanation: Explanation, value: Any) -> str | None:
    """What the gradient of one of the given arrays is called, if it is there."""
    names = [line.name.plain for line in explanation.given if line.value is value]
    return next((one.name.plain for one in explanation.lines if one.of in names), None)


def evaluated(explanation: Explanation) -> dict[str, Any]:
    """The value of each line by its formula, evaluated by NumPy; compared with what it says."""
    lines = [*explanation.given, explanation.loss, *explanation.forward]
    for layer in explanation.layers:
        lines += [*layer.incoming, *layer.rules]
    named = Identifiers(line.name.plain for line in lines)
    known: dict[str, Any] = {named[line.name.plain]: line.value for line in explanation.given}
    if explanation.layers:
        known |= {named[line.name.plain]: 1.0 for line in explanation.layers[0].incoming}
    with np.errstate(all="ignore"):
        for line in explanation.lines:
            assert line.formula is not None
            assert_balanced(line.formula.latex.replace(r"\\", " "))  # which ends a line
            text = named.written(line.formula.plain)
            value = eval(text, FUNCTIONS, known)
            assert np.shape(value) == line.shape, (line.name.plain, text, np.shape(value))
            np.testing.assert_allclose(
                value, line.value, rtol=1e-9, atol=1e-10, err_msg=f"{line.name.plain} = {text}"
            )
            known[named[line.name.plain]] = value
    return {name: known[one] for name, one in named.items() if one in known}
