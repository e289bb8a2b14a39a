"""The training engine: compiled epochs around any pure step, checkpoints, ensembles, devices.

A model gives functions for one example; ``supervised_step`` makes of them, a loss and an optimizer
a pure step, and ``fit`` runs it::

    from jaxmath import nn, train
    from jaxmath.models import mlp

    config = mlp.Config((64, 128, 10))
    train_fn, apply_fn = train.adapt(functools.partial(mlp.apply, config=config))
    optimizer = optax.adam(1e-3)
    step = train.supervised_step(train_fn, nn.softmax_cross_entropy, optimizer)
    eval_fn = train.supervised_eval(apply_fn, nn.softmax_cross_entropy)
    state = train.init_state(key, mlp.init(init_key, config), optimizer=optimizer)
    result = train.fit(state, step, (x, y), num_epochs=20, batch_size=128,
                       eval_fn=eval_fn, validation=(x_val, y_val), patience=5)

The engine knows no model: its state is any pytree, and its step any
``step(state, batch, key) -> (state, metrics)``. What a run is made of, from the inside out:

``state``, ``step``
    One update, pure. The engine wraps it: a step whose loss, or what the model reads of its new
    state, is not finite is not taken, nor is any after it.
``_epoch``
    One epoch: the order drawn from ``fold_in(key, e)``, the batches gathered on the device, the
    loop, the evaluation, the best state. Either one compiled loop over a traced number of batches
    (so that a data set of another length is the same program), or a Python loop over one compiled
    step; both are made of the same pieces.
``fit``
    The host's part: checks of the data, the choice between the programs by timing each once, how
    many epochs a device call takes, history, progress, checkpoints at the calls' boundaries.
``checkpoint``, ``devices``
    Orbax, and a mesh with the batch axis sharded.
``recipes``, ``options``, ``trainer``, ``report``, ``folder``, ``plots``
    What ``scripts/train.py`` is made of beside: models with their options, figures, files,
    pictures.
"""

from jaxmath.train.checkpoint import CheckpointError, restore_checkpoint, save_checkpoint
from jaxmath.train.devices import data_mesh
from jaxmath.train.evaluate import evaluate
from jaxmath.train.feature_space import measured_in_features
from jaxmath.train.fit import fit
from jaxmath.train.folder import claim_folder, write_figures
from jaxmath.train.generative import CODES, GAMES
from jaxmath.train.options import Option, add_options, own_options, settle_options
from jaxmath.train.plots import (
    plot_confusion,
    plot_curves,
    plot_mistakes,
    plot_reliability,
    plot_series,
)
from jaxmath.train.predict import predict
from jaxmath.train.recipe import Generative, Model, Outcome, Recipe, Task
from jaxmath.train.recipes import RECIPES
from jaxmath.train.report import classifier_report, measures_report, report_tables
from jaxmath.train.result import FitResult
from jaxmath.train.sampling import SAMPLING, make_writer
from jaxmath.train.series import SERIES
from jaxmath.train.signals import stop_signals
from jaxmath.train.state import TrainState, from_flax, init_state, to_flax
from jaxmath.train.step import Batch, adapt, supervised_eval, supervised_step
from jaxmath.train.tasks import CLASSES, task_of, write_plots
from jaxmath.train.text import TEXT
from jaxmath.train.trainer import Trainer, make_trainer
from jaxmath.train.truncated import truncated_step

__all__ = [
    "CLASSES",
    "CODES",
    "GAMES",
    "RECIPES",
    "SAMPLING",
    "SERIES",
    "TEXT",
    "Batch",
    "CheckpointError",
    "FitResult",
    "Generative",
    "Model",
    "Option",
    "Outcome",
    "Recipe",
    "Task",
    "TrainState",
    "Trainer",
    "adapt",
    "add_options",
    "claim_folder",
    "classifier_report",
    "data_mesh",
    "evaluate",
    "fit",
    "from_flax",
    "init_state",
    "make_trainer",
    "make_writer",
    "measured_in_features",
    "measures_report",
    "own_options",
    "plot_confusion",
    "plot_curves",
    "plot_mistakes",
    "plot_reliability",
    "plot_series",
    "predict",
    "report_tables",
    "restore_checkpoint",
    "save_checkpoint",
    "settle_options",
    "stop_signals",
    "supervised_eval",
    "supervised_step",
    "task_of",
    "to_flax",
    "truncated_step",
    "write_figures",
    "write_plots",
]
