#!/usr/bin/env python
"""Test ELBO of a convolutional VAE on MNIST-5k, in nats, against a Gaussian by PCA.

    python benchmarks/vae_mnist.py --output benchmarks/results/vae_mnist_cpu.json

The stratified split 4,000 : 1,000 with seed 0. A pixel v of 0 … 255 is dequantized,
y = (v + u)/256 with u ~ U(0, 1), and both models are densities of its logit
x = logit(λ + (1 − 2λ) y), λ = 1e-6; what is reported is log p(y) = log p(x) + Σ log |dx/dy|, the
Jacobian of both. The test pixels are dequantized once, the same for both; the VAE draws u anew at
every visit.

The baseline is probabilistic PCA, x ~ N(μ, W Wᵀ + σ² I), of maximum likelihood (Tipping and Bishop,
"Probabilistic principal component analysis", 1999, equations (7) and (8)), its density exact. The
number of components is chosen on a fifth of the training part; then it is fitted to all of it.
Factor analysis, whose Gaussian has a deviation of its own for each pixel, is a second baseline, by
EM (Rubin and Thayer, "EM algorithms for ML factor analysis", 1982). The VAE's Gaussian has one
learned deviation for all pixels ("shared") or one of each by the decoder ("predicted"). Its ELBO is
below its log-density; the importance weighted bound on that is reported too. Its sizes and rates
were chosen on the same fifth, in short runs of the predicted deviation. A standard error is over
the test examples; that of a difference is paired.
"""

import argparse
import json
import os
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from scipy import linalg

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from jaxmath import datasets, nn, train
from jaxmath.models import vae

LAMBDA = 1e-6
COMPONENTS = (20, 40, 80, 120, 160, 200, 250, 300)
CONFIG = vae.Config((28, 28, 1), 32, (128,), (16, 32), likelihood="gaussian", scale="predicted")


def data() -> tuple[np.ndarray, np.ndarray]:
    """Training and test images of whole numbers 0 … 255, shape (n, 28, 28, 1)."""
    parts = datasets.split(jax.random.key(0), datasets.mnist_5k(), (0.8, 0.2))
    images, test = (np.round(np.asarray(part.images, np.float64) * 255) for part in parts)
    return images, test


