"""The private simplex: cycling and degenerate programs, exact references, statuses."""

import functools
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import linprog

from jaxmath.iterate import Status, iterate
from jaxmath.optimize import _simplex
from jaxmath.optimize._simplex import simplex

SIZE = 5
STALLED = jnp.int32(10**6)


def by_bland(c, A, b):
    """The same tableau with Bland's rule at every pivot: value, status, pivots."""
    ruled = lambda state: state._replace(stalled=STALLED)
    state, status, num_steps = iterate(
        lambda state: _simplex.simplex_step(ruled(state)),
        _simplex.simplex_init(c, A, b),
        lambda state: state.status,
        max_steps=99,
    )
    idle = jnp.min(b) >= 0
    return -state.table[-1, -1], status, num_steps - idle


def padded(c, A, b):
    """The program with idle variables and slack rows, so that all share one shape."""
    m, n = np.shape(A)
    full = np.zeros((SIZE, SIZE))
    full[:m, :n] = A
    right = np.pad(b, (0, SIZE - m), constant_values=1.0)
    return np.pad(np.asarray(c, float), (0, SIZE - n)), full, right


BEALE = padded([0.75, -150, 0.02, -6], [[0.25, -60, -0.04, 9], [0.5, -90, -0.02, 3], [0, 0, 1, 0]],
               [0.0, 0.0, 1.0])  # fmt: skip
KUHN = padded([2, 3, -1, -12], [[-2, -9, 1, 9], [1 / 3, 1, -1 / 3, -2], [2, 3, -1, -12]],
              [0.0, 0.0, 2.0])  # fmt: skip
KLEE_MINTY = (
    2.0 ** np.arange(4, -1, -1),
    np.array(
        [[2.0 ** (i - j + 1) if j < i else float(i == j) for j in range(5)] for i in range(5)]
    ),
    5.0 ** np.arange(1, 6),
)
KNOWN = {"Beale": (BEALE, 0.05), "Kuhn": (KUHN, 2.0), "Klee–Minty": (KLEE_MINTY, 5.0**5)}


def exact(c, A, b, rule):
    """(value, pivots) by the textbook in rational numbers, or the value None where it cycles."""
    rational = lambda v: Fraction(float(v)).limit_denominator(10**6)
    T = [[*map(rational, row), rational(right)] for row, right in zip(A, b, strict=True)]
    T.append([*map(rational, c), Fraction(0)])
    basic, nonbasic, seen = [SIZE + i for i in range(SIZE)], list(range(SIZE)), set()
    for pivots in range(100):
        costs = {j: T[-1][j] for j in range(SIZE) if T[-1][j] > 0}
        if not costs:
            return -T[-1][-1], pivots
        if tuple(sorted(basic)) in seen and rule == "dantzig":
            return None, pivots
        seen.add(tuple(sorted(basic)))
        by_label = lambda j: nonbasic[j]
        s = min(costs, key=by_label) if rule == "bland" else max(costs, key=lambda j: costs[j])
        ratios = {i: T[i][-1] / T[i][s] for i in range(SIZE) if T[i][s] > 0}
        least = min(ratios.values())
        ties = [i for i in ratios if ratios[i] == least]
        r = min(ties, key=lambda i: basic[i]) if rule == "bland" else ties[0]
        p, column = T[r][s], [row[s] for row in T]
        line = [v / p for v in T[r]]
        T = [[v - column[i] * w for v, w in zip(T[i], line, strict=True)] for i in range(SIZE + 1)]
        for i in range(SIZE + 1):
            T[i][s] = -column[i] / p
        T[r] = line
        T[r][s] = 1 / p
        basic[r], nonbasic[s] = nonbasic[s], basic[r]
    raise AssertionError("no end")


