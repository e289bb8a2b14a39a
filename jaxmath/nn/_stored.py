"""An array that is computed once, in the backward pass too.

XLA's CPU backend drops ``lax.optimization_barrier``, and computes what is behind an array again in
each of its consumers: pooling's gradient asks for that of a convolution four times, which cost a
quarter of a network's step. The operand of a conditional is always stored.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from jaxmath.typing import Array

__all__: list[str] = []

_stored_p = Primitive("stored")


def _some(size: Any) -> bool:
    """Whether the size is known not to be 0; jax.export's may be symbols."""
    return isinstance(size, int) and size > 0


def _evaluate(x: Array, number: Array) -> Array:
    # True, as the compiler does not know.
    known = jnp.isnan(number) | (number <= jnp.inf)
    store = lambda x, known: lax.cond(known, lambda x: x, lambda x: x + 1, x)
    return lax.platform_dependent(x, known, cpu=store, default=lambda x, known: x)


def _batch(args: tuple[Array, Array], dims: tuple) -> tuple[Array, Any]:
    x, number = args
    if dims[1] is not None:
        if any(axis is not None for axis in jax.typeof(number).sharding.spec):
            return x, dims[0]  # no device holds them all, and to ask for one would be to send it
        if not _some(number.shape[0]):
            return x, dims[0]
        number = number[0]
    return _stored_p.bind(x, number), dims[0]


def _jvp(primals: tuple[Array, Array], tangents: tuple) -> tuple[Array, Array]:
    return _stored_p.bind(*primals), _stored_p.bind(tangents[0], primals[1])


def _transpose(ct: Array, x: Any, number: Array) -> tuple[Array, None]:
    return _stored_p.bind(ct, number), None


_stored_p.def_impl(_evaluate)
_stored_p.def_abstract_eval(lambda x, number: x)
mlir.register_lowering(_stored_p, mlir.lower_fun(_evaluate, multiple_results=False))
batching.primitive_batchers[_stored_p] = _batch
ad.primitive_jvps[_stored_p] = _jvp
ad.primitive_transposes[_stored_p] = _transpose


def stored(x: Array, numbers: Array) -> Array:
    """x, stored in memory, and so its cotangent; of ``numbers`` one is read, that no one knows."""
    if not _some(numbers.size):
        return x
    return _stored_p.bind(x, lax.stop_gradient(numbers.reshape(-1)[0]))
