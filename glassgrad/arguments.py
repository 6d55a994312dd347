"""Arguments of public functions held against their annotations: the signature is the rule.

``checked`` reads it once, at the first call. A whole number may come from NumPy and becomes
Python's; what does not fit is refused by name, before anything has happened. Annotations that
mean anything (``Any``, ``Tensor``, a dtype) are left to the function.
"""

from __future__ import annotations

import functools
import inspect
import os
import types
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from operator import is_
from typing import Any, TypeAlias, TypeVar, Union, get_args, get_origin

import numpy as np

from glassgrad.errors import ArgumentError, GlassgradError, shown

__all__ = ["checked", "checked_before", "checks_constructor", "is_iterable"]

AnyFunction = TypeVar("AnyFunction", bound=Callable[..., Any])

#: Takes a value and gives what the function shall get, or raises ``TypeError``.
Fitting: TypeAlias = Callable[[Any], Any]

LARGEST = 2**63  # what arrays, files and kernels hold whole numbers in


@dataclass(frozen=True)
class Rule:
    """What one argument must be, in words, and what makes sure of it."""

    words: str
    fitting: Fitting


def checked(function: AnyFunction) -> AnyFunction:
    """Let a function without effects refuse arguments that do not fit its annotations.

    Where the function has words of its own for what is wrong, these are raised: they may know
    more. A function from outside the package stays as it is: what its annotations mean is its
    own business.

    Raises:
        ArgumentError: on the call, an argument does not fit.

    Example:
        >>> @checked
        ... def half(width: int) -> int:
        ...     return width // 2
        >>> half(np.int64(8))
        4
        >>> half("8")
        Traceback (most recent call last):
        glassgrad.errors.ArgumentError: half: width must be a whole number. Got '8'.
    """
    return _checking(function, _own_words)


def checked_before(function: AnyFunction) -> AnyFunction:
    """As ``checked``, for a function with effects: what does not fit is refused at once."""
    return _checking(function, lambda *_: None)


def checks_constructor(kind: type) -> None:
    """Let a class of the package refuse what does not fit its constructor's annotations."""
    if "__init__" in vars(kind):
        kind.__init__ = checked(vars(kind)["__init__"])  # type: ignore[misc]


def _is_ours(function: Callable[..., Any]) -> bool:
    return function.__module__.partition(".")[0] == __name__.partition(".")[0]


def _is_checked(function: Callable[..., Any]) -> bool:
    return getattr(function, "is_checked", False)


def _checking(function: AnyFunction, before_refusal: Callable[..., None]) -> AnyFunction:
    if not inspect.isfunction(function) or not _is_ours(function) or _is_checked(function):
        return function

    @functools.wraps(function)
    def checking(*arguments: Any, **options: Any) -> Any:
        try:
            fitting, named = _fitted(function, arguments, options)
        except _MisfitError as misfit:
            before_refusal(function, arguments, options)
            raise ArgumentError(str(misfit)) from None
        return function(*fitting, **named)

    checking.is_checked = True  # type: ignore[attr-defined]  # what wraps it says so as well
    return checking  # type: ignore[return-value]


def _own_words(
    function: Callable[..., Any], arguments: tuple[Any, ...], options: Mapping[str, Any]
) -> None:
    """Let the function itself refuse its arguments, if it does."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            function(*arguments, **options)
    except GlassgradError:
        raise
    except Exception:  # noqa: BLE001 -- Python's own words say less than the rule
        pass


class _MisfitError(Exception):
    """An argument does not fit its rule."""


def _fitted(
    function: Callable[..., Any], arguments: tuple[Any, ...], options: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments, as the rules want them."""
    named, rules = _rules(function)
    if not rules:
        return arguments, options
    first = [
        _fit(function, name, value, rules) if name in rules else value
        for name, value in zip(named, arguments, strict=False)
    ]
    if not options:
        return (*first, *arguments[len(first) :]), options
    others = {name: _fit(function, name, value, rules) for name, value in options.items()}
    return (*first, *arguments[len(first) :]), others


def _fit(function: Callable[..., Any], name: str, value: Any, rules: Mapping[str, Rule]) -> Any:
    try:
        return rules[name].fitting(value) if name in rules else value
    except TypeError:
        owner = function.__qualname__.removesuffix(".__init__").rpartition(".")[2]
        words = rules[name].words
        if words == _PLAIN[int].words and isinstance(value, int) and value >= LARGEST:
            words += " below 2^63"
        raise _MisfitError(f"{owner}: {name} must be {words}. Got {shown(value)}.") from None


@functools.cache
def _rules(function: Callable[..., Any]) -> tuple[tuple[str, ...], dict[str, Rule]]:
    """The names of arguments by position, and the rules of those that have one."""
    parameters = inspect.signature(function).parameters.values()
    named = [p.name for p in parameters if p.kind <= p.POSITIONAL_OR_KEYWORD]
    rules: dict[str, Rule] = {}
    for parameter in parameters:
        if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            rule = _rule(_resolved(parameter.annotation, function))
            if rule is not None:
                rules[parameter.name] = rule
    return tuple(named), rules


def _resolved(annotation: Any, function: Callable[..., Any]) -> Any:
    """The annotation itself, where its names are known when the program runs."""
    while isinstance(annotation, str):
        try:
            annotation = eval(annotation, inspect.unwrap(function).__globals__)
        except (NameError, TypeError):  # known to type checkers alone
            return Any
    return Any if annotation is inspect.Parameter.empty else annotation


# ---- from annotations to rules


