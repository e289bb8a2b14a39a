"""A bilinear form of an input and a kernel that keeps of the input nothing it is made into.

Patches are k times the input, and the gradient by the kernel needs them again. ``jax.checkpoint``
asks for them anew there, but where both passes are one program XLA's CPU backend sees that they are
the same, and keeps them. Here they are made of an input that is stored as the cotangent comes. The
input and its own cotangent are stored too, or XLA would compute them in each of their consumers.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from jaxmath.nn._product import shaped, sharded
from jaxmath.nn._stored import stored
from jaxmath.typing import Array

__all__: list[str] = []

Form = Callable[[Array, Array], Array]

_remade_p = Primitive("remade")


def _over_batch(form: Form, x: Array, kernel: Array) -> Array:
    """The form of each example, over any number of leading axes."""
    for _ in range(x.ndim - kernel.ndim + 1):
        form = jax.vmap(form, in_axes=(0, None))
    return form(x, kernel)


def _evaluate(x: Array, kernel: Array, *, form: Form) -> Array:
    return _over_batch(form, stored(x, kernel), kernel)


def remade(form: Form, x: Array, kernel: Array) -> Array:
    """form(x, kernel), for a form that is linear in either and gives a map for a map."""
    if sharded(x, kernel):
        return _evaluate(x, kernel, form=form)
    return _remade_p.bind(x, kernel, form=form)


def _shape(x: Any, kernel: Any, *, form: Form) -> Any:
    lead = x.ndim - kernel.ndim + 1
    one = jax.ShapeDtypeStruct(x.shape[lead:], x.dtype)
    found = jax.eval_shape(form, one, jax.ShapeDtypeStruct(kernel.shape, kernel.dtype))
    return shaped(x, (*x.shape[:lead], *found.shape))


def _batch(args: tuple, dims: tuple, *, form: Form) -> tuple[Array, int]:
    x, kernel = args
    if dims[1] is None:
        return remade(form, jnp.moveaxis(x, dims[0], 0), kernel), 0
    return jax.vmap(lambda x, kernel: _evaluate(x, kernel, form=form), dims)(x, kernel), 0


def _by_input(ct: Array, x: Any, kernel: Array, *, form: Form) -> Array:
    of_x = lambda x: _over_batch(form, x, kernel)
    return stored(jax.linear_transpose(of_x, x.aval)(ct)[0], kernel)


def _by_kernel(ct: Array, x: Array, kernel: Any, *, form: Form) -> Array:
    x = stored(x, ct)
    of_kernel = lambda kernel: _over_batch(form, x, kernel)
    return jax.linear_transpose(of_kernel, kernel.aval)(ct)[0]


_remade_p.def_impl(_evaluate)
_remade_p.def_abstract_eval(_shape)
mlir.register_lowering(_remade_p, mlir.lower_fun(_evaluate, multiple_results=False))
batching.primitive_batchers[_remade_p] = _batch
ad.defbilinear(_remade_p, _by_input, _by_kernel)
