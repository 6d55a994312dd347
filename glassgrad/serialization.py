"""Objects as names and configurations, and back: one mechanism for every family.

A configuration is made of plain data (numbers, strings, lists, dictionaries), so it can be
written to a file and read without executing anything: only registered names become objects.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Generic, Self, TypeVar

import numpy as np

from glassgrad.arguments import checked, checks_constructor
from glassgrad.errors import ArgumentError, UnknownNameError, shown
from glassgrad.graph import Variable
from glassgrad.naming import snake_case

__all__ = [
    "Configurable",
    "Registry",
    "arguments_of",
    "custom_object_scope",
    "get_custom_objects",
    "is_registered",
    "register_keras_serializable",
    "serialize",
    "with_own_functions",
]

T = TypeVar("T")
Registered = TypeVar("Registered", bound="Callable[..., Any]")

_function_names: dict[Callable[..., Any], str] = {}
_custom_objects: dict[str, Any] = {}
_custom_names: dict[Any, str] = {}
_in_scope: ContextVar[Mapping[str, Any]] = ContextVar(
    "custom_objects", default=MappingProxyType({})
)


def register_keras_serializable(
    package: str = "Custom", name: str | None = None
) -> Callable[[Registered], Registered]:
    """Decorate a class or function of one's own, so that model files may name it.

    Reading such a file needs the same registration, done by the program that reads: a file names
    what it needs, and never brings it along.

    Args:
        package: goes before the name, so that two libraries may use the same one.
        name: its own name by default.

    Example:
        >>> from glassgrad import layers
        >>> @register_keras_serializable("mine")
        ... class Doubling(layers.Layer):
        ...     def call(self, inputs):
        ...         return inputs * 2
        >>> config = serialize(Doubling(name="twice"))
        >>> config["class_name"], layers.deserialize(config)
        ('mine>Doubling', <Doubling 'twice', not built>)
    """

    def add(entry: Registered) -> Registered:
        full_name = f"{package}>{name or entry.__name__}"
        _custom_objects[full_name] = entry
        _custom_names[entry] = full_name
        return entry

    return add


def get_custom_objects() -> dict[str, Any]:
    """The classes and functions that are registered by hand, by name; may be changed."""
    return _custom_objects


@checked
@contextmanager
def custom_object_scope(custom_objects: Mapping[str, Any] | None) -> Iterator[None]:
    """Let classes and functions be found by name inside a ``with`` block.

    Args:
        custom_objects: by name.

    Example:
        >>> from glassgrad import activations
        >>> def cube(x):
        ...     return x * x * x
        >>> with custom_object_scope({"cube": cube}):
        ...     activations.get("cube")(2.0)
        8.0
    """
    token = _in_scope.set({**_in_scope.get(), **(custom_objects or {})})
    try:
        yield
    finally:
        _in_scope.reset(token)


def _custom(name: str) -> Any:
    return _in_scope.get().get(name, _custom_objects.get(name))


def with_own_functions(identifiers: Any) -> Any:
    """The same identifiers, where names of functions of one's own have become the functions.

    What finds out only later what a name means does not see the names of this scope any more.

    Args:
        identifiers: names, objects and configurations, in lists and dictionaries.

    Example:
        >>> with custom_object_scope({"largest": max, "doubled": lambda x: 2 * x}):
        ...     with_own_functions(["mse", "largest"]), callable(with_own_functions("doubled"))
        (['mse', <built-in function max>], True)
    """
    if isinstance(identifiers, str):
        found = _custom(identifiers)
        return found if callable(found) and not inspect.isclass(found) else identifiers
    if isinstance(identifiers, list | tuple):
        return type(identifiers)(map(with_own_functions, identifiers))
    if isinstance(identifiers, Mapping) and "class_name" not in identifiers:
        return {name: with_own_functions(entry) for name, entry in identifiers.items()}
    return identifiers


def _name_in_files(value: Any) -> str | None:
    """The name under which a class or function of one's own is found again."""
    if value in _custom_names:
        return _custom_names[value]
    return next((name for name, entry in _in_scope.get().items() if entry is value), None)