def logits(images: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Dequantized logits, shape (n, d), and log |dx/dy| of each example."""
    values = images.reshape(len(images), -1)
    y = (values + np.random.default_rng(seed).random(values.shape)) / 256
    p = LAMBDA + (1 - 2 * LAMBDA) * y
    slopes = np.log1p(-2 * LAMBDA) - np.log(p) - np.log1p(-p)
    return np.log(p) - np.log1p(-p), slopes.sum(1)


def principal(covariance: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """W and σ² of every pixel by maximum likelihood: σ² is the mean of the spectrum left out."""
    spectrum, vectors = np.linalg.eigh(covariance)
    left = spectrum[:-k].mean()
    W = vectors[:, :-k - 1:-1] * np.sqrt(np.maximum(spectrum[:-k - 1:-1] - left, 0.0))  # fmt: skip
    return W, np.full(len(W), left)


def factors(covariance: np.ndarray, k: int, steps: int = 30) -> tuple[np.ndarray, np.ndarray]:
    """W and a variance of each pixel by steps of EM from those of ``principal``."""
    W, psi = principal(covariance, k)
    for _ in range(steps):
        scaled = W / psi[:, None]
        B = np.linalg.solve(np.eye(k) + W.T @ scaled, scaled.T)
        SB = covariance @ B.T
        W = np.linalg.solve(np.eye(k) - B @ W + B @ SB, SB.T).T
        psi = np.diag(covariance) - np.sum(W * SB, 1)
    return W, psi


def log_density(mean: np.ndarray, model: tuple, X: np.ndarray) -> np.ndarray:
    """log N(x; μ, W Wᵀ + diag ψ) of each row."""
    W, psi = model
    L = np.linalg.cholesky(W @ W.T + np.diag(psi))
    z = linalg.solve_triangular(L, (X - mean).T, lower=True)
    return -0.5 * np.sum(z**2 + np.log(2 * np.pi), 0) - np.sum(np.log(np.diag(L)))


def baseline(
    fit_fn: Any, images: np.ndarray, X: np.ndarray, slopes: np.ndarray
) -> tuple[int, np.ndarray]:
    """The number of components, and log p(y) of each test example."""
    order, most = np.random.default_rng(0).permutation(len(images)), len(images) * 4 // 5
    fit, (held, held_slopes) = logits(images[order[:most]], 1)[0], logits(images[order[most:]], 2)
    mean, covariance = fit.mean(0), np.cov(fit.T, bias=True)
    found = [
        np.mean(log_density(mean, fit_fn(covariance, k), held) + held_slopes) for k in COMPONENTS
    ]
    best, (whole, _) = COMPONENTS[int(np.argmax(found))], logits(images, 3)
    model = fit_fn(np.cov(whole.T, bias=True), best)
    return best, log_density(whole.mean(0), model, X) + slopes


def standardized(key: jax.Array, v: jax.Array, mean: float, deviation: float) -> jax.Array:
    """The logit of a newly dequantized image, less the mean and over the deviation of all."""
    # u = 0 exactly has probability 2⁻²³ in float32; the density at that point is nothing special.
    y = (v + jax.random.uniform(key, v.shape, v.dtype)) / 256
    p = LAMBDA + (1 - 2 * LAMBDA) * y
    return (jnp.log(p) - jnp.log1p(-p) - mean) / deviation


def fitted(config: vae.Config, images: np.ndarray, args: Any, seed: int) -> tuple:
    """The VAE's parameters, and mean and deviation of all logits."""
    X, _ = logits(images, 3)
    mean, deviation = float(X.mean()), float(X.std())

    def train_fn(key: Any, params: Any, model_state: Any, v: Any, axis_name: str) -> Any:
        noise, own = jax.random.split(key)
        x = standardized(noise, v, mean, deviation)
        return (vae.train(own, params, x, config=config), x), model_state

    steps = args.epochs * -(-len(images) // args.batch_size)
    rate = optax.warmup_cosine_decay_schedule(0.0, args.learning_rate, max(steps // 20, 1), steps)
    optimizer = optax.adamw(rate, weight_decay=1e-4, mask=nn.decay_mask)
    init_key, run_key = jax.random.split(jax.random.key(seed))
    params = vae.init(init_key, config, dtype=jnp.float32)
    state = train.init_state(run_key, params, optimizer=optimizer)
    loss_fn = lambda found, _: vae.loss(*found, config=config)
    step = train.supervised_step(train_fn, loss_fn, optimizer)
    arrays = (np.asarray(images, np.float32), np.zeros(len(images), np.float32))
    result = train.fit(state, step, arrays, num_epochs=args.epochs, batch_size=args.batch_size,
                       mode="scan", progress=False)  # fmt: skip
    return result.state.params, mean, deviation


def bounds(config: vae.Config, fit: tuple, X: np.ndarray, slopes: np.ndarray, draws: int) -> Any:
    """ELBO (mean of so many draws) and its IWAE bound on log p(y) of each test example."""
    params, mean, deviation = fit
    x = jnp.asarray((X - mean) / deviation, jnp.float32).reshape(-1, *config.shape)

    @jax.jit
    def both(key: Any, x: Any) -> Any:
        keys = jax.random.split(key, draws + 1)
        one = lambda key: nn.elbo(vae.elbo(key, params, x, config=config))
        many = vae.iwae(keys[0], params, x, draws, config=config)
        return jnp.mean(jax.lax.map(one, keys[1:])), many

    found = jax.lax.map(lambda pair: both(*pair), (jax.random.split(jax.random.key(9), len(x)), x),
                        batch_size=50)  # fmt: skip
    shift = slopes - X.shape[1] * np.log(deviation)
    return tuple(np.asarray(values, np.float64) + shift for values in found)


def summary(values: np.ndarray) -> dict[str, float]:
    """The mean and its standard error."""
    return {"mean": float(values.mean()), "error": float(values.std() / np.sqrt(values.size))}


def main(argv: list[str] | None = None) -> int:
    """Train, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=80)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--learning-rate", type=float, default=4e-3)
    parser.add_argument("--draws", type=int, default=64, help="of z for each test example")
    # Of four fifths of them, the covariance must have more rank than there are components.
    least = -(-5 * (max(COMPONENTS) + 2) // 4)
    parser.add_argument(
        "--examples", type=int, help=f"so many of each part alone, {least} at least"
    )
    parser.add_argument("--scales", nargs="+", default=["predicted", "shared"])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, help="write the figures as JSON")
    args = parser.parse_args(argv)
    if args.examples is not None and args.examples < least:
        parser.error(f"--examples must be at least {least}, got {args.examples}")
    images, test = (part[: args.examples] for part in data())
    X, slopes = logits(test, 4)
    rows: dict[str, Any] = {}
    densities = {}
    for name, fit_fn in (("pca", principal), ("factor_analysis", factors)):
        components, densities[name] = baseline(fit_fn, images, X, slopes)
        rows[name] = {"components": components, "log_density": summary(densities[name])}
        print(f"{name}, {components} components: log p {densities[name].mean():.1f}", flush=True)
    for scale in args.scales:
        config = vae.Config(**{**vars(CONFIG), "scale": scale})
        start = time.perf_counter()
        fit = fitted(config, images, args, args.seed)
        seconds = time.perf_counter() - start
        elbo, iwae = bounds(config, fit, X, slopes, args.draws)
        gains = {name: summary(elbo - density) for name, density in densities.items()}
        rows[scale] = {"elbo": summary(elbo), "iwae": summary(iwae), "elbo_less": gains,
                       "ok": all(gain["mean"] > 2 * gain["error"] for gain in gains.values()),
                       "seconds": seconds, "config": repr(config)}  # fmt: skip
        gain = gains["pca"]
        print(
            f"VAE, {scale} deviation: ELBO {elbo.mean():.1f} ± {rows[scale]['elbo']['error']:.1f}, "
            f"IWAE {iwae.mean():.1f}; ELBO − PCA {gain['mean']:.1f} ± {gain['error']:.1f} "
            f"after {seconds:.0f} s {'' if rows[scale]['ok'] else 'NO'}",
            flush=True,
        )
    if args.output:
        report = {
            "device": jax.devices()[0].device_kind, "cores": os.cpu_count(),
            "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
            "versions": {name: version(name) for name in ("jax", "optax", "numpy")},
            "epochs": args.epochs, "batch_size": args.batch_size, "draws": args.draws,
            "learning_rate": args.learning_rate, "seed": args.seed, "results": rows,
        }  # fmt: skip
        args.output.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n")
    return 0 if rows[args.scales[0]]["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
