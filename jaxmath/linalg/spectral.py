"""Functions of a matrix through its spectrum, with derivatives that hold at repeated values.

The k-th derivative of f(A) = V f(w) Vᵀ is a sum over divided differences of f (Daleckii–Krein)::

    Dᵏf(A)[E₁…Eₖ] = V ( Σ_σ Σ f[wᵢ, wₐ, …, wⱼ] (Ê_σ1)ᵢₐ … (Ê_σk)…ⱼ ) Vᵀ,   Ê = Vᵀ E V

which is smooth in A although V is not. Here it is one primitive whose derivative is itself with one
more direction: derivatives of every order, in forward and reverse mode, never differentiate an
eigenvector.
"""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import permutations
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_derivatives import SymbolicZero
from jax.extend.core import Primitive, jaxpr_as_fun
from jax.interpreters import ad, batching, mlir

from jaxmath._loops import scan
from jaxmath.linalg._common import _precise_matrix
from jaxmath.linalg._kernels.product import matmul
from jaxmath.numerics import einsum
from jaxmath.typing import Array, ArrayLike

__all__ = ["spectral_fn", "spectral_sum"]

Of = Literal["eigenvalues", "singular_values"]


def _differentiate(g: Callable, order: int) -> Callable:
    for _ in range(order):
        g = jax.grad(g)
    return g


def _everywhere(g: Callable, x: Array) -> Array:
    """The scalar function at each element."""
    return jax.vmap(g)(x.reshape(-1)).reshape(x.shape)


def _simplex_rule(order: int) -> tuple[np.ndarray, np.ndarray]:
    """Gauss–Legendre nodes of ∫ over 1 ≥ t₁ ≥ … ≥ tₖ ≥ 0, as barycentric weights of x₀…xₖ."""
    num = {1: 8, 2: 8, 3: 5}.get(order, 3)
    x, weight = np.polynomial.legendre.leggauss(num)
    u = np.stack(np.meshgrid(*[(x + 1) / 2] * order, indexing="ij"), -1).reshape(-1, order)
    weights = np.stack(np.meshgrid(*[weight / 2] * order, indexing="ij"), -1).reshape(-1, order)
    # Duffy's map of the cube: tⱼ = u₁ … uⱼ, with the Jacobian Π uⱼ^(k−j).
    t = np.cumprod(u, axis=1)
    jacobian = np.prod(u ** np.arange(order - 1, -1, -1), axis=1)
    padded = np.concatenate([np.ones((len(t), 1)), t, np.zeros((len(t), 1))], axis=1)
    return padded[:, :-1] - padded[:, 1:], np.prod(weights, axis=1) * jacobian


def _divided(g: Callable, nodes: list[Array]) -> tuple[Array, Array]:
    """g[x₀, …, xₖ] for ascending nodes, and a bound on its error.

    The quotient of differences is taken unless the integral of the k-th derivative over the simplex
    (Hermite–Genocchi) agrees with it to within the quotient's own rounding: near coincidences the
    quotient's error grows without bound and the integral is exact, far apart it is the reverse,
    and at a kink of g between the nodes the two disagree.
    """
    eps, order = float(jnp.finfo(nodes[0].dtype).eps), len(nodes) - 1
    x, y = nodes[0], nodes[-1]

    def conditioned(z: Array) -> Array:
        slope = _everywhere(jax.grad(g), z)
        return jnp.where(z == 0, jnp.zeros_like(z), jnp.abs(z * slope))

    if order == 0:
        value = _everywhere(g, x)
        return value, eps * (jnp.abs(value) + conditioned(x))
    low, low_error = _divided(g, nodes[:-1])
    high, high_error = _divided(g, nodes[1:])
    same = x == y
    gap = jnp.where(same, jnp.ones_like(x), y - x)
    quotient, bar = (high - low) / gap, (high_error + low_error) / gap
    derivative = _differentiate(g, order)
    points, weights = _simplex_rule(order)

    def add(carry: tuple[Array, Array], rule: tuple[Array, Array]) -> tuple[tuple, None]:
        total, size = carry
        point, weight = rule
        # x + Σ λⱼ (xⱼ − x) keeps the nodes exactly on x where all of them coincide.
        moved = x + sum(point[j] * (nodes[j] - x) for j in range(order + 1))
        value = _everywhere(derivative, moved)
        return (total + weight * value, jnp.maximum(size, jnp.abs(value))), None

    rule = jnp.asarray(points, x.dtype), jnp.asarray(weights, x.dtype)
    (integral, size), _ = scan(add, (jnp.zeros_like(x), jnp.zeros_like(x)), rule)
    close = same | (jnp.abs(integral - quotient) <= 8 * bar)
    return jnp.where(close, integral, quotient), jnp.where(close, 4 * eps * size, bar)


