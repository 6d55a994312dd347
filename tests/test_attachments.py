"""Methods from further down the house: loaded when they are asked for, and no earlier."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

from glassgrad.attachments import attach, attached_to
from glassgrad.models import Model

METHODS = ("gradients", "plot", "saliency")


def test_a_method_is_loaded_once_when_it_is_asked_for() -> None:
    loaded = []

    def load() -> object:
        loaded.append(1)
        return lambda self, more: (self.name, more)

    attach("Person", "greet", load)

    class Person(attached_to("Person")):  # type: ignore[misc]
        name = "Ada"

    class Child(Person):
        name = "Byron"

    assert not loaded
    assert Child().greet("hello") == ("Byron", "hello")
    assert Person().greet(2) == ("Ada", 2)
    assert loaded == [1]


def test_a_subclass_may_have_its_own() -> None:
    class Own(Model):
        def plot(self) -> str:  # type: ignore[override]
            return "mine"

    assert Own().plot() == "mine"
    own = Model()
    own.gradients = 3  # type: ignore[assignment,method-assign]
    assert own.gradients == 3


@pytest.mark.parametrize("name", METHODS)
def test_a_model_has_what_looks_at_it(name: str) -> None:
    method = getattr(Model, name)
    assert next(iter(inspect.signature(method).parameters)) == "model"
    assert inspect.getdoc(method)


def test_models_do_not_load_the_lens() -> None:
    program = (
        "import sys, glassgrad.models\n"
        "assert 'glassgrad.lens' not in sys.modules\n"
        "glassgrad.models.Model.plot\n"
        "assert 'glassgrad.lens' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
