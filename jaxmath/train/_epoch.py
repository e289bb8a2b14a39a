"""One epoch, in pieces that a compiled loop and a Python loop share.

``begin`` draws the order, ``advance`` takes a step, ``end`` evaluates and keeps the best. A program
is ``(run, data, validation, num_epochs) -> (run, rows)``: rows hold the epochs' averages, with a
leading axis of the epochs (behind the lanes' axis in an ensemble).
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import lax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from jaxmath._draws import widened
from jaxmath.train._data import Placed, shuffled, take
from jaxmath.train._returned import checked
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
    places: Array
    size: Array
    num_batches: Array
    key: Array


class _Means(NamedTuple):
    """Of an epoch so far: the metrics' means, with no sum that outgrows its parts, and how many."""

    metrics: dict[str, Array]
    num_examples: Array

    def having(self, metrics: dict[str, Array], more: Array) -> "_Means":
        """m + (n/N)(v − m), of v over n more examples and N in all."""
        count = self.num_examples + more

        def moved(mean: Array, value: Array) -> Array:
            share = more.astype(mean.dtype) / count.astype(mean.dtype)
            return jnp.where(jnp.isinf(mean), mean + value, mean + share * (value - mean))

        return _Means(jax.tree.map(moved, self.metrics, metrics), count)

    def row(self) -> dict[str, Array]:
        """The means; of nothing they are NaN."""
        return jax.tree.map(lambda m: jnp.where(self.num_examples > 0, m, jnp.nan), self.metrics)


def view(state: PyTree) -> PyTree:
    """What of a state is worth keeping: of a TrainState what the model reads, else all."""
    return (state.params, state.model_state) if isinstance(state, TrainState) else state


def with_view(state: PyTree, seen: PyTree) -> PyTree:
    if not isinstance(state, TrainState):
        return seen
    return state._replace(params=seen[0], model_state=seen[1])


def shown(run: Run, ema: float | None) -> PyTree:
    """The state as it is evaluated: with the averaged parameters, where they are averaged."""
    if ema is None:
        return run.state
    narrow = lambda m, a: m.astype(a.dtype) if _floating(a) else m
    return run.state._replace(params=jax.tree.map(narrow, run.average, run.state.params))


def start(state: PyTree, key: Array, ema: float | None, validated: bool) -> Run:
    """The run before its first step, for one lane."""
    zero = jnp.zeros((), jnp.int32)
    average = () if ema is None else widened(state.params)
    best = view(state) if validated else ()
    infinity = jnp.full((), jnp.inf, jnp.result_type(float))  # 64 bits where measures may have them
    return Run(state, average, best, infinity, zero, zero, zero, zero - 1, key)


def live(run: Run, plan: Plan) -> Array:
    """Whether the run goes on: no bad step, and patience is left."""
    ok = run.bad_step < 0
    if plan.patience is not None:
        ok = ok & (run.epoch - run.best_epoch < plan.patience)
    return ok


def _floating(a: Array) -> bool:
    return jnp.issubdtype(a.dtype, jnp.inexact)


def _averaged(ema: float, average: PyTree, params: PyTree) -> PyTree:
    """The running mean with the parameters in it; what has no mean, a count say, is the newest."""
    add = lambda m, a: optax.incremental_update(a, m, 1.0 - ema) if _floating(a) else a
    return jax.tree.map(add, average, widened(params))


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


