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
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import jax
import jax.numpy as jnp
import numpy as np
import optax

from benchmarks.turns import environment, write
from jaxmath import datasets, train
from jaxmath.models import gan

TARGETS = {
    "ring": (datasets.gaussian_ring, datasets.ring_centers, 8),
    "grid": (datasets.gaussian_grid, datasets.grid_centers, 24),
}
METHODS: dict[str, dict[str, Any]] = {
    "wgan_gp": {"loss": "wasserstein", "penalty": "wgan_gp", "num_critic": 2},
    "r1_r2": {"loss": "non_saturating", "penalty": "r1+r2"},
    "plain": {"loss": "non_saturating"},
}
# Learning rates of the generator and the discriminator, Adam's b1 and b2, the penalty's weight,
# the generator's updates.
RECIPES: dict[str, tuple[float, float, float, float, float, int]] = {
    "wgan_gp": (3e-3, 6e-3, 0.5, 0.9, 1.0, 8000),
    "r1_r2": (2e-3, 4e-3, 0.5, 0.99, 0.1, 12_000),
    "plain": (2e-3, 4e-3, 0.5, 0.99, 0.0, 12_000),
}
PACKAGES = ("jax", "jaxlib", "numpy", "optax")
GOOD, SAMPLES, LEAST = 3.0, 10_000, 20


def coverage(X: np.ndarray, centers: np.ndarray, sigma: float) -> tuple[int, float]:
    """The covered modes, and the share of good samples."""
    distances = np.linalg.norm(X[:, None] - centers, axis=2)
    good = distances.min(1) <= GOOD * sigma
    counts = np.bincount(distances.argmin(1)[good], minlength=len(centers))
    return int(np.sum(counts >= LEAST)), float(good.mean())


def game(method: str, steps: int, args: argparse.Namespace) -> tuple:
    """The configuration and the optimizers, whose rates fall to 0 as a cosine."""
    rate_g, rate_d, b1, b2, weight, _ = RECIPES[method]
    config = gan.Config(
        (2,), 2, widths=(args.width,) * args.depth, penalty_weight=weight, ema=args.ema,
        **METHODS[method],
    )  # fmt: skip
    adam = lambda rate, num: optax.adam(optax.cosine_decay_schedule(rate, num), b1=b1, b2=b2)
    return config, adam(rate_g, steps), adam(rate_d, steps * config.num_critic)


def measure(method: str, target: str, sigma: float, args: argparse.Namespace) -> dict[str, Any]:
    """All seeds of a method on a target."""
    draw, make_centers, _ = TARGETS[target]
    data = draw(jax.random.key(1), args.examples, noise=sigma)
    centers = np.asarray(make_centers())
    config = game(method, 1, args)[0]
    batch = args.batch * config.num_critic
    steps = args.steps or RECIPES[method][-1]
    epochs = max(1, round(steps * batch / args.examples))
    config, *txs = game(method, epochs * (args.examples // batch), args)
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

    X = np.asarray(sample(result.state.ema, keys[2]))
    modes, good = zip(*(coverage(x, centers, sigma) for x in X), strict=True)
    return {
        "method": method, "target": target, "sigma": sigma, "modes": list(modes),
        "of": len(centers), "good": list(good), "steps": int(result.state.step[0]),
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
    add("--depth", type=int, default=3, help="hidden layers (default: %(default)s)")
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
