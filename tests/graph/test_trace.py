from __future__ import annotations

import pytest

from glassgrad.graph import RandomState, Trace, Variable, current_trace, tracing


def test_the_innermost_trace_is_current() -> None:
    assert current_trace() is None
    with tracing(Trace(training=True)) as outer:
        assert current_trace() is outer
        with tracing(Trace()) as inner:
            assert current_trace() is inner
            assert not inner.training
        assert current_trace() is outer
    assert current_trace() is None


def test_a_trace_ends_with_an_error() -> None:
    with pytest.raises(RuntimeError, match="inside"), tracing(Trace()):
        raise RuntimeError("inside")
    assert current_trace() is None


def test_every_place_that_draws_has_a_stream() -> None:
    trace = Trace()
    streams = [trace.next_stream() for _ in range(5)]
    assert len(set(streams)) == 5
    assert [Trace().next_stream() for _ in range(2)] == [streams[0]] * 2


def test_traces_share_nothing() -> None:
    one, other = Trace(), Trace()
    one.updates[Variable([1.0])] = Variable([1.0]).tensor
    one.added.append((None, Variable([1.0]).tensor))
    assert len(one.losses) == 1
    assert not other.updates
    assert not other.losses
    assert other.random is None


def test_a_random_state_is_a_seed_and_a_step() -> None:
    seed, step = Variable(1, dtype="uint32"), Variable(0, dtype="uint32")
    assert Trace(random=RandomState(seed, step)).random == RandomState(seed, step)
