"""Rows of ``jaxmath.linalg.eigen_iterations``."""

import jax.numpy as jnp
import numpy as np

from jaxmath import linalg
from tests.contract.row import Bad, Row


def dominant(rng, dtype):
    """A symmetric matrix with the eigenvalues 10, 1, −0.5, 0.2, and a start near the first."""
    Q = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    A = (Q * [10.0, 1.0, -0.5, 0.2]) @ Q.T
    return jnp.asarray(A, dtype), jnp.asarray(Q[:, 0] + 0.3 * Q[:, 1] + 0.2 * Q[:, 2], dtype)


def largest(A, x0):
    w, V = np.linalg.eigh(A)
    x = V[:, -1]
    lead = next(v for v in x if abs(v) >= 0.9 * np.abs(x).max())
    return w[-1], x * np.sign(lead)


def measured(A, x):
    x = x / np.linalg.norm(x)
    rho = x @ A @ x
    return x, A @ x, rho, np.linalg.norm(A @ x - rho * x)


def stepped(shift):
    """One step from x₀ by the textbook; None multiplies instead of solving."""

    def oracle(A, x0):
        x, image, rho, _ = measured(A, x0)
        if shift is None:
            return measured(A, image)
        sigma = rho if shift == "rayleigh" else shift
        return measured(A, np.linalg.solve(A - sigma * np.eye(4), x))

    return oracle


def bad(extra=()):
    return (
        Bad((np.ones((2, 3)), *extra), r"`A` must have shape \(2, 2\), got \(2, 3\)"),
        Bad((np.ones((2, 3, 3)), *extra), "`A` must have rank 2"),
    )


VECTOR = Bad((np.eye(2), np.ones(3)), r"`x0` must have shape \(2,\), got \(3,\)")
START, STATE = (*bad((np.ones(2),)), VECTOR), bad((None,))

ROWS = [
    Row("linalg.power_iteration", dominant, largest, bad=START, tol=64.0,
        call=lambda A, x0: linalg.power_iteration(A, x0).value),
    Row("linalg.power_iteration_init", dominant, measured, bad=START, diff=(0, 1),
        call=lambda A, x0: linalg.power_iteration_init(A, x0)[:4]),
    Row("linalg.power_iteration_step", dominant, stepped(None), bad=STATE, diff=(0, 1),
        call=lambda A, x0: linalg.power_iteration_step(
            A, linalg.power_iteration_init(A, x0))[:4]),
    Row("linalg.inverse_iteration", dominant, largest, bad=START, tol=64.0,
        call=lambda A, x0: linalg.inverse_iteration(A, x0, 9.0).value),
    Row("linalg.inverse_iteration_init", dominant, measured, bad=START, diff=(0, 1),
        call=lambda A, x0: linalg.inverse_iteration_init(A, x0, 9.0).pair[:4]),
    Row("linalg.inverse_iteration_step", dominant, stepped(9.0), bad=STATE, diff=(0, 1),
        tol=128.0, call=lambda A, x0: linalg.inverse_iteration_step(
            A, linalg.inverse_iteration_init(A, x0, 9.0)).pair[:4]),
    Row("linalg.rayleigh_quotient_iteration", dominant, largest, bad=START, tol=64.0,
        call=lambda A, x0: linalg.rayleigh_quotient_iteration(A, x0).value),
    Row("linalg.rayleigh_quotient_iteration_init", dominant, measured, bad=START, diff=(0, 1),
        call=lambda A, x0: linalg.rayleigh_quotient_iteration_init(A, x0)[:4]),
    Row("linalg.rayleigh_quotient_iteration_step", dominant, stepped("rayleigh"), bad=STATE,
        diff=(0, 1), tol=512.0, call=lambda A, x0: linalg.rayleigh_quotient_iteration_step(
            A, linalg.rayleigh_quotient_iteration_init(A, x0))[:4]),
]  # fmt: skip
