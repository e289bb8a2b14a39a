"""Hock and Schittkowski's constrained objectives f, equalities h = 0 and inequalities c ≥ 0.

Each function takes x as its coordinates and gives a scalar; a constraint function with several
members gives a tuple. Numbers and formulas are the book's.
"""

import math

import jax.numpy as jnp

from jaxmath.typing import Array

__all__: list[str] = []

Several = tuple[Array, ...]


def f6(a: Array, b: Array) -> Array:
    return (1.0 - a) ** 2


def h6(a: Array, b: Array) -> Array:
    return 10.0 * (b - a**2)


def f7(a: Array, b: Array) -> Array:
    return jnp.log1p(a**2) - b


def h7(a: Array, b: Array) -> Array:
    return (1.0 + a**2) ** 2 + b**2 - 4.0


def f10(a: Array, b: Array) -> Array:
    return a - b


def c10(a: Array, b: Array) -> Array:
    return -3.0 * a**2 + 2.0 * a * b - b**2 + 1.0


def f11(a: Array, b: Array) -> Array:
    return (a - 5.0) ** 2 + b**2 - 25.0


def c11(a: Array, b: Array) -> Array:
    return b - a**2


def f14(a: Array, b: Array) -> Array:
    return (a - 2.0) ** 2 + (b - 1.0) ** 2


def h14(a: Array, b: Array) -> Array:
    return a - 2.0 * b + 1.0


def c14(a: Array, b: Array) -> Array:
    return 1.0 - 0.25 * a**2 - b**2


def f15(a: Array, b: Array) -> Array:
    return 100.0 * (b - a**2) ** 2 + (1.0 - a) ** 2


def c15(a: Array, b: Array) -> Several:
    return a * b - 1.0, a + b**2


def f27(a: Array, b: Array, c: Array) -> Array:
    return 0.01 * (a - 1.0) ** 2 + (b - a**2) ** 2


def h27(a: Array, b: Array, c: Array) -> Array:
    return a + c**2 + 1.0


def f29(a: Array, b: Array, c: Array) -> Array:
    return -a * b * c


def c29(a: Array, b: Array, c: Array) -> Array:
    return 48.0 - a**2 - 2.0 * b**2 - 4.0 * c**2


def f32(a: Array, b: Array, c: Array) -> Array:
    return (a + 3.0 * b + c) ** 2 + 4.0 * (a - b) ** 2


def h32(a: Array, b: Array, c: Array) -> Array:
    return 1.0 - a - b - c


def c32(a: Array, b: Array, c: Array) -> Array:
    return 6.0 * b + 4.0 * c - a**3 - 3.0


def f35(a: Array, b: Array, c: Array) -> Array:
    linear = 9.0 - 8.0 * a - 6.0 * b - 4.0 * c
    return linear + 2.0 * a**2 + 2.0 * b**2 + c**2 + 2.0 * a * b + 2.0 * a * c


def c35(a: Array, b: Array, c: Array) -> Array:
    return 3.0 - a - b - 2.0 * c


def f40(a: Array, b: Array, c: Array, d: Array) -> Array:
    return -a * b * c * d


def h40(a: Array, b: Array, c: Array, d: Array) -> Several:
    return a**3 + b**2 - 1.0, a**2 * d - c, d**2 - b


def f43(a: Array, b: Array, c: Array, d: Array) -> Array:
    return a**2 + b**2 + 2.0 * c**2 + d**2 - 5.0 * a - 5.0 * b - 21.0 * c + 7.0 * d


def c43(a: Array, b: Array, c: Array, d: Array) -> Several:
    return (
        8.0 - a**2 - b**2 - c**2 - d**2 - a + b - c + d,
        10.0 - a**2 - 2.0 * b**2 - c**2 - 2.0 * d**2 + a + d,
        5.0 - 2.0 * a**2 - b**2 - c**2 - 2.0 * a + b + d,
    )


def f52(a: Array, b: Array, c: Array, d: Array, e: Array) -> Array:
    return (4.0 * a - b) ** 2 + (b + c - 2.0) ** 2 + (d - 1.0) ** 2 + (e - 1.0) ** 2


def h52(a: Array, b: Array, c: Array, d: Array, e: Array) -> Several:
    return a + 3.0 * b, c + d - 2.0 * e, b - e


def f65(a: Array, b: Array, c: Array) -> Array:
    return (a - b) ** 2 + (a + b - 10.0) ** 2 / 9.0 + (c - 5.0) ** 2


