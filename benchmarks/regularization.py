"""Regularization where it should work: digits, few and mislabelled; and attacked.

    python benchmarks/regularization.py --json benchmarks/results/regularization_cpu.json

**A small noisy training set.** Each seed draws its own examples, flips a share of their labels, and
starts its own MLP; all seeds of all methods are lanes of one program. A method's strength is chosen
by the validation loss of other seeds than those that are then tested. Early
stopping keeps the epoch of least validation loss of the lanes without regularization. The
difference to none is taken seed by seed (the same examples, labels and start), with its standard
error.

**Attacks.** FGSM and PGD-20 in the ∞-ball of radius ε on [0, 1] pixels, on an MLP trained on clean
examples and on one trained on FGSM's. Learning rate and training radius are chosen on a validation
part: by clean accuracy for the first, by accuracy under FGSM for the second.
"""

import argparse
import itertools
import json
import math
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from jaxmath import datasets, nn, train
from jaxmath.benchmark import environment
from jaxmath.models import mlp

SIZES = (64, 128, 10)
CONFIG = mlp.Config(SIZES)
STRENGTHS = {
    "none": (0.0,),
    "L2": (0.0003, 0.001, 0.003, 0.01),
    "dropout": (0.3, 0.5, 0.7, 0.85),
    "augmentation": (0.5, 0.75, 1.0),
}
LARGEST = 1078  # the training part of the digits
METHODS = tuple(STRENGTHS)
EARLY = "early stopping"  # the best epoch of the lanes without regularization: no lane of its own


class Lane(NamedTuple):
    """What tells one lane from the others: its examples, their labels, and how it is regularized.

    Args:
      rows: which examples of the training part, shape (n,).
      labels: their labels, some of them wrong, shape (n,).
      l2: λ of λ·½‖W‖².
      dropout: the probability that a hidden unit is dropped.
      augmentation: the probability that an image is shifted.
    """

    rows: jax.Array
    labels: jax.Array
    l2: jax.Array
    dropout: jax.Array
    augmentation: jax.Array


def moved(key: jax.Array, x: jax.Array) -> jax.Array:
    """A digit shifted by up to a pixel each way."""
    return nn.random_shift(key, x.reshape(8, 8, 1), 1).ravel()


def regularized(key, params, lane, x, axis_name):
    """The logits in training, and the penalty; the lane's strengths are numbers, not branches."""
    coin, move, drop = jax.random.split(key, 3)
    x = jnp.where(jax.random.bernoulli(coin, lane.augmentation), moved(move, x), x)
    hidden = nn.dropout(drop, nn.relu(nn.dense_apply(params[0], x)), lane.dropout)
    penalty = lane.l2 * nn.l2(params, mask=nn.decay_mask(params))
    return (nn.dense_apply(params[1], hidden), penalty), lane


def penalized(prediction, label):
    logits, penalty = prediction
    return nn.softmax_cross_entropy(logits, label) + penalty


def correct(logits, label):
    return (jnp.argmax(logits) == label).astype(jnp.float32)


def lane_step(X: np.ndarray, optimizer: optax.GradientTransformation) -> Callable:
    """The engine's batch holds places in the lane's own training set."""
    base = train.supervised_step(regularized, penalized, optimizer)

    def step(state, batch, key):
        lane = state.model_state
        own = train.Batch(X[lane.rows[batch.x]], lane.labels[batch.x], batch.weight)
        return base(state, own, key)

    return step


def start_lane(key, method, strength, y, size, flipped, optimizer) -> train.TrainState:
    """A lane of one seed: the key alone decides on examples, labels and start."""
    choose, which, flip, init, run = jax.random.split(key, 5)
    rows = jax.random.permutation(choose, len(y))[:size]
    wrong = jax.random.bernoulli(which, flipped, (size,))
    labels = (y[rows] + wrong * jax.random.randint(flip, (size,), 1, 10)) % 10
    level = lambda name: jnp.where(method == METHODS.index(name), strength, 0.0)
    lane = Lane(rows, labels, level("L2"), level("dropout"), level("augmentation"))
    params = mlp.init(init, CONFIG, dtype=jnp.float32)
    return train.init_state(run, params, lane, optimizer=optimizer)


def mean_measures(apply_fn: Callable) -> Callable:
    """Loss and accuracy of many states on one data set."""

    @jax.jit
    def measure(states, x, y):
        def one(state):
            logits = jax.vmap(lambda x: apply_fn(state.params, state.model_state, x))(x)
            return jnp.mean(jax.vmap(nn.softmax_cross_entropy)(logits, y)), nn.accuracy(logits, y)

        return jax.lax.map(one, states)

    return measure


