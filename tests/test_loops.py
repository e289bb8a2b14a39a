"""Loops and branches inside ``shard_map``: a carry that starts from a constant varies later."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType, PartitionSpec

from jaxmath import _loops, linalg, optimize

ROWS = PartitionSpec("d")


def sharded(fn):
    mesh = jax.make_mesh((1,), ("d",), axis_types=(AxisType.Auto,))
    return jax.jit(jax.shard_map(fn, mesh=mesh, in_specs=ROWS, out_specs=ROWS))


def while_loop(x):
    start = jnp.zeros(()), jnp.zeros(3), jnp.int32(0)
    body = lambda c: (jnp.sum(c[1]), c[1] + x, c[2] + 1)
    return _loops.while_loop(lambda c: c[2] < 4, body, start)[:2]


def fori_loop(x):
    return _loops.fori_loop(0, 4, lambda i, c: (c[1], c[0] + i * x), (jnp.zeros(3), jnp.zeros(3)))


def scan(x):
    return _loops.scan(lambda c, a: (c * a + x[0], c), jnp.ones(()), jnp.arange(3.0))


def branch(x):
    return _loops.cond(x[0] > 0, lambda a: (a, jnp.ones(())), lambda a: (0 * a, a[1]), x)


def platforms(x):
    return _loops.platform_dependent(x, cpu=lambda a: jnp.zeros(3), default=lambda a: 0 * a)


def shared_in_a_branch(x):
    y = jnp.arange(3.0)
    return _loops.cond(x[0] > 0, lambda: x * y, lambda: y)


FORMS = [while_loop, fori_loop, scan, branch, platforms, shared_in_a_branch]


@pytest.mark.parametrize("lanes", [False, True], ids=["one", "vmap"])
@pytest.mark.parametrize("fn", FORMS, ids=lambda fn: fn.__name__)
def test_the_values_are_those_outside(fn, lanes):
    x = jnp.array([[1.0, 2.0, 3.0], [-1.0, 5.0, 0.5]])
    apply = jax.vmap(fn) if lanes else lambda x: jax.tree.map(jnp.atleast_1d, fn(x[0]))
    jax.tree.map(np.testing.assert_array_equal, sharded(apply)(x), apply(x))


@pytest.mark.parametrize("fn", FORMS, ids=lambda fn: fn.__name__)
def test_outside_the_program_is_that_of_lax(fn, monkeypatch):
    x = jnp.ones(3)
    ours = str(jax.make_jaxpr(fn)(x))
    for name in ("while_loop", "fori_loop", "scan", "cond", "platform_dependent"):
        monkeypatch.setattr(_loops, name, getattr(jax.lax, name))
    assert ours == str(jax.make_jaxpr(fn)(x))


def test_a_derivative_through_a_branch_that_is_not_taken():
    value = lambda x: _loops.cond(x > 0, jnp.sqrt, lambda x: 0 * x, x)
    gradient = jax.vmap(jax.grad(value))
    x = jnp.array([0.0, 4.0])
    np.testing.assert_array_equal(sharded(gradient)(x), [0, 0.25])


def test_solvers_and_factorizations():
    rng = np.random.default_rng(0)
    A, x = jnp.asarray(rng.normal(size=(2, 3, 3))), jnp.asarray(rng.normal(size=(2, 2)))
    rosenbrock = lambda x: (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2
    for fn, data in [
        (linalg.eigvals, A),
        (lambda A: linalg.hessenberg(A)[1], A),
        (lambda x: optimize.bfgs(rosenbrock, x).value, x),
        (lambda x: optimize.newton(lambda z, a: z**3 - a, 1.0, (x[0],)).value, x),
        (lambda x: optimize.newton_system(lambda z, a: z**3 + z - a, jnp.ones(2), (x,)).value, x),
        (lambda x: optimize.trust_region_newton(rosenbrock, x).value, x),
    ]:
        np.testing.assert_allclose(sharded(jax.vmap(fn))(data), jax.vmap(fn)(data), atol=1e-9)


def test_without_jit():
    with jax.disable_jit():
        assert _loops.fori_loop(0, 3, lambda i, c: c + jnp.arange(3, dtype=i.dtype)[i], 0) == 3
        L = linalg.lu_reference(jnp.array([[4.0, 1.0], [1.0, 3.0]]))[1]
    np.testing.assert_allclose(L, [[1, 0], [0.25, 1]])


def test_products_of_symbolic_sizes():
    n, m = jax.export.symbolic_shape("n, m")
    gram = lambda A: linalg.matmul(A, A.T)
    program = jax.export.export(jax.jit(gram))(jax.ShapeDtypeStruct((n, m), jnp.float64))
    A = jnp.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(program.call(A), A @ A.T)
