"""The bilinear primitive behind products of small matrices: values, derivatives of all orders."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath import numerics
from jaxmath.linalg._kernels.product import matmul

DTYPES = ("float32", "float64", "complex64", "complex128")
SHAPES = [((4, 4), (4, 4)), ((8, 2), (2, 5)), ((1, 8), (8, 1)), ((3, 5), (5,)), ((8, 8), (8,))]


def draw(seed, shape, dtype="float64"):
    rng = np.random.default_rng(seed)
    z = rng.normal(size=shape) + 1j * rng.normal(size=shape)
    return jnp.asarray(z if dtype.startswith("c") else z.real, dtype)


@pytest.mark.sampled(4)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shapes", SHAPES)
def test_values(shapes, dtype):
    A, B = (draw(i, (3, 7, *shape), dtype) for i, shape in enumerate(shapes))
    got = jax.jit(jax.vmap(jax.vmap(matmul)))(A, B)
    want = jax.vmap(jax.vmap(numerics.matmul))(A, B)
    assert got.dtype == dtype
    np.testing.assert_allclose(got, want, rtol=0, atol=40 * jnp.finfo(dtype).eps)
    np.testing.assert_allclose(matmul(A[0, 0], B[0, 0]), want[0, 0], atol=40 * jnp.finfo(dtype).eps)


MAPS = [
    ((0, 0), (0, 0)),
    ((0, None), (None, 0)),
    ((None, 0), (0, 0)),
    ((0, 0), (0, None)),
    ((1, 0), (0, 0)),
]


@pytest.mark.sampled(4)
@pytest.mark.parametrize(("axes", "inner"), MAPS)
def test_derivatives_of_every_order_are_those_of_the_plain_product(axes, inner):
    """Mapped twice, with an argument held in either map: what was broadcast is summed."""

    def total(product):
        mapped = jax.vmap(jax.vmap(product, inner), axes)
        return lambda A, B: jnp.sum(jnp.sin(mapped(A, B)))

    def shape(i):
        outer = () if axes[i] is None else (2,)
        return (*outer, *(() if inner[i] is None else (2,)), 4, 4)

    A, B = draw(0, shape(0)), draw(1, shape(1))
    dA, dB = draw(2, A.shape), draw(3, B.shape)
    for f in (
        lambda f: jax.grad(f, (0, 1))(A, B),
        lambda f: jax.jvp(f, (A, B), (dA, dB)),
        lambda f: jax.jvp(jax.grad(f, (0, 1)), (A, B), (dA, dB))[1],
        lambda f: jax.grad(lambda A: jnp.sum(jax.grad(f, 1)(A, B) * dB))(A),
    ):
        got, want = jax.jit(lambda f=f: f(total(matmul)))(), f(total(numerics.matmul))
        jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, atol=1e-11), got, want)


def test_complex_cotangents_are_not_conjugated():
    A, B = draw(0, (3, 4, 4), "complex128"), draw(1, (3, 4, 4), "complex128")
    ct = draw(2, (3, 4, 4), "complex128")
    for x, y in zip(
        jax.vjp(jax.vmap(matmul), A, B)[1](ct), jax.vjp(jnp.matmul, A, B)[1](ct), strict=True
    ):
        np.testing.assert_allclose(x, y, atol=1e-13)


def test_what_the_kernel_does_not_take_is_left_to_xla():
    for A, B in (
        (draw(0, (9, 9)), draw(1, (9, 9))),
        (draw(0, (3, 3)), draw(1, (3, 3))),
        (draw(0, (4, 4)).astype("bfloat16"), draw(1, (4, 4)).astype("bfloat16")),
        (draw(0, (4,)), draw(1, (4, 4))),
    ):
        assert "small_matmul" not in str(jax.make_jaxpr(matmul)(A, B))
        np.testing.assert_array_equal(matmul(A, B), numerics.matmul(A, B))
    assert "small_matmul" in str(jax.make_jaxpr(matmul)(draw(0, (4, 4)), draw(1, (4, 4))))


def test_cotangents_that_are_dear_are_computed_once():
    """A transposed product reads each element n times: its operands are settled first."""
    f = lambda A: jnp.sum(jnp.sin(jax.vmap(matmul)(A, A)))
    text = jax.jit(jax.grad(f)).lower(draw(0, (4096, 8, 8))).compile().as_text()
    assert "conditional" in text
