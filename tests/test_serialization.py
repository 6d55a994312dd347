from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from glassgrad import activations, initializers
from glassgrad.errors import ArgumentError, UnknownNameError
from glassgrad.graph import Variable
from glassgrad.serialization import Configurable, Registry, arguments_of, serialize

animals: Registry[Any] = Registry("animal", Configurable, takes_functions=True)


@animals.register("bello")
class SmallDog(Configurable):
    def __init__(self, age: int, friends: Any = ()) -> None:
        self.age, self.friends = age, friends


@animals.register()
class Cat(Configurable):
    pass


@animals.register()
def miaow(x: Any) -> Any:
    return x


class Puppy(SmallDog):
    def __init__(self, toys: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.toys = toys


@pytest.mark.parametrize(
    "value, expected",
    [
        (None, None),
        (True, True),
        (3, 3),
        (0.5, 0.5),
        ("relu", "relu"),
        (np.float32(0.001), 0.001),
        (np.float64(0.1), 0.1),
        (np.int64(3), 3),
        (np.array([[1.0, 2.0]], np.float32), [[1.0, 2.0]]),
        (Variable(0.001), 0.001),
        (np.dtype("float32"), "float32"),
        ((1, (2, None)), (1, (2, None))),
        ([SmallDog(3)], [{"class_name": "SmallDog", "config": {"age": 3, "friends": ()}}]),
        ({"a": Cat()}, {"a": {"class_name": "Cat", "config": {}}}),
        (miaow, "miaow"),
        (activations.relu, "relu"),
    ],
)
def test_plain_data_of_a_value(value: Any, expected: Any) -> None:
    found = serialize(value)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize("value", [object(), lambda x: x, {1, 2}])
def test_what_is_no_data_is_refused(value: Any) -> None:
    with pytest.raises(ArgumentError, match="register_keras_serializable"):
        serialize(value)


def test_names_in_both_spellings_and_aliases() -> None:
    assert isinstance(animals.get("Cat"), Cat)
    assert isinstance(animals.get("cat"), Cat)
    assert animals.get("miaow") is miaow
    assert animals.entry("bello") is animals.entry("small_dog") is SmallDog


def test_what_get_takes() -> None:
    cat = Cat()
    assert animals.get(None) is None
    assert animals.get(cat) is cat
    assert isinstance(animals.get(Cat), Cat)
    assert animals.get(len) is len
    dog = animals.get({"class_name": "SmallDog", "config": {"age": 2}})
    assert dog.age == 2
    keras = {"module": "x", "class_name": "Cat", "config": {}, "registered_name": None}
    assert isinstance(animals.get(keras), Cat)
    assert animals.deserialize(serialize(miaow)) is miaow


def test_an_unknown_name_is_told_the_nearest() -> None:
    with pytest.raises(
        UnknownNameError, match=r"Unknown initializer 'glorot_unifrom'.*'glorot_uni"
    ):
        initializers.get("glorot_unifrom")
    with pytest.raises(UnknownNameError, match="Unknown animal"):
        animals.get({"class_name": "os.system", "config": {"command": "true"}})
    with pytest.raises(UnknownNameError, match=r"argument of SmallDog 'agee'.*'age'"):
        animals.get({"class_name": "SmallDog", "config": {"agee": 2}})


@pytest.mark.parametrize("identifier", [3, 1.0, ["cat"], {"name": "cat"}, b"cat"])
def test_what_is_no_identifier_is_refused(identifier: Any) -> None:
    with pytest.raises(ArgumentError, match="animal must be"):
        Registry("animal", Configurable).get(identifier)


def test_functions_only_where_they_make_sense() -> None:
    with pytest.raises(ArgumentError, match="must be a name"):
        Registry("animal", Configurable).get(len)


def test_none_can_be_refused() -> None:
    with pytest.raises(ArgumentError, match="Got None"):
        animals.require(None)


def test_the_configuration_follows_from_the_constructor() -> None:
    assert arguments_of(Puppy) == ("toys", "age", "friends")
    puppy = Puppy.from_config(Puppy(age=1, friends=[Cat()]).get_config())
    assert (puppy.toys, puppy.age, puppy.friends) == (1, 1, [serialize(Cat())])
    assert repr(Puppy(age=1)) == "Puppy(toys=1, age=1, friends=())"


class Forgetful(Configurable):
    def __init__(self, age: int) -> None:
        self.years = age


class Careful(Forgetful):
    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "age": self.years}


def test_a_forgotten_attribute_is_explained() -> None:
    with pytest.raises(ArgumentError, match=r"self\.age = age"):
        Forgetful(3).get_config()
    assert Careful.from_config(Careful(3).get_config()).years == 3
