"""Rows of what adversarial training is made of: losses, best discriminators, penalties."""

import jax
import jax.numpy as jnp
import numpy as np
from scipy import special

from jaxmath import nn
from tests.contract.row import Bad, HostRow, NotDifferentiable, Row, Singular, key
from tests.contract.rows_nn import DTYPES, KEY

INF = float("inf")
Z3, ZERO3 = [0.0] * 3, [[0.0] * 3] * 3


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


def quadratic_critic(rng, dtype):
    """A and b of D(x) = ½ xᵀA x + bᵀx, a real and a fake example, and ε."""
    shapes = (3, 3), (3,), (3,), (3,), ()
    A, b, x, y, _ = (jnp.asarray(rng.normal(size=shape), dtype) for shape in shapes)
    return A, b + 3.0, x, y, jnp.asarray(rng.uniform(), dtype)


def quadratic(A, b):
    return lambda x: 0.5 * x @ (A @ x) + b @ x


def slope(A, b, x):
    return (A + A.T) @ x / 2 + b


def params(rng, dtype):
    return {"kernel": jnp.asarray(rng.choice([-3, -0.3, 0.2, 2], (2, 3)), dtype)}, jnp.ones(
        (), dtype
    )


def kernel_of_gaps(rng, dtype, shape=(2, 2, 3)):
    """A kernel whose largest singular value is twice the next, and its first vectors, turned."""
    U, V = (np.linalg.qr(rng.normal(size=(n, n)))[0] for n in (4, 3))
    W = 2 * np.outer(U[:, 0], V[:, 0]) + np.outer(U[:, 1], V[:, 1]) * 0.2
    state = nn.SpectralNormState(*(jnp.asarray(v, dtype) for v in (V[:, 0] + V[:, 1], U[:, 0])))
    return state, jnp.asarray(W.reshape(shape), dtype)


def spectrally_normalized(state, kernel):
    return kernel / np.linalg.norm(kernel.reshape(-1, kernel.shape[-1]), 2)


def batch_with_spread(rng, dtype):
    return (jnp.asarray(rng.normal(size=(4, 2, 3)), dtype),)


def spread(X):
    s = np.sqrt(X.var(0) + 1e-8).mean()
    return np.concatenate([X, np.full((*X.shape[:-1], 1), s)], axis=-1)


STATE = nn.SpectralNormState(np.ones(3), np.ones(4))
KERNEL = (
    Bad((STATE, np.ones(3)), "argument `kernel` must have rank 2 or 3"),
    Bad((STATE, np.ones((5, 3))), r"argument `state.v` must have shape \(5,\), got \(4,\)"),
    Bad((STATE, np.ones((4, 2))), r"argument `state.u` must have shape \(2,\), got \(3,\)"),
)
LINEAR = lambda x: x.sum()
CRITIC = Bad((1.0, np.ones(2), np.ones(2), 0.5), "argument `critic_fn` must be a func", TypeError)
PENALTY = (
    CRITIC,
    Bad((np.sin, np.ones(2), np.ones(3), 0.5), r"argument `x_fake` must have shape \(2,\)"),
    Bad((LINEAR, np.ones(2), np.ones(2), 1.5), "argument `epsilon` must be at least 0.0 and at"),
    Bad((jnp.sin, np.ones(2), np.ones(2), 0.5), "argument `critic_fn` must return a scalar"),
)
ONE = (Bad((1.0, np.ones(2)), "argument `critic_fn` must be a function", TypeError),
       Bad((jnp.sin, np.ones(2)), "argument `critic_fn` must return a scalar"))  # fmt: skip

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
    Row("nn.gradient_penalty", quadratic_critic,
        lambda A, b, x, y, e: (np.linalg.norm(slope(A, b, e * x + (1 - e) * y)) - 1) ** 2,
        call=lambda A, b, x, y, e: nn.gradient_penalty(quadratic(A, b), x, y, e),
        diff=(0, 1, 2, 3, 4), bad=PENALTY, dtypes=DTYPES, singular=(
            Singular((ZERO3, Z3, Z3, Z3, 0.5), 1.0, (ZERO3, Z3, Z3, Z3, 0.0)),)),
    Row("nn.zero_centered_penalty", lambda rng, dtype: quadratic_critic(rng, dtype)[:3],
        lambda A, b, x: (slope(A, b, x) ** 2).sum() / 2, diff=(0, 1, 2), bad=ONE, dtypes=DTYPES,
        call=lambda A, b, x: nn.zero_centered_penalty(quadratic(A, b), x)),
    Row("nn.clip_weights", params, lambda p, c: {"kernel": np.clip(p["kernel"], -c, c)},
        diff=(0, 1), bad=(Bad(({}, -1.0), "argument `max_value` must be at least 0.0"),),
        dtypes=DTYPES),
    HostRow("nn.keep_weights_clipped", "makes an optax transformation",
            ("tests/nn/test_weight_clipping.py::test_a_chain_keeps_every_weight_clipped",)),
    Row("nn.spectral_norm_train", kernel_of_gaps, spectrally_normalized, diff=(1,), bad=KERNEL,
        call=lambda state, kernel: nn.spectral_norm_train(state, kernel, num_steps=20)[0],
        dtypes=DTYPES),
    Row("nn.spectral_norm_apply", kernel_of_gaps,
        lambda s, k: k / (s.u @ k.reshape(4, 3).T @ s.v), diff=(1,), bad=KERNEL, dtypes=DTYPES),
    Row("nn.spectral_norm_init", lambda rng, dtype: (key(rng), kernel_of_gaps(rng, dtype)[1]),
        lambda _, k: np.linalg.norm(k.reshape(4, 3), 2),
        call=lambda key, k: nn.spectral_norm_apply(
            nn.spectral_norm_init(key, k, num_steps=20), k).ravel()[0] ** -1 * k.ravel()[0],
        diff=NotDifferentiable("the vectors are held constant"), bad=(
            Bad((0, np.ones((2, 2))), "argument `key`", TypeError),
            Bad((KEY, np.ones(2)), "argument `kernel` must have rank")), dtypes=DTYPES),
    HostRow("nn.SpectralNormState", "a record of two vectors",
            ("tests/nn/test_spectral_normalization.py::test_a_kernel_that_turns_is_followed",)),
    Row("nn.minibatch_stddev", batch_with_spread, spread, dtypes=DTYPES,
        call=lambda X: jax.vmap(lambda x: nn.minibatch_stddev(x, axis_name="batch"),
                                axis_name="batch")(X),
        bad=(Bad((np.ones(3),), "axis_name", TypeError),)),
    HostRow("nn.GANLoss", "a record of two functions",
            (f"{GAMES}test_the_table_pairs_the_players",)),
    HostRow("nn.GAN_LOSSES", "a table of games by name",
            (f"{GAMES}test_the_table_pairs_the_players",)),
]  # fmt: skip
