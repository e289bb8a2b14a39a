"""A NaN is carried out of large arrays and wide batches, where XLA's CPU maximum forgets it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath import linalg, nn, numerics, optimize
from jaxmath._extrema import max_of, min_of
from jaxmath.iterate import Status
from jaxmath.models import polynomial_regression

LANES, WIDTH = 1100, 4  # above 4096 elements in all, though each lane is small
LOST = jnp.array([0, LANES // 2, LANES - 1])


def _numbers(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


@pytest.fixture(scope="module")
def lanes():
    """Small examples; a NaN first, in the middle and last in the first, middle and last one."""
    X = _numbers(LANES, WIDTH)
    X[LOST, [0, WIDTH // 2, WIDTH - 1]] = np.nan
    return jnp.asarray(X)


def _vectors(n=5000):
    X = np.tile(_numbers(n), (3, 1))
    X[range(3), [0, n // 2, n - 1]] = np.nan
    return jnp.asarray(X)


@pytest.mark.parametrize(
    ("axis", "dtype"),
    [(None, jnp.float32), (0, jnp.float32), (-1, jnp.bfloat16), ((0, 1), jnp.bfloat16)],
)
def test_extrema_are_those_of_numpy_and_so_is_the_gradient(axis, dtype):
    both = jax.jit(jax.vmap(lambda x: (max_of(x, axis), min_of(x, axis))))
    slope = jax.grad(lambda x: jnp.sum(max_of(x, axis) + 3 * min_of(x, axis)))
    X = jnp.asarray(np.round(_numbers(6, 5, 4), 1), dtype)
    X = X.at[1, 2, 3].set(jnp.inf).at[2, 2, 3].set(-jnp.inf).at[3].set(-abs(X[3])).at[4].set(0.0)
    X = X.at[5, 0, 1].set(-jnp.nan)
    wide = np.asarray(X, np.float32)
    axes = {None: (1, 2), 0: 1, -1: -1, (0, 1): (1, 2)}[axis]
    for got, want in zip(both(X), (wide.max(axes), wide.min(axes)), strict=True):
        assert got.dtype == dtype
        np.testing.assert_array_equal(np.asarray(got, np.float32), want)
    high = wide == wide.max(axes, keepdims=True)
    low = wide == wide.min(axes, keepdims=True)
    with np.errstate(invalid="ignore"):
        shares = [hit / hit.sum(axes, keepdims=True) for hit in (high, low)]
    rtol = 2 * float(jnp.finfo(dtype).eps)
    np.testing.assert_allclose(jax.jit(jax.vmap(slope))(X), shares[0] + 3 * shares[1], rtol=rtol)


def test_extrema_of_nothing_of_integers_and_with_a_start():
    assert max_of(jnp.zeros(0), initial=0.0) == 0.0
    assert max_of(jnp.arange(3)) == 2
    assert max_of(jnp.array([-1.0]), initial=0.0) == 0.0
    assert jnp.isnan(max_of(jnp.array([-1.0, jnp.nan]), initial=0.0))
    with pytest.raises(ValueError, match="zero-size"):
        max_of(jnp.zeros(0))


def _classes(x):
    return jnp.argmax(jnp.nan_to_num(x)).astype(jnp.int32)


VALUES = {
    "largest": max_of,
    "smallest": min_of,
    "vector_norm": lambda x: linalg.vector_norm(x, jnp.inf),
    "matrix_norm": lambda x: linalg.matrix_norm(jnp.outer(x, jnp.ones(2)), jnp.inf),
    "hinge": lambda x: nn.multiclass_hinge_loss(x, _classes(x)),
    "cross_entropy": lambda x: nn.softmax_cross_entropy(x, _classes(x)),
    "logsumexp": numerics.logsumexp,
    "softmax": lambda x: jnp.sum(numerics.softmax(x)),
    "log_softmax": lambda x: numerics.log_softmax(x)[1],
    "safe_norm": numerics.safe_norm,
    "project_simplex": lambda x: jnp.sum(optimize.project_simplex(x)),
    "domain": lambda x: polynomial_regression.fit(x, x, 0)[0].domain[0],
}


@pytest.fixture(scope="module")
def lost(lanes):
    """Which values are NaN: of three large vectors, and of the small ones of a wide batch."""
    program = jax.jit(jax.vmap(lambda x: {name: jnp.isnan(fn(x)) for name, fn in VALUES.items()}))
    return program(_vectors()), program(lanes)


@pytest.mark.parametrize("name", VALUES)
def test_values_carry_a_nan_out_of_a_large_vector_and_of_a_wide_batch(name, lost):
    large, wide = lost
    assert large[name].all()
    np.testing.assert_array_equal(jnp.flatnonzero(wide[name]), LOST)


def _diagonal(value):
    return jnp.diag(jnp.array([1.0, 2.0, 3.0, 4.0])).at[0, 0].set(value)


def _smooth(x, c):
    """At x = 0 of finite value and derivative 0, whose first element is NaN if c = 0."""
    return jnp.sum(x[1:] ** 2) + jnp.sqrt(x[0] ** 2 + c)


ZERO = jnp.zeros(WIDTH)

# For c = 1 all is well; at c = 0 a NaN arises.
ANSWERS = {
    "solve_info": lambda c: linalg.solve_info(_diagonal(c), ZERO + 1.0).residual,
    "ldl": lambda c: linalg.ldl(_diagonal(c) + jnp.diag(ZERO[1:] + 1.0, -1)).growth,
    "exploitability": lambda c: optimize.exploitability(_diagonal(c / c), ZERO + 0.25, ZERO + 0.25),
    "kkt_residual": lambda c: optimize.kkt_residual(_smooth, ZERO, (c,)).error,
    "projected_gradient": lambda c: (
        optimize.projected_gradient(_smooth, ZERO, lambda x: x, (c,)).status
    ),
    "find_stationary_point": lambda c: optimize.find_stationary_point(_smooth, ZERO, (c,)).status,
}


@pytest.mark.parametrize("name", ANSWERS)
def test_a_lane_of_a_wide_batch_that_fails_says_so(name):
    answers = np.asarray(jax.jit(jax.vmap(ANSWERS[name]))(jnp.ones(LANES).at[LOST].set(0.0)))
    good, bad = np.delete(answers, LOST), answers[LOST]
    if answers.dtype == np.int32:
        assert (good == Status.CONVERGED).all()
        assert (bad == Status.NON_FINITE).all()
    else:
        assert np.isfinite(good).all()
        assert np.isnan(bad).all()


def test_a_sample_that_is_not_a_number_makes_no_map_linear(lanes):
    checked = jax.jit(lambda X: linalg.is_linear_map(lambda x: 2.0 * x, X, X[::-1], X[:, 0]))
    assert checked(jnp.nan_to_num(lanes)).holds
    check = checked(lanes)
    assert not check.holds
    assert jnp.isnan(check.additivity)
