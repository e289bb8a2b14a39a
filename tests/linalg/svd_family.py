"""What the tests of the SVD family share: the accuracy list and derivatives by differences."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import scipy.linalg as sl

from jaxmath.numerics import dot

EPS = {"float32": float(np.finfo(np.float32).eps), "float64": float(np.finfo(np.float64).eps)}


def accuracy_list(n: int = 8) -> dict[str, np.ndarray]:
    """The matrices of the chapter's accuracy list, n×n in float64."""
    rng = np.random.default_rng(0)
    random = rng.normal(size=(n, n))
    index = np.arange(n)
    s, c = np.sin(1.2), np.cos(1.2)
    kahan = np.diag(s**index) @ (np.eye(n) - c * np.triu(np.ones((n, n)), 1))
    frank = np.array([[n - max(i, j) if j >= i - 1 else 0 for j in index] for i in index], float)
    wilkinson = np.diag(np.abs(index - (n - 1) / 2)) + np.eye(n, k=1) + np.eye(n, k=-1)
    grcar = sum(np.eye(n, k=k) for k in range(4)) - np.eye(n, k=-1)
    nearly = random.copy()
    nearly[:, -1] = nearly[:, 0] * (1 + 1e-12)
    orthogonal = np.linalg.qr(random)[0]
    return {
        "random": random,
        "graded": np.diag(np.logspace(0, -12, n)) @ random,
        "nearly singular": nearly,
        "hilbert": sl.hilbert(n),
        "vandermonde": np.vander(np.linspace(0, 1, n)),
        "kahan": kahan,
        "frank": frank,
        "wilkinson": wilkinson,
        "grcar": grcar,
        "companion": sl.companion(np.poly(index + 1.0)),
        "repeated": orthogonal @ np.diag([3.0] * 4 + [1.0] * (n - 4)) @ orthogonal.T,
        "defective": np.eye(n) + np.eye(n, k=1),
        "rank one": np.ones((n, n)),
        "identity": np.eye(n),
        "zero": np.zeros((n, n)),
        "1e-30": 1e-30 * random,
        "1e30": 1e30 * random,
    }


def stacked(dtype: str) -> tuple[list[str], jax.Array, np.ndarray]:
    """Names, the list as one batch of the dtype, and the same numbers in float64."""
    members = accuracy_list()
    batch = jnp.asarray(np.stack(list(members.values())), dtype)
    return list(members), batch, np.asarray(batch, np.float64)


def derivative_errors(f, A, *data, seed=0, direction=lambda E: E):
    """Errors of the first and second derivatives of f at A, forward and reverse, and in float32.

    Further arrays are data of f; one f has one program for all points of a shape.

    The first against Richardson differences of f along a direction E, the second against those of
    the first along H; reverse against forward; float32 against float64. All relative to the size
    of the derivative, at least 1.
    """
    rng = np.random.default_rng(seed)
    A, E, H = (jnp.asarray(M) for M in (A, *(direction(rng.normal(size=A.shape)) for _ in "EH")))
    Y = jnp.asarray(rng.normal(size=jax.eval_shape(f, A, *data).shape))
    run, data = _program(f), tuple(jnp.asarray(x) for x in data)
    _, first, reverse, second, reverse_second = run(A, E, H, Y, *data)
    h = 1e-4

    def difference(component, step):
        at = lambda t: np.asarray(run(A + t * step, E, H, Y, *data)[component])
        return (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h)

    size1, size2 = (max(1.0, float(jnp.max(jnp.abs(d)))) for d in (first, second))
    low = run(*(x.astype(jnp.float32) for x in (A, E, H, Y, *data)))
    gap = lambda a, b, size: float(np.max(np.abs(np.asarray(a) - np.asarray(b)))) / size
    return {
        "first": gap(first, difference(0, E), size1),
        "reverse": gap(reverse, jnp.sum(Y * first), size1),
        "second": gap(second, difference(1, H), size2),
        "reverse second": gap(reverse_second, jnp.sum(Y * second), size2),
        "float32": max(gap(low[1], first, size1), gap(low[3], second, size2)),
    }


@functools.lru_cache(16)
def _program(f):
    @jax.jit
    def derivatives(A, E, H, Y, *data):
        weigh = lambda u, v: dot(u.reshape(-1), v.reshape(-1))
        first = lambda A: jax.jvp(lambda A: f(A, *data), (A,), (E,))[1]
        gradient = jax.grad(lambda A: weigh(Y, f(A, *data)))
        tangent, second = jax.jvp(first, (A,), (H,))
        slope, reverse = jax.value_and_grad(lambda A: weigh(gradient(A), E))(A)
        return f(A, *data), tangent, slope, second, weigh(reverse, H)

    return derivatives


def assert_derivatives(f, A, *data, **options):
    """Both derivatives to 1e-6 in float64 and to 2e-3 in float32."""
    errors = derivative_errors(f, A, *data, **options)
    low = errors.pop("float32")
    assert max(errors.values()) <= 1e-6, errors
    assert low <= 2e-3, low
