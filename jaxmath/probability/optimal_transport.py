"""Optimal transport between two histograms, exact: the transportation problem and its dual."""

from typing import NamedTuple

import jax.numpy as jnp
from jax import lax

from jaxmath._compiled import compiled
from jaxmath._loops import while_loop
from jaxmath.iterate import Status, iterate
from jaxmath.typing import Array, ArrayLike, as_array

__all__ = ["OptimalTransport", "optimal_transport"]


class OptimalTransport(NamedTuple):
    """A plan of shape (n, m), its cost, the potentials (n,) and (m,), a Status, the paths taken."""

    plan: Array
    cost: Array
    row_potential: Array
    column_potential: Array
    status: Array
    num_steps: Array


class _State(NamedTuple):
    plan: Array
    supply: Array
    demand: Array
    rows: Array
    columns: Array


class _Paths(NamedTuple):
    """Distances and predecessors; −1 where a row is a start."""

    rows: Array
    columns: Array
    from_row: Array
    from_column: Array
    moving: Array


def _shortest_paths(state: _State, cost: Array) -> _Paths:
    """From all rows with supply, by sweeps over all arcs: rows to columns, and back where the plan
    can be taken back, at no reduced cost.
    """
    reduced = jnp.maximum(cost - state.rows[:, None] - state.columns[None, :], 0.0)
    used = state.plan > 0
    n, m = cost.shape

    def sweep(paths: _Paths) -> _Paths:
        through = paths.rows[:, None] + reduced
        best = jnp.min(through, axis=0)
        # Only what is strictly shorter is taken: predecessors make no cycle.
        shorter = best < paths.columns
        columns = jnp.where(shorter, best, paths.columns)
        from_row = jnp.where(shorter, jnp.argmin(through, axis=0).astype(jnp.int32), paths.from_row)
        back = jnp.where(used, columns[None, :], jnp.inf)
        nearest = jnp.min(back, axis=1)
        closer = nearest < paths.rows
        rows = jnp.where(closer, nearest, paths.rows)
        source = jnp.argmin(back, axis=1).astype(jnp.int32)
        return _Paths(rows, columns, from_row, jnp.where(closer, source, paths.from_column),
                      jnp.any(closer))  # fmt: skip

    start = _Paths(
        jnp.where(state.supply > 0, 0.0, jnp.inf).astype(cost.dtype),
        jnp.full(m, jnp.inf, cost.dtype),
        jnp.full(m, -1, jnp.int32),
        jnp.full(n, -1, jnp.int32),
        jnp.asarray(True),
    )
    return while_loop(lambda paths: paths.moving, sweep, start)


