"""The host's part of training: the call that a user makes."""

import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from jaxmath.train import _epoch
from jaxmath.train._data import Placed, check_batch_size, check_data, place, replicate
from jaxmath.train._epoch import Plan, Run
from jaxmath.train._progress import Progress
from jaxmath.train.checkpoint import CheckpointError, Checkpoints
from jaxmath.train.step import Step
from jaxmath.typing import Array, PyTree, as_key, check_number

__all__ = ["FitResult", "fit"]

_SECONDS_A_CALL = 0.1


class FitResult(NamedTuple):
    """What ``fit`` returns; of an ensemble with a leading axis, the lanes, in the states.

    Args:
      state: the state at the end; where a step was not finite, as it was before that step.
      best: the state as evaluated (averaged parameters, with ``ema``) at the best validation loss;
        without validation, at the end.
      history: name → values of each epoch done, shape (epochs,), of an ensemble (epochs, lanes),
        NaN where a lane had stopped; the validation's names begin with ``validation_``.
      epochs: whole epochs done, those before a resumption included.
      best_epoch: how many epochs were done at ``best``; 0 where no validation loss was finite.
      bad_step: the first step that was not finite, counted from 0; −1 for none.
      mode: the program that ran.
      message: why the run ended early, else empty.
      checkpoint: the newest whole checkpoint's directory, or None.

    Example:
      >>> FitResult._fields[:3]
      ('state', 'best', 'history')
    """

    state: PyTree
    best: PyTree
    history: dict[str, np.ndarray]
    epochs: int
    best_epoch: int | np.ndarray
    bad_step: int | np.ndarray
    mode: str
    message: str
    checkpoint: Path | None


