"""The simplex method on a dense condensed tableau: two phases, fixed shapes, no cycling.

The program max cᵀx subject to Ax ≤ b, x ≥ 0 has the slacks s = b − Ax + x₀·1 with an auxiliary
variable x₀. A tableau writes the basic variables and the objective in the others::

    x_B = b − T x_N,   z = z₀ + cᵀx_N

While x₀ is basic (phase one) it is minimized, so that its own row is the cost; once it has left
the basis it never enters again (phase two).

The largest cost enters (Dantzig) and of tied rows the largest pivot leaves, which is faster and
far more accurate than Bland's rule: that one takes over when m + n pivots in a row have not moved
the point, until one does, and so no program cycles.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from jaxmath._limits import MOST, as_limit
from jaxmath.iterate import Status, iterate
from jaxmath.linalg._kernels.product import matmul
from jaxmath.typing import Array, Scalar

__all__: list[str] = []

AUXILIARY = 0


class Tableau(NamedTuple):
    """A dictionary of the program, and the pivot that comes next.

    ``table`` has a row for each basic variable and one for the objective, a column for each
    nonbasic variable and one for the right-hand side (−z in the corner). Labels: 0 is x₀, j + 1
    is xⱼ, n + 1 + i is the slack of row i. ``stalled`` counts the pivots since the point has
    moved; ``sizes`` are max|c| and max|b| of the program.
    """

    table: Array
    basic: Array
    nonbasic: Array
    row: Array
    column: Array
    status: Array
    stalled: Array
    sizes: Array


class Optimum(NamedTuple):
    """What ``simplex`` returns: x, the dual y, cᵀx, the inverse of the basis, how it ended."""

    x: Array
    y: Array
    value: Array
    inverse: Array
    status: Array
    num_steps: Array


def _choice(candidates: Array, merits: Array, labels: Array, bland: Array) -> Array:
    """The candidate of the largest merit, or by Bland's rule that of the lowest label."""
    lowest = jnp.argmin(jnp.where(candidates, labels, jnp.iinfo(labels.dtype).max))
    return jnp.where(bland, lowest, jnp.argmax(jnp.where(candidates, merits, -jnp.inf)))


def _pick(values: Array, index: Array) -> Array:
    """values[index] along the first axis, as a sum: faster than a gather under vmap."""
    hit = (jnp.arange(len(values)) == index).reshape(-1, *(1,) * (values.ndim - 1))
    return jnp.sum(jnp.where(hit, values, 0), axis=0, dtype=values.dtype)


def _choose(state: Tableau) -> Tableau:
    """The next pivot, or the status that ends the method."""
    body, right, costs = state.table[:-1, :-1], state.table[:-1, -1], state.table[-1, :-1]
    noise = 8 * float(jnp.finfo(body.dtype).eps)
    bland = state.stalled >= sum(body.shape)
    auxiliary = state.basic == AUXILIARY
    phase_one, home = jnp.any(auxiliary), jnp.argmax(auxiliary)
    own, least = _pick(body, home), _pick(right, home)
    costs = jnp.where(phase_one, own, costs)
    limit = noise * jnp.where(phase_one, jnp.max(jnp.abs(own)), state.sizes[0])
    enters = (costs > limit) & (state.nonbasic != AUXILIARY)
    column = _choice(enters, costs, state.nonbasic, bland)

    entries = _pick(body.T, column)
    leaves = entries > 8 * noise * jnp.max(jnp.abs(entries))
    ratios = jnp.where(leaves, right / jnp.where(leaves, entries, 1.0), jnp.inf)
    ties = ratios <= jnp.min(ratios) * (1 + 8 * noise)
    row = _choice(ties, jnp.where(auxiliary, jnp.inf, entries), state.basic, bland)
    stalled = jnp.where(jnp.min(ratios) > 0, 0, state.stalled + 1)

    # The end of phase one with x₀ = 0 still basic: any pivot in its row takes it out.
    improves, blocked = jnp.any(enters), jnp.any(leaves)
    expel = phase_one & ~improves
    row = jnp.where(expel, home, row)
    column = jnp.where(expel, jnp.argmax(jnp.abs(own)), column)
    infeasible = expel & (least > len(right) * noise * state.sizes[1])
    status = jnp.where(improves & ~blocked, Status.UNBOUNDED, Status.RUNNING)
    status = jnp.where(improves | phase_one, status, Status.CONVERGED)
    status = jnp.where(infeasible, Status.INFEASIBLE, status)
    status = jnp.where(jnp.all(jnp.isfinite(state.table)), status, Status.NON_FINITE)
    return state._replace(
        row=row, column=column, status=status.astype(jnp.int32), stalled=stalled.astype(jnp.int32)
    )


def _pivot(table: Array, row: Array, column: Array) -> Array:
    """Exchange a basic and a nonbasic variable; a difference that is all rounding becomes 0."""
    at_row = (jnp.arange(table.shape[0]) == row)[:, None]
    at_column = (jnp.arange(table.shape[1]) == column)[None, :]
    entries = _pick(table.T, column)
    pivot = _pick(entries, row)
    entries = entries[:, None]
    line = (_pick(table, row) / pivot)[None, :]
    rest = table - entries * line
    snapped = jnp.abs(rest) <= 2 * float(jnp.finfo(table.dtype).eps) * jnp.abs(table)
    rest = jnp.where(snapped, 0.0, rest)
    rest = jnp.where(at_column, -entries / pivot, rest)
    line = jnp.where(at_column, 1.0 / pivot, line)
    return jnp.where(at_row, line, rest)


