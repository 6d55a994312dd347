"""Surfaces on which optimizers are tried: functions of two coordinates with known minima."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np

from glassgrad.errors import ArgumentError, ShapeError, UnknownNameError, shown
from glassgrad.execute.reference import ReferenceExecutor, ReferenceProgram
from glassgrad.graph import Tensor, as_tensor, float_type, placeholder
from glassgrad.lens.descent import checked_numbers
from glassgrad.lens.descent_charts import Box
from glassgrad.ops import exp

__all__ = ["SURFACES", "Place", "Surface", "surface_named"]

Array: TypeAlias = np.ndarray[Any, Any]
Place: TypeAlias = tuple[float, float]


@dataclass(frozen=True, eq=False)
class Surface:
    """A height over the plane, as graph.

    Args:
        name: what it is called.
        formula: the height as an expression of x and y that NumPy understands.
        height: the same of two tensors of one shape, element by element.
        minima: the places of all lowest points.
        start: where a race usually begins.
        low: the lower left corner of its picture.
        high: the upper right one.
        character: what is hard about it, in a sentence.
        source: where it comes from.

    Raises:
        ArgumentError: a place is not a pair of finite numbers, there is no minimum, or the
            picture has no width or height.

    Example:
        >>> hole = Surface(
        ...     "hole", "x**4 + y**2", lambda x, y: x**4 + y**2, ((0, 0),), (1, 1), (-2, -2), (2, 2)
        ... )
        >>> hole.at((1.0, 2.0)), hole.lowest
        (5.0, 0.0)
    """

    name: str
    formula: str
    height: Callable[[Tensor, Tensor], Tensor]
    minima: tuple[Place, ...]
    start: Place
    low: Place
    high: Place
    character: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        minima: Any = self.minima
        if not isinstance(minima, tuple | list) or not minima:
            raise ArgumentError(
                f"minima must be a tuple of places, such as ((0, 0),). Got {shown(self.minima)}."
            )
        for place in self.minima:
            checked_numbers("A minimum", place, 2)
        start, low, high = (
            checked_numbers(name, getattr(self, name), 2) for name in ("start", "low", "high")
        )
        if not callable(self.height):
            raise ArgumentError(f"height must be a function of x and y. Got {shown(self.height)}.")
        if not (low < high).all():
            raise ArgumentError(f"low must be below high. Got {self.low} and {self.high}.")
        object.__setattr__(self, "start", (float(start[0]), float(start[1])))

    @property
    def lowest(self) -> float:
        """The height of the minima."""
        return float(min(self.at(place) for place in self.minima))

    @property
    def box(self) -> Box:
        """The part of the plane that is drawn."""
        return Box(self.low, self.high)

    def at(self, place: Place) -> float:
        """The height at a place."""
        return float(self._program(float(place[0]), float(place[1]))[0])

    def over(self, points: Array) -> Array:
        """The heights at many places, (places, 2) -> (places,)."""
        return np.array([self.at((x, y)) for x, y in points])

    def distance(self, place: Array) -> float:
        """How far a place is from the nearest minimum."""
        return float(np.linalg.norm(np.asarray(self.minima) - place, axis=1).min())

    def grid(self, count: int) -> tuple[Array, Array, Array]:
        """So many coordinates along each side of the picture, and the heights (y, x) over them."""
        xs, ys = (np.linspace(a, b, count) for a, b in zip(self.low, self.high, strict=True))
        program = self._compiled((count, count))
        return xs, ys, np.asarray(program(*np.meshgrid(xs, ys))[0])

    def graph(self, x: Tensor, y: Tensor) -> Tensor:
        """The height as graph in float64.

        Raises:
            ShapeError: the function gives something of another shape than it was given.
        """
        with float_type("float64"):
            height = as_tensor(self.height(x, y))
        if height.shape != x.shape:
            raise ShapeError(
                f"The height of surface {self.name!r} must be computed element by element: shape "
                f"{x.shape} was given. Got {height.shape}."
            )
        return height

    @cached_property
    def _program(self) -> ReferenceProgram:
        return self._compiled(())

    def _compiled(self, shape: tuple[int, ...]) -> ReferenceProgram:
        x, y = (placeholder(shape, "float64", label) for label in "xy")
        return ReferenceExecutor().compile([self.graph(x, y)], [x, y])


def surface_named(surface: Any) -> Surface:
    """The surface of a name; a surface is itself.

    Raises:
        UnknownNameError: there is none of this name.

    Example:
        >>> surface_named("beale").minima
        ((3.0, 0.5),)
    """
    if isinstance(surface, Surface):
        return surface
    if not isinstance(surface, str) or surface.lower() not in SURFACES:
        raise UnknownNameError("surface", surface, SURFACES)
    return SURFACES[surface.lower()]


def _rosenbrock(x: Tensor, y: Tensor) -> Tensor:
    return (1.0 - x).square() + 100.0 * (y - x.square()).square()


def _himmelblau(x: Tensor, y: Tensor) -> Tensor:
    return (x.square() + y - 11.0).square() + (x + y.square() - 7.0).square()


def _beale(x: Tensor, y: Tensor) -> Tensor:
    terms = [(1.5, y), (2.25, y.square()), (2.625, y.square() * y)]
    first, second, third = ((t - x + x * power).square() for t, power in terms)
    return first + second + third


SURFACES: Mapping[str, Surface] = {
    one.name: one
    for one in (
        Surface(
            "bowl",
            "x**2 + y**2",
            lambda x, y: x.square() + y.square(),
            minima=((0.0, 0.0),),
            start=(-1.5, 1.0),
            low=(-2.0, -2.0),
            high=(2.0, 2.0),
            character="Equally curved in all directions: the gradient points at the minimum.",
            source="the sphere of De Jong, An analysis of the behavior of a class of genetic "
            "adaptive systems, 1975",
        ),
        Surface(
            "ravine",
            "x**2 / 2 + 50 * y**2",
            lambda x, y: x.square() / 2.0 + 50.0 * y.square(),
            minima=((0.0, 0.0),),
            start=(-1.8, 0.3),
            low=(-2.0, -0.5),
            high=(1.0, 0.5),
            character="A hundred times as curved across as along: a step that is small enough "
            "for the walls is too small for the ground.",
            source="an ill-conditioned quadratic as in Polyak, Some methods of speeding up the "
            "convergence of iteration methods, 1964",
        ),
        Surface(
            "saddle",
            "x**2 / 2 + y**4 / 4 - y**2 / 2",
            lambda x, y: x.square() / 2.0 + y.square().square() / 4.0 - y.square() / 2.0,
            minima=((0.0, 1.0), (0.0, -1.0)),
            start=(-1.5, 0.001),
            low=(-2.0, -1.5),
            high=(2.0, 1.5),
            character="The start is almost on the ridge that leads to a saddle at (0, 0), where "
            "the gradient is zero and which is no minimum.",
            source="Nesterov, Introductory lectures on convex optimization, 2004, section 1.2.3",
        ),
        Surface(
            "rosenbrock",
            "(1 - x)**2 + 100 * (y - x**2)**2",
            _rosenbrock,
            minima=((1.0, 1.0),),
            start=(-1.2, 1.0),
            low=(-2.0, -1.0),
            high=(2.0, 3.0),
            character="A bent valley with steep walls and an almost level ground.",
            source="Rosenbrock, An automatic method for finding the greatest or least value of "
            "a function, 1960",
        ),
        Surface(
            "himmelblau",
            "(x**2 + y - 11)**2 + (x + y**2 - 7)**2",
            _himmelblau,
            minima=(
                (3.0, 2.0),
                (-2.805118086952745, 3.131312518250573),
                (-3.779310253377747, -3.283185991286169),
                (3.5844283403304917, -1.8481265269644036),
            ),
            start=(0.0, 0.0),
            low=(-5.0, -5.0),
            high=(5.0, 5.0),
            character="Four minima of one height: which of them is reached depends on the path.",
            source="Himmelblau, Applied nonlinear programming, 1972",
        ),
        Surface(
            "beale",
            "(1.5 - x + x*y)**2 + (2.25 - x + x*y**2)**2 + (2.625 - x + x*y**3)**2",
            _beale,
            minima=((3.0, 0.5),),
            start=(1.0, 1.0),
            low=(-1.0, -1.5),
            high=(4.5, 1.5),
            character="A long flat valley below steep corners.",
            source="Beale, On an iterative method for finding a local minimum of a function of "
            "more than one variable, 1958; the start of Moré, Garbow, Hillstrom, Testing "
            "unconstrained optimization software, 1981",
        ),
        Surface(
            "plateau",
            "1 - exp(-(x**2 + y**2) / 2)",
            lambda x, y: 1.0 - exp(-(x.square() + y.square()) / 2.0),
            minima=((0.0, 0.0),),
            start=(-3.0, 2.0),
            low=(-4.0, -4.0),
            high=(4.0, 4.0),
            character="Almost level far from the minimum, then a drop, as with a saturated unit: "
            "the gradient at the start is a hundred times smaller than the steepest.",
            source="a Gaussian well, made for this race",
        ),
    )
}
