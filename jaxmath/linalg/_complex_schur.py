"""The shifted QR algorithm in plain lax operations: reduction, one step, order, eigenvectors."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxmath._loops import fori_loop, while_loop
from jaxmath.iterate import Status
from jaxmath.linalg._common import adjoint
from jaxmath.linalg._eigen import fix_gauge, frobenius
from jaxmath.linalg._kernels.product import matmul
from jaxmath.typing import Array

__all__: list[str] = []


class QRState(NamedTuple):
    """Z H Zᴴ = A with H Hessenberg; rows below ``high`` are done, ``stalled`` steps at this one."""

    H: Array
    Z: Array
    high: Array
    stalled: Array


def hessenberg_reduction(A: Array) -> tuple[Array, Array]:
    """H Hessenberg and Z unitary with A = ZHZᴴ, by Householder reflections I − 2vvᴴ."""
    rows = jnp.arange(len(A), dtype=jnp.int32)

    def reflect(k: Array, HZ: tuple[Array, Array]) -> tuple[Array, Array]:
        H, Z = HZ
        x = jnp.where(rows > k, H[:, k], 0.0)
        head, tail = x[k + 1], frobenius(jnp.where(rows > k + 1, x, 0.0))
        size = jnp.abs(head)
        phase = jnp.where(size > 0, head, 1.0) / jnp.where(size > 0, size, 1.0).astype(H.dtype)
        beta = -phase * jnp.hypot(size, tail).astype(H.dtype)
        v = x - jnp.where(rows == k + 1, beta, 0.0)
        length = frobenius(v)
        live = (tail > 0) & (length > 0)
        v = jnp.where(live, v / jnp.where(live, length, 1.0).astype(H.dtype), 0.0)
        H = H - 2 * jnp.outer(v, matmul(jnp.conj(v), H))
        H = H - 2 * jnp.outer(matmul(H, v), jnp.conj(v))
        H = H.at[:, k].set(jnp.where(live & (rows > k + 1), 0.0, H[:, k]))
        return H, Z - 2 * jnp.outer(matmul(Z, v), jnp.conj(v))

    start = (A, jnp.eye(len(A), dtype=A.dtype))
    return fori_loop(np.int32(0), np.int32(max(len(A) - 2, 0)), reflect, start)


def _givens(x: Array, y: Array) -> Array:
    """The unitary G with G [x, y]ᵀ = [r, 0]ᵀ; the identity where both are 0."""
    r = jnp.hypot(jnp.abs(x), jnp.abs(y))
    live, size = r > 0, jnp.abs(x)
    r = jnp.where(live, r, 1.0)
    phase = jnp.where(size > 0, x, 1.0) / jnp.where(size > 0, size, 1.0).astype(x.dtype)
    c = jnp.where(live, size / r, 1.0).astype(x.dtype)
    s = jnp.where(live, phase * jnp.conj(y / r.astype(x.dtype)), 0.0)
    return jnp.stack([jnp.stack([c, s]), jnp.stack([-jnp.conj(s), c])])


def _similarity(G: Array, k: Array, H: Array, Z: Array) -> tuple[Array, Array]:
    """H ← GHGᴴ and Z ← ZGᴴ with G in the plane (k, k+1)."""
    n = len(H)
    rows = matmul(G, lax.dynamic_slice(H, (k, 0), (2, n)))
    H = lax.dynamic_update_slice(H, rows, (k, 0))
    for_columns = adjoint(G)
    columns = matmul(lax.dynamic_slice(H, (0, k), (n, 2)), for_columns)
    vectors = matmul(lax.dynamic_slice(Z, (0, k), (n, 2)), for_columns)
    return (
        lax.dynamic_update_slice(H, columns, (0, k)),
        lax.dynamic_update_slice(Z, vectors, (0, k)),
    )


def subdiagonal(H: Array) -> Array:
    """The moduli of the entries under the diagonal."""
    return jnp.abs(jnp.diagonal(H, -1))


def _deflate(H: Array) -> Array:
    """Zeros for the subdiagonal entries that are rounding noise beside their neighbours."""
    n, eps = len(H), float(jnp.finfo(H.dtype).eps)
    size = jnp.abs(jnp.diagonal(H))
    beside = size[1:] + size[:-1]
    beside = jnp.where(beside > 0, beside, frobenius(H))
    small = subdiagonal(H) <= eps * beside
    index = jnp.arange(n - 1, dtype=jnp.int32)
    return H.at[index + 1, index].set(jnp.where(small, 0.0, jnp.diagonal(H, -1)))


def _last(mask: Array, offset: int) -> Array:
    """offset + the last index where the mask holds, or 0."""
    index = jnp.arange(len(mask), dtype=jnp.int32) + offset
    return jnp.max(jnp.where(mask, index, 0), initial=0)


def qr_init(A: Array) -> QRState:
    """The Hessenberg form of complex A, nothing done yet."""
    H, Z = hessenberg_reduction(A)
    H = _deflate(H)
    return QRState(H, Z, _last(subdiagonal(H) > 0, 1), jnp.int32(0))


def qr_status(state: QRState) -> Array:
    """CONVERGED when nothing is left under the diagonal."""
    return jnp.where(state.high == 0, Status.CONVERGED, Status.RUNNING)


def _wilkinson_shift(H: Array, high: Array) -> Array:
    """The eigenvalue of the trailing 2×2 block that is nearer to its last entry."""
    block = lax.dynamic_slice(H, (high - 1, high - 1), (2, 2))
    (a, b), (c, d) = block[0], block[1]
    half = (a - d) / 2
    root = jnp.sqrt(half * half + b * c)
    root = jnp.where((jnp.conj(half) * root).real < 0, -root, root)
    far = half + root
    return jnp.where(far == 0, d, d - b * c / jnp.where(far == 0, 1.0, far))


def qr_step(state: QRState) -> QRState:
    """One implicit QR sweep H ← QᴴHQ with QR = H − μI on the last block that is not done."""
    H, Z, high, stalled = state
    if len(H) == 1:
        return state
    above = jnp.arange(len(H) - 1, dtype=jnp.int32) < high
    low = _last((subdiagonal(H) == 0) & above, 1)
    # Every tenth step at one place takes an arbitrary shift, which breaks the rare cycle.
    below = jnp.abs(H[high, jnp.maximum(high - 1, 0)])
    kick = H[high, high] + (0.75 * below).astype(H.dtype)
    shift = jnp.where(stalled % 10 == 9, kick, _wilkinson_shift(H, high))

    def chase(k: Array, HZ: tuple[Array, Array]) -> tuple[Array, Array]:
        H, Z = HZ
        before = jnp.maximum(k - 1, 0)
        inside, first = (low <= k) & (k < high), k == low
        x = jnp.where(first, H[k, k] - shift, H[k, before])
        y = jnp.where(first, H[k + 1, k], H[k + 1, before])
        G = jnp.where(inside, _givens(x, y), jnp.eye(2, dtype=H.dtype))
        H, Z = _similarity(G, k, H, Z)
        gone = inside & ~first
        return H.at[k + 1, before].set(jnp.where(gone, 0.0, H[k + 1, before])), Z

    H, Z = fori_loop(np.int32(0), np.int32(len(H) - 1), chase, (H, Z))
    H = _deflate(H)
    left = _last(subdiagonal(H) > 0, 1)
    return QRState(H, Z, left, jnp.where(left == high, stalled + 1, 0))


def order(w: Array) -> Array:
    """The indices that sort by real part, then imaginary part; what agrees to √eps counts as equal.

    Otherwise rounding would interleave the pairs λ, λ̄ of different equal real parts.
    """
    noise = float(jnp.finfo(w.dtype).eps) ** 0.5 * jnp.max(jnp.abs(w))
    by_real = jnp.argsort(w.real)
    real = w.real[by_real]
    cluster = jnp.cumsum(jnp.diff(real, prepend=real[:1]) > noise)
    imag = jnp.where(jnp.abs(w.imag) > noise, w.imag, 0.0)[by_real]
    return by_real[jnp.lexsort((real, imag, cluster))]


def sort_schur(T: Array, Z: Array) -> tuple[Array, Array]:
    """The Schur form with its diagonal in order, by exchanging neighbours, and Z in its gauge."""
    n = len(T)
    rank = jnp.zeros(n, jnp.int32).at[order(jnp.diagonal(T))].set(jnp.arange(n, dtype=jnp.int32))

    def inverted(state: tuple[Array, Array, Array]) -> Array:
        return state[2][:-1] > state[2][1:]

    def exchange(state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        T, Z, rank = state
        k = jnp.argmax(inverted(state))
        a, b = T[k, k], T[k + 1, k + 1]
        T, Z = _similarity(_givens(T[k, k + 1], b - a), k, T, Z)
        T = T.at[k, k].set(b).at[k + 1, k + 1].set(a).at[k + 1, k].set(0.0)
        return T, Z, rank.at[k].set(rank[k + 1]).at[k + 1].set(rank[k])

    if n > 1:
        T, Z, _ = while_loop(lambda s: jnp.any(inverted(s)), exchange, (T, Z, rank))
    V = fix_gauge(Z)
    phase = jnp.sum(jnp.conj(Z) * V, axis=0)
    phase = phase / jnp.abs(phase).astype(T.dtype)
    return jnp.conj(phase)[:, None] * T * phase[None, :], V


def triangular_eigenvectors(T: Array) -> Array:
    """Eigenvectors of an upper triangular matrix as columns, by back substitution."""
    n, index = len(T), jnp.arange(len(T), dtype=jnp.int32)
    w, eps = jnp.diagonal(T), float(jnp.finfo(T.dtype).eps)
    least = jnp.maximum(eps * jnp.max(jnp.abs(T)), float(jnp.finfo(T.dtype).tiny) / eps)

    def row(i: Array, Y: Array) -> Array:
        k = n - 1 - i
        right = matmul(jnp.where(index > k, T[k], 0.0), Y)
        gap = T[k, k] - w
        gap = jnp.where(jnp.abs(gap) >= least, gap, least.astype(T.dtype))
        Y = Y.at[k].set(jnp.where(index > k, -right / gap, jnp.where(index == k, 1.0, 0.0)))
        # Rescaled at each row: a defective matrix would grow it by 1/eps each time.
        size = jnp.max(jnp.abs(Y), axis=0, keepdims=True)
        return Y / jnp.maximum(size, 1.0).astype(T.dtype)

    return fori_loop(np.int32(0), np.int32(n), row, jnp.zeros_like(T))