def random_programs(count):
    """Feasible from the start or not, bounded or not, half of them degenerate with integers."""
    rng = np.random.default_rng(0)
    c, b = rng.normal(size=(count, SIZE)), rng.normal(size=(count, SIZE)) + 0.5
    A = rng.normal(size=(count, SIZE, SIZE))
    for v in (c, A, b):
        v[: count // 2] = np.round(1.5 * v[: count // 2])
    return c, A, b


def broken_programs():
    """A NaN in c, an infinity in A, one in b."""
    c, A, b = (np.stack([v] * 3) for v in KLEE_MINTY)
    c[0, 2], A[1, 0, 0], b[2, 1] = np.nan, np.inf, -np.inf
    return c, A, b


def moved_programs():
    """A nondegenerate program, a direction, and the program moved by ±STEP along it."""
    rng = np.random.default_rng(3)
    shapes = (SIZE, (SIZE, SIZE), SIZE)
    program = tuple(rng.uniform(1, 2, shape) for shape in shapes)
    along = tuple(rng.normal(size=shape) for shape in shapes)
    pairs = [np.stack([v + STEP * d, v - STEP * d]) for v, d in zip(program, along, strict=True)]
    return program, along, pairs


STEP, COUNT = 1e-6, 400
KNOWN_AT, RANDOM = slice(0, 3), slice(3, 403)
BROKEN, MOVED = slice(403, 406), slice(406, 408)
PARTS = (
    [np.stack(v) for v in zip(*(program for program, _ in KNOWN.values()), strict=True)],
    random_programs(COUNT),
    broken_programs(),
    moved_programs()[2],
)
PROGRAMS = [np.concatenate(v) for v in zip(*PARTS, strict=True)]


@functools.cache
def solved(dtype, solve=simplex):
    """All programs of this module, lane by lane in one compiled program."""
    return jax.device_get(jax.jit(jax.vmap(solve))(*(v.astype(dtype) for v in PROGRAMS)))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_programs_that_cycle_and_that_take_exponential_time(dtype):
    want = np.array([value for _, value in KNOWN.values()])
    tol = 100 * float(np.finfo(dtype).eps)
    best = solved(dtype)
    dual = np.einsum("ki,ki->k", PROGRAMS[2], best.y)
    assert best.x.dtype == dtype
    assert (best.status[KNOWN_AT] == Status.CONVERGED).all()
    np.testing.assert_allclose(best.value[KNOWN_AT], want, rtol=tol)
    np.testing.assert_allclose(dual[KNOWN_AT], want, rtol=tol)
    assert best.num_steps[2] == 2**5 - 1


def test_blands_rule_takes_the_pivots_of_the_rational_reference():
    value, status, pivots = solved(np.float64, by_bland)
    references = [exact(*program, "bland") for program, _ in KNOWN.values()]
    assert (status[KNOWN_AT] == Status.CONVERGED).all()
    np.testing.assert_allclose(value[KNOWN_AT], [float(v) for v, _ in references], rtol=1e-13)
    assert pivots[KNOWN_AT].tolist() == [p for _, p in references]


def test_the_known_programs_are_as_hard_as_they_are_said_to_be():
    assert exact(*BEALE, "dantzig")[0] is None
    assert exact(*KUHN, "dantzig")[0] is None
    assert exact(*KLEE_MINTY, "dantzig") == (5**5, 2**5 - 1)


def scipy_status(c, A, b):
    result = linprog(-c, A_ub=A, b_ub=b)
    if result.status == 2:  # HiGHS calls some unbounded programs infeasible
        feasible = linprog(0 * c, A_ub=A, b_ub=b).status == 0
        return (Status.UNBOUNDED if feasible else Status.INFEASIBLE), 0.0
    return {0: Status.CONVERGED, 3: Status.UNBOUNDED}[result.status], result.fun or 0.0


def test_random_programs_against_highs_with_duality():
    c, A, b = (v[RANDOM] for v in PROGRAMS)
    best, best32 = (jax.tree.map(lambda v: v[RANDOM], solved(d)) for d in (np.float64, np.float32))
    value, bland, _ = solved(np.float64, by_bland)
    want = [scipy_status(*program) for program in zip(c, A, b, strict=True)]
    status, minus = np.array([s for s, _ in want]), np.array([f for _, f in want])
    assert {0, Status.UNBOUNDED, Status.INFEASIBLE} == set(status.tolist())
    for found in (best.status, best32.status, bland[RANDOM]):
        np.testing.assert_array_equal(found, status)
    good = status == 0
    np.testing.assert_allclose(best.value[good], -minus[good], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(value[RANDOM][good], -minus[good], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(best32.value[good], -minus[good], rtol=2e-4, atol=1e-5)
    x, y = best.x[good], best.y[good]
    assert min(x.min(), y.min()) >= -1e-12
    assert (np.einsum("kij,kj->ki", A[good], x) <= b[good] + 1e-10).all()
    assert (np.einsum("kij,ki->kj", A[good], y) >= c[good] - 1e-10).all()
    np.testing.assert_allclose(np.sum(b[good] * y, axis=1), best.value[good], atol=1e-9)


def test_lanes_that_are_not_finite_and_the_limit_on_pivots():
    assert (solved(np.float64).status[BROKEN] == Status.NON_FINITE).all()
    few = jax.jit(lambda *p: simplex(*p, max_steps=3))(*KLEE_MINTY)
    assert (int(few.status), int(few.num_steps)) == (Status.MAX_STEPS, 3)
    assert np.isfinite(few.x).all()


def test_derivatives_of_the_optimum():
    """dx and dy of a nondegenerate basis against central differences, forward and reverse."""
    program, along, _ = moved_programs()
    both = lambda *p: jnp.concatenate(simplex(*p)[:2])
    weights = np.arange(1.0, 2 * SIZE + 1)

    @jax.jit
    def derivatives(*p):
        forward = jax.jvp(both, p, along)[1]
        return forward, jax.vjp(both, *p)[1](jnp.asarray(weights))

    forward, reverse = derivatives(*program)
    best = solved(np.float64)
    (above, below) = np.concatenate([best.x, best.y], axis=1)[MOVED]
    np.testing.assert_allclose(forward, (above - below) / (2 * STEP), atol=1e-7)
    assert np.abs(forward).max() > 0.01
    paired = sum(np.sum(g * d) for g, d in zip(reverse, along, strict=True))
    np.testing.assert_allclose(paired, weights @ forward, rtol=1e-12)
