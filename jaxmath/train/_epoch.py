"""One epoch, in pieces that a compiled loop and a Python loop share.

``begin`` draws the order, ``one`` takes a step or leaves the run as it is, ``end`` evaluates and
keeps the best. A program is ``(run, data, validation, num_epochs) -> (run, rows)``: rows hold the
epochs' averages, with a leading axis of the epochs (behind the lanes' axis in an ensemble).
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import lax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from jaxmath.train._data import Placed, take
from jaxmath.train.evaluate import averages
from jaxmath.train.state import TrainState
from jaxmath.typing import Array, PyTree

__all__: list[str] = []

MAX_EPOCHS_A_CALL = 64


class Run(NamedTuple):
    """What the engine carries, and what a checkpoint holds.

    Args:
      state: the state of the step.
      average: the parameters' running mean, ``()`` for none.
      best: what ``view`` shows of the state at the best validation, ``()`` without validation.
      best_loss: the validation loss there.
      best_epoch: the number of epochs done there.
      epoch: whole epochs done.
      step: steps taken.
      bad_step: the first step that was not taken, since it was not finite; −1 for none.
      key: the run's key; epoch e draws from ``fold_in(key, e)``.
    """

    state: PyTree
    average: PyTree
    best: PyTree
    best_loss: Array
    best_epoch: Array
    epoch: Array
    step: Array
    bad_step: Array
    key: Array


class Plan(NamedTuple):
    """What a program is compiled for; hashable. ``lanes`` are the devices of an ensemble."""

    step: Callable
    eval_fn: Callable | None
    batch_size: int
    patience: int | None
    ema: float | None
    mesh: Mesh | None
    lanes: Mesh | None = None


class _Order(NamedTuple):
    rows: Array
    size: Array
    num_batches: Array
    key: Array


class _Sums(NamedTuple):
    metrics: dict[str, Array]
    weight: Array


def view(state: PyTree) -> PyTree:
    """What of a state is worth keeping: of a TrainState what the model reads, else all."""
    return (state.params, state.model_state) if isinstance(state, TrainState) else state


def with_view(state: PyTree, seen: PyTree) -> PyTree:
    if not isinstance(state, TrainState):
        return seen
    return state._replace(params=seen[0], model_state=seen[1])


def shown(run: Run, ema: float | None) -> PyTree:
    """The state as it is evaluated: with the averaged parameters, where they are averaged."""
    return run.state if ema is None else run.state._replace(params=run.average)


def start(state: PyTree, key: Array, ema: float | None, validated: bool) -> Run:
    """The run before its first step, for one lane."""
    zero = jnp.zeros((), jnp.int32)
    average = () if ema is None else state.params
    best = view(state) if validated else ()
    infinity = jnp.full((), jnp.inf, jnp.float32)
    return Run(state, average, best, infinity, zero, zero, zero, zero - 1, key)


def live(run: Run, plan: Plan) -> Array:
    """Whether the run goes on: no bad step, and patience is left."""
    ok = run.bad_step < 0
    if plan.patience is not None:
        ok = ok & (run.epoch - run.best_epoch < plan.patience)
    return ok


def _floating(a: Array) -> bool:
    return jnp.issubdtype(a.dtype, jnp.inexact)


def _is_sound(old: PyTree, new: PyTree) -> Array:
    """No number that was finite is so no more (a state may start from ∞, and be right)."""
    lost = [
        jnp.any(jnp.isfinite(a) & ~jnp.isfinite(b))
        for a, b in zip(jax.tree.leaves(old), jax.tree.leaves(new), strict=True)
        if _floating(a)
    ]
    return ~functools.reduce(jnp.logical_or, lost, jnp.array(False))


def _choose(condition: Array, new: PyTree, old: PyTree) -> PyTree:
    return jax.tree.map(lambda a, b: a if a is b else jnp.where(condition, a, b), new, old)


def shuffled(key: Array, real: Array) -> Array:
    """The indices of the real examples in a random order, and behind them the others.

    Each round sorts by random bits above and the place below in one word, since XLA sorts single
    words ten times faster than pairs on a CPU. Where the bits tie, the order of the round before
    stays, so rounds follow until a pair has 2 log₂ n + 10 bits.
    """
    n = real.shape[0]
    bits = max((n - 1).bit_length(), 1)
    num_rounds = -(-(2 * bits + 10) // (31 - bits))
    low = jnp.uint32(2**bits - 1)
    place = jnp.arange(n, dtype=jnp.uint32)
    rows = jnp.arange(n, dtype=jnp.int32)
    for round_key in jax.random.split(key, num_rounds):
        word = jax.random.bits(round_key, (n,), jnp.uint32) >> 1
        word = jnp.where(real[rows], word, jnp.uint32(2**31))
        rows = rows[lax.sort((word & ~low) | place) & low]
    return rows


def _begin(plan: Plan, run: Run, data: Placed) -> _Order:
    """The order of this epoch: examples by a random number each, those that fill up behind."""
    shuffle_key, step_key = jax.random.split(jax.random.fold_in(run.key, run.epoch))
    real = data.weight > 0
    size = jnp.sum(real, dtype=jnp.int32)
    num_batches = (size + plan.batch_size - 1) // plan.batch_size
    return _Order(shuffled(shuffle_key, real), size, jnp.minimum(num_batches, data.limit), step_key)


def _one(
    plan: Plan, run: Run, sums: _Sums | None, data: Placed, order: _Order, i: Array
) -> tuple[Run, _Sums]:
    """Step i of the epoch: taken where it is finite, and else the end of the run."""
    place = i * plan.batch_size + jnp.arange(plan.batch_size, dtype=jnp.int32)
    weight = (place < order.size).astype(jnp.float32)
    batch = take(data, order.rows[place % order.size], weight, plan.mesh)
    # Under jit the trace that told the shape of the metrics serves the loop too.
    step_fn = jax.jit(plan.step)
    state, metrics = step_fn(run.state, batch, jax.random.fold_in(order.key, i))
    finite = jnp.isfinite(metrics["loss"]) & _is_sound(view(run.state), view(state))
    going = live(run, plan)
    taken = going & finite
    state = _choose(taken, state, run.state)
    average = run.average
    if plan.ema is not None:
        moved = optax.incremental_update(state.params, average, 1.0 - plan.ema)
        average = _choose(taken, moved, average)
    part = jnp.where(taken, jnp.sum(weight), 0.0)
    add = {k: jnp.where(taken, part.astype(v.dtype) * v, 0.0) for k, v in metrics.items()}
    new = _Sums(add, part) if sums is None else jax.tree.map(jnp.add, sums, _Sums(add, part))
    bad_step = jnp.where(going & ~finite, run.step, run.bad_step)
    step = run.step + taken.astype(jnp.int32)
    return run._replace(state=state, average=average, step=step, bad_step=bad_step), new


def _end(
    plan: Plan, run: Run, sums: _Sums, validation: Placed | None
) -> tuple[Run, dict[str, Array]]:
    """The epoch's averages, its evaluation, and the best state so far."""
    row = {name: value / sums.weight.astype(value.dtype) for name, value in sums.metrics.items()}
    done = live(run, plan)
    run = run._replace(epoch=run.epoch + done.astype(jnp.int32))
    if plan.eval_fn is None or validation is None:
        return run, row
    state = shown(run, plan.ema)
    means = averages(plan.eval_fn, state, validation, plan.batch_size, plan.mesh)
    loss = means["loss"].astype(jnp.float32)
    better = done & (loss < run.best_loss)
    run = run._replace(
        best=_choose(better, view(state), run.best),
        best_loss=jnp.where(better, loss, run.best_loss),
        best_epoch=jnp.where(better, run.epoch, run.best_epoch),
    )
    return run, row | {f"validation_{name}": mean for name, mean in means.items()}


