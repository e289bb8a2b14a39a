"""The host's part of training: the call that a user makes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
from jax.sharding import Mesh

from jaxmath.train._checks import (
    as_count,
    as_number,
    check_function,
    check_mesh,
    check_metadata,
    check_path,
)
from jaxmath.train._data import as_pair, check_batch_size, check_data, held, place, replicate
from jaxmath.train._driver import Driver, start
from jaxmath.train._epoch import Plan
from jaxmath.train._progress import Progress
from jaxmath.train.checkpoint import Checkpoints, check_paths
from jaxmath.train.result import FitResult
from jaxmath.train.step import Step
from jaxmath.typing import Array, PyTree, check_number

__all__ = ["fit"]


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
    callback: Callable[[int, dict[str, Any]], Any] | None = None,
    checkpoint_dir: str | Path | None = None,
    checkpoint_every: float = 60.0,
    resume: bool = False,
    metadata: dict[str, Any] | None = None,
) -> FitResult:
    """Train for some epochs.

    An epoch visits every example once, in an order of its own; the last batch is filled up with
    examples of weight 0, and so is the last one of an evaluation. Short epochs are run several to
    a device call. A step whose loss, or whose new parameters or model state, are not finite is not
    taken, and ends the run (of an ensemble: the lane's). The modes "scan" and "map" look at the
    loss after each step, at the rest after each epoch, and then go through the device call again
    to find the step: what was not finite within an epoch, and is again at its end, they do not see.
    The message names the step, its metrics and the last good checkpoint.

    Compiled programs are kept for the function objects ``step`` and ``eval_fn``: a second call with
    the same ones compiles nothing, nor do data of another length (which are filled up by at most an
    eighth, to a length that they share with their like).

    Args:
      state: the state to begin with; any pytree that ``step`` takes. It is not consumed.
      step: ``step(state, batch, key) -> (state, metrics)``, metrics a dictionary of scalars with
        ``loss``; the batch is a ``Batch``.
      data: ``(x, y)``, arrays or pytrees of arrays with one row an example, or a ``Dataset``.
      num_epochs: epochs in all, those before a resumption included.
      batch_size: examples a step; with a mesh a multiple of its devices, but of an ensemble any.
      eval_fn: ``eval_fn(state, batch) -> {name: values}`` with ``loss``, for the validation.
      validation: as ``data``, evaluated after each epoch.
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
      mesh: devices to spread the batches over, from ``data_mesh``; of an ensemble the lanes, a
        multiple of the devices, each on one device with all the data.
      num_classes: refuse integer targets outside 0 … num_classes − 1.
      progress: draw a bar (by rich, an extra), at most ten times a second: after a device call, in
        mode "loop" within an epoch too.
      callback: ``callback(epoch, row)`` after the device call, once for each epoch in it; what it
        returns, if true, ends the run there, with its checkpoint, to be resumed.
      checkpoint_dir: write checkpoints here, in the background.
      checkpoint_every: seconds between them; one more is written at the end.
      resume: go on from the newest checkpoint in the directory, if there is one. On one platform
        the run then equals an uninterrupted one to the byte.
      metadata: what a checkpoint shall say beside: configuration, data set, seed (JSON).

    Returns:
      A FitResult.

    Raises:
      TypeError: an argument is not of its kind; ``step`` or ``eval_fn`` returns something else
        than is said above.
      ValueError: data that are empty, not finite, of unequal lengths, fewer than the batch, with
        labels out of range or, as in the state, integers that jax would cut (of other numbers it
        takes 32 bits for 64); a batch that the devices do not divide; ``resume`` without a
        directory; a state that has, for a checkpoint, two leaves at one path; a step that returns
        one of another structure, shape or dtype; a measure of another shape.
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
        raise ValueError(f"fit: argument `mode` must be 'auto' or one of {modes}, got {mode!r}")
    check_mesh("fit", mesh)
    lanes, mesh = (mesh, None) if ensemble else (None, mesh)
    if lanes is not None and jax.process_count() > 1:
        raise ValueError("fit: an ensemble on a mesh runs in one process")
    num_epochs = as_count("fit", "num_epochs", num_epochs)
    batch_size = as_count("fit", "batch_size", batch_size)
    num_classes = None if num_classes is None else as_count("fit", "num_classes", num_classes)
    patience = None if patience is None else as_count("fit", "patience", patience)
    ema = as_number(ema)
    check_number("checkpoint_every", checkpoint_every, low=0.0)
    check_metadata("fit", metadata)
    if "engine" in (metadata or {}):
        raise ValueError(
            "fit: argument `metadata` must not hold 'engine', the name of what `fit` itself keeps"
        )
    for name, fn in (("callback", callback), ("eval_fn", eval_fn)):
        if fn is not None:
            check_function("fit", name, fn)
    check_function("fit", "step", step)
    if resume and checkpoint_dir is None:
        raise ValueError("fit: argument `resume` needs `checkpoint_dir`")
    data, validation = as_pair(data), as_pair(validation)
    n = check_data("fit", "data", data, num_classes)
    check_batch_size("fit", batch_size, n * jax.process_count(), mesh)
    _check_validation(eval_fn, validation, patience, num_classes)
    _check_ema(state, ema)
    plan = Plan(step, eval_fn, batch_size, patience, ema, mesh, lanes)
    if checkpoint_dir is not None:
        check_path("fit", "checkpoint_dir", checkpoint_dir)
        check_paths("fit", "state", state)
    run = start(plan, held("fit", "state", state), key, ensemble)
    checkpoints = None if checkpoint_dir is None else Checkpoints(checkpoint_dir)
    if checkpoints is not None:
        checkpoints.check_name()
    driver = Driver(plan, run, checkpoints, checkpoint_every, metadata or {})
    bar = None
    try:
        if checkpoints is not None and checkpoints.last_good is not None:
            driver.resume(resume)
        placed, checked = place(data, mesh), validation and place(validation, mesh)
        placed, checked = replicate((placed, checked), lanes)
        if mode != "auto":
            driver.mode = mode
        elif driver.mode not in modes:
            driver.mode = driver.fastest(modes, placed, checked)
        if progress and jax.process_index() == 0:
            bar = Progress(num_epochs, driver.epoch)
        driver.train(num_epochs, placed, checked, bar, callback)
        return driver.finish()
    finally:
        if bar is not None:
            bar.close()
        if checkpoints is not None:
            checkpoints.close()


def _check_validation(
    eval_fn: Callable | None, validation: Any, patience: int | None, num_classes: int | None
) -> None:
    if (validation is None) != (eval_fn is None):
        raise ValueError("fit: `eval_fn` and `validation` go together")
    if validation is not None:
        check_data("fit", "validation", validation, num_classes)
    if patience is not None and validation is None:
        raise ValueError("fit: argument `patience` needs `validation`")


def _check_ema(state: PyTree, ema: float | None) -> None:
    if ema is None:
        return
    check_number("ema", ema, low=0.0, high=1.0, open_high=True)
    if not hasattr(state, "_replace") or not hasattr(state, "params"):
        raise TypeError("fit: argument `ema` needs a state that is a NamedTuple with `params`")
