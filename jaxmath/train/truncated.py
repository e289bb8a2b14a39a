"""Truncated backpropagation through time as a step of the engine."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax import lax

from jaxmath.numerics import safe_divide
from jaxmath.train._checks import check_function, check_optimizer
from jaxmath.train.state import TrainState
from jaxmath.train.step import Batch, Metrics, Step, check_differentiable, updated
from jaxmath.typing import Array, PyTree, as_array, check_number

__all__ = ["truncated_step"]


def _chunks(a: Array, size: int) -> Array:
    """(n, T, …) as (T/size, n, size, …)."""
    return jnp.moveaxis(a.reshape(a.shape[0], -1, size, *a.shape[2:]), 1, 0)


def _check_chunks(batch: Batch, n: int, size: int) -> None:
    """One line about sequences that are not all of the same length, a multiple of the chunks'."""
    shapes = {jnp.shape(leaf) for leaf in jax.tree.leaves((batch.x, batch.y))}
    length = max((shape[1] for shape in shapes if len(shape) > 1), default=0)
    if {shape[:2] for shape in shapes} != {(n, length)}:
        raise ValueError(
            "truncated_step: argument `batch` must have x and y of shape (n, T, …) for its n "
            f"weights, got shapes {sorted(shapes)} for {n}"
        )
    if length % size or not length:
        raise ValueError(
            f"truncated_step: argument `chunk_size` must divide the steps, got {size} for lengths "
            f"[{length}]"
        )


def truncated_step(
    run_fn: Callable[[PyTree, PyTree, Any], tuple[PyTree, Any]],
    carry_fn: Callable[[PyTree], PyTree],
    loss_fn: Callable[[Any, Any], Array],
    optimizer: optax.GradientTransformation,
    *,
    chunk_size: int,
) -> Step:
    """A step that walks along its sequences in chunks: the state goes on, the gradient stops.

    ::

        for j = 1, …, T/τ:   (sⱼ, y) = run(θ, stop_gradient(sⱼ₋₁), x of chunk j),   s₀ = carry_fn(θ)
                             θ ← θ + update(∇ Σᵢ wᵢ meanₜ ℓ(yᵢₜ, targetᵢₜ) / Σᵢ wᵢ)

    Args:
      run_fn: ``run_fn(params, carry, x) -> (carry, y)`` along one piece of one sequence, such as
        ``models.rnn.run`` with its config bound.
      carry_fn: from the parameters to s₀ of one sequence, such as ``nn.initial_carry`` of layers.
      loss_fn: ``loss_fn(y, target)``, a floating scalar for one time step.
      optimizer: an optax transformation that needs gradients and parameters alone; clipping is
        optax's (``optax.clip_by_global_norm``).
      chunk_size: τ, which divides T: how far a gradient goes back.

    Returns:
      ``step(state, batch, key) -> (state, metrics)`` for a TrainState and a ``Batch`` with x and y
      of shape (n, T, …): whole sequences, so that the engine may shuffle them. T/τ updates a step,
      each counted in ``state.step``; ``loss`` is the mean over the chunks, each before its update.

    Raises:
      TypeError: an argument is not of its kind; the step: a loss of no floating dtype, an optimizer
        that asks for more.
      ValueError: the step: τ does not divide T, x and y are not of the same n and T, or a loss is
        no scalar.

    Numerics:
      With τ = T this is backpropagation through the whole sequence. Weights as in
      ``supervised_step``. Memory: one chunk's activations, whatever T.

    Example:
      >>> from jaxmath.train import init_state
      >>> run = lambda w, s, x: (s + x[-1, 0], w * x)
      >>> step = truncated_step(run, lambda w: jnp.array(0.0), lambda y, t: (y[0] - t) ** 2,
      ...                       optax.sgd(0.25), chunk_size=1)
      >>> state = init_state(jax.random.key(0), jnp.array(0.0), optimizer=optax.sgd(0.25))
      >>> batch = Batch(jnp.ones((1, 2, 1)), jnp.ones((1, 2)), jnp.ones(1))
      >>> state, metrics = step(state, batch, jax.random.key(1))
      >>> f"{state.params:.2f} {metrics['loss']:.3f} {state.step}"
      '0.75 0.625 2'

    References:
      R. J. Williams, J. Peng, "An efficient gradient-based algorithm for on-line training of
      recurrent network trajectories", 1990, section 3, BPTT(h; h').
    """
    check_number("chunk_size", chunk_size, low=1, integer=True)
    for name, fn in (("run_fn", run_fn), ("carry_fn", carry_fn), ("loss_fn", loss_fn)):
        check_function("truncated_step", name, fn)
    check_optimizer("truncated_step", optimizer)

    def total(params: PyTree, carry: PyTree, x: Any, y: Any, weight: Array) -> tuple[Array, PyTree]:
        carry, outputs = jax.vmap(run_fn, in_axes=(None, 0, 0))(params, carry, x)
        losses = jax.vmap(jax.vmap(loss_fn))(outputs, y)
        what = "truncated_step: `loss_fn` must return a real scalar for each time step"
        check_differentiable(what, losses, 2)
        return jnp.sum(weight.astype(losses.dtype) * jnp.mean(losses, axis=1)), carry

    def step(state: TrainState, batch: Batch, key: Array) -> tuple[TrainState, Metrics]:
        weight = as_array("batch.weight", batch.weight, ndim=1)
        weight = safe_divide(weight, jnp.sum(weight))
        _check_chunks(batch, weight.shape[0], chunk_size)

        def advance(walk: tuple, chunk: tuple) -> tuple[tuple, Array]:
            params, opt_state, carry = walk
            # The carry is an argument that is not differentiated: the gradient stops there.
            value, gradient = jax.value_and_grad(total, has_aux=True)(params, carry, *chunk, weight)
            loss, carry = value
            params, opt_state = updated("truncated_step", optimizer, gradient, opt_state, params)
            return (params, opt_state, carry), loss

        repeat = lambda leaf: jnp.broadcast_to(leaf, (weight.shape[0], *jnp.shape(leaf)))
        first = jax.tree.map(repeat, carry_fn(state.params))
        chunks = jax.tree.map(lambda a: _chunks(a, chunk_size), (batch.x, batch.y))
        walk = (state.params, state.opt_state, first)
        (params, opt_state, _), losses = lax.scan(advance, walk, chunks)
        count = state.step + losses.shape[0]
        state = TrainState(params, state.model_state, opt_state, count, state.key)
        return state, {"loss": jnp.mean(losses)}

    return step