def _tensor(g: Callable, w: Array, order: int) -> Array:
    """All divided differences of the given order, shape (n,)·(order + 1), for ascending w."""
    index = jnp.meshgrid(*[jnp.arange(w.shape[0])] * (order + 1), indexing="ij")
    ordered = jnp.sort(jnp.stack(index), axis=0)
    return _divided(g, [w[i] for i in ordered])[0]


def _evaluate(order: int, fn: Callable, w: Array, V: Array, *rest: Array) -> Array:
    """The k-th derivative for one matrix, from its eigenvalues and vectors."""
    g = lambda x: fn(x, *rest[order:])
    if order == 0:
        return matmul(V * _everywhere(g, w)[None, :], V.T)
    table = _tensor(g, w, order)
    hats = [matmul(V.T, matmul(E, V)) for E in rest[:order]]
    letters = "abcdefgh"[: order + 1]
    terms = ",".join([letters] + [letters[i : i + 2] for i in range(order)])
    path = f"{terms}->{letters[0]}{letters[-1]}"
    inner: Any = sum(einsum(path, table, *chosen) for chosen in permutations(hats))
    return matmul(V, matmul(inner, V.T))


# Operands: A (only its tangent is used), w and V (whose motion that tangent accounts for), the
# directions, then the data of fn; `batch` leading axes on all of them.
_spectral_p = Primitive("spectral_fn")


def _spectral(
    A: Array, w: Array, V: Array, *rest: Array, fn: Callable, order: int, batch: int
) -> Array:
    call = partial(_evaluate, order, fn)
    for _ in range(batch):
        call = jax.vmap(call)
    return call(w, V, *rest)


_spectral_p.def_impl(_spectral)
_spectral_p.def_abstract_eval(lambda A, *rest, **params: A.update(weak_type=False))
mlir.register_lowering(_spectral_p, mlir.lower_fun(_spectral, multiple_results=False))


def _along(fn: Callable, position: int, num: int) -> Callable:
    """∂fn/∂(its data at the position) · direction, the direction being one more datum."""

    def derivative(x: Array, *data: Array) -> Array:
        moved = lambda c: fn(x, *data[:position], c, *data[position + 1 : num])
        return jax.jvp(moved, (data[position],), (data[num],))[1]

    return derivative


def _spectral_jvp(
    primals: tuple, tangents: tuple, *, fn: Callable, order: int, batch: int
) -> tuple[Array, Any]:
    A, w, V, *rest = primals
    dA, _, _, *drest = tangents
    bind = partial(_spectral_p.bind, batch=batch)
    terms = []
    if type(dA) is not ad.Zero:
        directions = [*rest[:order], dA, *rest[order:]]
        terms.append(bind(A, w, V, *directions, fn=fn, order=order + 1))
    for i, tangent in enumerate(drest):
        if type(tangent) is ad.Zero:
            continue
        if i < order:
            moved = [*rest[:i], tangent, *rest[i + 1 :]]
            terms.append(bind(A, w, V, *moved, fn=fn, order=order))
        else:
            moved_fn = _along(fn, i - order, len(rest) - order)
            terms.append(bind(A, w, V, *rest, tangent, fn=moved_fn, order=order))
    value = bind(*primals, fn=fn, order=order)
    return value, sum(terms[1:], terms[0]) if terms else jnp.zeros_like(value)


