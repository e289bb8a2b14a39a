"""The host's side of one run: calls of the compiled program, and what happens between them."""

import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmath.train import _epoch
from jaxmath.train._data import Placed, divide, replicate
from jaxmath.train._epoch import Plan, Run
from jaxmath.train._progress import Progress
from jaxmath.train.checkpoint import CheckpointError, Checkpoints
from jaxmath.train.result import FitResult
from jaxmath.typing import Array, PyTree, as_key

__all__: list[str] = []

_SECONDS_A_CALL = 0.1


def start(plan: Plan, state: PyTree, key: Array | None, ensemble: bool) -> Run:
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
        if plan.lanes is not None and (num := sizes.pop()[0]) % plan.lanes.size:
            raise ValueError(
                f"fit: an ensemble on a mesh needs a multiple of its {plan.lanes.size} devices, "
                f"got {num} lanes"
            )
        run = jax.vmap(lambda s, k: _epoch.start(s, k, plan.ema, validated))(state, key)
    else:
        run = _epoch.start(state, as_key("key", key), plan.ema, validated)
    return _placed(run, plan)


def _placed(run: Run, plan: Plan) -> Run:
    """The run in buffers of its own on the plan's devices."""
    run = replicate(run, plan.mesh) if plan.lanes is None else divide(run, plan.lanes)
    return _epoch.copy(run)


def _agree(value: float) -> float:
    """The first process' value: what depends on a clock must be the same in all."""
    if jax.process_count() == 1:
        return value
    from jax.experimental import multihost_utils

    return float(multihost_utils.broadcast_one_to_all(np.float32(value)))


def _is_true(returned: Any) -> bool:
    """What a callback returns, or one line about what is neither true nor false."""
    try:
        return bool(returned)
    except (TypeError, ValueError) as error:
        raise TypeError(
            "fit: argument `callback` must return what is true or false, got "
            f"{type(returned).__name__} of shape {np.shape(returned)}"
        ) from error


def _nans(state: PyTree) -> dict[str, int]:
    """How many NaN each leaf has, by path."""
    leaves = jax.tree_util.tree_leaves_with_path(state)
    floating = [(path, a) for path, a in leaves if jnp.issubdtype(a.dtype, jnp.inexact)]
    return {jax.tree_util.keystr(path): int(np.isnan(np.asarray(a)).sum()) for path, a in floating}


def _text(loss: float, rate: float) -> str:
    return f"loss {loss:.4g}  {rate:.3g} epochs/s"


class Driver:
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
        self.stopped = False
        self.reported = ""
        self.nans: dict[str, int] = {}

    def resume(self, wanted: bool) -> None:
        assert self.checkpoints is not None
        if not wanted:
            raise CheckpointError(
                f"{self.checkpoints.directory} holds the checkpoint "
                f"{self.checkpoints.last_good}: pass resume=True, or another directory"
            )
        self.run, metadata = self.checkpoints.restore(self.run)
        self.run = _placed(self.run, self.plan)
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
        begun = jax.device_get((self.run.bad_step, self.run.step, self.run.epoch))
        if self.checkpoints is not None:
            self.nans = _nans(self.run.state)
        chunk = 1
        while self.epoch < num_epochs and self._going().any() and not self.stopped:
            chunk = min(chunk, num_epochs - self.epoch)
            before = np.asarray(self.run.epoch)
            begin = time.perf_counter()
            tick = () if bar is None or self.mode != "loop" else (self._ticker(bar),)
            self.run, rows = program(self.run, data, validation, chunk, *tick)
            rows = jax.device_get(rows)
            seconds = _agree((time.perf_counter() - begin) / chunk)
            done = np.asarray(self.run.epoch) - before
            for name, values in rows.items():  # a resumed run may measure more than the one before
                missing = np.full(values.shape[:-1], np.nan).tolist()
                self.history.setdefault(name, [missing] * self.epoch)
            for j in range(int(done.max())):
                row = {k: np.where(j < done, v[..., j], np.nan) for k, v in rows.items()}
                self._record(row, seconds, bar, callback)
            chunk = max(1, min(int(_SECONDS_A_CALL / seconds), _epoch.MAX_EPOCHS_A_CALL))
            self._checkpoint()
        # What was asked for after the last epoch has stopped nothing.
        self.stopped = self.stopped and self.epoch < num_epochs
        self.reported = self._at_the_bad_step(data, begun)

    def _at_the_bad_step(self, data: Placed, begun: tuple) -> str:
        """What the first bad step reports, found by a look at it once more.

        The batches of a run that this one resumes are not known: its bad steps are left out.
        """
        bad = (np.asarray(self.run.bad_step) >= 0) & (begun[0] < 0)
        if not bad.any():
            return ""
        pick = lambda a: a if bad.ndim == 0 else a[bad.argmax()]
        run, (_, steps, epochs) = jax.tree.map(pick, (self.run, begun))
        metrics = jax.device_get(_epoch.reported(self.plan, run, data, steps, epochs))
        figures = (f"{name} {float(value):.3g}" for name, value in metrics.items())
        return f" (that step's {', '.join(figures)})"

    def _ticker(self, bar: Progress) -> Callable:
        """Moves the bar within an epoch, where the host sees the steps."""
        epoch = self.epoch
        first: list[tuple[float, float]] = []

        def tick(done: float, means: Any) -> None:
            if not first:  # the step that compiles
                first.append((done, time.perf_counter()))
            elif bar.due():
                # Steps are sent ahead of the device: the bar shows what it has done.
                loss = float(means.row()["loss"])
                rate = (done - first[0][0]) / (time.perf_counter() - first[0][1])
                bar.update(epoch + done, _text(loss, rate))

        return tick

    def _going(self) -> np.ndarray:
        return np.asarray(_epoch.live(self.run, self.plan))

    def _record(
        self, row: dict[str, np.ndarray], seconds: float, bar: Progress | None, callback: Any
    ) -> None:
        missing = np.full_like(row["loss"], np.nan)
        for name, column in self.history.items():  # or less
            column.append(row.get(name, missing).tolist())
        self.epoch += 1
        if bar is not None:
            losses = row.get("validation_loss", row["loss"])
            losses = losses[~np.isnan(losses)]
            loss = float(np.mean(losses)) if losses.size else np.nan
            bar.update(self.epoch, _text(loss, 1.0 / seconds))
        if callback is not None:
            self.stopped = _is_true(callback(self.epoch, row)) or self.stopped

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
        """A step looks at the loss and at what the model reads; before a save all is looked at.

        What was NaN from the start may stay so.
        """
        for path, count in _nans(self.run.state).items():
            if count > self.nans[path]:
                raise CheckpointError(
                    f"fit: the state has NaN in {path} after epoch {self.epoch} and is not saved; "
                    f"the last good checkpoint: {checkpoints.last_good}"
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
        shape = (self.epoch, *np.shape(run.bad_step))
        number = lambda a: int(a) if np.ndim(a) == 0 else np.asarray(a)
        last_good = None if self.checkpoints is None else self.checkpoints.last_good
        checkpoint = None
        if self.checkpoints is not None and last_good is not None:
            checkpoint = self.checkpoints.directory / str(last_good)
        return FitResult(
            state=run.state,
            best=best,
            history={name: np.reshape(values, shape) for name, values in self.history.items()},
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
                f"the state before it{self.reported}; the last good checkpoint: "
                f"{checkpoint or 'none'}"
            )
        if not self._going().any():
            return f"stopped early: {self.plan.patience} epochs without a lower validation loss"
        return f"stopped by the callback after epoch {self.epoch}" if self.stopped else ""
