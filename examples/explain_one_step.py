"""One step of backpropagation, from the loss back to two weights: as text, and as a picture.

python examples/explain_one_step.py [PICTURE.svg]
"""

import io
import sys

import glassgrad
from glassgrad import Variable


def explanation() -> glassgrad.lens.Explanation:
    """One input, one sigmoid unit, one linear output, squared error."""
    with glassgrad.float_type("float64"):
        given = ((0.5, "x"), (1.0, "target"))
        x, target = (Variable(v, name=n, trainable=False) for v, n in given)
        w1, w2 = Variable(0.8, name="w1"), Variable(-0.4, name="w2")
        loss = ((x * w1).sigmoid() * w2 - target).square()
        return glassgrad.explain(loss)


def save_picture(explained: glassgrad.lens.Explanation, path: str) -> None:
    """Write the text as a picture of a terminal."""
    from rich.console import Console
    from rich.text import Text

    text = Text(explained.text(width=76))
    text.highlight_regex(r"(?m)^──.*$", "bold cyan")
    text.highlight_regex(r"(?m)^  (forward|backward|central.*)$", "dim")
    text.highlight_regex(r"d\w+/d\w+", "yellow")
    text.highlight_regex(r"= -?[\d.]+$|(?<== )-?[\d.]+(?=\n)", "green")
    console = Console(record=True, width=78, file=io.StringIO(), force_terminal=True)
    console.print(text, highlight=False)
    console.save_svg(path, title="glassgrad.explain(loss)")


if __name__ == "__main__":
    steps = explanation()
    print(steps)
    if len(sys.argv) > 1:
        save_picture(steps, sys.argv[1])