def _spectral_transpose(
    ct: Any, A: Array, w: Array, V: Array, *rest: Any, fn: Callable, order: int, batch: int
) -> list:
    """⟨Y, Dᵏf[E₁…Eₖ]⟩ is symmetric in Y and all Eᵢ: in each Eᵢ the map is its own transpose."""
    cts: list = [None] * (3 + len(rest))
    i = next(i for i, x in enumerate(rest) if ad.is_undefined_primal(x))
    aval = rest[i].aval
    if type(ct) is ad.Zero:
        cts[3 + i] = ad.Zero(aval)
        return cts
    bind = partial(_spectral_p.bind, A, w, V, fn=fn, order=order, batch=batch)
    if i < order:
        cts[3 + i] = bind(*rest[:i], ct, *rest[i + 1 :])
        return cts
    # A direction of fn's data: its few components one by one.
    shape = aval.shape[batch:]
    basis = jnp.eye(int(np.prod(shape)), dtype=aval.dtype).reshape(-1, *([1] * batch), *shape)
    basis = jnp.broadcast_to(basis, (basis.shape[0], *aval.shape))
    parts = jax.vmap(lambda e: jnp.sum(bind(*rest[:i], e, *rest[i + 1 :]) * ct, axis=(-2, -1)))(
        basis
    )
    cts[3 + i] = jnp.moveaxis(parts, 0, -1).reshape(aval.shape)
    return cts


def _spectral_batch(args: tuple, dims: tuple, *, fn: Callable, order: int, batch: int) -> tuple:
    size = next(x.shape[d] for x, d in zip(args, dims, strict=True) if d is not None)
    moved = [
        jnp.broadcast_to(x, (size, *x.shape)) if d is None else jnp.moveaxis(x, d, 0)
        for x, d in zip(args, dims, strict=True)
    ]
    return _spectral_p.bind(*moved, fn=fn, order=order, batch=batch + 1), 0


ad.primitive_jvps[_spectral_p] = _spectral_jvp
ad.primitive_transposes[_spectral_p] = _spectral_transpose
batching.primitive_batchers[_spectral_p] = _spectral_batch


def _with_data(f: Callable, dtype: Any) -> tuple[Callable, list[Array]]:
    """f as a function of a scalar and of the arrays it closes over (a traced temperature, say)."""
    # A constant 1.0 has no dtype of its own.
    strong = lambda y: y.astype(dtype) if y.weak_type and jnp.isrealobj(y) else y
    own = lambda x: jax.tree.map(lambda y: strong(jnp.asarray(y)), f(x))
    closed = jax.make_jaxpr(own)(jax.ShapeDtypeStruct((), dtype))
    if [a.shape for a in closed.out_avals] != [()] or closed.out_avals[0].dtype != dtype:
        got = ", ".join(str(a) for a in closed.out_avals)
        raise ValueError(f"argument `f` must map a scalar to a scalar of {dtype}, got {got}")
    return lambda x, *data: jaxpr_as_fun(closed.replace(consts=list(data)))(x)[0], [
        jnp.asarray(c) for c in closed.consts
    ]


def _apply(fn: Callable, A: Array, data: Sequence[Array]) -> Array:
    """V fn(w) Vᵀ for an exactly symmetric A."""
    w, V = jnp.linalg.eigh(jax.lax.stop_gradient(A), symmetrize_input=False)
    return _spectral_p.bind(A, w, V, *data, fn=fn, order=0, batch=0)


def _odd(fn: Callable) -> Callable:
    """fn on x ≥ 0, continued to x < 0 as an odd function."""
    return lambda x, *data: jnp.where(x < 0, -fn(-x, *data), fn(x, *data))


def _block(A: Array) -> Array:
    """[[0, A], [Aᵀ, 0]], whose eigenvalues are ±sᵢ and zeros."""
    m, n = A.shape
    left = jnp.concatenate([jnp.zeros((m, m), A.dtype), A.T], axis=0)
    return jnp.concatenate([left, jnp.concatenate([A, jnp.zeros((n, n), A.dtype)])], axis=1)


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _on_singular_values(fn: Callable, A: Array, data: list[Array]) -> Array:
    """U fn(s) Vᵀ, thin."""
    U, s, Vh = jnp.linalg.svd(A, full_matrices=False)
    return matmul(U * _everywhere(lambda x: fn(x, *data), s)[None, :], Vh)


