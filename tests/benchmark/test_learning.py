"""The learning problems: the stored minimum is one, and batches estimate the objective."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize

from jaxmath import datasets
from jaxmath.benchmark import BATCH_SIZE, digits_mlp, digits_softmax, learning_problems


@pytest.mark.full
def test_records():
    for name, make in learning_problems().items():
        problem = make()
        assert problem.name == name
        start = problem.start(jax.random.key(0))
        leaves = jax.tree.leaves(start)
        assert sum(leaf.size for leaf in leaves) == problem.dimension
        assert all(leaf.dtype == jnp.float32 for leaf in leaves)
        value = jax.jit(problem.objective)(start)
        assert value.dtype == jnp.float32
        assert float(value) > problem.minimum


def softmax_objective(data, theta, l2=1e-3):
    """Value and gradient in float64 NumPy, written from the equation."""
    x, y = data.x.astype(np.float64), data.y
    W, b = theta[:640].reshape(64, 10), theta[640:]
    z = x @ W + b
    z -= z.max(axis=1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    rows = np.arange(len(y))
    value = -log_p[rows, y].mean() + 0.5 * l2 * np.sum(W**2)
    residual = np.exp(log_p)
    residual[rows, y] -= 1.0
    residual /= len(y)
    return value, np.concatenate([(x.T @ residual + l2 * W).ravel(), residual.sum(axis=0)])


@pytest.mark.full
def test_softmax_minimum():
    """SciPy's L-BFGS in float64 finds the stored minimum; the objective agrees with NumPy's."""
    data, problem = datasets.digits(), digits_softmax()
    found = minimize(
        lambda t: softmax_objective(data, t), np.zeros(650), jac=True, method="L-BFGS-B",
        options={"maxiter": 5000, "maxfun": 10000, "ftol": 1e-16, "gtol": 1e-9},
    )  # fmt: skip
    # f − f* ≤ ‖∇f‖²/(2μ) with μ = 1e-3 on the weights; the biases are only shifted together.
    assert abs(found.fun - problem.minimum) <= 1e-10
    assert np.linalg.norm(found.jac) <= 1e-6
    params = problem.start(jax.random.key(1))
    theta = np.concatenate([np.asarray(leaf, np.float64).ravel()
                            for leaf in (params[0].kernel, params[0].bias)])  # fmt: skip
    value, gradient = softmax_objective(data, theta)
    ours, ours_gradient = jax.value_and_grad(problem.objective)(params)
    assert np.isclose(ours, value, rtol=1e-6)
    flat = np.concatenate([np.ravel(ours_gradient[0].kernel), np.ravel(ours_gradient[0].bias)])
    assert np.allclose(flat, gradient, atol=1e-6)


def test_batches_are_unbiased():
    """The mean over many batches is the objective, within 5 standard errors."""
    problem = digits_mlp()
    params = problem.start(jax.random.key(0))
    keys = jax.random.split(jax.random.key(1), 2000)
    estimate = lambda key: problem.batch_objective(params, problem.draw(key))
    values = jax.jit(jax.vmap(estimate))(keys)
    error = float(values.std()) / np.sqrt(len(keys))
    assert abs(float(values.mean()) - float(problem.objective(params))) <= 5 * error
    assert problem.draw(keys[0]).shape == (BATCH_SIZE,) == (64,)
