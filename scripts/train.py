#!/usr/bin/env python
"""Train a network and report how good it is.

The data are split 80 : 20 into training and test part, with the classes' shares kept, always the
same way; of the training part a tenth is held out for the validation curves. Several seeds train
at once, in one program. Recurrent networks learn text and series too: to say what comes next.
Adversarial networks and autoencoders learn to make images, or points of the plane.
"""

import argparse
import contextlib
import sys
import time
import warnings
import zlib
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

EXAMPLES = """\
examples:
  python scripts/train.py mlp
  python scripts/train.py mlp --dataset mnist_5k --seeds 10 --hidden 512 256 --dropout 0.5
  python scripts/train.py softmax --dataset iris --epochs 200
  python scripts/train.py cnn --epochs 20 --width 0.5
  python scripts/train.py resnet18 --dataset cifar_10 --augment flip
  python scripts/train.py vgg16 --dataset path/to/photographs --image-size 64
  python scripts/train.py lstm --hidden 128 128 --directions 2       # images, row after row
  python scripts/train.py gru --dataset surnames --prompt mac --temperature 0.7
  python scripts/train.py lstm --dataset book.txt --length 100 --top-k 10 --sample 1000
  python scripts/train.py clockwork --dataset mackey_glass
  python scripts/train.py wgan-gp --dataset gaussian_grid --seeds 3
  python scripts/train.py dcgan --dataset fashion_mnist --sample 1000
  python scripts/train.py vae --latent 2
  python scripts/train.py cvae --features results/train/cnn-mnist_5k # a run of train.py cnn
  python scripts/train.py mlp --epochs 500 --out results/long        # Ctrl-C saves and stops,
  python scripts/train.py mlp --epochs 500 --out results/long --resume     # and this goes on

datasets:
  digits, mnist_5k, iris, wine, breast_cancer        come with the packages
  mnist, fashion_mnist, cifar_10                     downloaded from openml.org on first use
  two_moons, spirals, blobs, xor                     1,000 generated examples
  gaussian_ring, gaussian_grid                       10,000 of many narrow Gaussians
  a folder                                           with a subfolder of images for each class
  surnames, or a file in UTF-8                       text, for recurrent networks
  sine, mackey_glass                                 1,000 generated series, for them too

Written to the output folder: metrics.json (every figure), seeds.csv, history.csv, curves.png,
run.json (the settings), checkpoints/; of classes classes.csv, confusion.png, reliability.png and
mistakes.png; of image networks filters.png, feature_maps.png and attention.png; of series
series.png; of text samples.txt, whose last one --resume writes anew, with another --prompt, say;
of generative models samples.npz (drawn anew by --resume --sample N), samples.png and samples.gif,
latent.png, and of autoencoders reconstructions.png and codes.png.

Exit codes: 0 done, 1 the run failed (what it reached is kept), 2 wrong arguments, 130 interrupted.
"""

SPLIT_SEED = 0


class Failure(Exception):
    """The run ended early; one line says how, and what it reached is kept."""


def seed(text: str) -> int:
    """A whole number that a random key can be made from."""
    if not text.isascii() or not text.isdigit() or int(text) >= 2**31:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number from 0 to 2**31 - 1")
    return int(text)


def directory(text: str) -> Path:
    """A path that is not empty, which would be the current folder."""
    if not text:
        raise argparse.ArgumentTypeError("'' is no folder; the current one is .")
    return Path(text)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    from jaxmath.train import RECIPES, SAMPLING, Option, add_options

    p = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    kinds = "; ".join(f"{name}: {recipe.summary}" for name, recipe in RECIPES.items())
    p.add_argument("model", choices=RECIPES, metavar="MODEL", help=kinds)
    how = p.add_argument_group("how to train")
    add_options(how, RECIPES)
    Option(
        float, 0.1, "share of the training part held out for validation; 0 for none", 0.0, 1.0
    ).add_to(how, "validation")
    Option(
        str, "float32", "of the model's computation; parameters are float32",
        choices=("float32", "bfloat16"),
    ).add_to(how, "precision")  # fmt: skip
    text = p.add_argument_group("what a generative model makes as it learns")
    for name, option in SAMPLING.items():
        option.add_to(text, name, {"top_k": "all", "prompt": "nothing"}.get(name, option.default))
    text.add_argument(
        "--features", type=directory, metavar="DIR", help="measure images in the features of the "
        "image network whose run this folder holds (default: in their pixels)",
    )  # fmt: skip
    many = p.add_argument_group("how often and where")
    many.add_argument("--seed", type=seed, default=0, help="of the first run (default: 0)")
    Option(int, 1, "train N runs at once, seeds SEED to SEED+N-1", low=1).add_to(many, "seeds")
    Option(
        int, 1, "spread each batch, or the seeds where they are several, over N devices; on a "
        "machine without accelerators, over N virtual ones", low=1,
    ).add_to(many, "devices")  # fmt: skip
    out = p.add_argument_group("what to write")
    out.add_argument(
        "--out", type=directory, metavar="DIR", help="default: results/train/MODEL-DATASET"
    )
    again = out.add_mutually_exclusive_group()
    again.add_argument(
        "--resume", action="store_true",
        help="go on from the newest checkpoint in the folder, to the bit as if never stopped",
    )  # fmt: skip
    again.add_argument(
        "--overwrite", action="store_true", help="throw away the run that the folder holds"
    )
    Option(float, 60, "seconds between checkpoints; one more at the end", low=0.0).add_to(
        out, "checkpoint_every"
    )
    out.add_argument("--no-plots", action="store_true", help="figures and checkpoints only")
    out.add_argument(
        "--profile", action="store_true",
        help="afterwards, trace two epochs for TensorBoard or Perfetto, into profile/",
    )  # fmt: skip
    return p


