"""Rows of what adversarial training is made of: losses, best discriminators, penalties."""

import jax.numpy as jnp
import numpy as np
from scipy import special

from tests.contract.row import Bad, HostRow, Row, Singular
from tests.contract.rows_nn import DTYPES

INF = float("inf")


def scores(rng, dtype):
    """A real and a fake score, at least 0.1 from ±1."""
    size = rng.choice([0.5, 1.5], 2) + rng.uniform(-0.4, 0.4, 2)
    return tuple(jnp.asarray(s, dtype) for s in size * rng.choice([-1.0, 1.0], 2))


def fake(rng, dtype):
    return scores(rng, dtype)[1:]


def log_densities(rng, dtype):
    p, q = rng.dirichlet(np.ones(4), 2)
    return jnp.asarray(np.log(p), dtype), jnp.asarray(np.log(q), dtype)


SCORES = (
    Bad((np.ones(2), np.ones(2)), "argument `real` must have rank 0.*jax.vmap"),
    Bad((1.0, np.ones(2)), "argument `fake` must have rank 0.*jax.vmap"),
    Bad((1j, 1.0), "argument `real` must have a real", TypeError),
)
FAKE = (
    Bad((np.ones(2),), "argument `fake` must have rank 0.*jax.vmap"),
    Bad(("text",), "argument `fake`", TypeError),
)
LOGS = (
    Bad((np.zeros(3), np.zeros(2)), r"argument `log_q` must have shape \(3,\)"),
    Bad(("text", 0.0), "argument `log_p`", TypeError),
)


def discriminator(name, oracle, **more):
    return Row(f"nn.{name}_discriminator_loss", scores, oracle, diff=(0, 1), bad=SCORES,
               dtypes=DTYPES, **more)  # fmt: skip


def generator(name, oracle):
    return Row(f"nn.{name}_generator_loss", fake, oracle, bad=FAKE, dtypes=DTYPES)


def optimum(name, oracle, singular):
    return Row(f"nn.{name}_optimal_discriminator", log_densities, oracle, diff=(0, 1), bad=LOGS,
               dtypes=DTYPES, singular=singular)  # fmt: skip


def at_the_edges(low, middle, high):
    """p alone is 0, both are, q alone is."""
    zero = [0.0, 0.0, 0.0]
    return (Singular(([-INF, -INF, 0.0], [0.0, -INF, -INF]), [low, middle, high], (zero, zero)),)


GAMES = "tests/nn/test_gan_losses.py::"

ROWS = [
    discriminator("minimax", lambda r, f: -np.log(special.expit(r)) - np.log(special.expit(-f))),
    discriminator("least_squares", lambda r, f: ((r - 1) ** 2 + f**2) / 2),
    discriminator("hinge", lambda r, f: max(0, 1 - r) + max(0, 1 + f),
                  singular=(Singular((1.0, -1.0), 0.0, (0.0, 0.0)),)),
    discriminator("wasserstein", lambda r, f: f - r),
    generator("minimax", lambda f: np.log(special.expit(-f))),
    generator("non_saturating", lambda f: -np.log(special.expit(f))),
    generator("least_squares", lambda f: (f - 1) ** 2 / 2),
    generator("wasserstein", lambda f: -f),
    optimum("minimax", lambda p, q: special.logit(np.exp(p) / (np.exp(p) + np.exp(q))), (
        Singular(([-INF], [-INF]), [0.0], ([0.0], [0.0])),)),
    optimum("least_squares", lambda p, q: np.exp(p) / (np.exp(p) + np.exp(q)),
            at_the_edges(0.0, 0.5, 1.0)),
    optimum("hinge", lambda p, q: np.sign(np.exp(p) - np.exp(q)), at_the_edges(-1.0, 0.0, 1.0)),
    HostRow("nn.GANLoss", "a record of two functions",
            (f"{GAMES}test_the_table_pairs_the_players",)),
    HostRow("nn.GAN_LOSSES", "a table of games by name",
            (f"{GAMES}test_the_table_pairs_the_players",)),
]  # fmt: skip
