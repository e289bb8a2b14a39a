"""SVD of a batch of small real matrices: one-sided Jacobi, the batch on the last axis."""

from functools import reduce
from itertools import accumulate

import jax
import jax.numpy as jnp
from jax import lax

from jaxmath.linalg._kernels.batched import (
    identities,
    leading_signs,
    scale_lanes,
    settle,
    unknown_true,
)
from jaxmath.linalg._kernels.qr import column_sum, qr_last
from jaxmath.linalg._scaling import scale
from jaxmath.typing import Array

__all__: list[str] = []

MAX_SWEEPS = 20  # 5 to 9 are needed
LEAD = 0.999  # the share of a column's largest modulus from which on an entry may lead


def _rotations(flag: Array, x: Array, y: Array) -> Array:
    """c, s, |cos| and the drift of the rotations that turn columns of x and y orthogonal.

    ::

        tan 2θ = 2xᵀy / (‖y‖² − ‖x‖²),   |θ| ≤ π/4;   drift = |tan θ| max(‖x‖/‖y‖, ‖y‖/‖x‖)

    The drift bounds what the rotation does to the cosines with other columns. Columns whose squares
    would underflow (norm below 3e-16 in float32, for a largest element of 1) count as 0.
    """
    info = jnp.finfo(x.dtype)
    a, b, g = settle(flag, jnp.stack([column_sum(x, x), column_sum(y, y), column_sum(x, y)]))
    live = jnp.minimum(a, b) > info.tiny / info.eps
    a, b = jnp.where(live, a, 1.0), jnp.where(live, b, 1.0)
    norms, largest = jnp.sqrt(a) * jnp.sqrt(b), jnp.maximum(a, b)
    cosine = jnp.where(live, jnp.abs(g) / norms, 0.0)
    turn = cosine > info.eps
    gap, twice = (b - a) / largest, 2 * g / largest
    root = jnp.abs(gap) + jnp.sqrt(gap * gap + twice * twice)
    t = jnp.where(gap < 0, -twice, twice) / jnp.where(turn, root, 1.0)
    t = jnp.where(turn, t, 0.0)
    c = 1 / jnp.sqrt(1 + t * t)
    return jnp.stack([c, c * t, cosine, jnp.abs(t) * largest / norms])


def _rotated(flag: Array, W: Array, rows: int) -> tuple[Array, Array]:
    """W with orthogonal columns in its first ``rows`` rows, and the lanes that did not get there.

    Half of the columns, X, are paired with the other half, Y; after each round of rotations the
    columns move on in a circle around the first of X, so that n − 1 rounds meet every pair once
    and end in the order of the start. Lanes are done when a sweep finds cosines ≤ n·eps, or
    cosine·drift ≤ eps/4: then at most 4n·drift·cosine is left by what follows in the sweep.
    """
    n = W.shape[1]
    half, eps = n // 2, jnp.finfo(W.dtype).eps

    def round_(_: Array, state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        X, Y, worst = state
        found = settle(flag, _rotations(flag, X[:rows], Y[:rows]))
        c, s = found[None, 0], found[None, 1]
        X, Y = c * X - s * Y, s * X + c * Y
        if half > 1:
            X, Y = (
                jnp.concatenate([X[:, :1], Y[:, :1], X[:, 1:-1]], axis=1),
                jnp.concatenate([Y[:, 1:], X[:, -1:]], axis=1),
            )
        return X, Y, jnp.maximum(worst, found[2:])

    def sweep(state: tuple[Array, Array, Array, Array]) -> tuple[Array, Array, Array, Array]:
        X, Y, _, count = state
        zero = jnp.zeros_like(X[:2])
        X, Y, worst = lax.fori_loop(0, n - 1, round_, (X, Y, zero))
        cosine, drift = (reduce(jnp.maximum, x) for x in worst)
        return X, Y, (cosine > n * eps) & (cosine * drift > eps / 4), count + 1

    def running(state: tuple[Array, Array, Array, Array]) -> Array:
        return jnp.any(state[2]) & (state[3] < MAX_SWEEPS)

    begun = ~jnp.isnan(W[0, 0]) | flag
    start = (W[:, :half], W[:, half:][:, ::-1], begun, jnp.zeros((), jnp.int32))
    X, Y, unfinished, _ = lax.while_loop(running, sweep, start)
    return jnp.concatenate([X, Y[:, ::-1]], axis=1), unfinished


def _sorted(flag: Array, W: Array, rows: int) -> Array:
    """The columns of W by the norm of their first ``rows`` rows, the largest first."""
    n = W.shape[1]
    W = settle(flag, W)
    size = settle(flag, column_sum(W[:rows], W[:rows]))
    above = [
        sum(
            ((size[i] >= size[j]) if i < j else (size[i] > size[j])).astype(jnp.int32)
            for i in range(n)
            if i != j
        )
        for j in range(n)
    ]
    ranks = [jnp.broadcast_to(jnp.asarray(a, jnp.int32), size[0].shape) for a in above]
    rank = settle(flag, jnp.stack(ranks))
    picked = [sum(jnp.where(rank[None, j] == r, W[:, j], 0.0) for j in range(n)) for r in range(n)]
    return jnp.stack(picked, axis=1)


@jax.jit
def svd_last(A: Array) -> tuple[Array, Array, Array]:
    """A = U S Vᵀ: U of shape (m, k, batch), s of (k, batch), Vᵀ of (k, n, batch), k = min(m, n).

    ::

        A V = W, columns orthogonal by rotations V;   W = U R,   R = S up to rounding

    The QR decomposition keeps the columns of W that have a length, and completes the others.
    """
    m, n, _ = A.shape
    if m < n:
        V, s, Uh = svd_last(jnp.swapaxes(A, 0, 1))
        sign = leading_signs(jnp.swapaxes(Uh, 0, 1), LEAD)
        return jnp.swapaxes(Uh, 0, 1) * sign[None], s, jnp.swapaxes(V, 0, 1) * sign[:, None]
    flag = unknown_true(A[0, 0])
    scaled, shift, finite = scale_lanes(flag, A)
    eye = identities(n, A)
    W = jnp.concatenate([scaled, eye])
    if n > 1:
        W, unfinished = _rotated(flag, jnp.pad(W, ((0, 0), (0, n % 2), (0, 0))), m)
        W, finite = W[:, :n], finite & ~unfinished[None, None]
    W = _sorted(flag, W, m)
    U, R = qr_last(W[:m])
    s = scale(jnp.stack(list(accumulate((R[i, i] for i in range(n)), jnp.minimum))), shift[0])
    sign = jnp.where(finite[0], leading_signs(U, LEAD), jnp.nan)
    s = jnp.where(finite[0], s, jnp.nan)
    return U * sign[None], s, jnp.swapaxes(W[m:], 0, 1) * sign[:, None]
