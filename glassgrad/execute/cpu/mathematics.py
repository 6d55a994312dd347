"""Element-wise functions for kernels: exponentials, logarithms, sigmoids and the error function.

Each name serves float32 and float64. In float64 accuracy comes first, and the C library
computes. In float32 they are polynomials without a branch or a table, so that LLVM turns a loop
over them into vector instructions, at about 0.2 ns an element; their relative error is at most
2e-7 (3e-7 in the tails of `erfinv`), NaN stays NaN, and infinities are right.

The float32 functions are compiled with `EXACT` arithmetic: the freedom to reorder sums would let
LLVM undo the subtraction of ln 2 in two parts, on which the last digits depend.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from glassgrad.execute.cpu.compiler import EXACT, helper, intrinsic, overloaded, types
from glassgrad.ops.elementwise import QUANTILE_CENTRE, QUANTILE_FAR, QUANTILE_TAIL

__all__ = ["erf", "erfinv", "exp", "expm1", "log", "log1p", "sigmoid", "tanh"]

f32, i32 = np.float32, np.int32

EXPONENT_BIAS = i32(127)
MANTISSA_BITS = i32(23)

# ln 2 in two parts: the product of the first with a small integer is exact.
LN2_HIGH, LN2_LOW = f32(0.693359375), f32(-2.12194440e-4)
LOG2_E = f32(1.44269504)
SQRT_HALF_BITS = i32(0x3F3504F3)
SMALLEST_NORMAL = f32(2.0**-126)

# Beyond these exp is 0 or infinite in float32.
EXP_LOWEST, EXP_HIGHEST = f32(-104.0), f32(89.0)
EXP_NORMAL = f32(87.0)  # exp(-87) is a normal number
# Beyond this tanh is 1 in float32.
TANH_SATURATED = f32(10.0)
# Beyond this erf is 1 in float32; up to the other it is a polynomial by itself.
ERF_SATURATED, ERF_MIDDLE = f32(4.0), f32(0.927734375)

SQRT_2 = math.sqrt(2)
CENTRE_ABOVE, CENTRE_BELOW = QUANTILE_CENTRE
TAIL_ABOVE, TAIL_BELOW = QUANTILE_TAIL
FAR_ABOVE, FAR_BELOW = QUANTILE_FAR


@intrinsic
def bits_to_float(_typing: Any, bits: Any) -> Any:
    """The float32 that is written with these bits."""

    def generate(context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        return builder.bitcast(values[0], context.get_value_type(types.float32))

    return types.float32(types.int32), generate


@intrinsic
def float_to_bits(_typing: Any, value: Any) -> Any:
    """The bits with which a float32 is written."""

    def generate(context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        return builder.bitcast(values[0], context.get_value_type(types.int32))

    return types.int32(types.float32), generate


@intrinsic
def to_int32(_typing: Any, value: Any) -> Any:
    """A float32 that is a whole number, as int32: one instruction for a whole vector."""

    def generate(context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        return builder.fptosi(values[0], context.get_value_type(types.int32))

    return types.int32(types.float32), generate


@intrinsic
def square_root(_typing: Any, value: Any) -> Any:
    """The instruction itself: the C library's function reports errors, which blocks vectors."""

    def generate(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        (x,) = values
        return builder.call(builder.module.declare_intrinsic("llvm.sqrt", [x.type]), [x])

    return types.float32(types.float32), generate


@helper(EXACT)
def power_of_two(exponent: Any) -> Any:
    """2^exponent, for the exponents of normal numbers."""
    return bits_to_float(i32((exponent + EXPONENT_BIAS) << MANTISSA_BITS))


@helper(EXACT)
def clamp(x: Any, lowest: Any, highest: Any) -> Any:
    """Bring x between the bounds; NaN becomes a bound, since it compares false."""
    below = x if x < highest else highest
    return below if below > lowest else lowest


@helper(EXACT)
def reduced(x: Any) -> Any:
    """(n, r) with x = n ln 2 + r and |r| <= ln 2 / 2."""
    n = np.floor(x * LOG2_E + f32(0.5))
    return n, x - n * LN2_HIGH - n * LN2_LOW


@helper(EXACT)
def expm1_of_reduced(r: Any) -> Any:
    """exp(r) - 1 for |r| <= ln 2 / 2 (the minimax polynomial of Cephes)."""
    p = f32(1.9875691500e-4)
    p = p * r + f32(1.3981999507e-3)
    p = p * r + f32(8.3334519073e-3)
    p = p * r + f32(4.1665795894e-2)
    p = p * r + f32(1.6666665459e-1)
    p = p * r + f32(5.0000001201e-1)
    return p * (r * r) + r


@helper(EXACT)
def exp_float32(x: Any) -> Any:
    n, r = reduced(clamp(x, EXP_LOWEST, EXP_HIGHEST))
    exponent = to_int32(n)
    half = i32(exponent >> i32(1))  # 2^n itself may be out of range where exp(x) is not
    y = (expm1_of_reduced(r) + f32(1)) * power_of_two(half) * power_of_two(i32(exponent - half))
    return y if x == x else x


@helper(EXACT)
def expm1_float32(x: Any) -> Any:
    n, r = reduced(clamp(x, f32(-30.0), EXP_HIGHEST))
    exponent = to_int32(n)
    half = i32(exponent >> i32(1))
    small, large = power_of_two(half), power_of_two(i32(exponent - half))
    # 2^n (expm1(r) + 1) - 1, ordered so that nothing is lost near 0 and nothing overflows early
    y = (expm1_of_reduced(r) * small + (small - f32(1) / large)) * large
    y = y if abs(x) > f32(1e-20) else x
    return y if x == x else x


@helper(EXACT)
def sigmoid_float32(x: Any) -> Any:
    """Where exp(-x) is below the normal numbers it does not matter; 2^128 is read as infinity."""
    n, r = reduced(clamp(-x, -EXP_NORMAL, EXP_HIGHEST))
    y = f32(1) / (f32(1) + (expm1_of_reduced(r) + f32(1)) * power_of_two(to_int32(n)))
    return y if x == x else x


@helper(EXACT)
def tanh_float32(x: Any) -> Any:
    """Through expm1(2x), which keeps the relative accuracy near 0."""
    n, r = reduced(f32(2) * clamp(x, -TANH_SATURATED, TANH_SATURATED))
    scale = power_of_two(to_int32(n))
    e = scale * expm1_of_reduced(r) + (scale - f32(1))
    y = e / (e + f32(2))
    return y if x == x else x


@helper(EXACT)
def erf_float32(x: Any) -> Any:
    """X + x p(x²) near 0, and 1 - exp(q(x)) farther out, with minimax polynomials p and q."""
    t = clamp(abs(x), f32(0), ERF_SATURATED)
    square = t * t
    p = f32(-5.96761703e-4)
    p = p * square + f32(4.99119423e-3)
    p = p * square - f32(2.67681349e-2)
    p = p * square + f32(1.12819925e-1)
    p = p * square - f32(3.76125336e-1)
    p = p * square + f32(1.28379166e-1)
    q = f32(-1.72853470e-5) * t + f32(3.83197126e-4)
    q = q * square + (f32(-3.88396438e-3) * t + f32(2.42546219e-2))
    q = q * t - f32(1.06777877e-1)
    q = q * t - f32(6.34846687e-1)
    q = q * t - f32(1.28717512e-1)
    q = q * t - t
    near = t * p + t
    far = f32(1) - exp_float32(q)
    y = near if t <= ERF_MIDDLE else far
    y = y if x > f32(0) else -y
    return y if x == x else x


@helper(EXACT)
def log_float32(x: Any) -> Any:
    """The mantissa in [sqrt(1/2), sqrt(2)) and its polynomial from Cephes."""
    is_denormal = x < SMALLEST_NORMAL
    bits = float_to_bits(x * f32(2.0**23) if is_denormal else x)
    # Numba widens int32 sums to int64; each is narrowed at once, or vectors would be half as long.
    exponent = i32(i32(bits - SQRT_HALF_BITS) >> MANTISSA_BITS)
    m = bits_to_float(i32(bits - i32(exponent << MANTISSA_BITS))) - f32(1)
    e = f32(exponent) - (f32(23) if is_denormal else f32(0))
    y = log_of_one_plus(m, e)
    y = y if x < f32(np.inf) else x  # infinity and NaN
    return y if x > f32(0) else (f32(-np.inf) if x == f32(0) else f32(np.nan))


@helper(EXACT)
def log_of_one_plus(m: Any, exponent: Any) -> Any:
    """log(1 + m) + exponent ln 2 for sqrt(1/2) <= 1 + m < sqrt(2)."""
    p = f32(7.0376836292e-2)
    p = p * m - f32(1.1514610310e-1)
    p = p * m + f32(1.1676998740e-1)
    p = p * m - f32(1.2420140846e-1)
    p = p * m + f32(1.4249322787e-1)
    p = p * m - f32(1.6668057665e-1)
    p = p * m + f32(2.0000714765e-1)
    p = p * m - f32(2.4999993993e-1)
    p = p * m + f32(3.3333331174e-1)
    square = m * m
    tail = p * m * square + exponent * LN2_LOW - f32(0.5) * square
    return (m + tail) + exponent * LN2_HIGH


@helper(EXACT)
def log1p_float32(x: Any) -> Any:
    """log(u) for the rounded u = 1 + x, corrected by what the rounding lost."""
    u = f32(1) + x
    correction = (x - (u - f32(1))) / u
    y = log_float32(u) + (correction if u > f32(0) else f32(0))
    y = y if abs(x) > f32(1e-8) else x
    return y if abs(x) < f32(np.inf) else log_float32(u)


@helper(EXACT)
def erfinv_float32(x: Any) -> Any:
    """Two polynomials in -log(1 - x²), for the centre and for the tails.

    Source: Giles, "Approximating the erfinv function", 2010.
    """
    w = -log_float32((f32(1) - x) * (f32(1) + x))
    c = w - f32(2.5)
    p = f32(2.81022636e-8)
    p = p * c + f32(3.43273939e-7)
    p = p * c - f32(3.5233877e-6)
    p = p * c - f32(4.39150654e-6)
    p = p * c + f32(2.1858087e-4)
    p = p * c - f32(1.25372503e-3)
    p = p * c - f32(4.17768164e-3)
    p = p * c + f32(2.46640727e-1)
    p = p * c + f32(1.50140941)
    t = square_root(w) - f32(3)
    q = f32(-2.00214257e-4)
    q = q * t + f32(1.00950558e-4)
    q = q * t + f32(1.34934322e-3)
    q = q * t - f32(3.67342844e-3)
    q = q * t + f32(5.73950773e-3)
    q = q * t - f32(7.6224613e-3)
    q = q * t + f32(9.43887047e-3)
    q = q * t + f32(1.00167406)
    q = q * t + f32(2.83297682)
    y = (p if w < f32(5) else q) * x
    return y if abs(x) != f32(1) else x * f32(np.inf)


def erf_float64(x: Any) -> Any:
    return math.erf(x)


@helper(EXACT)
def ratio(above: Any, below: Any, x: Any) -> Any:
    """One polynomial divided by another, given by coefficients from the highest power down."""
    numerator, denominator = above[0], below[0]
    for place in range(1, len(above)):
        numerator = numerator * x + above[place]
        denominator = denominator * x + below[place]
    return numerator / denominator


def erfinv_float64(x: Any) -> Any:
    """The definition in `glassgrad.ops.elementwise`, of one number."""
    q = 0.5 * x
    if abs(q) <= 0.425:
        return q * ratio(CENTRE_ABOVE, CENTRE_BELOW, 0.180625 - q * q) / SQRT_2
    r = np.sqrt(-np.log(0.5 - abs(q)))
    if r <= 5.0:
        z = ratio(TAIL_ABOVE, TAIL_BELOW, r - 1.6)
    else:
        z = ratio(FAR_ABOVE, FAR_BELOW, r - 5.0) if r < np.inf else r
    return (z if q > 0.0 else -z) / SQRT_2


def exp_float64(x: Any) -> Any:
    return np.exp(x)


def expm1_float64(x: Any) -> Any:
    return np.expm1(x)


def log_float64(x: Any) -> Any:
    return np.log(x)


def log1p_float64(x: Any) -> Any:
    return np.log1p(x)


def sigmoid_float64(x: Any) -> Any:
    return 1.0 / (1.0 + np.exp(-x))


def tanh_float64(x: Any) -> Any:
    return np.tanh(x)


def _function(float32: Any, float64: Any, notation: str, *, is_long: bool = False) -> Any:
    """One name for kernels to call; the types decide when they are compiled.

    The implementations are named functions, no lambdas: Numba tells lambdas apart by a counter
    of the process, so that two kernels from the cache could each bring another function under
    the same symbol, of which the linker would keep the first.

    LLVM calls a long function instead of inserting it into the loop, which then is no loop over
    vectors: fifty times as slow. It is told to insert it.
    """

    def function(x: Any) -> Any:
        raise NotImplementedError("this function is called from compiled kernels only")

    function.__doc__ = f"{notation}, element by element, of float32 or float64."
    implementations = {"float32": getattr(float32, "__wrapped__", float32), "float64": float64}
    options: Any = {"fastmath": set(EXACT), "error_model": "numpy", "forceinline": is_long}
    return overloaded(function, implementations, options)


erf = _function(erf_float32, erf_float64, "The error function of x")
erfinv = _function(
    erfinv_float32, erfinv_float64, "The inverse of the error function of x", is_long=True
)
exp = _function(exp_float32, exp_float64, "e^x")
expm1 = _function(expm1_float32, expm1_float64, "e^x - 1")
log = _function(log_float32, log_float64, "The natural logarithm of x")
log1p = _function(log1p_float32, log1p_float64, "log(1 + x)")
sigmoid = _function(sigmoid_float32, sigmoid_float64, "1 / (1 + e^-x)")
tanh = _function(tanh_float32, tanh_float64, "The hyperbolic tangent of x")
