"""Student's t distribution: how far a mean of few numbers strays by chance."""

from __future__ import annotations

import math

__all__ = ["critical_value", "two_sided_probability"]

TERMS, PRECISION, TINY = 500, 1e-15, 1e-300
STEPS = 200


def two_sided_probability(t: float, degrees: float) -> float:
    r"""How probable a value at least as far from zero as ``t`` is, on either side.

    .. math:: p = I_{\nu / (\nu + t^2)}(\nu / 2, 1 / 2)

    Args:
        t: a mean divided by its standard error.
        degrees: the degrees of freedom ν, above zero.

    Example:
        >>> round(two_sided_probability(2.776, 4), 3)
        0.05

    Source:
        Abramowitz, Stegun, "Handbook of Mathematical Functions", 1964, 26.7.1.
    """
    if math.isinf(t):
        return 0.0
    whole = degrees + t * t
    return _incomplete_beta(degrees / whole, t * t / whole, degrees / 2, 0.5)


def critical_value(probability: float, degrees: float) -> float:
    """The value that is exceeded, on either side, with a given probability.

    Args:
        probability: between 0 and 1, such as 0.05.
        degrees: the degrees of freedom, above zero.

    Example:
        >>> round(critical_value(0.05, 4), 3)
        2.776
    """
    low, high = 0.0, 1.0
    while two_sided_probability(high, degrees) > probability:
        low, high = high, 2 * high
    value = low
    for _ in range(STEPS):
        excess = two_sided_probability(value, degrees) - probability
        low, high = (value, high) if excess > 0 else (low, value)
        before = value
        value += excess / (2 * _density(value, degrees))  # Newton's step, or else the middle
        if not low < value < high:
            value = (low + high) / 2
        if abs(value - before) <= PRECISION * value:
            break
    return value


def _density(t: float, degrees: float) -> float:
    half = (degrees + 1) / 2
    logarithm = math.lgamma(half) - math.lgamma(degrees / 2) - math.log(degrees * math.pi) / 2
    return math.exp(logarithm - half * math.log1p(t * t / degrees))


def _incomplete_beta(x: float, y: float, a: float, b: float) -> float:
    """The regularised incomplete beta function at x = 1 - y.

    It is computed from the side on which the fraction converges fast.
    """
    if not x or not y:
        return 1.0 if x else 0.0
    logarithm = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    factor = math.exp(logarithm + a * math.log(x) + b * math.log(y))
    if x < (a + 1) / (a + b + 2):
        return factor * _fraction(x, a, b) / a
    return 1.0 - factor * _fraction(y, b, a) / b


def _fraction(x: float, a: float, b: float) -> float:
    """The continued fraction of the incomplete beta function, by Lentz's method."""
    c, d = 1.0, 1.0 / _not_zero(1.0 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1.0 / _not_zero(1.0 + term * d)
            c = _not_zero(1.0 + term / c)
            value *= c * d
        if abs(c * d - 1.0) < PRECISION:
            break
    return value


def _not_zero(value: float) -> float:
    return value if abs(value) > TINY else TINY
