"""Type aliases, the glossary of dimensions, and the checks that every function begins with.

Dimensions, as docstrings and shapes name them:

=====  =============================================
``n``  examples (rows of a data set)
``d``  features, or the dimension of a vector space
``m``  rows of a matrix that is not square
``k``  classes, components
``h``  hidden units
``t``  time
``H``, ``W``, ``C``  image height, width, channels
=====  =============================================

The checks are a thin layer over chex: they raise ``ValueError`` or ``TypeError`` that names the
argument, what was expected and what came. They look at shapes and dtypes only, which are static,
so they cost nothing in a compiled program.
"""

import sys
from pathlib import Path
from typing import Any, Literal

import chex
import jax
import jax.numpy as jnp
import numpy as np

from jaxmath._integers import as_jax, clipped

__all__ = [
    "Array",
    "ArrayLike",
    "PyTree",
    "Scalar",
    "as_array",
    "as_key",
    "check_number",
    "check_precision",
]

Array = jax.Array
ArrayLike = jax.typing.ArrayLike
PyTree = Any
Scalar = float | jax.Array

Kind = Literal["floating", "inexact", "integer", "bool", "number"]

_KINDS: dict[str, tuple[Any, str]] = {
    "floating": (jnp.floating, "a real floating dtype"),
    "inexact": (jnp.inexact, "a real or complex floating dtype"),
    "integer": (jnp.integer, "an integer dtype"),
    "bool": (jnp.bool_, "bool"),
    "number": (jnp.number, "a numeric dtype"),
}


def _caller() -> str:
    """The public function whose argument is at fault: the nearest in a public file, not this."""
    frame = sys._getframe(1)
    while frame.f_back is not None and (
        frame.f_code.co_filename == __file__
        or frame.f_code.co_name.startswith("_")
        or Path(frame.f_code.co_filename).name.startswith("_")
        or frame.f_globals.get("__name__", "").startswith("jax.")
    ):
        frame = frame.f_back
    return frame.f_code.co_name


def as_array(
    name: str,
    x: ArrayLike,
    *,
    ndim: int | tuple[int, ...] | None = None,
    shape: tuple[int | None, ...] | None = None,
    kind: Kind = "floating",
    min_size: int = 0,
) -> Array:
    """Return ``x`` as a jax array, or say which argument is wrong and how.

    Integers become the default floating dtype where a floating kind is asked for, as
    ``jax.numpy`` does; a floating array where integers are asked for is refused.

    Args:
      name: the argument's name, as the error will spell it.
      x: array-like, of any shape.
      ndim: the rank or ranks allowed; None allows any.
      shape: the exact shape, with None for a free dimension; None allows any.
      kind: "floating", "inexact" (complex too), "integer", "bool" or "number".
      min_size: the least number of elements.

    Returns:
      ``x`` as a jax array.

    Raises:
      TypeError: ``x`` is no array, or its dtype is not of the kind.
      ValueError: ``x`` has another rank or shape, or too few elements, or is a Python integer
        beyond jax's range where integers are asked for, or beyond that of floating numbers.

    Numerics:
      Exact: nothing but the conversion is computed. Integers beyond the range of jax's (int32
      without x64) do not wrap: those of NumPy become its ends where integers are asked for (2³² is
      no valid label 0), and floating numbers, rounded once, elsewhere.

    Example:
      >>> as_array("x", [3, 4], ndim=1).shape
      (2,)
      >>> as_array("x", 3.0, ndim=1)
      Traceback (most recent call last):
      ...
      ValueError: <module>: argument `x` must have rank 1, got shape ()

    References:
      chex, "Assertions", ``assert_rank`` and ``assert_shape``, which do the checking.
    """
    try:
        array = jnp.asarray(clipped(x)) if kind in ("integer", "bool") else as_jax(x)
    except OverflowError as error:
        raise ValueError(
            f"{_caller()}: argument `{name}` must fit in jax's integers: {error}"
        ) from error
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"{_caller()}: argument `{name}` must be an array, got {type(x).__name__}"
        ) from error
    whole = jnp.issubdtype(array.dtype, jnp.integer) or array.dtype == jnp.bool_
    if whole and kind in ("floating", "inexact"):
        array = array.astype(jnp.result_type(float))
    abstract, wanted = _KINDS[kind]
    if not jnp.issubdtype(array.dtype, abstract):
        raise TypeError(
            f"{_caller()}: argument `{name}` must have {wanted}, got dtype {array.dtype}"
        )
    if ndim is not None:
        try:
            chex.assert_rank(array, {ndim} if isinstance(ndim, int) else set(ndim))
        except AssertionError:
            ranks = str(ndim) if isinstance(ndim, int) else " or ".join(map(str, ndim))
            highest = ndim if isinstance(ndim, int) else max(ndim)
            advice = "; for a batch, use jax.vmap" if array.ndim > highest else ""
            raise ValueError(
                f"{_caller()}: argument `{name}` must have rank {ranks}, "
                f"got shape {array.shape}{advice}"
            ) from None
    if shape is not None:
        try:
            chex.assert_shape(array, shape)
        except AssertionError:
            expected = "(" + ", ".join("any" if s is None else str(s) for s in shape)
            expected += ",)" if len(shape) == 1 else ")"
            advice = "; for a batch, use jax.vmap" if array.ndim > len(shape) else ""
            raise ValueError(
                f"{_caller()}: argument `{name}` must have shape {expected}, "
                f"got {array.shape}{advice}"
            ) from None
    if array.size < min_size:
        raise ValueError(
            f"{_caller()}: argument `{name}` must have at least {min_size} elements, "
            f"got shape {array.shape}"
        )
    return array


