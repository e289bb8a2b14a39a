"""Rows of stationary points, free and constrained; the oracles are closed forms of quadratics."""

import jax.numpy as jnp
import numpy as np

from jaxmath import optimize
from tests.contract.row import Bad, HostRow, NotDifferentiable, Row

MADE = NotDifferentiable("the end of a bounded loop")
JUDGED = NotDifferentiable("a judgement of a point")
G = ((4.0, 1.0, 0.0), (1.0, -3.0, 0.5), (0.0, 0.5, 2.0))
C = ((1.0, 1.0, 1.0),)


def f(x, q):
    return 0.5 * jnp.sum(x * jnp.matmul(jnp.asarray(G, x.dtype), x)) + jnp.sum(q * x)


def h(x, q):
    return jnp.matmul(jnp.asarray(C, x.dtype), x) - 1.0


def two(rng, dtype):
    return tuple(jnp.asarray(rng.normal(size=3), dtype) for _ in range(2))


def lagrange_oracle(x, q):
    J = np.array(C)
    K = np.block([[np.array(G), -J.T], [J, np.zeros((1, 1))]])
    z = np.linalg.solve(K, np.append(-q, 1.0))
    return z[:3], z[3:]


def classified(x, q):
    return 2, np.linalg.eigvalsh(G)


def residual_oracle(x, q):
    """∇f − Jᵀλ for the least-squares λ, and the violation, scaled by hand."""
    g, J, length = np.array(G) @ x + q, np.array(C), max(1.0, np.abs(x).max())
    slack = J @ x - 1
    M = np.concatenate([J.T, np.diag(slack / length)])
    multiplier = np.linalg.lstsq(M, np.append(g, 0.0))[0]
    terms = max(1.0, np.abs(g).max(), np.abs(multiplier).max())
    return (
        np.abs(g - J.T @ multiplier).max() / terms,
        np.abs(slack).max() / length,
        multiplier,
    )


def residual(x, q):
    found = optimize.kkt_residual(f, x, (q,), equality=h)
    return found.stationarity, found.primal, found.multipliers.equality


ONES = np.ones(2)
SHAPE = Bad((lambda x: x, ONES), "`fun` must return a scalar")
EMPTY = Bad((jnp.sum, ()), "`x0` must have at least 1 element")

ROWS = [
    Row("optimize.find_stationary_point", two, lambda x, q: -np.linalg.solve(G, q), diff=MADE,
        call=lambda x, q: optimize.find_stationary_point(f, x, (q,)).value, bad=(SHAPE, EMPTY),
        tol=64.0),
    Row("optimize.classify_stationary_point", two, classified, diff=JUDGED, bad=(SHAPE,),
        call=lambda x, q: optimize.classify_stationary_point(
            f, x, (-jnp.matmul(jnp.asarray(G, x.dtype), x),))[:2]),
    Row("optimize.lagrange_stationary_point", two, lagrange_oracle, diff=MADE, tol=128.0,
        call=lambda x, q: tuple(optimize.lagrange_stationary_point(f, x, h, (q,)).value),
        bad=(Bad((jnp.sum, ONES, 3), "`equality` must be callable", TypeError),
             Bad((jnp.sum, (), jnp.sum), "`x0` must have at least 1 element"))),
    Row("optimize.kkt_residual", two, residual_oracle, diff=JUDGED, call=residual, tol=128.0,
        bad=(SHAPE, Bad((jnp.sum, ONES, (), (np.ones(1), None, None, None)),
                        r"`multipliers.equality` must have shape \(0,\)"))),
    HostRow("optimize.StationaryKind", "an enumeration",
            ("tests/optimize/test_stationary_points.py::test_kinds_that_rounding_could_hide",)),
    HostRow("optimize.StationaryPoint", "a record",
            ("tests/optimize/test_stationary_points.py::test_all_nine_of_himmelblau",)),
    HostRow("optimize.LagrangePoint", "a record",
            ("tests/optimize/test_kkt.py::test_powells_problem",)),
    HostRow("optimize.KKTMultipliers", "a record",
            ("tests/optimize/test_kkt.py::test_each_violation_has_its_own_residual",)),
    HostRow("optimize.KKTResidual", "a record",
            ("tests/optimize/test_kkt.py::test_each_violation_has_its_own_residual",)),
]  # fmt: skip
