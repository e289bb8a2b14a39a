"""Backpropagation through time by hand, and how the gradient fares on its way back.

An Elman network hₜ = tanh(zₜ), zₜ = xₜ W_x + hₜ₋₁ W_h + b, with eₜ = ∂loss/∂yₜ of each output
yₜ = hₜ by itself, has the total λₜ = ∂loss/∂hₜ and the errors δₜ = ∂loss/∂zₜ by four equations:

    (T1)  λ_T = e_T,   λₜ = eₜ + W_h δₜ₊₁         for t = T − 1, …, 1, and λ₀ = W_h δ₁
    (T2)  δₜ = λₜ ⊙ (1 − hₜ²)
    (T3)  ∂loss/∂[W_x; W_h] = Σₜ [xₜ; hₜ₋₁] δₜᵀ,   ∂loss/∂b = Σₜ δₜ
    (T4)  ∂loss/∂xₜ = W_x δₜ
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxmath import linalg, nn
from jaxmath._compiled import compiled
from jaxmath._loops import scan
from jaxmath.numerics import safe_norm
from jaxmath.typing import Array, ArrayLike, PyTree, as_array

__all__ = ["elman_backward", "gradient_norms", "lstm_backward", "spectral_radius"]


def _before(first: Array, states: Array) -> Array:
    """s₀, …, s_{T−1}."""
    return jnp.concatenate([first[None], states])[:-1]


@compiled
def elman_backward(
    params: nn.Elman, carry: ArrayLike, x: ArrayLike, output_errors: ArrayLike
) -> tuple[nn.Elman, Array, Array]:
    """The gradient of an Elman network by backpropagation through time.

    ::

        λₜ = eₜ + W_h δₜ₊₁,   δₜ = λₜ ⊙ (1 − hₜ²)
        ∂loss/∂[W_x; W_h] = Σₜ [xₜ; hₜ₋₁] δₜᵀ,   ∂loss/∂b = Σₜ δₜ

    Args:
      params: [W_x; W_h], shape (d + h, h), and b.
      carry: h₀, shape (h,).
      x: the sequence, shape (T, d).
      output_errors: eₜ = ∂loss/∂yₜ, shape (T, h): the gradient at each output by itself.

    Returns:
      The gradients with respect to the parameters, h₀ and x, as ``jax.grad`` gives them.

    Numerics:
      Equal to ``jax.grad`` of the loss of ``nn.run_cell`` with ``nn.elman_cell`` within rounding.
      All products but the two recurrent ones are taken at once over all steps. Cost: about twice
      the forward pass.

    Example:
      >>> params = nn.Elman(jnp.zeros((2, 1)), jnp.zeros(1))
      >>> gradient, _, _ = elman_backward(params, jnp.zeros(1), jnp.ones((3, 1)), jnp.ones((3, 1)))
      >>> print(gradient.kernel.T, gradient.bias)
      [[3. 0.]] [3.]

    References:
      P. J. Werbos, "Backpropagation through time: what it does and how to do it", 1990.
      I. Goodfellow, Y. Bengio, A. Courville, "Deep Learning", 2016, equations (10.18) to (10.28).
    """
    first = as_array("carry", carry, ndim=1)
    x = as_array("x", x, ndim=2)
    errors = as_array("output_errors", output_errors, shape=(x.shape[0], first.shape[0]))
    _, states = nn.run_cell(nn.elman_cell, params, first, x)
    W_x, W_h = params.kernel[: x.shape[1]], params.kernel[x.shape[1] :]

    def back(total: Array, step: tuple[Array, Array]) -> tuple[Array, Array]:
        error, h = step
        delta = (error + total) * (1 - h**2)  # (T1), (T2)
        return jnp.dot(W_h, delta), delta

    last, deltas = scan(back, jnp.zeros_like(first), (errors, states), reverse=True)
    inputs = jnp.concatenate([x, _before(first, states)], axis=1)
    gradient = nn.Elman(jnp.dot(inputs.T, deltas), jnp.sum(deltas, axis=0))  # (T3)
    return gradient, last, jnp.dot(deltas, W_x.T)  # (T4)


@compiled
def lstm_backward(
    params: nn.LSTM, carry: tuple[ArrayLike, ArrayLike], x: ArrayLike, output_errors: ArrayLike
) -> tuple[nn.LSTM, tuple[Array, Array], Array]:
    """The gradient of an LSTM by backpropagation through time.

    ::

        ∂loss/∂hₜ = λₜ = eₜ + W_h δₜ₊₁,   ∂loss/∂cₜ = μₜ = μₜ₊₁ ⊙ fₜ₊₁ + λₜ ⊙ oₜ ⊙ (1 − tanh² cₜ)
        δⁱ = μ ⊙ g ⊙ i(1 − i),   δᶠ = μ ⊙ cₜ₋₁ ⊙ f(1 − f)
        δᵍ = μ ⊙ i ⊙ (1 − g²),   δᵒ = λ ⊙ tanh c ⊙ o(1 − o)
        ∂loss/∂[W_x; W_h] = Σₜ [xₜ; hₜ₋₁] δₜᵀ,   ∂loss/∂b = Σₜ δₜ

    Args:
      params: [W_x; W_h], shape (d + h, 4, h), and b, shape (4, h).
      carry: (c₀, h₀), both of shape (h,).
      x: the sequence, shape (T, d).
      output_errors: eₜ = ∂loss/∂yₜ, shape (T, h).

    Returns:
      The gradients with respect to the parameters, (c₀, h₀) and x.

    Numerics:
      Equal to ``jax.grad`` of the loss of ``nn.run_cell`` with ``nn.lstm_cell`` within rounding.
      The memory's error μ goes back through the forget gates alone: no matrix multiplies it.

    Example:
      >>> params = nn.LSTM(jnp.zeros((2, 4, 1)), jnp.zeros((4, 1)))
      >>> carry, x = (jnp.zeros(1), jnp.zeros(1)), jnp.ones((2, 1))
      >>> gradient, _, _ = lstm_backward(params, carry, x, jnp.ones((2, 1)))
      >>> print(gradient.bias.ravel())
      [0.    0.    0.625 0.   ]

    References:
      K. Greff, R. K. Srivastava, J. Koutník, B. R. Steunebrink, J. Schmidhuber, "LSTM: a search
      space odyssey", 2017, appendix A.
    """
    c0, h0 = as_array("carry[0]", carry[0], ndim=1), as_array("carry[1]", carry[1], ndim=1)
    x = as_array("x", x, ndim=2)
    errors = as_array("output_errors", output_errors, shape=(x.shape[0], h0.shape[0]))

    def forward(state: tuple[Array, Array], x: Array) -> tuple[Any, Any]:
        state, _ = nn.lstm_cell(params, state, x)
        return state, state

    _, (c, h) = scan(forward, (c0, h0), x)
    before = _before(c0, c)
    inputs = jnp.concatenate([x, _before(h0, h)], axis=1)
    z = jnp.tensordot(inputs, params.kernel, 1) + params.bias[None]
    i, f, o = (nn.sigmoid(z[:, gate]) for gate in (0, 1, 3))
    g, squashed = jnp.tanh(z[:, 2]), jnp.tanh(c)
    slopes = jnp.stack(
        [g * i * (1 - i), before * f * (1 - f), i * (1 - g**2), squashed * o * (1 - o)], axis=1
    )
    W_h = params.kernel[x.shape[1] :]

    def back(state: tuple[Array, Array], step: tuple[Array, ...]) -> tuple[Any, Array]:
        (memory, hidden), (error, f, through, slopes) = state, step
        hidden = error + hidden
        memory = memory + hidden * through
        delta = slopes * jnp.stack([memory, memory, memory, hidden])
        return (memory * f, jnp.tensordot(W_h, delta, 2)), delta

    zeros = (jnp.zeros_like(c0), jnp.zeros_like(h0))
    steps = (errors, f, o * (1 - squashed**2), slopes)
    last, deltas = scan(back, zeros, steps, reverse=True)
    gradient = nn.LSTM(jnp.tensordot(inputs.T, deltas, 1), jnp.sum(deltas, axis=0))
    return gradient, last, jnp.tensordot(deltas, params.kernel[: x.shape[1]], ((1, 2), (1, 2)))


@compiled
def gradient_norms(
    cell: Callable, params: PyTree, carry: PyTree, x: ArrayLike, output_error: ArrayLike
) -> Array:
    """How large the gradient of the last output is at every earlier state.

    ::

        gₜ = ‖∂(e · y_T)/∂sₜ‖ for t < T,   g_T = ‖e‖
        gₜ ≤ ‖W_h‖₂ gₜ₊₁ for an Elman cell: below 1 it vanishes at least that fast

    Args:
      cell: ``cell(params, carry, x) -> (carry, y)``.
      params: the cell's parameters.
      carry: s₀.
      x: the sequence, shape (T, d), of at least one step.
      output_error: e = ∂loss/∂y_T, of the shape of one output.

    Returns:
      (g₀, …, g_T), shape (T + 1,). Of a state with several parts (an LSTM's memory and output) the
      norm is over all of them; a clockwork's time has no part in it.

    Numerics:
      One reverse pass. A vanished gradient of 0 has the derivative 0. Outside jit the program is
      kept for the function object ``cell``, with what that closes over.

    Example:
      >>> params = nn.Elman(jnp.array([[0.0], [0.5]]), jnp.zeros(1))
      >>> zero, one = jnp.zeros(1), jnp.ones(1)
      >>> print(gradient_norms(nn.elman_cell, params, zero, jnp.zeros((3, 1)), one))
      [0.125 0.25  0.5   1.   ]

    References:
      R. Pascanu, T. Mikolov, Y. Bengio, "On the difficulty of training recurrent neural networks",
      2013, equations (5) to (7).
    """
    x = as_array("x", x, ndim=2, min_size=1)
    error = as_array("output_error", output_error)
    carry = jax.tree.map(jnp.asarray, carry)

    def shift_for(leaf: Array) -> Array:
        real = jnp.issubdtype(leaf.dtype, jnp.inexact)
        return jnp.zeros((x.shape[0], *leaf.shape), leaf.dtype if real else error.dtype)

    def shifted(leaf: Array, shift: Array) -> Array:
        return leaf + shift if leaf.dtype == shift.dtype else leaf

    def total(shifts: PyTree) -> Array:
        def step(carry: PyTree, inputs: tuple[Array, PyTree]) -> tuple[PyTree, Any]:
            return cell(params, jax.tree.map(shifted, carry, inputs[1]), inputs[0])

        return jnp.sum(error * scan(step, carry, (x, shifts))[1][-1])

    gradient = jax.tree.leaves(jax.grad(total)(jax.tree.map(shift_for, carry)))
    flat = jnp.concatenate([leaf.reshape(x.shape[0], -1) for leaf in gradient], axis=1)
    return jnp.concatenate([jax.vmap(safe_norm)(flat), safe_norm(error)[None]])


def spectral_radius(kernel: ArrayLike) -> Array:
    """The largest modulus of the eigenvalues of a recurrent kernel.

    ::

        ρ(W_h) = max |λᵢ(W_h)|;   ‖W_hᵗ‖^{1/t} → ρ: above 1 linear states explode, below they fade

    Args:
      kernel: [W_x; W_h], shape (d + h, h), of an Elman cell, or W_h itself: the last h rows count.

    Returns:
      ρ, a real scalar.

    Numerics:
      Eigenvalues by ``linalg.eigvals``; its derivative holds where the largest is simple.

    Example:
      >>> f"{spectral_radius(jnp.array([[9.0, 9.0], [0.0, 2.0], [-0.5, 0.0]])):.3f}"
      '1.000'

    References:
      R. Pascanu, T. Mikolov, Y. Bengio, "On the difficulty of training recurrent neural networks",
      2013, section 2.1.
    """
    kernel = as_array("kernel", kernel, ndim=2)
    rows, h = kernel.shape
    if rows < h:
        raise ValueError(
            f"spectral_radius: argument `kernel` must have at least {h} rows, got shape {(rows, h)}"
        )
    return jnp.max(jnp.abs(linalg.eigvals(kernel[rows - h :])))