def _begin(plan: Plan, run: Run, data: Placed) -> _Order:
    """The order of this epoch: examples by a random number each, and again, up to a whole batch."""
    shuffle_key, step_key = jax.random.split(jax.random.fold_in(run.key, run.epoch))
    real = data.weight > 0
    size = jnp.sum(real, dtype=jnp.int32)
    num_batches = (size + plan.batch_size - 1) // plan.batch_size
    length = -(-real.shape[0] // plan.batch_size) * plan.batch_size
    places = shuffled(shuffle_key, real)[jnp.arange(length, dtype=jnp.int32) % size]
    return _Order(places, size, jnp.minimum(num_batches, data.limit), step_key)


def _advance(
    plan: Plan, run: Run, means: _Means | None, data: Placed, order: _Order, i: Array
) -> tuple[Run, _Means, Array]:
    """Step i of the epoch, and whether its loss was finite."""
    first = i * plan.batch_size
    index = lax.dynamic_slice_in_dim(order.places, first, plan.batch_size)
    left = order.size - first
    weight = (jnp.arange(plan.batch_size, dtype=jnp.int32) < left).astype(jnp.float32)
    batch = take(data, index, weight, plan.mesh)
    # Under jit the trace that told the shape of the metrics serves the loop too.
    state, metrics = checked(plan.step)(run.state, batch, jax.random.fold_in(order.key, i))
    average = run.average
    if plan.ema is not None:
        average = _averaged(plan.ema, average, state.params)
    part = jnp.minimum(left, plan.batch_size)
    if means is None:
        means = _zeros(_Means(metrics, part))
    means = means.having(metrics, part)
    run = run._replace(state=state, average=average, step=run.step + 1)
    return run, means, jnp.isfinite(metrics["loss"])


@functools.partial(jax.jit, static_argnums=0)
def reported(plan: Plan, run: Run, data: Placed, steps: Array, epochs: Array) -> dict[str, Array]:
    """The metrics of the step at which a run stands: of the bad step, which was not taken.

    The steps and epochs are those of a time at which none was begun: a resumed run's batches may
    be others than those before it.
    """
    order = _begin(plan, run, data)
    i = run.step - steps - (run.epoch - epochs) * order.num_batches
    return _advance(plan, run, None, data, order, i)[1].row()


def _one(
    plan: Plan, run: Run, means: _Means, data: Placed, order: _Order, i: Array
) -> tuple[Run, _Means]:
    """Step i of the epoch: taken by a run that is live, where it is finite; else the run's end."""
    new, new_means, finite = _advance(plan, run, means, data, order, i)
    going = live(run, plan)
    taken = going & finite & _is_sound(view(run.state), view(new.state))
    run, means = _choose(taken, (new, new_means), (run, means))
    return run._replace(bad_step=jnp.where(going & ~taken, run.step, run.bad_step)), means


def _end(
    plan: Plan, run: Run, means: _Means, validation: Placed | None, done: Array
) -> tuple[Run, dict[str, Array]]:
    """The epoch's averages, its evaluation, and the best state so far, if the epoch is done."""
    row = means.row()
    run = run._replace(epoch=run.epoch + done.astype(jnp.int32))
    if plan.eval_fn is None or validation is None:
        return run, row
    state = shown(run, plan.ema)
    found = averages("fit", plan.eval_fn, state, validation, plan.batch_size, plan.mesh)
    loss = found["loss"].astype(run.best_loss.dtype)
    better = done & (loss < run.best_loss)
    run = run._replace(
        best=_choose(better, view(state), run.best),
        best_loss=jnp.where(better, loss, run.best_loss),
        best_epoch=jnp.where(better, run.epoch, run.best_epoch),
    )
    found = {f"validation_{name}": mean for name, mean in found.items()}
    for name in row.keys() & found:
        raise ValueError(f"fit: argument `step` must not return '{name}', which `eval_fn` gives")
    return run, row | found


def _zeros(shapes: PyTree, *lead: int) -> PyTree:
    return jax.tree.map(lambda s: jnp.zeros((*lead, *s.shape), s.dtype), shapes)


def _means_of(plan: Plan, run: Run, data: Placed, order: _Order) -> PyTree:
    """The shapes of an epoch's means."""
    one = functools.partial(_advance, plan)
    return jax.eval_shape(one, run, None, data, order, jnp.int32(0))[1]


class _Attempt(NamedTuple):
    """Steps up to a limit. After ``good`` of them all is sound, after ``bad`` it is not."""

    run: Run
    rows: dict[str, Array]
    good: Array
    bad: Array
    limit: Array
    stride: Array
    done: Array


class _Going(NamedTuple):
    """An attempt on its way: epochs ended, steps left, and whether the last of them was sound."""

    run: Run
    rows: dict[str, Array]
    epochs: Array
    left: Array
    ok: Array


def _call(
    plan: Plan, run: Run, data: Placed, validation: Placed | None, num_epochs: Array
) -> tuple[Run, dict[str, Array]]:
    """Some epochs in one device call, whose steps are not chosen one by one.

    That would take a sixth of the time. Only the loss is looked at after each step, and the state
    at an epoch's end. Where that went wrong, the call is gone through again, to an end 1, 2, 4, …
    steps before, and then by halves, until the bad step is known and the state is the one before
    it. The state is kept once a call, not once an epoch: copies of it are what XLA hands to other
    threads of a CPU, and what comes after them begins with another core's cold cache.
    """
    end = jax.jit(functools.partial(_end, plan))
    means = _means_of(plan, run, data, jax.eval_shape(functools.partial(_begin, plan), run, data))
    row = jax.eval_shape(end, run, means, validation, run.bad_step < 0)[1]

    def epoch(g: _Going) -> _Going:
        order = _begin(plan, g.run, data)
        limit = jnp.minimum(order.num_batches, g.left)

        def step(carry: tuple) -> tuple:
            run, means, i, _ = carry
            run, means, finite = _advance(plan, run, means, data, order, i)
            return run, means, i + 1, finite

        begun = g.run, _zeros(means), jnp.int32(0), g.ok
        now, total, i, finite = lax.while_loop(lambda c: c[3] & (c[2] < limit), step, begun)
        ok = finite & _is_sound(view(run.state), view(now.state))
        now, row = end(now, total, validation, ok & (i == order.num_batches))
        rows = jax.tree.map(lambda a, b: a.at[g.epochs].set(b), g.rows, row)
        return _Going(now, rows, g.epochs + 1, g.left - i, ok)

    def goes_on(g: _Going) -> Array:
        return g.ok & (g.left > 0) & (g.epochs < num_epochs) & live(g.run, plan)

    zero, one, most = jnp.int32(0), jnp.int32(1), jnp.int32(jnp.iinfo(jnp.int32).max)
    rows = _zeros(row, MAX_EPOCHS_A_CALL)

    def attempt(a: _Attempt) -> _Attempt:
        begun = _Going(run, rows, zero, a.limit, jnp.array(True))
        g = lax.while_loop(goes_on, epoch, begun)
        taken = a.limit - g.left
        good, bad = jnp.where(g.ok, taken, a.good), jnp.where(g.ok, a.bad, taken)
        limit = jnp.where(g.ok, (good + bad) // 2, jnp.maximum(bad - a.stride, good))
        stride = jnp.where(g.ok, a.stride, 2 * a.stride)
        done = g.ok & ((bad == most) | (bad == good + 1))
        return _Attempt(g.run, g.rows, good, bad, limit, stride, done)

    first = _Attempt(run, rows, zero, most, most, one, jnp.array(False))
    a = lax.while_loop(lambda a: ~a.done, attempt, first)
    bad_step = jnp.where(a.bad < most, a.run.step, a.run.bad_step)
    return a.run._replace(bad_step=bad_step), a.rows


def _lanes_call(
    plan: Plan, run: Run, data: Placed, validation: Placed | None, num_epochs: Array
) -> tuple[Run, dict[str, Array]]:
    """The same of one lane among many under vmap, where each is guarded at every step anyway."""

    def epoch(run: Run) -> tuple[Run, dict]:
        order = _begin(plan, run, data)
        means = _zeros(_means_of(plan, run, data, order))
        step = lambda i, carry: _one(plan, carry[0], carry[1], data, order, i)
        run, means = lax.fori_loop(0, order.num_batches, step, (run, means))
        return _end(plan, run, means, validation, live(run, plan))

    epoch = jax.jit(epoch)

    def body(j: Array, carry: tuple[Run, dict]) -> tuple[Run, dict]:
        run, rows = carry
        run, row = epoch(run)
        return run, jax.tree.map(lambda a, b: a.at[j].set(b), rows, row)

    rows = _zeros(jax.eval_shape(epoch, run)[1], MAX_EPOCHS_A_CALL)
    return lax.fori_loop(0, num_epochs, body, (run, rows))


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
            means = _zeros(_means_of(plan, run, data, order))
            if e == 0:  # What is wrong with `eval_fn` is told before the first step.
                jax.eval_shape(end, run, means, validation, live(run, plan))
            num_batches = int(order.num_batches)
            for i in range(num_batches):
                run, means = one(run, means, data, order, jnp.int32(i))
                if tick is not None:
                    tick(e + (i + 1) / num_batches, means)
            run, row = end(run, means, validation, live(run, plan))
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
    call: Callable = functools.partial(_lanes_call if mode == "vmap" else _call, plan)
    if mode == "vmap":
        call = jax.vmap(call, in_axes=(0, None, None, None))
    elif mode == "map":
        single, call = call, lambda runs, *rest: lax.map(lambda run: single(run, *rest), runs)
    if plan.lanes is not None:
        # Each device has lanes of its own, and they never ask for those of another.
        lanes, whole = PartitionSpec(plan.lanes.axis_names[0]), PartitionSpec()
        specs = (lanes, whole, whole, whole)
        call = jax.shard_map(
            call, mesh=plan.lanes, in_specs=specs, out_specs=lanes, check_vma=False
        )
    return jit(call, donate_argnums=0)


@jax.jit
def copy(tree: Any) -> Any:
    """Fresh buffers, each of its own, to be donated.

    Their types are strong, as those of what a step returns are: a weak one is another program.
    """
    return jax.tree.map(lambda a: jnp.array(a, a.dtype), tree)
