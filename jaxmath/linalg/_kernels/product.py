"""The product of small matrices, as one primitive: its batches and all its derivatives are kernels.

XLA's CPU backend calls a library for each matrix of a batch of 4 × 4 products, in the transposed
products of a reverse derivative too. A ``custom_jvp`` around a kernel does not help there: what JAX
transposes is the rule. A bilinear primitive is its own derivative and its own transpose.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from jaxmath import numerics
from jaxmath.linalg._kernels.batched import LARGEST, settle, unknown_true
from jaxmath.typing import Array

__all__: list[str] = []

_DTYPES = ("float32", "float64", "complex64", "complex128")
# Operands (m, d, …) and (d, n, …): one matrix, or batches on the last axes, of which those of
# length 1 are broadcast.
_product_p = Primitive("small_matmul")


def _evaluate(A: Array, B: Array) -> Array:
    """Σₖ Aᵢₖ Bₖⱼ."""
    if A.ndim == 2:
        return numerics.matmul(A, B)
    product = A[:, 0, None] * B[None, 0]
    for k in range(1, A.shape[1]):
        product = product + A[:, k, None] * B[None, k]
    return product


def _abstract(A: Any, B: Any) -> Any:
    sizes = jax.lax.broadcast_shapes(A.shape[2:], B.shape[2:])
    pairs = zip(sizes, A.shape[2:], A.sharding.spec[2:], B.sharding.spec[2:], strict=True)
    batch = [a if size == n else b for size, n, a, b in pairs]
    spec = A.sharding.spec.update(partitions=(A.sharding.spec[0], B.sharding.spec[1], *batch))
    shape = (A.shape[0], B.shape[1], *sizes)
    return A.update(shape=shape, weak_type=False, sharding=A.sharding.update(spec=spec))


def _batch(args: tuple[Array, Array], dims: tuple) -> tuple[Array, int]:
    last = [
        x[..., None] if dim is None else jnp.moveaxis(x, dim, -1)
        for x, dim in zip(args, dims, strict=True)
    ]
    out = _product_p.bind(*last)
    return out, out.ndim - 1


def _summed(x: Array, aval: Any) -> Array:
    """x, with the batch axes along which an operand of the shape of aval was broadcast summed."""
    axes = [i for i, n in enumerate(aval.shape) if n == 1 and x.shape[i] != 1]
    return jnp.sum(x, axis=axes, keepdims=True) if axes else x


def _transposed(x: Array) -> Array:
    return jnp.swapaxes(x, 0, 1)


def _settled(*arrays: Array) -> tuple[Array, ...]:
    """The arrays, computed once: a product reads each element n times, and would recompute it.

    A product that is stored is computed along the batch, whatever order its reader wants.
    """
    if arrays[0].ndim == 2:
        return arrays
    return settle(unknown_true(arrays[0][0, 0]), arrays)


def _transpose_left(ct: Array, A: Any, B: Array) -> Array:
    ct, B = _settled(ct, B)
    (product,) = _settled(_product_p.bind(ct, _transposed(B)))
    return _summed(product, A.aval)


def _transpose_right(ct: Array, A: Array, B: Any) -> Array:
    ct, A = _settled(ct, A)
    (product,) = _settled(_product_p.bind(_transposed(A), ct))
    return _summed(product, B.aval)


_product_p.def_impl(_evaluate)
_product_p.def_abstract_eval(_abstract)
mlir.register_lowering(_product_p, mlir.lower_fun(_evaluate, multiple_results=False))
batching.primitive_batchers[_product_p] = _batch
ad.defbilinear(_product_p, _transpose_left, _transpose_right)


def matmul(A: Array, B: Array) -> Array:
    """A B in full precision, for B of rank 1 or 2; with a dimension from 4 to 8, a kernel in vmap.

    Smaller products are not slow in XLA.
    """
    a, b = jax.typeof(A), jax.typeof(B)
    sizes = (*a.shape, *b.shape)
    known = a.dtype == b.dtype and a.dtype.name in _DTYPES
    known = known and all(isinstance(n, int) for n in sizes)  # no symbols of jax.export
    if a.ndim != 2 or not known or min(sizes) < 1 or not 4 <= max(sizes) <= LARGEST:
        return numerics.matmul(A, B)
    if a.manual_axis_type != b.manual_axis_type:
        return numerics.matmul(A, B)
    if b.ndim == 1:
        return _product_p.bind(A, B[:, None])[:, 0]
    return _product_p.bind(A, B)