def _zeros(shapes: PyTree, *lead: int) -> PyTree:
    return jax.tree.map(lambda s: jnp.zeros((*lead, *s.shape), s.dtype), shapes)


def _epoch(plan: Plan, run: Run, data: Placed, validation: Placed | None) -> tuple[Run, dict]:
    order = _begin(plan, run, data)
    shape = jax.eval_shape(functools.partial(_one, plan), run, None, data, order, jnp.int32(0))[1]

    def body(i: Array, carry: tuple[Run, _Sums]) -> tuple[Run, _Sums]:
        return _one(plan, *carry, data, order, i)

    run, sums = lax.fori_loop(0, order.num_batches, body, (run, _zeros(shape)))
    return _end(plan, run, sums, validation)


def _call(
    plan: Plan, run: Run, data: Placed, validation: Placed | None, num_epochs: Array
) -> tuple[Run, dict[str, Array]]:
    """Some epochs in one device call."""
    epoch = jax.jit(functools.partial(_epoch, plan))
    shape = jax.eval_shape(epoch, run, data, validation)[1]

    def body(j: Array, carry: tuple[Run, dict]) -> tuple[Run, dict]:
        run, rows = carry
        run, row = epoch(run, data, validation)
        return run, jax.tree.map(lambda a, b: a.at[j].set(b), rows, row)

    return lax.fori_loop(0, num_epochs, body, (run, _zeros(shape, MAX_EPOCHS_A_CALL)))


