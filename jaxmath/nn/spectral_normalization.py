"""Spectral normalization: a kernel divided by its largest singular value, which it learns to know.

The singular vectors are a state that one step of power iteration a training step keeps up to date,
as a kernel moves slowly. A convolution's kernel counts as the matrix of shape (out, H·W·in).
"""

from typing import NamedTuple

import jax.numpy as jnp
from jax import lax

from jaxmath._compiled import compiled
from jaxmath._draws import normal, wide_dtype
from jaxmath._loops import fori_loop
from jaxmath.numerics import dot, matmul, safe_divide, safe_norm
from jaxmath.typing import Array, ArrayLike, as_array, as_key, check_number

__all__ = [
    "SpectralNormState",
    "spectral_norm_apply",
    "spectral_norm_init",
    "spectral_norm_train",
]


class SpectralNormState(NamedTuple):
    """Estimates of the first singular vectors, left u of shape (out,) and right v, (H·W·in,)."""

    u: Array
    v: Array


def _as_matrix(kernel: Array) -> Array:
    """W of shape (out, H·W·in), in the dtype of sums."""
    return kernel.reshape(-1, kernel.shape[-1]).T.astype(wide_dtype(kernel.dtype))


def _unit(x: Array, otherwise: Array) -> Array:
    norm = safe_norm(x)
    return jnp.where(norm == 0, otherwise, x / jnp.where(norm == 0, 1.0, norm))


def _iterate(state: SpectralNormState, W: Array, num_steps: int) -> SpectralNormState:
    W = lax.stop_gradient(W)

    def step(_: Array, state: SpectralNormState) -> SpectralNormState:
        v = _unit(matmul(W.T, state.u), state.v)
        return SpectralNormState(_unit(matmul(W, v), state.u), v)

    return fori_loop(0, num_steps, step, lax.stop_gradient(state))


def _as_state(state: SpectralNormState, W: Array) -> SpectralNormState:
    u = as_array("state.u", state.u, shape=(W.shape[0],)).astype(W.dtype)
    return SpectralNormState(u, as_array("state.v", state.v, shape=(W.shape[1],)).astype(W.dtype))


def _divided(state: SpectralNormState, W: Array, kernel: Array) -> Array:
    u, v = lax.stop_gradient(state)
    sigma = dot(u, matmul(W, v))
    # Over σ itself first: the quotient's derivative −x/σ² would leave the range.
    size = lax.stop_gradient(jnp.where(sigma == 0, jnp.ones_like(sigma), jnp.abs(sigma)))
    return safe_divide(kernel.astype(W.dtype) / size, sigma / size).astype(kernel.dtype)


@compiled
def spectral_norm_init(key: Array, kernel: ArrayLike, *, num_steps: int = 15) -> SpectralNormState:
    """The start of a spectral normalization: singular vectors by power iteration from a random one.

    ::

        u ~ N(0, I)/‖·‖;   then num_steps times  v ← Wᵀu/‖Wᵀu‖,   u ← W v/‖W v‖

    Args:
      key: a random key.
      kernel: the kernel, shape (in, out), or (H, W, in, out) for a convolution.
      num_steps: steps of the power iteration, at least 1.

    Returns:
      The state, float32 for half precisions.

    Numerics:
      The error of σ = uᵀWv falls by (σ₂/σ₁)⁴ a step. A kernel of zeros leaves v = e₁. Gradient 0.
      Cost: two products with the kernel a step.

    Example:
      >>> W = jnp.diag(jnp.array([3.0, 1.0]))
      >>> state = spectral_norm_init(jax.random.key(0), W)
      >>> f"{state.u @ W.T @ state.v:.4f}"
      '3.0000'

    References:
      T. Miyato, T. Kataoka, M. Koyama, Y. Yoshida, "Spectral normalization for generative
      adversarial networks", 2018, appendix A.
    """
    key = as_key("key", key)
    kernel = as_array("kernel", kernel, ndim=(2, 3, 4, 5), min_size=1)
    check_number("num_steps", num_steps, low=1, integer=True)
    W = _as_matrix(kernel)
    first = jnp.zeros(W.shape[0], W.dtype).at[0].set(1.0)
    u = _unit(normal(key, (W.shape[0],), W.dtype), first)
    return _iterate(
        SpectralNormState(u, jnp.zeros(W.shape[1], W.dtype).at[0].set(1.0)), W, num_steps
    )