def _rule(annotation: Any) -> Rule | None:
    """The rule that an annotation means; ``None`` where anything goes."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if annotation in _PLAIN:
        return _PLAIN[annotation]
    if origin in (Union, types.UnionType):
        return _any_of(inner)
    if inspect.isclass(origin):
        return _PLAIN.get(origin) or _of_entries(origin, inner)
    if inspect.isclass(annotation) and not _takes_anything(annotation):
        return Rule(_article(annotation.__name__), functools.partial(_instance, annotation))
    return None


def _any_of(members: Iterable[Any]) -> Rule | None:
    rules: list[Rule] = []
    for member in members:
        rule = _rule(member)
        if rule is None:
            return None
        rules.append(rule)
    return Rule(_listed([rule.words for rule in rules]), functools.partial(_first_fit, rules))


def _of_entries(origin: type, inner: tuple[Any, ...]) -> Rule | None:
    """Tuples of a length, and lists of any."""
    if origin is Iterable:
        return Rule("a list or tuple", _iterable)
    if not issubclass(origin, Sequence):
        return None
    rules = [_rule(entry) for entry in inner if entry is not Ellipsis]
    if origin is tuple and Ellipsis not in inner:
        fitting = functools.partial(_entries, rules)
        return Rule(f"a tuple of {len(rules)}", fitting)
    if not rules or rules[0] is None:
        return Rule("a list or tuple", _iterable)
    return Rule(_several(rules[0].words), functools.partial(_equals, rules[0]))


def _takes_anything(kind: type) -> bool:
    """Numbers become tensors on the way in, and protocols are known by their methods."""
    is_protocol = getattr(kind, "_is_protocol", False) or kind.__module__ == "typing"
    return kind is object or is_protocol or any(b.__name__ == "TensorLike" for b in kind.__mro__)


def _article(name: str) -> str:
    return f"{'an' if name[0] in 'AEIOU' else 'a'} {name}"


def _several(words: str) -> str:
    if " or " in words:
        return f"a list or tuple, each entry {words}"
    return f"a list or tuple of {words.partition(' ')[2]}s"


def _listed(words: Sequence[str]) -> str:
    unique = list(dict.fromkeys(words))
    return unique[0] if len(unique) == 1 else f"{', '.join(unique[:-1])} or {unique[-1]}"


# ---- what makes sure of a rule


def _refuse() -> Any:
    raise TypeError


def _plain(value: Any) -> Any:
    """A number of NumPy, also in an array without axes, as itself."""
    return value[()] if isinstance(value, np.ndarray) and value.ndim == 0 else value


def _whole_number(value: Any) -> Any:
    if type(value) is int and -LARGEST <= value < LARGEST:  # nearly always
        return value
    value = _plain(value)
    is_whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not is_whole or not -LARGEST <= value < LARGEST:
        _refuse()
    return int(value) if isinstance(value, np.integer) else value


def _number(value: Any) -> Any:
    value = _plain(value)
    if not isinstance(value, Real):
        _refuse()
    try:
        float(value)
    except OverflowError:
        _refuse()
    return value


def _flag(value: Any) -> Any:
    value = _plain(value)
    if isinstance(value, bool):
        return value
    return bool(value) if isinstance(value, np.bool_ | int) and value in (0, 1) else _refuse()


def _instance(kind: type, value: Any) -> Any:
    return value if isinstance(value, kind) else _refuse()


def _function(value: Any) -> Any:
    return value if callable(value) else _refuse()


def _iterable(value: Any) -> Any:
    return value if is_iterable(value) else _refuse()


def is_iterable(value: Any) -> bool:
    """Whether a value has entries; texts and arrays without axes have none."""
    is_text = isinstance(value, str | bytes)
    return isinstance(value, Iterable) and not is_text and getattr(value, "ndim", 1) != 0


def _first_fit(rules: Sequence[Rule], value: Any) -> Any:
    for rule in rules:
        try:
            return rule.fitting(value)
        except TypeError:
            continue
    return _refuse()


def _equals(rule: Rule, value: Any) -> Any:
    """A list or tuple of any length whose entries fit one rule."""
    value = _listed_out(value)
    return _entries([rule] * len(value), value)


def _entries(rules: Sequence[Rule | None], value: Any) -> Any:
    """A list or tuple whose entries fit, each its rule."""
    value = _listed_out(value)
    if len(value) != len(rules):
        _refuse()
    pairs = zip(rules, value, strict=True)
    found = [entry if rule is None else rule.fitting(entry) for rule, entry in pairs]
    is_same = all(map(is_, found, value))
    return value if is_same else type(value)(found)


def _listed_out(value: Any) -> Any:
    """A list or tuple; arrays of NumPy and ranges become lists."""
    if type(value) in (list, tuple):
        return value
    if isinstance(value, np.ndarray) and value.ndim:
        return value.tolist()
    if isinstance(value, str | bytes) or not isinstance(value, Sequence):
        _refuse()
    return list(value)


_PLAIN: dict[Any, Rule] = {
    int: Rule("a whole number", _whole_number),
    float: Rule("a number", _number),
    bool: Rule("True or False", _flag),
    str: Rule("a text", functools.partial(_instance, str)),
    None: Rule("None", functools.partial(_instance, type(None))),
    type(None): Rule("None", functools.partial(_instance, type(None))),
    Callable: Rule("a function", _function),
    os.PathLike: Rule("a path", functools.partial(_instance, os.PathLike)),
    **dict.fromkeys((Mapping, dict), Rule("a dictionary", functools.partial(_instance, Mapping))),
}