class Configurable:
    """An object that its constructor's arguments describe.

    Each argument is kept in an attribute of the same name; then ``get_config`` and
    ``from_config`` need not be written. A class that keeps them otherwise writes both.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        checks_constructor(cls)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, as plain data.

        Raises:
            ArgumentError: an argument is kept in no attribute of its name, or holds what is no
                plain data and is not registered.
        """
        return {
            name: serialize(self._argument(name))
            for name in arguments_of(type(self))
            if self._keeps(name) or self._is_missing(name)
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The object that a configuration describes.

        Raises:
            UnknownNameError: the class has no such argument.
        """
        known = arguments_of(cls)
        for name in config:
            if name not in known:
                raise UnknownNameError(f"argument of {cls.__name__}", name, known)
        return cls(**config)

    def _keeps(self, name: str) -> bool:
        """Whether the constructor's argument can be read from the object."""
        return hasattr(self, name)

    def _argument(self, name: str) -> Any:
        """What the constructor was given; a class whose attribute says something else writes it."""
        return getattr(self, name)

    def _is_missing(self, name: str) -> bool:
        kind = type(self)
        if kind.get_config is Configurable.get_config:
            raise ArgumentError(
                f"{kind.__name__} keeps its argument {name!r} in no attribute of this name. "
                f"Write self.{name} = {name} in __init__, or write get_config."
            )
        return False  # the subclass's own get_config adds it

    def __repr__(self) -> str:
        names = [name for name in arguments_of(type(self)) if self._keeps(name)]
        arguments = ", ".join(f"{name}={_shown(self._argument(name))}" for name in names)
        return f"{type(self).__name__}({arguments})"


def arguments_of(kind: type) -> tuple[str, ...]:
    """The names of the constructor's arguments, with those it hands on by ``**kwargs``.

    Example:
        >>> class Shape:
        ...     def __init__(self, name="shape"):
        ...         self.name = name
        >>> class Ball(Shape):
        ...     def __init__(self, radius, **kwargs):
        ...         super().__init__(**kwargs)
        ...         self.radius = radius
        >>> arguments_of(Ball)
        ('radius', 'name')
    """
    return _arguments_of(kind)


@lru_cache(maxsize=1024)
def _arguments_of(kind: Any) -> tuple[str, ...]:
    names: list[str] = []
    for base in inspect.getmro(kind):  # from the class itself up
        if "__init__" not in vars(base):
            continue
        _, *parameters = inspect.signature(vars(base)["__init__"]).parameters.values()
        names += [p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
        if all(p.kind is not p.VAR_KEYWORD for p in parameters):
            break
    return tuple(dict.fromkeys(names))


def serialize(value: Any) -> Any:
    """Plain data for a value of a configuration.

    An object becomes ``{"class_name": …, "config": …}``, a registered function its name.

    Raises:
        ArgumentError: it is an unregistered function, or nothing that is known here.

    Example:
        >>> serialize((np.float32(0.1), None, "relu"))
        (0.1, None, 'relu')
    """
    if isinstance(value, Variable | np.ndarray | np.generic) and _is_numeric(value):
        return _plain_numbers(np.asarray(value))
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Configurable):
        name = _name_in_files(type(value)) or type(value).__name__
        return {"class_name": name, "config": serialize(value.get_config())}
    if isinstance(value, np.dtype):
        return str(value)
    if isinstance(value, list | tuple):
        return type(value)(map(serialize, value))
    if isinstance(value, Mapping):
        return {str(key): serialize(entry) for key, entry in value.items()}
    return _function_name(value)


def _is_numeric(value: Variable | np.ndarray[Any, Any] | np.generic) -> bool:
    return value.dtype.kind in "biuf"


def _shown(value: Any) -> str:
    if isinstance(value, Variable | np.generic):
        return repr(serialize(value))
    return value.__name__ if inspect.isfunction(value) else repr(value)


def _plain_numbers(array: np.ndarray[Any, Any]) -> Any:
    """Numbers; a float as the shortest decimal that names it, so that 0.001 stays 0.001."""
    if array.ndim:
        return [_plain_numbers(entry) for entry in array]
    return float(str(array[()])) if array.dtype.kind == "f" else array.item()


def _function_name(value: Any) -> str:
    name = _function_names.get(value) or _name_in_files(value) if callable(value) else None
    name = name or _own_name(value)
    if name is None:
        raise ArgumentError(
            f"A configuration holds numbers, strings and registered objects. Got {shown(value)}; "
            "register a function or class with glassgrad.saving.register_keras_serializable()."
        )
    return name


def is_registered(function: Callable[..., Any]) -> bool:
    """Whether files know a function by a name of this package.

    Example:
        >>> from glassgrad import activations
        >>> is_registered(activations.relu), is_registered(lambda x: x)
        (True, False)
    """
    return function in _function_names


def _own_name(value: Any) -> str | None:
    """The name by which custom_objects may bring a function back that is not registered."""
    if not inspect.isfunction(value) or value.__name__ == "<lambda>":
        return None
    return None if value.__name__ in _function_names.values() else value.__name__


class Registry(Generic[T]):
    """The names of one family, and the way from a name to an object.

    Args:
        kind: what a member is called in messages.
        base: the class whose instances are members.
        takes_functions: whether any callable will do.
    """

    def __init__(self, kind: str, base: type, takes_functions: bool = False) -> None:
        self.kind = kind
        self.base = base
        self.takes_functions = takes_functions
        self.entries: dict[str, Callable[..., Any]] = {}

    def register(self, *aliases: str) -> Callable[[Registered], Registered]:
        """Decorate a class or function, so that it is found by its name in both spellings.

        Args:
            aliases: further names.

        Example:
            >>> shapes = Registry("shape", Configurable)
            >>> @shapes.register("ball")
            ... class RoundBody(Configurable):
            ...     pass
            >>> shapes.get("round_body"), shapes.get("ball"), shapes.get("RoundBody")
            (RoundBody(), RoundBody(), RoundBody())
        """

        def add(entry: Registered) -> Registered:
            entry = checked(entry)
            own = entry.__name__
            for name in (own, *aliases):
                self.entries[name] = entry
            if not inspect.isfunction(self.entries.get(snake_case(own))):
                self.entries[snake_case(own)] = entry  # a function keeps its own name
            if not inspect.isclass(entry):
                _function_names[entry] = own
            return entry

        return add

    def get(self, identifier: Any) -> T | None:
        """The member that an identifier means.

        Args:
            identifier: ``None``, which stays ``None``; a member; a class; a name such as
                "glorot_uniform" or "GlorotUniform"; or a configuration
                ``{"class_name": …, "config": …}``.

        Raises:
            UnknownNameError: there is none of that name.
            ArgumentError: the identifier is of another kind.
        """
        return None if identifier is None else self.require(identifier)

    def require(self, identifier: Any) -> T:
        """As ``get``, but ``None`` is refused."""
        if isinstance(identifier, str):
            return self._made(self.entry(identifier))
        if isinstance(identifier, Mapping):
            return self.deserialize(identifier)
        if inspect.isclass(identifier) and issubclass(identifier, self.base):
            return self._made(identifier)
        if isinstance(identifier, self.base) or (self.takes_functions and callable(identifier)):
            return identifier  # type: ignore[no-any-return]
        raise ArgumentError(
            f"The {self.kind} must be a name, an object or a configuration "
            f"{{'class_name': …, 'config': …}}. Got {shown(identifier)}."
        )

    def deserialize(self, config: Any) -> T:
        """The member that ``serialize`` has written down: a name or a configuration.

        Raises:
            UnknownNameError: the class or one of its arguments is unknown.
            ArgumentError: it is no configuration.
        """
        if isinstance(config, str):
            return self.require(config)
        if not isinstance(config, Mapping) or "class_name" not in config:
            raise ArgumentError(
                f"The configuration of a {self.kind} must be {{'class_name': …, 'config': …}}. "
                f"Got {shown(config)}."
            )
        entry = self.entry(config["class_name"])
        if not hasattr(entry, "from_config"):
            return self._made(entry)
        made: T = entry.from_config(config.get("config") or {})
        return made

    def entry(self, name: object) -> Callable[..., Any]:
        """The class or function of a name.

        Raises:
            UnknownNameError: there is none.
        """
        custom = _custom(name) if isinstance(name, str) else None
        if custom is not None and self._takes(custom):
            return custom  # type: ignore[no-any-return]
        if not isinstance(name, str) or name not in self.entries:
            raise UnknownNameError(self.kind, name, self.entries)
        return self.entries[name]

    def _takes(self, entry: Any) -> bool:
        if inspect.isclass(entry):
            return issubclass(entry, self.base)
        return self.takes_functions and callable(entry)

    def _made(self, entry: Any) -> T:
        made: Any = entry() if inspect.isclass(entry) else entry
        return made  # type: ignore[no-any-return]