def simplex_init(c: Array, A: Array, b: Array) -> Tableau:
    """The tableau of the slack basis; where b has a negative element, x₀ enters first.

    Elsewhere the first step is spent on the choice alone, and has row −1.
    """
    m, n = A.shape
    top = jnp.concatenate([A, -jnp.ones((m, 1), A.dtype), b[:, None]], axis=1)
    bottom = jnp.concatenate([c, jnp.zeros(2, A.dtype)])[None, :]
    basic = jnp.arange(n + 1, n + m + 1, dtype=jnp.int32)
    nonbasic = jnp.append(jnp.arange(1, n + 1, dtype=jnp.int32), jnp.int32(AUXILIARY))
    sizes = jnp.stack([jnp.max(jnp.abs(c)), jnp.max(jnp.abs(b))])
    table = jnp.concatenate([top, bottom])
    negative = jnp.min(b) < 0
    row, column = jnp.where(negative, jnp.argmin(b), -1), jnp.where(negative, n, -1)
    running = jnp.int32(Status.RUNNING)
    return Tableau(table, basic, nonbasic, row, column, running, jnp.int32(0), sizes)


def simplex_step(state: Tableau) -> Tableau:
    """One pivot, and the choice of the next."""
    pivoted = _pivot(state.table, state.row, state.column)
    table = jnp.where(state.row < 0, state.table, pivoted)
    right = jnp.maximum(table[:-1, -1:], 0.0)
    table = jnp.concatenate([table[:, :-1], jnp.concatenate([right, table[-1:, -1:]])], axis=1)
    enters, leaves = _pick(state.nonbasic, state.column), _pick(state.basic, state.row)
    basic = jnp.where(jnp.arange(len(state.basic)) == state.row, enters, state.basic)
    at_column = jnp.arange(len(state.nonbasic)) == state.column
    nonbasic = jnp.where(at_column, leaves, state.nonbasic)
    return _choose(state._replace(table=table, basic=basic, nonbasic=nonbasic))


@jax.custom_jvp
def basic_solution(
    c: Array, A: Array, b: Array, x: Array, y: Array, G: Array
) -> tuple[Array, Array, Array]:
    """x, y and G = A[I, J]⁻¹ (0 elsewhere) of a basis, refined; functions of c, A and b.

    ::

        x = G b,   y = Gᵀ c;   dx = G (db − dA x),   dy = Gᵀ (dc − dAᵀ y),   dG = −G dA G
    """
    for _ in range(2):
        x = x + matmul(G, b - matmul(A, x))
        y = y + matmul(G.T, c - matmul(A.T, y))
    return x, y, G


@basic_solution.defjvp
def _basic_solution_jvp(primals: tuple, tangents: tuple) -> tuple[tuple, tuple]:
    dc, dA, db = tangents[:3]
    x, y, G = basic_solution(*primals)
    dx = matmul(G, db - matmul(dA, x))
    dy = matmul(G.T, dc - matmul(dA.T, y))
    return (x, y, G), (dx, dy, -matmul(G, matmul(dA, G)))


def _read(state: Tableau, m: int, n: int) -> tuple[Array, Array, Array]:
    """x, y and the inverse of the basis from the tableau."""
    place = jnp.argsort(jnp.concatenate([state.basic, state.nonbasic]))
    variables, slacks = place[1 : n + 1], place[n + 1 :]
    is_basic, is_tight = variables < m, slacks >= m
    rows, columns = jnp.where(is_basic, variables, 0), jnp.where(is_tight, slacks - m, 0)
    x = jnp.where(is_basic, state.table[rows, -1], 0.0)
    y = jnp.where(is_tight, -state.table[-1, columns], 0.0)
    both = is_basic[:, None] & is_tight[None, :]
    return x, y, jnp.where(both, state.table[rows[:, None], columns[None, :]], 0.0)


def simplex(c: Array, A: Array, b: Array, *, max_steps: Scalar | None = None) -> Optimum:
    """max cᵀx subject to Ax ≤ b, x ≥ 0, and its dual min bᵀy subject to Aᵀy ≥ c, y ≥ 0.

    The status is CONVERGED, UNBOUNDED, INFEASIBLE, MAX_STEPS (None allows 50·(m + n) pivots) or
    NON_FINITE. A cost counts where it exceeds 8·eps of the largest, a pivot where it exceeds
    64·eps of its column's. The x and y of the last basis are refined from A, b and c, which gives
    them derivatives of every order, those of that basis.
    """
    m, n = A.shape
    limit = as_limit(max_steps, 50 * (m + n))
    start = simplex_init(*map(lax.stop_gradient, (c, A, b)))
    idle = (start.row < 0).astype(jnp.int32)
    most = jnp.minimum(limit, MOST - 1) + idle
    state, status, num_steps = iterate(simplex_step, start, lambda s: s.status, max_steps=most)
    x, y, inverse = basic_solution(c, A, b, *_read(state, m, n))
    return Optimum(x, y, jnp.sum(c * x), inverse, status, num_steps - idle)