def few_and_noisy(parts, runs, keys, options) -> dict:
    """(method, strength) → fields of shape (seeds,); runs and seeds are lanes of one program."""
    (X, y), validation, test = parts
    optimizer, size = optax.adam(options.learning_rate), options.examples
    _, apply_fn = train.adapt(partial(mlp.apply, config=CONFIG))
    begin = partial(
        start_lane, y=jnp.asarray(y), size=size, flipped=options.flipped, optimizer=optimizer
    )
    codes = np.repeat([METHODS.index(method) for method, _ in runs], len(keys))
    strengths = np.repeat(np.array([s for _, s in runs], np.float32), len(keys))
    states = jax.jit(jax.vmap(begin))(jnp.tile(keys, len(runs)), codes, strengths)
    result = train.fit(
        states, lane_step(jnp.asarray(X), optimizer),
        (np.arange(size, dtype=np.int32), np.zeros(size, np.int32)),
        num_epochs=options.epochs, batch_size=min(32, size), ensemble=True, mode="vmap",
        eval_fn=train.supervised_eval(apply_fn, nn.softmax_cross_entropy), validation=validation,
        progress=False,
    )  # fmt: skip
    assert np.all(np.asarray(result.bad_step) < 0)
    measure = mean_measures(apply_fn)

    def fields(states) -> dict:
        found = {"train loss": result.history["loss"][-1]}
        for name, data in (("validation", validation), ("test", test)):
            found[f"{name} loss"], found[f"{name} accuracy"] = measure(states, *data)
        return {k: np.asarray(v).reshape(len(runs), len(keys)) for k, v in found.items()}

    last, best = fields(result.state), fields(result.best)
    best["epoch"] = np.asarray(result.best_epoch).reshape(len(runs), len(keys))
    found = {run: {k: v[i] for k, v in last.items()} for i, run in enumerate(runs)}
    none = [method for method, _ in runs].index("none")
    return found | {(EARLY, 0.0): {k: v[none] for k, v in best.items() if k != "train loss"}}


def regularization(options: argparse.Namespace) -> dict:
    """The best strength of each method, and how far it beats none."""
    parts = datasets.split(jax.random.key(0), datasets.digits(), (0.6, 0.2, 0.2))
    parts = [tuple(part) for part in parts]
    grid = [(method, s) for method in METHODS for s in STRENGTHS[method][: options.strengths]]
    key, tuning_key = jax.random.split(jax.random.key(1))
    tuned = few_and_noisy(parts, grid, jax.random.split(tuning_key, options.tuning_seeds), options)
    score = {run: float(np.mean(row["validation loss"])) for run, row in tuned.items()}
    chosen = [min((r for r in grid if r[0] == m), key=score.__getitem__) for m in METHODS]
    tested = few_and_noisy(parts, chosen, jax.random.split(key, options.seeds), options)
    none, rows = tested["none", 0.0], {}
    for (method, strength), row in tested.items():
        gain = none["test loss"] - row["test loss"]
        error = float(np.std(gain, ddof=1) / math.sqrt(len(gain)))
        rows[method] = {
            "strength": strength or None,
            "validation loss by strength": {str(s): score[m, s] for m, s in score if m == method},
            **{name: float(np.mean(values)) for name, values in row.items()},
            "test loss spread": float(np.std(row["test loss"], ddof=1)),
            "gain over none": float(np.mean(gain)),
            "standard error": error,
            "gain in standard errors": float(np.mean(gain)) / error if error else 0.0,
        }
    return rows


def attacked_model(optimizer: optax.GradientTransformation) -> tuple[Callable, Callable, Callable]:
    """Step and evaluation of a lane whose ``model_state`` is the radius that it trains with."""

    def loss(params, x, label):
        return nn.softmax_cross_entropy(mlp.apply(params, x, config=CONFIG), label)

    def train_fn(key, params, radius, x, axis_name):
        image, label = x  # the attacker knows the label
        worse = nn.fgsm(lambda z: loss(params, z, label), image, radius)
        return mlp.apply(params, jax.lax.stop_gradient(worse), config=CONFIG), radius

    step = train.supervised_step(train_fn, nn.softmax_cross_entropy, optimizer)

    @jax.jit
    def accuracies(states, x, y, epsilon):
        """Clean, under FGSM, under PGD-20; one row a lane."""
        keys = jax.random.split(jax.random.key(1), len(y))

        def one(state):
            own = lambda label: lambda z: loss(state.params, z, label)
            fast = jax.vmap(lambda x, c: nn.fgsm(own(c), x, epsilon))(x, y)
            attack = lambda key, x, c: nn.pgd(key, own(c), x, epsilon, epsilon / 8, 20)
            slow = jax.vmap(attack)(keys, x, y)
            logits = jax.vmap(lambda x: mlp.apply(state.params, x, config=CONFIG))
            return jnp.stack([nn.accuracy(logits(z), y) for z in (x, fast, slow)])

        return jax.lax.map(one, states)

    return step, accuracies


