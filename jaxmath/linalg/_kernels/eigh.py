"""Eigenvalues of a batch of small real symmetric matrices: Jacobi, the batch on the last axis."""

from functools import reduce
from itertools import combinations

import jax
import jax.numpy as jnp
from jax import lax

from jaxmath.linalg._kernels.batched import identities, leading_signs, settle, unknown_true
from jaxmath.linalg._scaling import _power, exponent
from jaxmath.typing import Array

__all__: list[str] = []

LARGEST = 4  # above, LAPACK is faster on CPU
MAX_SWEEPS = 12  # 4 to 8 are needed
NETWORK = {
    3: [(0, 2), (0, 1), (1, 2)],
    4: [(0, 2), (1, 3), (0, 1), (2, 3), (1, 2)],
}  # of comparators that sort

State = tuple[list[Array], dict[tuple[int, int], Array], list[Array]]


def _tangent(a: Array, b: Array, g: Array) -> Array:
    """t = tan θ of the rotation, |θ| ≤ π/4, that makes [[a, g], [g, b]], scaled, diagonal.

    ::

        τ = (b − a) / 2g,   t = sign(τ) / (|τ| + √(1 + τ²)),   c = 1/√(1 + t²),   s = ct
    """
    gap, twice = b - a, 2 * g
    # Multiplied out: one division. The maximum is for squares that underflow.
    root = jnp.maximum(jnp.sqrt(gap * gap + twice * twice), jnp.abs(twice))
    t = jnp.where(gap < 0, -twice, twice) / (jnp.abs(gap) + root)
    return jnp.where(g == 0, 0.0, t)


def _rotate(state: State, p: int, q: int, flag: Array) -> State:
    """One rotation of the diagonal d, the entries o above it and the columns V."""
    d, o, V = list(state[0]), dict(state[1]), list(state[2])
    t = _tangent(d[p], d[q], o[p, q])
    c = 1 / jnp.sqrt(1 + t * t)
    c, s, shift = settle(flag, jnp.stack([c, c * t, t * o[p, q]]))
    for r in set(range(len(d))) - {p, q}:
        i, j = (min(p, r), max(p, r)), (min(q, r), max(q, r))
        o[i], o[j] = c * o[i] - s * o[j], s * o[i] + c * o[j]
    c, s = c[None], s[None]
    V[p], V[q] = c * V[p] - s * V[q], s * V[p] + c * V[q]
    d[p], d[q], o[p, q] = d[p] - shift, d[q] + shift, jnp.zeros_like(shift)
    return d, o, V


def _two(a: Array, b: Array, g: Array, t: Array) -> tuple[Array, Array]:
    """w and V of [[a, g], [g, b]]; as |s| ≤ c, only the vector (s, c) can need its sign changed.

    ::

        w₁ = a − tg, v₁ = (c, −s);   w₂ = b + tg, v₂ = (s, c)
    """
    c = 1 / jnp.sqrt(1 + t * t)
    s, x, y = c * t, a - t * g, b + t * g
    swap, sign = x > y, jnp.where(s <= -0.9 * c, -1.0, 1.0)
    V = [[jnp.where(swap, v, u), jnp.where(swap, u, v)] for u, v in [(c, s * sign), (-s, c * sign)]]
    w = jnp.stack([jnp.minimum(x, y), jnp.maximum(x, y)])
    return w, jnp.stack([*V[0], *V[1]]).reshape(2, 2, -1)


@jax.jit
def eigh_last(H: Array) -> tuple[Array, Array]:
    """H V = V diag(w) with VᵀV = I: w of shape (n, batch), ascending, and V of (n, n, batch).

    ::

        H ← JᵀHJ, V ← VJ for each pair p < q, until off(H) ≤ √n·eps·‖H‖_F in every lane;
        NaN in a lane that MAX_SWEEPS do not bring there
    """
    n, eps = len(H), float(jnp.finfo(H.dtype).eps)
    pairs = list(combinations(range(n), 2))
    entries = [H[i, i] for i in range(n)] + [H[p] for p in pairs]
    size = reduce(jnp.maximum, map(jnp.abs, entries))
    finite, top = jnp.isfinite(size), jnp.finfo(H.dtype).maxexp - 3
    shift = jnp.clip(exponent(size), -top, top)  # both 2^shift and 2^(−shift) are normal
    scaled = [x * _power(-shift, H.dtype) for x in entries]
    if n == 2:
        (a, b, g), t = entries, jnp.where(finite, _tangent(*scaled), jnp.nan)
        return _two(a, b, g, t)
    flag = unknown_true(size)
    start = settle(flag, jnp.where(finite[None], jnp.stack(scaled), jnp.nan))
    eye = identities(n, H)
    above = dict(zip(pairs, start[n:], strict=True))
    state = list(start[:n]), above, [eye[:, i] for i in range(n)]

    def sweep(carry: tuple[State, Array, Array]) -> tuple[State, Array, Array]:
        state, _, count = carry
        for p, q in pairs:
            state = _rotate(state, p, q, flag)
        d, o, _ = state
        off, norm = sum(x * x for x in o.values()), sum(x * x for x in d)
        return state, jnp.asarray(2 * off > n * eps * eps * norm), count + 1

    def running(carry: tuple[State, Array, Array]) -> Array:
        return jnp.any(carry[1]) & (carry[2] < MAX_SWEEPS)

    carry = (state, ~(size < 0), jnp.zeros((), jnp.int32))
    (d, _, V), unfinished, _ = lax.while_loop(running, sweep, carry)
    for i, j in NETWORK[n]:
        swap = (d[i] > d[j])[None]
        d[i], d[j] = jnp.minimum(d[i], d[j]), jnp.maximum(d[i], d[j])
        V[i], V[j] = jnp.where(swap, V[j], V[i]), jnp.where(swap, V[i], V[j])
    w = jnp.stack(d) * _power(shift, H.dtype)[None]
    # As the path of one matrix: a lead is within 10 % of the column's largest modulus.
    vectors = jnp.stack([v * leading_signs(v, 0.9)[None] for v in V], axis=1)
    return jnp.where(unfinished, jnp.nan, w), jnp.where(unfinished, jnp.nan, vectors)