@compiled
def spectral_norm_train(
    state: SpectralNormState, kernel: ArrayLike, *, num_steps: int = 1
) -> tuple[Array, SpectralNormState]:
    """The kernel divided by its spectral norm, and the singular vectors after a step.

    ::

        v ← Wᵀu/‖Wᵀu‖,   u ← W v/‖W v‖,   σ = uᵀ W v,   W̄ = W/σ
        dW̄ = (dW − ⟨u vᵀ, dW⟩ W̄)/σ        (u and v are held)

    Args:
      state: the singular vectors so far.
      kernel: the kernel, shape (in, out), or (H, W, in, out) for a convolution.
      num_steps: steps of the power iteration, at least 1 (PyTorch's ``n_power_iterations``).

    Returns:
      The kernel of norm 1, of the shape and dtype of ``kernel``, and the new state, in float32 for
      half precisions.

    Numerics:
      σ ≤ σ₁ from below: the norm of W̄ is at least 1 and tends to 1. The gradient is the paper's,
      the exact one where u and v have converged to a simple singular value. Singular set {σ = 0}:
      a kernel of zeros stays 0, with derivative 0 and the old vectors. Float32 products at full
      precision. Cost: two products of a matrix and a vector a step, and one more.

    Example:
      >>> W = jnp.diag(jnp.array([3.0, 1.0]))
      >>> state = spectral_norm_init(jax.random.key(0), W)
      >>> print([f"{w:.4f}" for w in jnp.diagonal(spectral_norm_train(state, W)[0])])
      ['1.0000', '0.3333']

    References:
      T. Miyato, T. Kataoka, M. Koyama, Y. Yoshida, "Spectral normalization for generative
      adversarial networks", 2018, equations (8), (11), (12) and algorithm 1.
    """
    kernel = as_array("kernel", kernel, ndim=(2, 3, 4, 5), min_size=1)
    check_number("num_steps", num_steps, low=1, integer=True)
    W = _as_matrix(kernel)
    state = _iterate(_as_state(state, W), W, num_steps)
    return _divided(state, W, kernel), state


def spectral_norm_apply(state: SpectralNormState, kernel: ArrayLike) -> Array:
    """The kernel divided by the spectral norm that its state knows: in evaluation.

    ::

        W̄ = W/σ,   σ = uᵀ W v;   dW̄ = (dW − ⟨u vᵀ, dW⟩ W̄)/σ

    Args:
      state: the singular vectors, which are held.
      kernel: the kernel, shape (in, out), or (H, W, in, out) for a convolution.

    Returns:
      A kernel of the shape and dtype of ``kernel``.

    Numerics:
      As ``spectral_norm_train`` without its step: the state must belong to this kernel. σ = 0
      gives 0 with derivative 0. Cost: one product of a matrix and a vector.

    Example:
      >>> state = SpectralNormState(u=jnp.array([1.0, 0.0]), v=jnp.array([1.0, 0.0]))
      >>> W = spectral_norm_apply(state, jnp.diag(jnp.array([4.0, 1.0])))
      >>> print(jnp.diagonal(W))
      [1.   0.25]

    References:
      T. Miyato, T. Kataoka, M. Koyama, Y. Yoshida, "Spectral normalization for generative
      adversarial networks", 2018, equation (8).
    """
    kernel = as_array("kernel", kernel, ndim=(2, 3, 4, 5), min_size=1)
    W = _as_matrix(kernel)
    return _divided(_as_state(state, W), W, kernel)