def _loop_program(plan: Plan, jit: Callable) -> Callable:
    """A Python loop over one compiled step, which takes the run over from call to call."""
    begin = jax.jit(functools.partial(_begin, plan))
    one = jit(functools.partial(_one, plan), donate_argnums=(0, 1))
    end = jit(functools.partial(_end, plan), donate_argnums=0)

    def program(
        run: Run, data: Placed, validation: Placed | None, num_epochs: int, tick: Any = None
    ) -> tuple:
        rows = []
        for e in range(num_epochs):
            order = begin(run, data)
            shape = jax.eval_shape(one, run, None, data, order, jnp.int32(0))[1]
            sums = _zeros(shape)
            num_batches = int(order.num_batches)
            for i in range(num_batches):
                run, sums = one(run, sums, data, order, jnp.int32(i))
                if tick is not None:
                    tick(e + (i + 1) / num_batches, sums)
            run, row = end(run, sums, validation)
            rows.append(row)
        return run, jax.tree.map(lambda *a: jnp.stack(a), *rows)

    return program


@functools.lru_cache(maxsize=32)
def program(plan: Plan, mode: str) -> Callable:
    """The compiled program of a plan: "scan", "loop", or for an ensemble "vmap", "map"."""
    jit = jax.jit
    if plan.mesh is not None:
        jit = functools.partial(jax.jit, out_shardings=NamedSharding(plan.mesh, PartitionSpec()))
    if mode == "loop":
        return _loop_program(plan, jit)
    call: Callable = functools.partial(_call, plan)
    if mode == "vmap":
        call = jax.vmap(call, in_axes=(0, None, None, None))
    elif mode == "map":
        one, call = call, lambda runs, *rest: lax.map(lambda run: one(run, *rest), runs)
    if plan.lanes is not None:
        # Each device has lanes of its own, and they never ask for those of another.
        lanes, whole = PartitionSpec(plan.lanes.axis_names[0]), PartitionSpec()
        specs = (lanes, whole, whole, whole)
        call = jax.shard_map(
            call, mesh=plan.lanes, in_specs=specs, out_specs=lanes, check_vma=False
        )
    return jit(call, donate_argnums=0)


def copy(tree: Any) -> Any:
    """Fresh buffers, each of its own, to be donated."""
    return jax.tree.map(jnp.copy, tree)