def _moves(tangent: Any) -> bool:
    return not isinstance(tangent, SymbolicZero)


def _on_singular_values_jvp(fn: Callable, primals: tuple, tangents: tuple) -> tuple:
    (A, data), (dA, ddata) = primals, tangents
    moving = [i for i, t in enumerate(ddata) if _moves(t)]

    def whole(A: Array, *some: Array) -> Array:
        values = [some[moving.index(i)] if i in moving else c for i, c in enumerate(data)]
        return _apply(_odd(fn), _block(A), values)[: A.shape[0], A.shape[0] :]

    dA = dA if _moves(dA) else jnp.zeros_like(A)
    points, directions = [data[i] for i in moving], [ddata[i] for i in moving]
    tangent = jax.jvp(whole, (A, *points), (dA, *directions))[1]
    return _on_singular_values(fn, A, data), tangent


_on_singular_values.defjvp(_on_singular_values_jvp, symbolic_zeros=True)


def _check(f: Callable, A: ArrayLike, of: str) -> Array:
    if not callable(f):
        raise TypeError(f"argument `f` must be callable, got {type(f).__name__}")
    if of not in ("eigenvalues", "singular_values"):
        raise ValueError(f"argument `of` must be 'eigenvalues' or 'singular_values', got {of!r}")
    A = _precise_matrix("A", A, kind="floating")
    if of == "eigenvalues" and A.shape[0] != A.shape[1]:
        raise ValueError(f"argument `A` must be square for eigenvalues, got shape {A.shape}")
    return (A + A.T) / 2 if of == "eigenvalues" else A


def spectral_fn(f: Callable[[Array], Array], A: ArrayLike, *, of: Of = "eigenvalues") -> Array:
    """A function of a symmetric matrix on its eigenvalues, or of any matrix on its singular values.

    ::

        f(A) = V f(w) Vᵀ  for A = V diag(w) Vᵀ,      or  U f(s) Vᵀ  for A = U diag(s) Vᵀ
        Df(A)[E] = V (f[wᵢ, wⱼ] ∘ VᵀEV) Vᵀ,   f[x, y] = (f(x) − f(y))/(x − y),   f[x, x] = f'(x)

    Args:
      f: from a real scalar to a real scalar, as ``jnp.exp``; what it closes over may be traced and
        differentiated.
      A: matrix, shape (n, n) for eigenvalues (its symmetric part counts), (m, n) for singular
        values.
      of: "eigenvalues" or "singular_values".

    Returns:
      A matrix of the shape and dtype of ``A``; for eigenvalues it is symmetric.

    Raises:
      TypeError: ``f`` is not callable, or ``A`` is complex.
      ValueError: ``A`` is no matrix, is empty or not square, or ``f`` returns no scalar.

    Numerics:
      Backward stable: f of a matrix within a few n·eps·‖A‖ of A. Derivatives of every order, both
      modes, also where values coincide: near a coincidence the divided difference is the integral
      of f' (Gauss–Legendre, eight nodes) wherever that agrees with the quotient to within the
      quotient's rounding, so its error is at most about 9·eps·(|f(x)| + |x f'(x)|)/|x − y| (and a
      few eps as x → y) for an f that is smooth at the distance |x − y|. Singular set: eigenvalues
      where f is not smooth, repeated ones give f' as jax has it. For singular values f is
      continued to negative values as an odd function; where that is not smooth at 0 (f(0) ≠ 0) a
      singular value 0 is in the singular set. NaN in A gives NaN. Cost O(n³), for derivatives of
      order k O(n³ + nᵏ⁺¹); derivatives in singular values work on a matrix of size m + n.

    Example:
      >>> print([f"{v:.4f}" for v in spectral_fn(jnp.exp, 2.0 * jnp.eye(2))[0]])
      ['7.3891', '0.0000']
      >>> E = jnp.array([[0.0, 1.0], [1.0, 0.0]])
      >>> _, tangent = jax.jvp(lambda A: spectral_fn(jnp.exp, A), (2.0 * jnp.eye(2),), (E,))
      >>> f"{tangent[0, 1]:.4f}"
      '7.3891'

    References:
      N. J. Higham, "Functions of Matrices", 2008, theorem 3.11 and appendix B.16.
      Yu. L. Daleckii and S. G. Krein, "Integration and differentiation of functions of Hermitian
      operators", 1965.
    """
    A = _check(f, A, of)
    fn, data = _with_data(f, A.dtype)
    if of == "singular_values":
        return _on_singular_values(fn, A, data)
    return _apply(fn, A, data)


@partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def _sum(fn: Callable, of: str, A: Array, data: list[Array]) -> Array:
    if of == "eigenvalues":
        values = jnp.linalg.eigh(A, symmetrize_input=False)[0]
    else:
        values = jnp.linalg.svd(A, compute_uv=False, full_matrices=False)
    return jnp.sum(_everywhere(lambda x: fn(x, *data), values))


def _sum_jvp(fn: Callable, of: str, primals: tuple, tangents: tuple) -> tuple[Array, Array]:
    """d Σ f = ⟨f'(A), dA⟩ + Σ ∂f/∂data, the gradient f'(A) being a spectral function again."""
    (A, data), (dA, ddata) = primals, tangents
    tangent = jnp.zeros((), A.dtype)
    if _moves(dA):
        matrix_fn = _apply if of == "eigenvalues" else _on_singular_values
        gradient = matrix_fn(lambda x, *data: jax.grad(fn)(x, *data), A, data)
        tangent = tangent + jnp.sum(gradient * dA)
    for i, direction in enumerate(ddata):
        if _moves(direction):
            basis = jnp.eye(direction.size, dtype=direction.dtype)
            basis = basis.reshape(direction.size, *direction.shape)
            moved_fn = _along(fn, i, len(data))
            parts = jax.vmap(lambda e, g=moved_fn: _sum(g, of, A, [*data, e]))(basis)
            tangent = tangent + jnp.sum(parts * direction.reshape(-1))
    return _sum(fn, of, A, data), tangent


_sum.defjvp(_sum_jvp, symbolic_zeros=True)


def spectral_sum(f: Callable[[Array], Array], A: ArrayLike, *, of: Of = "eigenvalues") -> Array:
    """The sum of f over the eigenvalues of a symmetric matrix, or over singular values.

    ::

        Σᵢ f(wᵢ) = tr f(A),   ∇ = V f'(w) Vᵀ;      Σᵢ f(sᵢ),   ∇ = U f'(s) Vᵀ

    Args:
      f: from a real scalar to a real scalar; what it closes over may be traced and differentiated.
      A: matrix, shape (n, n) for eigenvalues (its symmetric part counts), (m, n) for singular
        values.
      of: "eigenvalues" or "singular_values".

    Returns:
      A scalar of the dtype of ``A``.

    Raises:
      TypeError: ``f`` is not callable, or ``A`` is complex.
      ValueError: ``A`` is no matrix, is empty or not square, or ``f`` returns no scalar.

    Numerics:
      |error| ≤ Σ |f'(wᵢ)| · a few n·eps·‖A‖. Derivatives of every order, both modes, also at
      repeated values, as in ``spectral_fn``. Singular set: values where f is not smooth; for
      singular values also sᵢ = 0 unless the even continuation of f is smooth there (f = s² is, the
      nuclear norm f = s is not: one of its subgradients). NaN in A gives NaN. Cost O(n³).

    Example:
      >>> H = jax.hessian(lambda A: spectral_sum(jnp.square, A, of="singular_values"))(jnp.eye(2))
      >>> print([f"{v:.1f}" for v in jnp.diagonal(H.reshape(4, 4))])
      ['2.0', '2.0', '2.0', '2.0']

    References:
      A. S. Lewis, "Derivatives of spectral functions", 1996, theorem 1.1.
    """
    A = _check(f, A, of)
    fn, data = _with_data(f, A.dtype)
    return _sum(fn, of, A, data)
