from __future__ import annotations

from collections import namedtuple
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassgrad.graph.trees import LEAF, flatten, flatten_up_to, leaves_of, map_tree, rebuild

Pair = namedtuple("Pair", "left right")

TREES = st.recursive(
    st.none() | st.integers(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.builds(Pair, inner, inner)
        | st.dictionaries(st.text(max_size=2), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(TREES)
def test_what_is_taken_apart_is_put_together_again(tree: Any) -> None:
    leaves, structure = flatten(tree)
    again = rebuild(structure, leaves)
    assert again == tree
    assert type(again) is type(tree)
    assert flatten(again) == (leaves, structure)
    assert hash(structure) == hash(flatten(tree)[1])


@given(TREES)
def test_a_function_reaches_every_leaf_once(tree: Any) -> None:
    assert leaves_of(map_tree(lambda leaf: leaf + 1, tree)) == [n + 1 for n in leaves_of(tree)]


@pytest.mark.parametrize(
    "one, other", [([1, 2], (1, 2)), ({"a": 1}, {"b": 1}), ([1, None], [1]), (1, [1])]
)
def test_structures_that_differ(one: Any, other: Any) -> None:
    assert flatten(one)[1] != flatten(other)[1]


def test_a_single_leaf_and_nothing() -> None:
    assert flatten(3) == ([3], LEAF)
    assert flatten(None) == ([], None)


def test_what_counts_as_a_leaf_can_be_said() -> None:
    shapes = [(2, 3), (4,)]
    assert flatten(shapes, is_leaf=lambda value: isinstance(value, tuple))[0] == shapes


@given(TREES)
def test_a_tree_holds_its_leaves_at_the_places_of_its_own_structure(tree: Any) -> None:
    leaves, structure = flatten(tree)
    assert flatten_up_to(structure, rebuild(structure, [[leaf] for leaf in leaves])) == [
        [leaf] for leaf in leaves
    ]


@pytest.mark.parametrize("other", [3, [1], [1, 2, 3], {"a": 1, "b": 2}, [1, 5], [1, {"c": 1}]])
def test_a_tree_of_another_form_has_no_such_places(other: Any) -> None:
    assert flatten_up_to(flatten([1, {"b": 2}])[1], other) is None
