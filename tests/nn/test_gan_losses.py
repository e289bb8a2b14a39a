"""The games: signs, saturation, best discriminators, and what the generator then minimizes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath import nn, probability
from jaxmath.nn import GAN_LOSSES

RNG = np.random.default_rng(0)
P, Q = RNG.dirichlet(np.ones(6), 2)
OPTIMA = {
    "minimax": nn.minimax_optimal_discriminator,
    "least_squares": nn.least_squares_optimal_discriminator,
    "hinge": nn.hinge_optimal_discriminator,
}


def mean_loss(name, scores):
    """The discriminator's mean loss over p and q, its scores given point by point."""
    loss = GAN_LOSSES[name].discriminator
    both = jax.vmap(lambda s: jnp.stack([loss(s, 0.0 * s), loss(0.0 * s, s), loss(0 * s, 0 * s)]))
    real, fake, none = both(scores).T
    # Each loss is a sum of a real and a fake part: what a score of 0 adds is taken off.
    half = none / 2
    return jnp.sum(P * (real - half) + Q * (fake - half))


def test_the_table_pairs_the_players():
    assert list(GAN_LOSSES) == [
        "minimax",
        "non_saturating",
        "least_squares",
        "hinge",
        "wasserstein",
    ]
    assert GAN_LOSSES["non_saturating"].discriminator is nn.minimax_discriminator_loss
    assert GAN_LOSSES["hinge"].generator is nn.wasserstein_generator_loss
    with pytest.raises(TypeError):
        GAN_LOSSES["other"] = GAN_LOSSES["hinge"]


@pytest.mark.parametrize("name", GAN_LOSSES)
def test_who_wants_what(name):
    """A discriminator lowers its loss by a higher real and a lower fake score, a generator by a
    higher fake score; in the zero-sum games a gain of one is the other's loss.
    """
    loss = GAN_LOSSES[name]
    real, fake = np.float64(0.3), np.float64(0.4)
    for_real, for_fake = jax.grad(loss.discriminator, (0, 1))(real, fake)
    assert for_real < 0 < for_fake
    for_generator = jax.grad(loss.generator)(fake)
    assert for_generator < 0
    if name in ("minimax", "wasserstein"):
        np.testing.assert_allclose(for_generator, -for_fake, rtol=1e-14)


def test_saturation_and_range():
    """Where a fake is seen through, one generator's gradient is e^f and the other's −1."""
    gradients = [
        float(jax.grad(GAN_LOSSES[name].generator)(-30.0)) for name in list(GAN_LOSSES)[:2]
    ]
    np.testing.assert_allclose(gradients, [-np.exp(-30.0), -1.0], rtol=1e-12)
    far = nn.minimax_discriminator_loss(jnp.float32(-1e4), jnp.float32(1e4))
    assert far == 2e4
    assert far.dtype == jnp.float32


@pytest.mark.parametrize("name", OPTIMA)
def test_no_discriminator_is_better_than_the_best(name):
    best = OPTIMA[name](np.log(P), np.log(Q))
    losses = jax.jit(jax.vmap(lambda scores: mean_loss(name, scores)))
    others = np.asarray(best) + RNG.normal(size=(200, 6)) * np.geomspace(1e-3, 3, 200)[:, None]
    value, others = losses(best[None])[0], losses(jnp.asarray(others))
    assert np.all(others >= value - 1e-14)
    assert np.any(others < value + 1e-3)


def test_the_value_of_each_game():
    """log 4 − 2 JS, ½ Σ pq/(p + q) and 2 (1 − TV)."""
    js = nn.js_divergence(np.log(P), np.log(Q))
    want = {
        "minimax": np.log(4) - 2 * js,
        "least_squares": 0.5 * (P * Q / (P + Q)).sum(),
        "hinge": 2 - np.abs(P - Q).sum(),
    }
    for name, optimum in OPTIMA.items():
        value = jax.jit(mean_loss, static_argnums=0)(name, optimum(np.log(P), np.log(Q)))
        np.testing.assert_allclose(value, want[name], rtol=1e-13)


def test_the_labels_of_the_pearson_divergence():
    """a = −1, b = 1, c = 0: D* = (p − q)/(p + q), and E ½ (D* − c)² = ½ Σ (p − q)²/(p + q)."""
    best = nn.least_squares_optimal_discriminator(np.log(P), np.log(Q), a=-1.0, b=1.0)
    np.testing.assert_allclose(best, (P - Q) / (P + Q), rtol=1e-13)
    loss = jax.vmap(lambda f: nn.least_squares_generator_loss(f, c=0.0))(best)
    np.testing.assert_allclose(((P + Q) * loss).sum(), 0.5 * ((P - Q) ** 2 / (P + Q)).sum())
    at_labels = nn.least_squares_discriminator_loss(1.0, -1.0, a=-1.0, b=1.0)
    assert at_labels == 0


def test_what_the_generator_minimizes_against_the_best_discriminator():
    """With D* held, the gradients are those of 2 JS and of KL(q‖p) − 2 JS (Arjovsky, Bottou)."""
    log_p, logits = jnp.log(P), jnp.asarray(RNG.normal(size=6))

    @jax.jit
    def gradients(logits):
        q, pull = jax.vjp(nn.softmax, logits)
        scores = nn.minimax_optimal_discriminator(log_p, jnp.log(q))
        losses = [jax.vmap(GAN_LOSSES[n].generator)(scores) for n in ("minimax", "non_saturating")]
        js = jax.grad(lambda z: 2 * nn.js_divergence(log_p, nn.log_softmax(z)))(logits)
        kl = jax.grad(lambda z: nn.kl_divergence(nn.log_softmax(z), log_p))(logits)
        return [pull(loss)[0] for loss in losses], [js, kl - js]

    for got, want in zip(*gradients(logits), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-14)


def test_the_best_critic_of_slope_1_tells_the_wasserstein_distance():
    """It is the dual potential of optimal transport, made 1-Lipschitz from one side."""
    x = np.sort(RNG.normal(size=6))
    cost = np.abs(x[:, None] - x[None])
    found = probability.optimal_transport(P, Q, cost)
    critic = np.min(cost - np.asarray(found.column_potential)[None], axis=1)
    assert np.all(np.abs(critic[:, None] - critic[None]) <= cost + 1e-12)
    distance = probability.wasserstein_distance(x, x, u_weights=P, v_weights=Q)
    np.testing.assert_allclose(mean_loss("wasserstein", critic), -distance, rtol=1e-12)
    np.testing.assert_allclose(found.cost, distance, rtol=1e-12)