def as_key(name: str, key: Array) -> Array:
    """Return ``key`` if it is one new-style random key, or say what is wrong with it.

    Args:
      name: the argument's name, as the error will spell it.
      key: a scalar array of keys, from ``jax.random.key``.

    Returns:
      The key itself.

    Raises:
      TypeError: it is no new-style key (an old ``PRNGKey``, a seed…).
      ValueError: it is an array of several keys.

    Numerics:
      Exact: nothing is computed.

    Example:
      >>> as_key("key", 0)
      Traceback (most recent call last):
      ...
      TypeError: <module>: argument `key` must be a random key from jax.random.key(seed), got int

    References:
      JAX, "JEP 9263: Typed keys & pluggable RNGs".
    """
    dtype = getattr(key, "dtype", None)
    if dtype is None or not jnp.issubdtype(dtype, jax.dtypes.prng_key):
        got = type(key).__name__ if dtype is None else f"an array of dtype {dtype}"
        raise TypeError(
            f"{_caller()}: argument `{name}` must be a random key from jax.random.key(seed), "
            f"got {got}"
        )
    if key.shape != ():
        raise ValueError(
            f"{_caller()}: argument `{name}` must be one key, got keys of shape {key.shape}; "
            "for a batch, use jax.vmap"
        )
    return key


def check_number(
    name: str,
    value: Scalar,
    *,
    low: Scalar | None = None,
    high: Scalar | None = None,
    open_low: bool = False,
    open_high: bool = False,
    integer: bool = False,
) -> None:
    """Refuse a Python number outside its range; a traced value or an array passes, of any value.

    Args:
      name: the argument's name, as the error will spell it.
      value: the number; only Python and NumPy numbers are looked at.
      low: the least value allowed; one that is a jax array bounds nothing.
      high: the greatest value allowed, alike.
      open_low: ``low`` itself is refused.
      open_high: ``high`` itself is refused.
      integer: the number must be an integer.

    Returns:
      None.

    Raises:
      TypeError: an integer was asked for and something else came, an array of floats too.
      ValueError: the number is NaN or lies outside its range.

    Numerics:
      Exact: comparisons only.

    Example:
      >>> check_number("b1", 1.0, low=0.0, high=1.0, open_high=True)
      Traceback (most recent call last):
      ...
      ValueError: <module>: argument `b1` must be at least 0.0 and below 1.0, got 1.0

    References:
      The ranges are those of the function that calls.
    """
    if isinstance(value, (jax.Array, np.ndarray)) or not hasattr(value, "__float__"):
        dtype = getattr(value, "dtype", None)
        if dtype is None and not callable(value):
            raise TypeError(
                f"{_caller()}: argument `{name}` must be a number, got {type(value).__name__}"
            )
        if integer and dtype is not None and not jnp.issubdtype(dtype, jnp.integer):
            raise TypeError(f"{_caller()}: argument `{name}` must be an integer, got dtype {dtype}")
        if not isinstance(value, np.ndarray) or value.ndim != 0:
            return
        value = value.item()
    if integer and (isinstance(value, bool) or not hasattr(value, "__index__")):
        raise TypeError(
            f"{_caller()}: argument `{name}` must be an integer, got {type(value).__name__}"
        )
    low, high = (None if isinstance(bound, jax.Array) else bound for bound in (low, high))
    number = value if isinstance(value, int) else float(value)  # float(10**400) overflows
    ok = number == number
    if low is not None:
        ok = ok and (number > low if open_low else number >= low)
    if high is not None:
        ok = ok and (number < high if open_high else number <= high)
    if not ok:
        parts = []
        if low is not None:
            parts.append(f"above {low}" if open_low else f"at least {low}")
        if high is not None:
            parts.append(f"below {high}" if open_high else f"at most {high}")
        raise ValueError(
            f"{_caller()}: argument `{name}` must be {' and '.join(parts) or 'a number'}, "
            f"got {value}"
        )


def check_precision(name: str, tree: PyTree) -> None:
    """Refuse half precision, which LAPACK and its peers on accelerators do not have.

    Args:
      name: the argument's name, as the error will spell it.
      tree: an array, or a pytree of arrays.

    Returns:
      None.

    Raises:
      TypeError: an array is of float16 or bfloat16.

    Numerics:
      Exact: only dtypes are looked at.

    Example:
      >>> check_precision("A", jnp.eye(2, dtype=jnp.bfloat16))
      Traceback (most recent call last):
      ...
      TypeError: <module>: argument `A` must have single or double precision, got dtype bfloat16

    References:
      LAPACK Users' Guide, 3rd edition, 1999, "Naming Scheme": S, D, C and Z.
    """
    for array in jax.tree.leaves(tree):
        if jnp.issubdtype(array.dtype, jnp.inexact) and jnp.finfo(array.dtype).bits < 32:
            raise TypeError(
                f"{_caller()}: argument `{name}` must have single or double precision, "
                f"got dtype {array.dtype}"
            )