def fit(
    state: PyTree,
    step: Step,
    data: Any,
    *,
    num_epochs: int,
    batch_size: int,
    eval_fn: Callable | None = None,
    validation: Any = None,
    patience: int | None = None,
    ema: float | None = None,
    key: Array | None = None,
    ensemble: bool = False,
    mode: str = "auto",
    mesh: Mesh | None = None,
    num_classes: int | None = None,
    progress: bool = True,
    callback: Callable[[int, dict[str, Any]], None] | None = None,
    checkpoint_dir: str | Path | None = None,
    checkpoint_every: float = 60.0,
    resume: bool = False,
    metadata: dict[str, Any] | None = None,
) -> FitResult:
    """Train for some epochs.

    An epoch visits every example once, in an order of its own; the last batch is filled up with
    examples of weight 0, and so is the last one of an evaluation. Short epochs are run several to
    a device call. A step whose loss, or whose new parameters or
    model state, are not finite is not taken, and ends the run (of an ensemble: the lane's). The compiled programs are kept for the function objects
    ``step`` and ``eval_fn`` and used for data of other lengths, too.

    Args:
      state: the state to begin with; any pytree that ``step`` takes. It is not consumed.
      step: ``step(state, batch, key) -> (state, metrics)``, metrics a dictionary of scalars with
        ``loss``; the batch is a ``Batch``.
      data: ``(x, y)``, arrays or pytrees of arrays with one row an example.
      num_epochs: epochs in all, those before a resumption included.
      batch_size: examples a step; with a mesh a multiple of its devices.
      eval_fn: ``eval_fn(state, batch) -> {name: values}`` with ``loss``, for the validation.
      validation: ``(x, y)``, evaluated after each epoch.
      patience: stop after so many epochs without a lower validation loss.
      ema: decay of a running mean of the parameters, from the first ones on: the mean is what is
        evaluated and kept as ``best``. What a model carries beside parameters is not averaged.
      key: the run's key; None takes ``state.key``.
      ensemble: every leaf of the state has a leading axis of lanes, which are trained apart, each
        with its own key and the same data.
      mode: "scan" (an epoch is one compiled loop) or "loop" (a Python loop over one compiled step);
        of an ensemble "vmap" (all lanes at once) or "map" (one after another). They agree up to
        rounding. "auto" times both on a few batches and takes the faster; a checkpoint remembers
        which, and a resumed run goes on with it.
      mesh: devices to spread the batches over, from ``data_mesh``.
      num_classes: refuse integer targets outside 0 … num_classes − 1.
      progress: draw a bar (by rich, an extra).
      callback: ``callback(epoch, row)`` after the device call, once for each epoch in it.
      checkpoint_dir: write checkpoints here, in the background.
      checkpoint_every: seconds between them; one more is written at the end.
      resume: go on from the newest checkpoint in the directory, if there is one. On one platform
        the run then equals an uninterrupted one to the byte.
      metadata: what a checkpoint shall say beside: configuration, data set, seed (JSON).

    Returns:
      A FitResult.

    Raises:
      ValueError: data that are empty, not finite, of unequal lengths, fewer than the batch, with
        labels out of range; a batch that the devices do not divide.
      CheckpointError: a checkpoint could not be written (``error.result`` has all that was
        reached) or is of another state; the directory holds checkpoints and ``resume`` is False.

    Example:
      >>> import optax
      >>> from jaxmath import nn, train
      >>> train_fn, _ = train.adapt(lambda params, x: params * x)
      >>> step = train.supervised_step(train_fn, nn.squared_error, optax.sgd(0.1))
      >>> state = train.init_state(jax.random.key(0), jnp.array(0.0), optimizer=optax.sgd(0.1))
      >>> x = jnp.linspace(-1.0, 1.0, 20)
      >>> result = fit(state, step, (x, 3 * x), num_epochs=100, batch_size=5, mode="scan",
      ...              progress=False)
      >>> f"{result.state.params:.4f}"
      '3.0000'
    """
    modes = ("vmap", "map") if ensemble else ("scan", "loop")
    if mode not in (*modes, "auto"):
        raise ValueError(f"fit: argument `mode` must be 'auto', {modes}, got {mode!r}")
    check_number("num_epochs", num_epochs, low=1, integer=True)
    n = check_data("fit", "data", data, num_classes)
    check_batch_size("fit", batch_size, n * jax.process_count(), mesh)
    if (validation is None) != (eval_fn is None):
        raise ValueError("fit: `eval_fn` and `validation` go together")
    if validation is not None:
        check_data("fit", "validation", validation, num_classes)
    if patience is not None:
        check_number("patience", patience, low=1, integer=True)
        if validation is None:
            raise ValueError("fit: argument `patience` needs `validation`")
    if ema is not None:
        check_number("ema", ema, low=0.0, high=1.0, open_high=True)
        if not hasattr(state, "_replace") or not hasattr(state, "params"):
            raise TypeError("fit: argument `ema` needs a state that is a NamedTuple with `params`")
    if mesh is not None and ensemble:
        raise ValueError("fit: an ensemble runs without a mesh")
    plan = Plan(step, eval_fn, batch_size, patience, ema, mesh)
    run = _start(plan, state, key, ensemble)
    checkpoints = None if checkpoint_dir is None else Checkpoints(checkpoint_dir)
    driver = _Driver(plan, run, checkpoints, checkpoint_every, metadata or {})
    bar = None
    try:
        if checkpoints is not None and checkpoints.last_good is not None:
            driver.resume(resume)
        placed, checked = place(data, mesh), validation and place(validation, mesh)
        if driver.mode not in modes:
            driver.mode = mode if mode != "auto" else driver.fastest(modes, placed, checked)
        if progress and jax.process_index() == 0:
            bar = Progress(num_epochs, driver.epoch)
        driver.train(num_epochs, placed, checked, bar, callback)
        return driver.finish()
    finally:
        if bar is not None:
            bar.close()
        if checkpoints is not None:
            checkpoints.close()


