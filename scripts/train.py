#!/usr/bin/env python
"""Train a classifier and report how good it is.

The data are split 80 : 20 into training and test part, with the classes' shares kept, always the
same way; of the training part a tenth is held out for the validation curves. Several seeds train
at once, in one program.
"""

import argparse
import contextlib
import csv
import difflib
import io
import json
import shutil
import signal
import sys
import time
import warnings
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

EXAMPLES = """\
examples:
  python scripts/train.py mlp
  python scripts/train.py mlp --dataset mnist_5k --seeds 10 --hidden 512 256 --dropout 0.5
  python scripts/train.py softmax --dataset iris --epochs 200
  python scripts/train.py mlp --epochs 500 --out results/long        # Ctrl-C saves and stops,
  python scripts/train.py mlp --epochs 500 --out results/long --resume     # and this goes on

datasets:
  digits, mnist_5k, iris, wine, breast_cancer        come with the packages
  mnist, fashion_mnist, cifar_10                     downloaded from openml.org on first use
  two_moons, spirals, blobs, xor                     1,000 generated examples
  a folder                                           with a subfolder of images for each class

Written to the output folder: metrics.json (every figure), seeds.csv, classes.csv, history.csv,
curves.png, confusion.png, reliability.png, mistakes.png, run.json (the settings), checkpoints/.

Exit codes: 0 done, 1 the run failed (what it reached is kept), 2 wrong arguments, 130 interrupted.
"""

BUNDLED = ("digits", "mnist_5k", "iris", "wine", "breast_cancer")
ONLINE = ("mnist", "fashion_mnist", "cifar_10")
GENERATED = ("two_moons", "spirals", "blobs", "xor")
SPLIT_SEED = 0


class Failure(Exception):
    """The run ended early; one line says how, and what it reached is kept."""


def positive(text: str) -> int:
    """A positive whole number."""
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a positive whole number")
    return int(text)


def seed(text: str) -> int:
    """A whole number that a random key can be made from."""
    if not text.isascii() or not text.isdigit() or int(text) >= 2**31:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number from 0 to 2**31 - 1")
    return int(text)


def number(low: float, high: float, *, open_low: bool = False):
    """A type of numbers from low up to high, which is left out."""

    def convert(text: str) -> float:
        try:
            value = float(text)
            if low <= value < high and not (open_low and value == low):
                return value
        except ValueError:
            pass
        bounds = f"{'above' if open_low else 'at least'} {low:g}"
        bounds += f" and below {high:g}" if high < float("inf") else ""
        raise argparse.ArgumentTypeError(f"'{text}' is not a number {bounds}")

    return convert