def c65(a: Array, b: Array, c: Array) -> Array:
    return 48.0 - a**2 - b**2 - c**2


def f71(a: Array, b: Array, c: Array, d: Array) -> Array:
    return a * d * (a + b + c) + c


def h71(a: Array, b: Array, c: Array, d: Array) -> Array:
    return a**2 + b**2 + c**2 + d**2 - 40.0


def c71(a: Array, b: Array, c: Array, d: Array) -> Array:
    return a * b * c * d - 25.0


def f76(a: Array, b: Array, c: Array, d: Array) -> Array:
    return a**2 + 0.5 * b**2 + c**2 + 0.5 * d**2 - a * c + c * d - a - 3.0 * b + c - d


def c76(a: Array, b: Array, c: Array, d: Array) -> Several:
    return 5.0 - a - 2.0 * b - c - d, 4.0 - 3.0 * a - b - 2.0 * c + d, b + 4.0 * c - 1.5


def f77(a: Array, b: Array, c: Array, d: Array, e: Array) -> Array:
    return (a - 1.0) ** 2 + (a - b) ** 2 + (c - 1.0) ** 2 + (d - 1.0) ** 4 + (e - 1.0) ** 6


def h77(a: Array, b: Array, c: Array, d: Array, e: Array) -> Several:
    root = math.sqrt(2.0)
    return a**2 * d + jnp.sin(d - e) - 2.0 * root, b + c**4 * d**2 - 8.0 - root


def f80(a: Array, b: Array, c: Array, d: Array, e: Array) -> Array:
    return jnp.exp(a * b * c * d * e)


def h80(a: Array, b: Array, c: Array, d: Array, e: Array) -> Several:
    return a**2 + b**2 + c**2 + d**2 + e**2 - 10.0, b * c - 5.0 * d * e, a**3 + b**3 + 1.0


def f100(a: Array, b: Array, c: Array, d: Array, e: Array, p: Array, q: Array) -> Array:
    first = (a - 10.0) ** 2 + 5.0 * (b - 12.0) ** 2 + c**4 + 3.0 * (d - 11.0) ** 2 + 10.0 * e**6
    return first + 7.0 * p**2 + q**4 - 4.0 * p * q - 10.0 * p - 8.0 * q


def c100(a: Array, b: Array, c: Array, d: Array, e: Array, p: Array, q: Array) -> Several:
    return (
        127.0 - 2.0 * a**2 - 3.0 * b**4 - c - 4.0 * d**2 - 5.0 * e,
        282.0 - 7.0 * a - 3.0 * b - 10.0 * c**2 - d + e,
        196.0 - 23.0 * a - b**2 - 6.0 * p**2 + 8.0 * q,
        -4.0 * a**2 - b**2 + 3.0 * a * b - 2.0 * c**2 - 5.0 * p + 11.0 * q,
    )


def f113(*x: Array) -> Array:
    a, b, c, d, e, p, q, r, s, t = x
    first = a**2 + b**2 + a * b - 14.0 * a - 16.0 * b + (c - 10.0) ** 2 + 4.0 * (d - 5.0) ** 2
    second = (e - 3.0) ** 2 + 2.0 * (p - 1.0) ** 2 + 5.0 * q**2 + 7.0 * (r - 11.0) ** 2
    return first + second + 2.0 * (s - 10.0) ** 2 + (t - 7.0) ** 2 + 45.0


def c113(*x: Array) -> Several:
    a, b, c, d, e, p, q, r, s, t = x
    return (
        105.0 - 4.0 * a - 5.0 * b + 3.0 * q - 9.0 * r,
        -10.0 * a + 8.0 * b + 17.0 * q - 2.0 * r,
        8.0 * a - 2.0 * b - 5.0 * s + 2.0 * t + 12.0,
        -3.0 * (a - 2.0) ** 2 - 4.0 * (b - 3.0) ** 2 - 2.0 * c**2 + 7.0 * d + 120.0,
        -5.0 * a**2 - 8.0 * b - (c - 6.0) ** 2 + 2.0 * d + 40.0,
        -0.5 * (a - 8.0) ** 2 - 2.0 * (b - 4.0) ** 2 - 3.0 * e**2 + p + 30.0,
        -(a**2) - 2.0 * (b - 2.0) ** 2 + 2.0 * a * b - 14.0 * e + 6.0 * p,
        3.0 * a - 6.0 * b - 12.0 * (s - 8.0) ** 2 + 7.0 * t,
    )