def attacks(options: argparse.Namespace) -> dict:
    """Accuracy, clean and attacked, of the plain and the adversarially trained network."""
    parts = datasets.split(jax.random.key(0), datasets.digits(), (0.64, 0.16, 0.2))
    (X, y), validation, test = (tuple(part) for part in parts)
    make = optax.inject_hyperparams(optax.adam)
    step, accuracies = attacked_model(make(1e-3))
    rates, radii = (1e-3, 3e-3), (0.0, 0.1, 0.15, 0.2)
    grid = list(itertools.product(rates[: options.strengths], radii[: options.strengths + 1]))

    def fitted(runs: list[tuple[float, float]], first_seed: int, seeds: int):
        def begin(seed, rate, radius):
            init, run = jax.random.split(jax.random.key(seed))
            params = mlp.init(init, CONFIG, dtype=jnp.float32)
            return train.init_state(run, params, radius, optimizer=make(rate))

        lanes = [(first_seed + s, *run) for run in runs for s in range(seeds)]
        seed, rate, radius = (np.array(column) for column in zip(*lanes, strict=True))
        begin = jax.jit(jax.vmap(begin))
        states = begin(seed, rate.astype(np.float32), radius.astype(np.float32))
        result = train.fit(
            states, step, ((X, y), y), num_epochs=options.attack_epochs, batch_size=64,
            ensemble=True, mode="vmap", progress=False,
        )  # fmt: skip
        assert np.all(np.asarray(result.bad_step) < 0)
        return result.state

    def table(states, data, runs):
        return np.asarray(accuracies(states, *data, options.epsilon)).reshape(len(runs), -1, 3)

    tuned = table(fitted(grid, 10_000, options.tuning_seeds), validation, grid).mean(1)
    score = dict(zip(grid, tuned, strict=True))
    plain = max((run for run in grid if run[1] == 0), key=lambda run: score[run][0])
    robust = max((run for run in grid if run[1] > 0), key=lambda run: score[run][1])
    found = table(fitted([plain, robust], 0, options.attack_seeds), test, [plain, robust])
    rows: dict = {"epsilon": options.epsilon}
    for name, (rate, radius), seeds in zip(
        ("plain", "adversarially trained"), (plain, robust), found, strict=True
    ):
        error = np.std(seeds, axis=0, ddof=1) / math.sqrt(len(seeds))
        rows[name] = {"learning rate": rate, "training radius": radius}
        for kind, m, e in zip(("clean", "FGSM", "PGD-20"), seeds.mean(0), error, strict=True):
            rows[name][kind] = {"accuracy": float(m), "standard error": float(e)}
    lost = found[:, :, 0] - found[:, :, 1]
    rows["accuracy lost under FGSM, robust over plain"] = float(lost[1].mean() / lost[0].mean())
    rows["validation accuracy: clean, FGSM, PGD-20"] = {
        f"rate {rate}, radius {radius}": [round(float(a), 4) for a in score[rate, radius]]
        for rate, radius in grid
    }
    return rows


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=40, help="seeds of the small training sets")
    parser.add_argument("--tuning-seeds", type=int, default=10, help="other seeds, for the choices")
    parser.add_argument("--strengths", type=int, default=9, help="at most so many of each method")
    parser.add_argument(
        "--examples", type=int, default=200, help=f"size of a training set, 1 to {LARGEST} (200)"
    )
    parser.add_argument("--flipped", type=float, default=0.2, help="share of its wrong labels")
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--epsilon", type=float, default=0.1, help="radius of the attacks")
    parser.add_argument("--attack-seeds", type=int, default=10)
    parser.add_argument("--attack-epochs", type=int, default=60)
    parser.add_argument("--json", type=Path, help="write every figure as JSON")
    options = parser.parse_args(argv)
    if not 1 <= options.examples <= LARGEST:
        parser.error(f"--examples must be 1 to {LARGEST}, got {options.examples}")
    figures: dict = {"where": environment(), "sizes": SIZES}
    figures["settings"] = {k: v for k, v in vars(options).items() if k != "json"}
    begin = time.perf_counter()
    figures["small and noisy"] = regularization(options)
    print(f"{options.examples} digits, {options.flipped:.0%} wrong labels, {options.seeds} seeds")
    for method, row in figures["small and noisy"].items():
        print(
            f"  {method:15} {row['strength'] or '':<6} test loss {row['test loss']:.3f}, accuracy "
            f"{row['test accuracy']:.3f}; gain {row['gain over none']:.3f} ± "
            f"{row['standard error']:.3f} ({row['gain in standard errors']:.1f} standard errors)"
        )
    figures["attacks"] = attacks(options)
    print(f"attacks with ε = {options.epsilon}, {options.attack_seeds} seeds")
    for name in ("plain", "adversarially trained"):
        row = figures["attacks"][name]
        kinds = ("clean", "FGSM", "PGD-20")
        print(f"  {name:22} " + ", ".join(f"{k} {row[k]['accuracy']:.3f}" for k in kinds))
    ratio = figures["attacks"]["accuracy lost under FGSM, robust over plain"]
    print(f"  accuracy lost under FGSM, the second over the first: {ratio:.2f}")
    figures["seconds"] = time.perf_counter() - begin
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