def parser() -> argparse.ArgumentParser:
    """The command line."""
    from jaxmath.train import RECIPES

    infinity = float("inf")
    p = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    kinds = "; ".join(f"{name}: {recipe.summary}" for name, recipe in RECIPES.items())
    p.add_argument("model", choices=RECIPES, metavar="MODEL", help=kinds)
    p.add_argument("--dataset", default="digits", metavar="NAME", help="default: digits")

    def default(name: str) -> str:
        found = {n: {**r.options, **r.training}.get(name) for n, r in RECIPES.items()}
        spell = lambda v: " ".join(map(str, v)) if isinstance(v, tuple) else f"{v}"
        values = {n: spell(v) for n, v in found.items() if v is not None}
        if len(set(values.values())) == 1:
            return f"default: {next(iter(values.values()))}"
        return "default: " + ", ".join(f"{v} for {n}" for n, v in values.items())

    how = p.add_argument_group("how to train")
    how.add_argument("--epochs", type=positive, metavar="N", help=default("epochs"))
    how.add_argument(
        "--batch-size", type=positive, metavar="N",
        help="default: about a twentieth of the training part, a power of 2 from 8 to 128",
    )  # fmt: skip
    how.add_argument(
        "--learning-rate", type=number(0, infinity, open_low=True), metavar="R",
        help=f"of AdamW at the start; a cosine brings it to 0 ({default('learning_rate')})",
    )  # fmt: skip
    how.add_argument(
        "--weight-decay", type=number(0, infinity), metavar="R",
        help=f"decoupled, of weights but not of biases ({default('weight_decay')})",
    )  # fmt: skip
    how.add_argument(
        "--hidden", type=positive, nargs="+", metavar="N",
        help=f"sizes of the hidden layers ({default('hidden')})",
    )  # fmt: skip
    how.add_argument("--activation", metavar="NAME", help=default("activation"))
    how.add_argument(
        "--dropout", type=number(0, 1), metavar="P",
        help=f"share of hidden units dropped ({default('dropout')})",
    )  # fmt: skip
    how.add_argument(
        "--validation", type=number(0, 1), default=0.1, metavar="F",
        help="share of the training part held out for validation; 0 for none (default: 0.1)",
    )  # fmt: skip
    how.add_argument(
        "--precision", choices=("float32", "bfloat16"), default="float32",
        help="of the model's computation; parameters are float32 (default: float32)",
    )  # fmt: skip
    many = p.add_argument_group("how often and where")
    many.add_argument("--seed", type=seed, default=0, help="of the first run (default: 0)")
    many.add_argument(
        "--seeds", type=positive, default=1, metavar="N",
        help="train N runs at once, seeds SEED to SEED+N-1 (default: 1)",
    )  # fmt: skip
    many.add_argument(
        "--devices", type=positive, default=1, metavar="N",
        help="spread each batch over N devices; on a machine without accelerators, over N virtual "
        "ones (default: 1)",
    )  # fmt: skip
    out = p.add_argument_group("what to write")
    out.add_argument("--out", type=Path, metavar="DIR", help="default: results/train/MODEL-DATASET")
    again = out.add_mutually_exclusive_group()
    again.add_argument(
        "--resume", action="store_true",
        help="go on from the newest checkpoint in the folder, to the bit as if never stopped",
    )  # fmt: skip
    again.add_argument(
        "--overwrite", action="store_true", help="throw away the run that the folder holds"
    )
    out.add_argument(
        "--checkpoint-every", type=number(0, infinity), default=60.0, metavar="S",
        help="seconds between checkpoints; one more at the end (default: 60)",
    )  # fmt: skip
    out.add_argument("--no-plots", action="store_true", help="figures and checkpoints only")
    out.add_argument(
        "--profile", action="store_true",
        help="afterwards, trace two epochs for TensorBoard or Perfetto, into profile/",
    )  # fmt: skip
    return p


def load(name: str):
    """The data set of this name."""
    import jax

    from jaxmath import datasets

    key = jax.random.key(SPLIT_SEED)
    if name == "blobs":
        return datasets.blobs(key, 1000, [[-2.0, 0.0], [2.0, 0.0], [0.0, 3.0]])
    if name in GENERATED:
        return getattr(datasets, name)(key, 1000)
    if name in BUNDLED:
        return getattr(datasets, name)()
    if name in ONLINE:
        return datasets.openml(name)
    if Path(name).is_dir():
        return datasets.image_folder(name)
    known = [*BUNDLED, *ONLINE, *GENERATED]
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean '{near[0]}'?" if near else f"known are {', '.join(known)}, or a folder"
    raise ValueError(f"unknown dataset '{name}': {hint}")


class Data(NamedTuple):
    """The parts, standardized with the statistics of the training part; the test part as it was."""

    training: tuple
    validation: tuple | None
    test: tuple
    raw_test: Any
    standardization: Any


def prepare(dataset, validation: float) -> Data:
    """Split and standardize: images by one mean and scale, other features each by its own."""
    import jax

    from jaxmath import datasets

    key = jax.random.key(SPLIT_SEED)
    rest, test = datasets.split(key, dataset, (0.8, 0.2))
    held = None
    if validation:
        fractions = (1.0 - validation, validation)
        rest, held = datasets.split(jax.random.fold_in(key, 1), rest, fractions)
    axes = rest.x.ndim if rest.image_shape else 1
    fitted = datasets.fit_standardization(rest.x, num_axes=axes)
    scaled = lambda part: (datasets.standardize(fitted, part.x).astype("float32"), part.y)
    return Data(scaled(rest), held and scaled(held), scaled(test), test, fitted)


