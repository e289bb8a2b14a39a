"""The benchmark of the VAE: its baselines' densities by SciPy, and a run at a tiny size."""

import json

import numpy as np
import pytest
from scipy import stats

from benchmarks import vae_mnist as bench


def test_baseline_densities():
    """PCA by its spectrum; EM finds a covariance that is of its model; the Jacobian of y."""
    rng = np.random.default_rng(0)
    X, points = rng.standard_normal((50, 6)) @ rng.standard_normal((6, 6)), rng.normal(size=(4, 6))
    w, U = np.linalg.eigh(np.cov(X.T, bias=True))
    w[:4] = w[:4].mean()
    model = bench.principal(np.cov(X.T, bias=True), 2)
    want = stats.multivariate_normal(X.mean(0), (U * w) @ U.T).logpdf(points)
    np.testing.assert_allclose(bench.log_density(X.mean(0), model, points), want, rtol=1e-10)
    loadings = rng.standard_normal((6, 2))
    S = loadings @ loadings.T + np.diag(rng.uniform(0.5, 1.5, 6))
    W, psi = bench.factors(S, 2, 3000)
    np.testing.assert_allclose(W @ W.T + np.diag(psi), S, atol=1e-3)
    images = rng.integers(256, size=(3, 2, 2, 1)).astype(float)
    x, slopes = bench.logits(images, 0)
    y = (1 / (1 + np.exp(-x)) - bench.LAMBDA) / (1 - 2 * bench.LAMBDA)
    np.testing.assert_array_equal(np.floor(256 * y), images.reshape(3, 4))
    p = lambda y: bench.LAMBDA + (1 - 2 * bench.LAMBDA) * y
    logit = lambda y: np.log(p(y) / (1 - p(y)))
    by_hand = np.log((logit(y + 1e-7) - logit(y - 1e-7)) / 2e-7)
    np.testing.assert_allclose(slopes, by_hand.sum(1), rtol=1e-5)


def test_too_few_examples_are_refused(capsys):
    with pytest.raises(SystemExit) as stop:
        bench.main(["--examples", "377"])
    assert stop.value.code == 2
    assert "error: --examples must be at least 378, got 377" in capsys.readouterr().err
    rank = lambda n: n * 4 // 5 - 1  # of the covariance of four fifths
    assert rank(377) <= max(bench.COMPONENTS) < rank(378)


def test_smoke(tmp_path, monkeypatch, capsys):
    config = bench.vae.Config((28, 28, 1), 2, (3,), likelihood="gaussian")
    monkeypatch.setattr(bench, "CONFIG", config)
    monkeypatch.setattr(bench, "COMPONENTS", (1, 2))
    path = tmp_path / "out.json"
    bench.main(["--epochs", "1", "--examples", "64", "--batch-size", "32", "--draws", "2",
                "--scales", "shared", "--output", str(path)])  # fmt: skip
    rows = json.loads(path.read_text())["results"]
    mean = rows["shared"]["elbo"]["mean"]
    for name in ("pca", "factor_analysis"):
        gain = mean - rows[name]["log_density"]["mean"]
        np.testing.assert_allclose(rows["shared"]["elbo_less"][name]["mean"], gain)
    assert rows["shared"]["iwae"]["mean"] > mean
    assert f"VAE, shared deviation: ELBO {mean:.1f}" in capsys.readouterr().out
