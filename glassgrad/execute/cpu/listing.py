"""An executor that compiles nothing, and notes which kernels the cpu executor would need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from glassgrad.execute.cpu.plan import make_plan
from glassgrad.execute.executor import Executor, Program
from glassgrad.execute.reference import ReferenceExecutor
from glassgrad.graph import Tensor, Variable

__all__ = ["KernelList"]

PARTS = 4  # of any plan: the text of a kernel does not depend on it


class KernelList(Executor):
    """Computes by the reference, and keeps the sources of the kernels that plans would call.

    What a program needs can so be found by running it on a few numbers, without waiting for
    machine code. ``sources`` holds each text once, in the order in which they were met.

    Example:
        >>> from glassgrad.graph import placeholder
        >>> kernels, x = KernelList(), placeholder((3,))
        >>> double, triple = (kernels.compile([x * factor], [x]) for factor in (2.0, 3.0))
        >>> double([1.0, 2.0, 3.0])
        [array([2., 4., 6.], dtype=float32)]
        >>> len(kernels.sources)  # one kernel multiplies by any number
        1
    """

    name = "cpu"

    def __init__(self) -> None:
        self.sources: list[str] = []
        self._known: set[str] = set()
        self._reference = ReferenceExecutor()

    def compile(
        self,
        outputs: Sequence[Tensor],
        inputs: Sequence[Tensor] = (),
        updates: Mapping[Variable, Tensor] | None = None,
    ) -> Program:
        """Plan the graph, note its kernels, and compile it for the reference."""
        for launch in make_plan(outputs, inputs, updates or {}, PARTS).launches:
            if launch.source and launch.source not in self._known:
                self._known.add(launch.source)
                self.sources.append(launch.source)
        return self._reference.compile(outputs, inputs, updates)