def _start(plan: Plan, state: PyTree, key: Array | None, ensemble: bool) -> Run:
    """The run before its first step, in buffers of its own, on the mesh's devices."""
    if key is None:
        key = getattr(state, "key", None)
        if key is None:
            raise ValueError("fit: argument `key` is needed: the state has none")
    validated = plan.eval_fn is not None
    if ensemble:
        sizes = {np.shape(leaf)[:1] for leaf in jax.tree.leaves((state, key))}
        if len(sizes) != 1 or () in sizes:
            raise ValueError(
                "fit: of an ensemble all leaves of the state and the keys must have one leading "
                f"axis of lanes, got leading axes {sorted(sizes)}"
            )
        run = jax.vmap(lambda s, k: _epoch.start(s, k, plan.ema, validated))(state, key)
    else:
        run = _epoch.start(state, as_key("key", key), plan.ema, validated)
    return _epoch.copy(replicate(jax.tree.map(jnp.asarray, run), plan.mesh))


def _agree(value: float) -> float:
    """The first process' value: what depends on a clock must be the same in all."""
    if jax.process_count() == 1:
        return value
    from jax.experimental import multihost_utils

    return float(multihost_utils.broadcast_one_to_all(np.float32(value)))


class _Driver:
    """One run of ``fit``: the engine's carry, and what the host knows of it."""

    def __init__(
        self,
        plan: Plan,
        run: Run,
        checkpoints: Checkpoints | None,
        every: float,
        metadata: dict[str, Any],
    ) -> None:
        self.plan, self.run, self.checkpoints = plan, run, checkpoints
        self.every, self.metadata = every, metadata
        self.mode = ""
        self.epoch = 0
        self.history: dict[str, list] = {}
        self.saved = time.monotonic()

    def resume(self, wanted: bool) -> None:
        assert self.checkpoints is not None
        if not wanted:
            raise CheckpointError(
                f"{self.checkpoints.directory} holds the checkpoint "
                f"{self.checkpoints.last_good}: pass resume=True, or another directory"
            )
        self.run, metadata = self.checkpoints.restore(self.run)
        self.run = _epoch.copy(replicate(self.run, self.plan.mesh))
        engine = metadata["engine"]
        self.epoch, self.mode, self.history = engine["epoch"], engine["mode"], engine["history"]

    def fastest(self, modes: tuple[str, ...], data: Placed, validation: Placed | None) -> str:
        """The program that takes less time for the same few batches, each compiled before."""

        def seconds(mode: str, limit: int) -> float:
            number = replicate(jnp.int32(limit), self.plan.mesh)
            cut = lambda d: d and d._replace(limit=number)
            run = _epoch.copy(self.run)
            program = _epoch.program(self.plan, mode)
            begin = time.perf_counter()
            jax.block_until_ready(program(run, cut(data), cut(validation), 1))
            return time.perf_counter() - begin

        for mode in modes:
            seconds(mode, 1)
        one = _agree(max(seconds(mode, 1) for mode in modes))
        limit = max(1, min(1000, int(0.2 / one)))
        times = [_agree(min(seconds(mode, limit) for _ in range(2))) for mode in modes]
        return modes[int(np.argmin(times))]

    def train(
        self,
        num_epochs: int,
        data: Placed,
        validation: Placed | None,
        bar: Progress | None,
        callback: Callable | None,
    ) -> None:
        program = _epoch.program(self.plan, self.mode)
        chunk = 1
        while self.epoch < num_epochs and self._going().any():
            chunk = min(chunk, num_epochs - self.epoch)
            before = np.asarray(self.run.epoch)
            begin = time.perf_counter()
            self.run, rows = program(self.run, data, validation, chunk)
            rows = jax.device_get(rows)
            seconds = _agree((time.perf_counter() - begin) / chunk)
            done = np.asarray(self.run.epoch) - before
            for j in range(int(done.max())):
                row = {k: np.where(j < done, v[..., j], np.nan) for k, v in rows.items()}
                self._record(row, seconds, bar, callback)
            chunk = max(1, min(int(_SECONDS_A_CALL / seconds), _epoch.MAX_EPOCHS_A_CALL))
            self._checkpoint()

    def _going(self) -> np.ndarray:
        return np.asarray(_epoch.live(self.run, self.plan))

    def _record(
        self, row: dict[str, np.ndarray], seconds: float, bar: Progress | None, callback: Any
    ) -> None:
        self.epoch += 1
        for name, value in row.items():
            self.history.setdefault(name, []).append(value.tolist())
        if bar is not None:
            loss = np.nanmean(row.get("validation_loss", row["loss"]))
            bar.update(self.epoch, f"loss {loss:.4g}  {1.0 / seconds:.3g} epochs/s")
        if callback is not None:
            callback(self.epoch, row)

    def _checkpoint(self, *, last: bool = False) -> None:
        """Save at the boundary of a call, if it is time; a run that broke off is not saved."""
        if self.checkpoints is None:
            return
        due = last or _agree(float(time.monotonic() - self.saved >= self.every)) > 0
        broken = not (np.asarray(self.run.bad_step) < 0).any()
        try:
            if last:
                self.checkpoints.wait()
            self.checkpoints.check()
            if due and not broken and self.epoch != self.checkpoints.last_good:
                self._refuse_nan(self.checkpoints)
                engine = {"epoch": self.epoch, "mode": self.mode, "history": self.history}
                metadata = self.metadata | {"engine": engine}
                self.checkpoints.save(self.epoch, self.run, metadata)
                self.saved = time.monotonic()
            if last:
                self.checkpoints.wait()
        except CheckpointError as error:
            error.result = self._result()
            raise

    def _refuse_nan(self, checkpoints: Checkpoints) -> None:
        """A step looks at the loss and at what the model reads; before a save all is looked at."""
        for path, leaf in jax.tree_util.tree_leaves_with_path(self.run.state):
            if jnp.issubdtype(leaf.dtype, jnp.inexact) and np.isnan(np.asarray(leaf)).any():
                raise CheckpointError(
                    f"fit: the state has NaN in {jax.tree_util.keystr(path)} after epoch "
                    f"{self.epoch} and is not saved; the last good checkpoint: "
                    f"{checkpoints.last_good}"
                )

    def finish(self) -> FitResult:
        self._checkpoint(last=True)
        result = self._result()
        if np.any(result.bad_step >= 0):
            warnings.warn(result.message, RuntimeWarning, stacklevel=3)
        return result

    def _result(self) -> FitResult:
        run, plan = self.run, self.plan
        validated = plan.eval_fn is not None
        best = _epoch.with_view(run.state, run.best) if validated else _epoch.shown(run, plan.ema)
        number = lambda a: int(a) if np.ndim(a) == 0 else np.asarray(a)
        last_good = None if self.checkpoints is None else self.checkpoints.last_good
        checkpoint = None
        if self.checkpoints is not None and last_good is not None:
            checkpoint = self.checkpoints.directory / str(last_good)
        return FitResult(
            state=run.state,
            best=best,
            history={name: np.asarray(values) for name, values in self.history.items()},
            epochs=self.epoch,
            best_epoch=number(run.best_epoch if validated else run.epoch),
            bad_step=number(run.bad_step),
            mode=self.mode,
            message=self._message(checkpoint),
            checkpoint=checkpoint,
        )

    def _message(self, checkpoint: Path | None) -> str:
        bad, epoch = np.atleast_1d(self.run.bad_step), np.atleast_1d(self.run.epoch)
        lanes = np.flatnonzero(bad >= 0)
        if lanes.size:
            of = lambda i: f"lane {i}, " if bad.size > 1 else ""
            where = [f"{of(i)}step {bad[i]} (epoch {epoch[i] + 1})" for i in lanes[:5]]
            more = f" and {lanes.size - 5} more" if lanes.size > 5 else ""
            return (
                f"fit: loss or state not finite at {'; '.join(where)}{more}: stopped there with "
                f"the state before it; the last good checkpoint: {checkpoint or 'none'}"
            )
        if not self._going().any():
            return f"stopped early: {self.plan.patience} epochs without a lower validation loss"
        return ""