def settle(args: argparse.Namespace, num_training: int) -> dict[str, Any]:
    """All that decides what comes out, the defaults filled in."""
    from jaxmath.train import RECIPES

    recipe = RECIPES[args.model]
    options = {}
    for name in ("hidden", "activation", "dropout"):
        given = getattr(args, name)
        if given is not None and name not in recipe.options:
            raise ValueError(f"{args.model} takes no --{name}")
        if name in recipe.options:
            options[name] = recipe.options[name] if given is None else given
    training = {
        name: value if getattr(args, name) is None else getattr(args, name)
        for name, value in recipe.training.items()
    }
    power_of_2 = 1 << max(num_training // 20, 1).bit_length() - 1
    batch_size = args.batch_size or min(max(power_of_2, 8), 128)
    if batch_size > num_training:
        raise ValueError(
            f"--batch-size {batch_size} is larger than the {num_training} training examples"
        )
    if batch_size % args.devices:
        raise ValueError(f"--batch-size {batch_size} is not a multiple of --devices {args.devices}")
    if args.devices > 1 and args.seeds > 1:
        raise ValueError("--seeds runs on one device: leave out --devices")
    shared = ("model", "dataset", "validation", "precision", "seed", "seeds", "devices")
    return {
        **{name: getattr(args, name) for name in shared},
        "batch_size": batch_size, **training, **{k: _listed(v) for k, v in options.items()},
    }  # fmt: skip


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def claim(folder: Path, settings: dict[str, Any], args: argparse.Namespace) -> None:
    """Make the folder, and see that what it holds is this run, or nothing."""
    record = folder / "run.json"
    if args.overwrite:
        shutil.rmtree(folder / "checkpoints", ignore_errors=True)
        record.unlink(missing_ok=True)
    if not args.resume and (record.is_file() or (folder / "checkpoints").is_dir()):
        raise ValueError(
            f"{folder} holds a run: --resume goes on with it, --overwrite throws it away, "
            "--out DIR writes elsewhere"
        )
    if record.is_file():
        before = json.loads(record.read_text(encoding="utf-8"))
        changed = [
            f"{name} was {before.get(name)} and is {settings.get(name)}"
            for name in {**before, **settings}
            if before.get(name) != settings.get(name)
        ]
        if changed:
            raise ValueError(f"{folder} holds another run: {', '.join(changed)}")
    elif args.resume:
        raise ValueError(f"there is no run to resume in {folder}")
    folder.mkdir(parents=True, exist_ok=True)
    write(record, json.dumps(settings, indent=1) + "\n")


class Trainer(NamedTuple):
    """The pieces that the engine runs."""

    model: Any
    step: Any
    eval_fn: Any
    start: Any
    dtype: Any


def build(settings: dict[str, Any], dataset, num_training: int) -> Trainer:
    """Model, optimizer, step; ``start(seed)`` is the state of a run before its first step."""
    import jax
    import jax.numpy as jnp
    import optax

    from jaxmath import nn, train

    recipe = train.RECIPES[settings["model"]]
    options = {name: settings[name] for name in recipe.options}
    if "hidden" in options:
        options["hidden"] = tuple(options["hidden"])
    model = recipe.make(dataset, **options)
    steps = settings["epochs"] * -(-num_training // settings["batch_size"])
    optimizer = optax.adamw(
        optax.cosine_decay_schedule(settings["learning_rate"], steps),
        weight_decay=settings["weight_decay"],
        mask=nn.decay_mask,
    )
    dtype = jnp.bfloat16 if settings["precision"] == "bfloat16" else None
    right = lambda logits, label: (jnp.argmax(logits) == label).astype(jnp.float32)
    common = {"metrics": {"accuracy": right}, "compute_dtype": dtype}
    loss = nn.softmax_cross_entropy
    step = train.supervised_step(model.train_fn, loss, optimizer, **common)
    eval_fn = train.supervised_eval(model.apply_fn, loss, **common)

    def start(seed):
        init_key, run_key = jax.random.split(jax.random.key(seed))
        return train.init_state(run_key, *model.init(init_key), optimizer=optimizer)

    return Trainer(model, step, eval_fn, start, dtype)


@contextlib.contextmanager
def stop_signals(flag: dict):
    """The first Ctrl-C or SIGTERM asks for an end at the next boundary, the second ends at once."""

    def handle(number, frame):
        if flag["stop"]:
            raise KeyboardInterrupt
        flag["stop"] = True
        print("stopping soon, with a checkpoint; once more stops at once", file=sys.stderr)

    before = {s: signal.signal(s, handle) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for s, handler in before.items():
            signal.signal(s, handler)


def train_runs(settings, trainer: Trainer, data: Data, args, folder: Path):
    """The engine's call; its result with a leading axis of seeds in the states."""
    import jax
    import jax.numpy as jnp

    from jaxmath import train

    many = settings["seeds"] > 1
    first = settings["seed"]
    if many:
        state = jax.vmap(trainer.start)(jnp.arange(first, first + settings["seeds"]))
    else:
        state = trainer.start(first)
    mesh = train.data_mesh(settings["devices"]) if settings["devices"] > 1 else None
    # Fixed modes, for what comes out must not depend on a clock.
    common = {
        "batch_size": settings["batch_size"], "ensemble": many, "mode": "vmap" if many else "scan",
        "mesh": mesh, "eval_fn": trainer.eval_fn if data.validation else None,
        "validation": data.validation,
    }  # fmt: skip
    metadata = {
        "settings": settings,
        "config": repr(trainer.model.config),
        "standardization": {k: v.tolist() for k, v in data.standardization._asdict().items()},
    }
    flag = {"stop": False}
    with stop_signals(flag), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a bad step is reported below
        result = train.fit(
            state, trainer.step, data.training, num_epochs=settings["epochs"],
            num_classes=data.raw_test.num_classes, checkpoint_dir=folder / "checkpoints",
            checkpoint_every=args.checkpoint_every, resume=args.resume, metadata=metadata,
            callback=lambda epoch, row: flag["stop"], **common,
        )  # fmt: skip
    if flag["stop"] and result.epochs < settings["epochs"]:
        raise KeyboardInterrupt(f"after epoch {result.epochs} of {settings['epochs']}")
    if args.profile:
        with jax.profiler.trace(str(folder / "profile"), create_perfetto_trace=True):
            train.fit(state, trainer.step, data.training, num_epochs=2, progress=False, **common)
    return result if many else result._replace(state=jax.tree.map(lambda a: a[None], result.state))


def predict(trainer: Trainer, states, x):
    """Logits of every run for every example, shape (runs, n, k), float32."""
    import jax
    import jax.numpy as jnp

    floating = lambda a: jnp.issubdtype(a.dtype, jnp.floating)
    low = lambda tree: jax.tree.map(
        lambda a: a.astype(trainer.dtype or a.dtype) if floating(a) else a, tree
    )

    def one(state, x):
        y = trainer.model.apply_fn(low(state.params), state.model_state, low(x))
        return y.astype(jnp.float32)

    run = lambda state: jax.lax.map(lambda x: one(state, x), jnp.asarray(x), batch_size=256)
    return jax.jit(lambda states: jax.lax.map(run, states))(jax.device_get(states))


def print_tables(console, found: dict[str, Any], runs: int, n: int) -> None:
    """The figures of the test part, and of each class."""
    from rich.table import Table

    over = f"mean ± standard error of {runs} seeds" if runs > 1 else "one seed"
    board = Table(title=f"Test part, {n:,} examples: {over}")
    board.add_column("measure", no_wrap=True)
    board.add_column("value", justify="right", no_wrap=True)
    for name, row in found["test"].items():
        scale, unit = (100.0, " %") if name == "accuracy" else (1.0, "")
        digits = 2 if name == "accuracy" else 4
        spread = row["standard_error_over_seeds"]
        text = f"{scale * row['mean']:.{digits}f}"
        text += f" ± {scale * spread:.{digits}f}" if spread is not None else ""
        board.add_row(name.replace("_", " "), text + unit)
        if name == "accuracy":
            sample = 100 * row["standard_error_of_test_sample"]
            board.add_row(f"  standard error from {n:,} examples", f"± {sample:.2f} %")
    if runs > 1:
        averaged = found["accuracy_of_averaged_probabilities"]
        board.add_row("accuracy of the averaged probabilities", f"{100 * averaged:.2f} %")
    console.print(board)

    table = Table(title="Classes" + (": means over seeds" if runs > 1 else ""))
    table.add_column("class", no_wrap=True)
    for column in ("precision", "recall", "f1", "examples"):
        table.add_column(column, justify="right", no_wrap=True)
    for row in found["classes"]:
        shares = (f"{100 * row[name]:.1f} %" for name in ("precision", "recall", "f1"))
        table.add_row(row["class"], *shares, f"{row['support']:,}")
    console.print(table)


def write(path: Path, text: str) -> None:
    """The file whole, or as it was before."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise Failure(f"{path} could not be written: {error.strerror or error}") from error


def write_csv(path: Path, rows: list[dict[str, Any]]) -> None:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write(path, text.getvalue())


def write_figures(folder: Path, document: dict[str, Any], history, first: int) -> list[str]:
    """metrics.json, and the tables as CSV; returns their names."""
    from jaxmath.benchmark.report import _plain

    text = json.dumps(_plain(document), indent=1, allow_nan=False)
    write(folder / "metrics.json", text + "\n")
    test = document["test"]
    runs = len(test["loss"]["seeds"])
    write_csv(folder / "seeds.csv", [
        {"seed": first + i, **{name: row["seeds"][i] for name, row in test.items()}}
        for i in range(runs)
    ])  # fmt: skip
    write_csv(folder / "classes.csv", document["classes"])
    lanes = {name: values.reshape(len(values), runs) for name, values in history.items()}
    write_csv(folder / "history.csv", [
        {"epoch": e + 1, "seed": first + i, **{name: v[e, i] for name, v in lanes.items()}}
        for e in range(len(lanes["loss"])) for i in range(runs)
    ])  # fmt: skip
    return ["metrics.json", "seeds.csv", "classes.csv", "history.csv"]


def write_plots(folder: Path, found: dict[str, Any], history, test) -> list[str]:
    """The pictures; returns their names."""
    import numpy as np

    from jaxmath import train

    p = found["probabilities"]
    train.plot_curves(history, folder / "curves.png")
    train.plot_confusion(found["confusion"], folder / "confusion.png", class_names=test.class_names)
    every = np.tile(np.asarray(test.y), len(p))
    train.plot_reliability(p.reshape(-1, p.shape[-1]), every, folder / "reliability.png")
    train.plot_mistakes(test, p.mean(axis=0), folder / "mistakes.png")
    return ["curves.png", "confusion.png", "reliability.png", "mistakes.png"]


def run(args: argparse.Namespace) -> int:
    """Train, measure, report; the exit code."""
    began = time.perf_counter()
    import jax

    if args.devices > 1:
        with contextlib.suppress(RuntimeError):  # the devices are known already
            jax.config.update("jax_num_cpu_devices", args.devices)
    from rich.console import Console

    from jaxmath import train
    from jaxmath.benchmark import environment

    dataset = load(args.dataset)
    if not dataset.num_classes:
        raise ValueError(f"{args.dataset} has no classes to tell apart")
    data = prepare(dataset, args.validation)
    num_training = len(data.training[0])
    settings = settle(args, num_training)
    trainer = build(settings, dataset, num_training)
    folder = args.out or Path("results/train") / f"{args.model}-{Path(args.dataset).name}"
    claim(folder, settings, args)
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 110)
    where = environment()
    sizes = {
        "training": num_training,
        "validation": len(data.validation[0]) if data.validation else 0,
        "test": len(data.test[0]),
    }
    counts = ", ".join(f"{n:,} {name}" for name, n in sizes.items())
    console.print(
        f"{args.dataset}: {counts} examples, {dataset.num_classes} classes; "
        f"{where['platform']} ({where['device']}), jax {where['jax']}"
    )
    console.print(f"{trainer.model.config}, " + ", ".join(
        f"{name} {settings[name]:g}" for name in ("batch_size", "epochs", "learning_rate",
                                                  "weight_decay")))  # fmt: skip
    fit_began = time.perf_counter()
    result = train_runs(settings, trainer, data, args, folder)
    seconds = time.perf_counter() - fit_began
    if result.epochs == 0:
        raise Failure(result.message)
    logits = predict(trainer, result.state, data.test[0])
    found = train.classifier_report(logits, data.test[1], dataset.class_names)
    print_tables(console, found, settings["seeds"], sizes["test"])
    document = {
        "settings": settings, "environment": where, "examples": sizes, "epochs": result.epochs,
        "message": result.message, "seconds": {"training": seconds},
        **{name: value for name, value in found.items() if name != "probabilities"},
    }  # fmt: skip
    written = write_figures(folder, document, result.history, settings["seed"])
    if not args.no_plots:
        written += write_plots(folder, found, result.history, data.raw_test)
    written += ["profile/"] if args.profile else []
    console.print(
        f"{time.perf_counter() - began:.1f} s, of which training {seconds:.1f} s; wrote "
        f"{', '.join(written)} and checkpoints/ to {folder}",
        soft_wrap=True,
    )
    if result.message:
        raise Failure(result.message)
    return 0


def main(argv: list[str] | None = None) -> int:
    """Parse, run, and turn every expected failure into one line and an exit code."""
    args = parser().parse_args(argv)
    from jax.errors import JaxRuntimeError

    from jaxmath.train import CheckpointError

    try:
        return run(args)
    except KeyboardInterrupt as stop:
        where = f" {stop}: --resume goes on from there" if stop.args else ""
        print(f"interrupted{where}", file=sys.stderr)
        return 130
    except (CheckpointError, Failure, JaxRuntimeError, OSError) as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    except (ImportError, TypeError, ValueError) as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
