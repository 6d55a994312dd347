"""Functions of single elements that generated kernels call beside `mathematics`."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassgrad.execute.cpu.compiler import EXACT, REORDERED, helper, intrinsic, ir

__all__ = ["largest", "least", "plus", "uniform_float32", "uniform_float64"]

u32 = np.uint32
PARITY = u32(0x1BD11BDA)


@helper(REORDERED)
def plus(total: Any, value: Any) -> Any:
    """The sum with one more member: only here may members change places, nothing around it."""
    return total + value


def _extreme(instruction: str) -> Any:
    """A choice between two floats in which NaN wins; a loop of comparisons does not vectorise."""

    def build(_typing: Any, best: Any, value: Any) -> Any:
        def generate(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
            kind = values[0].type
            signature = ir.FunctionType(kind, [kind, kind])
            choose = builder.module.declare_intrinsic(instruction, [kind], signature)
            return builder.call(choose, values)

        return best(best, value), generate

    return intrinsic(build)


largest = _extreme("llvm.maximum")
least = _extreme("llvm.minimum")


@helper(EXACT)
def mix(a: Any, b: Any, rotation: Any) -> Any:
    """One round of Threefry. Numba widens sums to 64 bits; each is cut at once."""
    a = u32(a + b)
    return a, u32(u32(u32(b << rotation) | u32(b >> u32(u32(32) - rotation))) ^ a)


@helper(EXACT)
def threefry(key_0: Any, key_1: Any, a: Any, b: Any) -> Any:
    """Threefry-2x32 with 20 rounds, as `glassgrad.ops.random.threefry`."""
    key_2 = u32(u32(key_0 ^ key_1) ^ PARITY)
    a, b = u32(a + key_0), u32(b + key_1)
    a, b = mix(a, b, u32(13))
    a, b = mix(a, b, u32(15))
    a, b = mix(a, b, u32(26))
    a, b = mix(a, b, u32(6))
    a, b = u32(a + key_1), u32(u32(b + key_2) + u32(1))
    a, b = mix(a, b, u32(17))
    a, b = mix(a, b, u32(29))
    a, b = mix(a, b, u32(16))
    a, b = mix(a, b, u32(24))
    a, b = u32(a + key_2), u32(u32(b + key_0) + u32(2))
    a, b = mix(a, b, u32(13))
    a, b = mix(a, b, u32(15))
    a, b = mix(a, b, u32(26))
    a, b = mix(a, b, u32(6))
    a, b = u32(a + key_0), u32(u32(b + key_1) + u32(3))
    a, b = mix(a, b, u32(17))
    a, b = mix(a, b, u32(29))
    a, b = mix(a, b, u32(16))
    a, b = mix(a, b, u32(24))
    a, b = u32(a + key_1), u32(u32(b + key_2) + u32(4))
    a, b = mix(a, b, u32(13))
    a, b = mix(a, b, u32(15))
    a, b = mix(a, b, u32(26))
    a, b = mix(a, b, u32(6))
    return u32(a + key_2), u32(u32(b + key_0) + u32(5))


@helper(EXACT)
def uniform_float32(seed: Any, stream: Any, step: Any, index: Any) -> Any:
    """A number from [0, 1) with 24 random bits."""
    high, _ = threefry(seed, stream, step, index)
    return np.float32(np.int32(high >> u32(8))) * np.float32(2.0**-24)


@helper(EXACT)
def uniform_float64(seed: Any, stream: Any, step: Any, index: Any) -> Any:
    """A number from [0, 1) with 53 random bits."""
    high, low = threefry(seed, stream, step, index)
    bits = np.float64(u32(high >> u32(5))) * 2.0**26 + np.float64(u32(low >> u32(6)))
    return bits * 2.0**-53
