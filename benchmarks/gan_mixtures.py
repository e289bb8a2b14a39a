"""How many modes of a mixture a GAN finds, and how well: a ring of 8 Gaussians, a 5×5 grid.

    python benchmarks/gan_mixtures.py --output benchmarks/results/gan_mixtures_cpu.json

The ring has radius 2, the grid spacing 2, both σ = 0.1 (and 0.02, which nothing is asked of). Of
10,000 samples one is good within 3σ of a center, and a mode is covered with 20 good ones. All seeds
of a method are one ensemble, trained in one call of ``train.fit``. An exact sampler has 98.9 %
good ones.
"""

import argparse
import functools
import json
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import jax
import jax.numpy as jnp
import numpy as np
import optax

from benchmarks.turns import environment, write
from jaxmath import datasets, nn, train
from jaxmath.models import gan

# The modes asked for, with 80 % of good samples.
TARGETS = {
    "ring": (datasets.gaussian_ring, datasets.ring_centers, 8),
    "grid": (datasets.gaussian_grid, datasets.grid_centers, 24),
}


class Recipe(NamedTuple):
    """A method: its game, its optimizers, the generator's updates."""

    game: dict[str, Any]
    rates: tuple[float, float]  # of the generator and of the discriminator
    b1: float
    b2: float
    steps: int
    depth: int


METHODS = {
    "wgan_gp": Recipe(
        {"loss": "wasserstein", "penalty": "wgan_gp", "penalty_weight": 1.0, "num_critic": 3},
        (2e-3, 4e-3), 0.5, 0.9, 10_000, 4,
    ),
    "r1_r2": Recipe(
        {"penalty": "r1+r2", "penalty_weight": 0.1}, (2e-3, 4e-3), 0.5, 0.99, 12_000, 3
    ),
    "plain": Recipe({}, (2e-3, 4e-3), 0.5, 0.99, 12_000, 3),
}  # fmt: skip
PACKAGES = ("jax", "jaxlib", "numpy", "optax")
SAMPLES = 10_000


def optimizers(recipe: Recipe, steps: int, num_critic: int) -> list[optax.GradientTransformation]:
    """Adam for each player, with a rate that falls to 0 as a cosine."""
    rates = zip(recipe.rates, (steps, steps * num_critic), strict=True)
    schedules = [optax.cosine_decay_schedule(rate, num) for rate, num in rates]
    return [optax.adam(schedule, b1=recipe.b1, b2=recipe.b2) for schedule in schedules]


def measure(method: str, target: str, sigma: float, args: argparse.Namespace) -> dict[str, Any]:
    """All seeds of a method on a target."""
    draw, make_centers, asked = TARGETS[target]
    data = draw(jax.random.key(1), args.examples, noise=sigma)
    centers = make_centers()
    recipe = METHODS[method]
    widths = (args.width,) * (args.depth or recipe.depth)
    config = gan.Config((2,), 2, widths=widths, ema=args.ema, **recipe.game)
    batch = args.batch * config.num_critic
    epochs = max(1, round((args.steps or recipe.steps) * batch / args.examples))
    steps = epochs * -(-args.examples // batch)
    txs = optimizers(recipe, steps, config.num_critic)
    keys = jax.random.split(jax.random.key(0), 3 * args.seeds).reshape(3, args.seeds)
    states = jax.vmap(lambda key: gan.init_state(key, config, *txs, dtype=jnp.float32))(keys[0])
    begin = time.perf_counter()
    result = train.fit(
        states, gan.gan_step(config, *txs), data, num_epochs=epochs, batch_size=batch,
        key=keys[1], ensemble=True, mode=args.mode, progress=False,
    )  # fmt: skip
    seconds = time.perf_counter() - begin

    @jax.jit
    @jax.vmap
    def sample(ema: Any, key: Any) -> Any:
        z = jax.random.normal(key, (SAMPLES, 2))
        return jax.vmap(functools.partial(gan.generate, *ema, config=config))(z)

    found = jax.vmap(lambda X: nn.mode_coverage(X, centers, sigma))(
        sample(result.state.ema, keys[2])
    )
    return {
        "method": method, "target": target, "sigma": sigma, "modes": found.covered.tolist(),
        "of": len(centers), "asked": asked if sigma == 0.1 and method != "plain" else None,
        "good": found.good.tolist(), "steps": int(result.state.step[0]),
        "bad_step": np.asarray(result.bad_step).tolist(), "seconds": seconds,
        "last": {name: values[-1].tolist() for name, values in result.history.items()},
    }  # fmt: skip


def line(row: dict[str, Any]) -> str:
    """One line of the table."""
    modes = "/".join(map(str, row["modes"]))
    good = " ".join(f"{100 * g:.1f}" for g in row["good"])
    what = f"{row['method']:<8} {row['target']} σ {row['sigma']:<5} modes {modes:<16}"
    return f"{what} of {row['of']:<3} good % {good}  {row['steps']} steps {row['seconds']:.0f} s"


def parse(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    add("--targets", nargs="+", choices=TARGETS, default=list(TARGETS))
    add("--sigmas", nargs="+", type=float, default=[0.1, 0.02])
    add("--seeds", type=int, default=5, help="lanes of the ensemble (default: %(default)s)")
    add("--steps", type=int, help="of the generator, instead of the recipe's")
    add("--batch", type=int, default=128, help="examples an update (default: %(default)s)")
    add("--width", type=int, default=64, help="hidden units a layer (default: %(default)s)")
    add("--depth", type=int, help="hidden layers, instead of the recipe's")
    add("--ema", type=float, default=0.999, help="of the generator (default: %(default)s)")
    add("--examples", type=int, default=51_200, help="of the data set (default: %(default)s)")
    add("--mode", choices=("vmap", "map", "auto"), default="map", help="(default: %(default)s)")
    add("--output", type=Path, help="write the figures as JSON")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Measure, print and write."""
    args = parse(argv)
    about, rows = environment(args, PACKAGES), []
    print(json.dumps(about))
    for sigma in args.sigmas:
        for target in args.targets:
            for method in args.methods:
                rows.append(measure(method, target, sigma, args))
                print(line(rows[-1]), flush=True)
                write(args.output, {"environment": about, "results": rows})
    return 0


if __name__ == "__main__":
    sys.exit(main())