def _augment(state: _State, cost: Array) -> _State:
    """Send what fits along the shortest path to a column with demand."""
    paths = _shortest_paths(state, cost)
    goals = jnp.where(state.demand > 0, paths.columns, jnp.inf)
    goal = jnp.argmin(goals).astype(jnp.int32)

    def back(trail: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        signs, row, column = trail
        signs = signs.at[row, column].set(-1)
        row = paths.from_row[column]
        return signs.at[row, column].set(1), row, paths.from_column[row]

    first = paths.from_row[goal]
    signs = jnp.zeros(cost.shape, jnp.int32).at[first, goal].set(1)
    trail = (signs, first, paths.from_column[first])
    signs, row, _ = while_loop(lambda trail: trail[2] >= 0, back, trail)
    limit = jnp.min(jnp.where(signs < 0, state.plan, jnp.inf))
    amount = jnp.minimum(limit, jnp.minimum(state.supply[row], state.demand[goal]))
    reach = goals[goal]
    return _State(
        state.plan + amount * signs.astype(cost.dtype),
        state.supply.at[row].add(-amount),
        state.demand.at[goal].add(-amount),
        state.rows + jnp.maximum(reach - paths.rows, 0.0),
        state.columns - jnp.maximum(reach - paths.columns, 0.0),
    )


def _solve(a: Array, b: Array, cost: Array) -> tuple[_State, Array, Array]:
    n, m = cost.shape
    noise = 4 * (n + m) * float(jnp.finfo(a.dtype).eps) * (jnp.sum(a) + jnp.sum(b))
    finite = jnp.isfinite(jnp.sum(a) + jnp.sum(b) + jnp.sum(cost))
    feasible = (jnp.abs(jnp.sum(a) - jnp.sum(b)) <= noise) & jnp.all(a >= 0) & jnp.all(b >= 0)

    def status_fn(state: _State) -> Array:
        left = jnp.minimum(jnp.max(state.supply), jnp.max(state.demand))
        going = jnp.where(left > noise / (n + m), Status.RUNNING, Status.CONVERGED)
        going = jnp.where(feasible, going, Status.INFEASIBLE)
        return jnp.where(finite, going, Status.NON_FINITE)

    start = _State(jnp.zeros_like(cost), a, b, jnp.zeros_like(a), jnp.min(cost, axis=0))
    return iterate(lambda s: _augment(s, cost), start, status_fn, max_steps=50 * (n + m))


@compiled
def optimal_transport(a: ArrayLike, b: ArrayLike, cost: ArrayLike) -> OptimalTransport:
    """The cheapest way to move one histogram onto another, with the dual that proves it.

    ::

        min Σᵢⱼ Πᵢⱼ Cᵢⱼ  over  Π ≥ 0,  Σⱼ Πᵢⱼ = aᵢ,  Σᵢ Πᵢⱼ = bⱼ
        = max Σᵢ aᵢ φᵢ + Σⱼ bⱼ ψⱼ  over  φᵢ + ψⱼ ≤ Cᵢⱼ,   with equality where Πᵢⱼ > 0
        ∂/∂C = Π,   ∂/∂a = φ,   ∂/∂b = ψ

    Args:
      a: masses aᵢ ≥ 0 of one histogram, shape (n,).
      b: masses bⱼ ≥ 0 of the other, shape (m,), of the same sum.
      cost: C, what it costs to move a unit of mass, shape (n, m), of either sign. A distance gives
        the 1-Wasserstein distance, its p-th power W_p^p.

    Returns:
      The plan, its cost, the potentials φ and ψ, a ``Status``, and the number of paths. Status:
      INFEASIBLE where the sums differ by more than rounding or a mass is negative, NON_FINITE where
      an entry is not finite; then plan and cost mean nothing. MAX_STEPS after 50 (n + m) paths.

    Numerics:
      Successive shortest paths: exact up to rounding, of about (n + m)·eps of the total mass and of
      the largest cost. The cost is differentiable (where plan or potentials are not unique, by one
      of them: a subgradient; φ + c, ψ − c are as good); plan and potentials have derivative 0.
      Cost: about n + m paths of a few sweeps over the (n, m) arcs each, for up to hundreds of bins.

    Example:
      >>> cost = jnp.array([[0.0, 1.0], [2.0, 0.0]])
      >>> result = optimal_transport(jnp.array([0.2, 0.8]), jnp.array([0.5, 0.5]), cost)
      >>> f"{result.cost:.1f} {Status(int(result.status)).name}"
      '0.6 CONVERGED'

    References:
      R. K. Ahuja, T. L. Magnanti, J. B. Orlin, "Network Flows", 1993, section 9.7.
    """
    a = as_array("a", a, ndim=1, min_size=1)
    b = as_array("b", b, ndim=1, min_size=1).astype(a.dtype)
    cost = as_array("cost", cost, shape=(a.shape[0], b.shape[0])).astype(a.dtype)
    held = lax.stop_gradient((a, b, cost))
    state, status, num_steps = _solve(*held)
    # The value from the plan; its derivatives in the masses from the potentials.
    moved = jnp.sum(state.rows * (a - held[0])) + jnp.sum(state.columns * (b - held[1]))
    total = jnp.sum(state.plan * cost) + moved
    return OptimalTransport(state.plan, total, state.rows, state.columns, status, num_steps)
