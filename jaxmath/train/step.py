"""From a model, a loss and an optimizer to the pure function that the engine runs.

A step is ``step(state, batch, key) -> (state, metrics)``. The engine asks of it no more than that
its metrics are a dictionary of scalars with the entry ``loss``; a step written by hand (a GAN's,
with a state of its own) is as good as one that ``supervised_step`` makes.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import lax

from jaxmath.numerics import safe_divide
from jaxmath.train._checks import check_compute_dtype, check_function, check_optimizer
from jaxmath.train.state import TrainState
from jaxmath.typing import Array, PyTree, as_array, check_number

__all__ = ["Batch", "adapt", "supervised_eval", "supervised_step"]

Metrics = dict[str, Array]
Step = Callable[[Any, Any, Array], tuple[Any, Metrics]]


class Batch(NamedTuple):
    """Examples, their targets, and how much each counts.

    Args:
      x: inputs, a pytree of arrays of shape (n, …).
      y: targets, a pytree of arrays of shape (n, …).
      weight: shape (n,); 0 for an example that only fills the batch up.

    Example:
      >>> Batch(jnp.zeros((4, 2)), jnp.zeros(4), jnp.ones(4)).weight.shape
      (4,)
    """

    x: PyTree
    y: PyTree
    weight: Array


def adapt(apply: Callable[[PyTree, Any], Any]) -> tuple[Callable, Callable]:
    """The two functions of a model, from one without state and randomness.

    ::

        train_fn(key, params, model_state, x, axis_name) = (apply(params, x), model_state)
        apply_fn(params, model_state, x) = apply(params, x)

    Args:
      apply: ``apply(params, x) -> y`` for one example.

    Returns:
      ``train_fn`` for ``supervised_step`` and ``apply_fn`` for ``supervised_eval``.

    Numerics:
      Nothing is computed but ``apply``.

    Example:
      >>> train_fn, apply_fn = adapt(lambda params, x: params * x)
      >>> f"{apply_fn(2.0, (), 3.0):.1f}"
      '6.0'

    References:
      The signatures of a model in this library's design.
    """

    check_function("adapt", "apply", apply)

    def train_fn(key: Array, params: PyTree, model_state: PyTree, x: Any, axis_name: str) -> tuple:
        return apply(params, x), model_state

    def apply_fn(params: PyTree, model_state: PyTree, x: Any) -> Any:
        return apply(params, x)

    return train_fn, apply_fn


def to_dtype(tree: PyTree, dtype: Any) -> PyTree:
    """The tree with its floating leaves in the dtype; None leaves all as they are."""
    if dtype is None:
        return tree
    floating = lambda leaf: jnp.issubdtype(jnp.result_type(leaf), jnp.floating)
    return jax.tree.map(lambda a: jnp.asarray(a, dtype) if floating(a) else a, tree)


def check_name(what: str, name: Any) -> None:
    """One line about a measure that is called something else than a text."""
    if not isinstance(name, str):
        raise TypeError(f"{what} must name each measure by a string, got {name!r}")


def _measures(caller: str, loss_fn: Callable, metrics: Mapping[str, Callable] | None) -> dict:
    """Name → function(prediction, target) for one example, the loss first."""
    for name, fn in [("loss", loss_fn), *(metrics or {}).items()]:
        check_name(f"{caller}: argument `metrics`", name)
        check_function(caller, name, fn)
    if "loss" in (metrics or {}):
        raise ValueError(f"{caller}: argument `metrics` must not hold 'loss', which is reported")
    return {"loss": loss_fn, **(metrics or {})}


def is_real(value: Any) -> bool:
    """Whether numbers or truths are all that it holds: no complex ones, and no random keys."""
    dtype = jnp.result_type(value)
    kinds = (jnp.bool_, jnp.integer, jnp.floating)
    return any(jnp.issubdtype(dtype, kind) for kind in kinds)


def as_measure(value: Any) -> Array:
    """The value in float32, or float64: a mean of truths is none of their dtype, and sums of half
    precision stall."""
    value = jnp.asarray(value)
    exact = jnp.issubdtype(value.dtype, jnp.floating) and value.dtype.itemsize >= 4
    return value if exact else value.astype(jnp.float32)


def output_dtype(params: PyTree, compute_dtype: Any) -> Any:
    """In what a model's outputs leave its own dtype: the parameters' 64 bits, else 32."""
    if compute_dtype is None:
        return None
    dtypes = [jnp.result_type(leaf) for leaf in jax.tree.leaves(params)]
    wide = (jnp.finfo(d).bits == 64 for d in dtypes if jnp.issubdtype(d, jnp.inexact))
    return jnp.float64 if any(wide) else jnp.float32


def check_differentiable(what: str, value: Any, ndim: int = 0) -> None:
    """One line about a value that has no gradient, where a real scalar (for each …) is wanted."""
    if not jnp.issubdtype(jnp.result_type(value), jnp.floating):
        raise TypeError(f"{what} of a floating dtype, got {jnp.result_type(value)}")
    if jnp.ndim(value) != ndim:
        raise ValueError(f"{what}, got shape {jnp.shape(value)[ndim:]}")


def _per_example(caller: str, fns: dict, predictions: Any, targets: Any, dtype: Any) -> Metrics:
    """Each measure of each example, shape (n,), in float32 or float64."""
    predictions = to_dtype(predictions, dtype)
    values = {name: jax.vmap(fn)(predictions, targets) for name, fn in fns.items()}
    for name, value in values.items():
        what = f"{caller}: `{name}` must be a real scalar for each example"
        if not is_real(value):
            raise TypeError(f"{what}, got {jnp.result_type(value)}")
        if name == "loss" and caller == "supervised_step":  # of truths it would train nothing
            check_differentiable(what, value, 1)
        if jnp.ndim(value) != 1:
            raise ValueError(f"{what}, got shape {jnp.shape(value)[1:]}")
    return {name: as_measure(value) for name, value in values.items()}


def updated(
    caller: str, optimizer: optax.GradientTransformation, grads: PyTree, opt_state: PyTree,
    params: PyTree,
) -> tuple[PyTree, PyTree]:  # fmt: skip
    """The parameters after one update, and the optimizer's state.

    Optax takes the conjugate of ``jax.grad``, along which a complex loss falls.
    """
    try:
        updates, opt_state = optimizer.update(jax.tree.map(jnp.conj, grads), opt_state, params)
    except TypeError as error:
        if "keyword-only argument" not in str(error):
            raise
        raise TypeError(
            f"{caller}: argument `optimizer` must need no more than gradients and parameters: "
            f"{error}"
        ) from error
    return optax.apply_updates(params, updates), opt_state


def supervised_step(
    train_fn: Callable,
    loss_fn: Callable[[Any, Any], Array],
    optimizer: optax.GradientTransformation,
    *,
    metrics: Mapping[str, Callable] | None = None,
    penalty: Callable[[PyTree], Array] | None = None,
    accumulate: int = 1,
    compute_dtype: Any = None,
) -> Step:
    """The step of supervised learning: one gradient of the weighted mean loss, one update.

    ::

        L(θ) = Σᵢ wᵢ ℓ(f(xᵢ; θ), yᵢ) / Σᵢ wᵢ + Ω(θ),   θ ← θ + update(∇L(θ))

    Args:
      train_fn: ``train_fn(key, params, model_state, x, axis_name="batch") -> (y, model_state)``
        for one example, run under ``vmap``. The new model state is one for the whole batch (a
        running mean is made of ``lax.pmean(…, axis_name)``), else vmap refuses it.
      loss_fn: ``loss_fn(y, target)``, a floating scalar for one example.
      optimizer: an optax transformation that needs gradients and parameters alone (no line search);
        clipping and schedules are optax's.
      metrics: more to report, ``{name: fn(y, target)}``, a scalar for one example.
      penalty: Ω, from the parameters to a scalar (``nn.l1``, ``nn.l2``…); reported apart from the
        loss, as ``penalty``. None for none.
      accumulate: in how many pieces, one after another, the batch is worked off, for the memory of
        one piece, or for speed where a CPU's cache holds a piece and not the batch: a small CNN's
        batch of 128 takes 0.8 of the time in four. The gradient is the same up to rounding, and so
        is dropout; batch norm sees each piece alone, and its running statistics move once for each.
      compute_dtype: dtype of the model's computation (``jnp.bfloat16``); parameters, loss, gradient
        and update stay as they are. None computes in the parameters' dtype.

    Returns:
      ``step(state, batch, key) -> (state, metrics)`` for a TrainState and a ``Batch``: each example
      gets its own key split from ``key``; the metrics are weighted means.

    Raises:
      TypeError: an argument is not of its kind; the step: a loss or a penalty of no floating dtype,
        a metric that is not real, an optimizer that asks for more.
      ValueError: a metric is named as what is reported anyway; the step: pieces that do not divide
        the batch, a measure or a penalty that is no scalar.

    Numerics:
      Weights are normalized before the sum. The loss of a batch of weight 0 has gradient 0. An
      example of weight 0 must be finite all the same (0 · NaN is NaN), and batch norm sees it: fill
      up with repeated examples, as ``fit`` does. Of complex parameters the optimizer is given the
      conjugate of ``jax.grad``, along which the loss falls.

    Example:
      >>> from jaxmath.train import init_state
      >>> train_fn, _ = adapt(lambda params, x: params * x)
      >>> step = supervised_step(train_fn, lambda y, target: (y - target) ** 2, optax.sgd(0.25))
      >>> state = init_state(jax.random.key(0), jnp.array(0.0), optimizer=optax.sgd(0.25))
      >>> batch = Batch(jnp.ones(2), jnp.ones(2), jnp.array([1.0, 0.0]))
      >>> state, metrics = step(state, batch, jax.random.key(1))
      >>> f"{state.params:.2f} {metrics['loss']:.2f}"
      '0.50 1.00'

    References:
      I. Goodfellow, Y. Bengio, A. Courville, "Deep Learning", 2016, algorithm 8.1.
    """
    check_number("accumulate", accumulate, low=1, integer=True)
    check_function("supervised_step", "train_fn", train_fn)
    check_optimizer("supervised_step", optimizer)
    check_compute_dtype("supervised_step", compute_dtype)
    fns = _measures("supervised_step", loss_fn, metrics)
    if penalty is not None:
        check_function("supervised_step", "penalty", penalty)
    if penalty is not None and "penalty" in fns:
        raise ValueError("supervised_step: argument `metrics` must not hold 'penalty' beside one")

    def total(
        params: PyTree, model_state: PyTree, batch: Batch, keys: Array
    ) -> tuple[Array, tuple[PyTree, Metrics]]:
        low = to_dtype(params, compute_dtype)
        one = lambda key, x: train_fn(key, low, model_state, x, axis_name="batch")
        predictions, new_state = jax.vmap(one, out_axes=(0, None), axis_name="batch")(
            keys, to_dtype(batch.x, compute_dtype)
        )
        dtype = output_dtype(params, compute_dtype)
        values = _per_example("supervised_step", fns, predictions, batch.y, dtype)
        sums = {name: jnp.sum(batch.weight.astype(v.dtype) * v) for name, v in values.items()}
        return sums["loss"], (new_state, sums)

    def charge(params: PyTree) -> Array:
        assert penalty is not None
        value = penalty(params)
        check_differentiable("supervised_step: `penalty` must return a real scalar", value)
        return value

    def step(state: TrainState, batch: Batch, key: Array) -> tuple[TrainState, Metrics]:
        x, y, weight = batch
        weight = as_array("batch.weight", weight, ndim=1)
        batch = Batch(x, y, safe_divide(weight, jnp.sum(weight)))
        keys = jax.random.split(key, weight.shape[0])
        grad_fn = jax.grad(total, has_aux=True)
        if accumulate == 1:
            grads, (model_state, sums) = grad_fn(state.params, state.model_state, batch, keys)
        else:
            grads, model_state, sums = _accumulated(grad_fn, state, batch, keys, accumulate)
        if penalty is not None:
            sums["penalty"], more = jax.value_and_grad(charge)(state.params)
            grads = jax.tree.map(jnp.add, grads, more)
        old = state.opt_state, state.params
        params, opt_state = updated("supervised_step", optimizer, grads, *old)
        return TrainState(params, model_state, opt_state, state.step + 1, state.key), sums

    return step


def _accumulated(
    grad_fn: Callable, state: TrainState, batch: Batch, keys: Array, pieces: int
) -> tuple[PyTree, PyTree, Metrics]:
    """The gradient and the sums over the pieces of the batch, and the model state after the last.

    Piece j has the examples j, j + pieces, …: where the batch lies on several devices, each keeps
    its own.
    """
    size = keys.shape[0]
    if size % pieces:
        raise ValueError(
            "supervised_step: argument `accumulate` must divide the batch, got "
            f"{pieces} pieces of {size}"
        )
    cut = lambda a: jnp.swapaxes(a.reshape(size // pieces, pieces, *a.shape[1:]), 0, 1)
    cut_batch, cut_keys = jax.tree.map(cut, (batch, keys))

    def add(carry: tuple, piece: tuple) -> tuple[tuple, None]:
        grads, model_state, sums = carry
        more, (model_state, new) = grad_fn(state.params, model_state, *piece)
        return (
            jax.tree.map(jnp.add, grads, more),
            model_state,
            jax.tree.map(jnp.add, sums, new),
        ), None

    first = jax.tree.map(lambda a: a[0], (cut_batch, cut_keys))
    grads, (model_state, sums) = grad_fn(state.params, state.model_state, *first)
    rest = jax.tree.map(lambda a: a[1:], (cut_batch, cut_keys))
    return lax.scan(add, (grads, model_state, sums), rest)[0]


def supervised_eval(
    apply_fn: Callable,
    loss_fn: Callable[[Any, Any], Array],
    *,
    metrics: Mapping[str, Callable] | None = None,
    compute_dtype: Any = None,
) -> Callable[[TrainState, Batch], Metrics]:
    """The evaluation that belongs to ``supervised_step``: the measures of each example.

    ::

        ℓᵢ = ℓ(f(xᵢ; θ), yᵢ)

    Args:
      apply_fn: ``apply_fn(params, model_state, x) -> y`` for one example.
      loss_fn: ``loss_fn(y, target)``, a scalar for one example.
      metrics: more of the kind, ``{name: fn(y, target)}``.
      compute_dtype: as in ``supervised_step``.

    Returns:
      ``eval_fn(state, batch) -> {name: values}``, values of shape (n,). ``evaluate`` and ``fit``
      average them over all examples, each of them once.

    Numerics:
      Nothing is averaged here, so that no mean of means of unequal batches is taken.

    Example:
      >>> from jaxmath.train import init_state
      >>> _, apply_fn = adapt(lambda params, x: params * x)
      >>> eval_fn = supervised_eval(apply_fn, lambda y, target: (y - target) ** 2)
      >>> state = init_state(jax.random.key(0), jnp.array(2.0), optimizer=optax.sgd(0.1))
      >>> batch = Batch(jnp.array([1.0, 2.0]), jnp.zeros(2), jnp.ones(2))
      >>> print(eval_fn(state, batch)["loss"])
      [ 4. 16.]

    References:
      I. Goodfellow, Y. Bengio, A. Courville, "Deep Learning", 2016, section 8.1.1.
    """
    check_function("supervised_eval", "apply_fn", apply_fn)
    check_compute_dtype("supervised_eval", compute_dtype)
    fns = _measures("supervised_eval", loss_fn, metrics)

    def eval_fn(state: TrainState, batch: Batch) -> Metrics:
        params = to_dtype(state.params, compute_dtype)
        one = lambda x: apply_fn(params, state.model_state, x)
        predictions = jax.vmap(one)(to_dtype(batch.x, compute_dtype))
        dtype = output_dtype(state.params, compute_dtype)
        return _per_example("supervised_eval", fns, predictions, batch.y, dtype)

    return eval_fn