def settle(args: argparse.Namespace, num_training: int) -> dict[str, Any]:
    """All that decides what comes out, the defaults filled in."""
    from jaxmath.train import RECIPES, settle_options

    shared = ("model", "dataset", "validation", "precision", "seed", "seeds", "devices")
    settings = {name: getattr(args, name) for name in shared}
    settings |= settle_options(vars(args), args.model, RECIPES, num_training)
    spread = "seeds" if args.seeds > 1 else "batch_size"
    if settings[spread] % args.devices:
        raise ValueError(
            f"--{spread.replace('_', '-')} {settings[spread]} is not a multiple of "
            f"--devices {args.devices}"
        )
    return settings


def checksum(dataset) -> int:
    """Of its examples and targets: a folder may hold other files than when the run began."""
    import numpy as np

    sum_of = lambda array, before: zlib.crc32(np.ascontiguousarray(array).tobytes(), before)
    return sum_of(dataset.y, sum_of(dataset.x, 0))


def reached(error):
    """What a run had reached when a checkpoint could not be written, with that in its message."""
    if error.result is None:
        raise error
    message = "; ".join(filter(None, (error.result.message, str(error))))
    return error.result._replace(message=message)


def train_runs(settings, model, trainer, parts, args, folder: Path, write=None, looks=4):
    """The engine's call; its result with a leading axis of seeds in the states, if it is whole,
    and the seconds that the training took.

    ``write(epoch, state)``, where there is one, is called so many times on the way.
    """
    import jax
    import jax.numpy as jnp

    from jaxmath import train

    many, first = settings["seeds"] > 1, settings["seed"]
    # Run once: of a deep network, compiling it with all passes takes far longer than running it.
    quick = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
    start = jax.jit(
        jax.vmap(trainer.start) if many else trainer.start,
        compiler_options=quick if jax.default_backend() == "cpu" else None,
    )
    seeds = jnp.arange(first, first + settings["seeds"]) if many else first
    state = start(seeds)
    # A game's state has no key of its own.
    keys = lambda seed: jax.random.fold_in(jax.random.key(seed), 1)
    own = None if hasattr(state, "key") else jax.vmap(keys)(seeds) if many else keys(seeds)
    held_out = parts.validation if trainer.eval_fn else None
    # Fixed modes, for what comes out must not depend on a clock.
    common = {
        "batch_size": settings["batch_size"], "ensemble": many, "mode": model.modes[many],
        "mesh": train.data_mesh(settings["devices"]) if settings["devices"] > 1 else None,
        "eval_fn": trainer.eval_fn if held_out else None, "validation": held_out, "key": own,
    }  # fmt: skip
    metadata = {
        "settings": settings, "config": repr(model.config),
        "standardization": {k: v.tolist() for k, v in parts.standardization._asdict().items()},
    }  # fmt: skip
    # Whole runs of the engine, so that where a sample falls does not depend on a clock.
    parts_of_run = looks if write else 1
    stops = sorted({-(-settings["epochs"] * i // parts_of_run) for i in range(1, parts_of_run + 1)})
    soon = "stopping soon, with a checkpoint; once more stops at once"
    say = lambda: print(soon, file=sys.stderr)
    whole, began = True, time.perf_counter()
    with train.stop_signals(say) as stopped, warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a bad step is reported below
        for stop in stops:
            try:
                result = train.fit(
                    state, trainer.step, parts.training, num_epochs=stop,
                    num_classes=parts.raw_test.num_classes or None,
                    checkpoint_dir=folder / "checkpoints", checkpoint_every=args.checkpoint_every,
                    resume=args.resume or stop > stops[0], metadata=metadata, callback=stopped,
                    **common,
                )  # fmt: skip
            except train.CheckpointError as error:
                result, whole = reached(error), False
            if not whole or result.epochs < stop:
                break
            if write and result.epochs == stop:
                state_of_one = jax.tree.map(lambda a: a[0], result.state) if many else result.state
                write(stop, state_of_one)
    seconds = time.perf_counter() - began
    if stopped() and whole and result.epochs < settings["epochs"]:
        raise KeyboardInterrupt(f"after epoch {result.epochs} of {settings['epochs']}")
    if args.profile and whole:
        with jax.profiler.trace(str(folder / "profile"), create_perfetto_trace=True):
            train.fit(state, trainer.step, parts.training, num_epochs=2, progress=False, **common)
    # On one device, wherever the run was spread.
    state = jax.device_get(result.state)
    state = state if many else jax.tree.map(lambda a: a[None], state)
    return result._replace(state=state), whole, seconds


def run(args: argparse.Namespace) -> int:
    """Train, measure, report; the exit code."""
    began = time.perf_counter()
    import jax
    import numpy as np

    if args.devices > 1:
        with contextlib.suppress(RuntimeError):  # the devices are known already
            jax.config.update("jax_num_cpu_devices", args.devices)

    from jaxmath import _files, train
    from jaxmath.benchmark import environment

    recipe = train.RECIPES[args.model]
    if args.dataset == "":
        raise ValueError("--dataset '' is no data set")
    args.dataset = args.dataset or recipe.dataset
    task = train.task_of(recipe, args.dataset)
    own = train.own_options(vars(args), args.model, train.RECIPES)
    parts = task.parts(jax.random.key(SPLIT_SEED), args.dataset, args.validation, own)
    sizes = {n: len(getattr(parts, n)[1]) if getattr(parts, n) else 0 for n in parts._fields[:3]}
    settings = settle(args, sizes["training"])
    settings["test_checksum"] = checksum(parts.raw_test)
    model = recipe.make(parts.raw_test, **own)
    if args.features:
        task = train.measured_in_features(task, model, args.features, args.dataset, parts)
    folder = args.out or Path("results/train") / f"{args.model}-{Path(args.dataset).name}"
    console = _files.console()
    write = train.make_writer(
        task, model, parts, vars(args), folder / task.written, settings["seed"],
        lambda text: console.print(text, soft_wrap=True),
    )  # fmt: skip
    steps = settings["epochs"] * -(-sizes["training"] // settings["batch_size"])
    compute_dtype = "bfloat16" if settings["precision"] == "bfloat16" else None
    trainer = train.make_trainer(
        model, num_steps=steps, learning_rate=settings["learning_rate"],
        weight_decay=settings["weight_decay"], compute_dtype=compute_dtype,
    )  # fmt: skip
    train.claim_folder(folder, settings, resume=args.resume, overwrite=args.overwrite)
    kept = folder / "checkpoints"
    if args.resume and not any(path.name.isdigit() for path in kept.glob("*")):
        console.print(f"no checkpoint in {kept}: starting anew", soft_wrap=True)
    if write and not args.resume:
        (folder / task.written).unlink(missing_ok=True)
    where = environment()
    counts = ", ".join(f"{n:,} {name}" for name, n in sizes.items())
    console.print(
        f"{args.dataset}: {counts} {task.unit.format(parts.raw_test.num_classes)}; "
        f"{where['platform']} ({where['device']}), jax {where['jax']}"
    )
    shown = ("batch_size", "epochs", "learning_rate", "weight_decay")
    console.print(f"{model.config}, " + ", ".join(f"{name} {settings[name]:g}" for name in shown))
    result, whole, seconds = train_runs(
        settings, model, trainer, parts, args, folder, write, task.looks
    )
    if result.epochs == 0:
        raise Failure(result.message)
    found = task.report(model, trainer.eval_fn, result.state, parts, compute_dtype)
    console.print(*train.report_tables(found))
    document = {
        "settings": settings, "environment": where, "examples": sizes, "epochs": result.epochs,
        "message": result.message, "seconds": {"training": seconds},
        **{name: value for name, value in found.items() if not isinstance(value, np.ndarray)},
    }  # fmt: skip
    try:
        written = train.write_figures(folder, document, result.history, settings["seed"])
    except OSError as error:
        raise Failure("; ".join(filter(None, (result.message, str(error))))) from error
    if whole and not args.no_plots:
        outcome = train.Outcome(model, result.state, parts, result.history, found)
        written += train.write_plots(folder, outcome, task, recipe)
    written += [task.written] if write and whole else []
    written += ["profile/"] if args.profile and whole else []
    written += ["checkpoints/"] if result.checkpoint else []
    console.print(
        f"{time.perf_counter() - began:.1f} s, of which training {seconds:.1f} s; wrote "
        f"{', '.join(written)} to {folder}",
        soft_wrap=True,
    )
    if result.message:
        raise Failure(result.message)
    return 0


def main(argv: list[str] | None = None) -> int:
    """Parse, run, and turn every expected failure into one line and an exit code."""
    from jaxmath._files import print_anyway

    print_anyway()
    args = parser().parse_args(argv)
    from absl import logging
    from jax.errors import JaxRuntimeError

    from jaxmath.train import CheckpointError

    logging.set_verbosity(logging.FATAL)  # of a failed save orbax logs what one line says below
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
