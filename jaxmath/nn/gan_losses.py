"""The losses of adversarial games, each to be minimized by its player.

A discriminator gives a score: a logit of "real" in the minimax and non-saturating games, a number
near its label in the least-squares game, any number in the hinge and Wasserstein games, where it is
called a critic. Everywhere a higher score means more real. A loss takes the scores of one real and
one fake example; the batch's loss is the mean over pairs.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import jax.numpy as jnp

from jaxmath.nn.rectifiers import relu, softplus
from jaxmath.typing import Array, ArrayLike, Scalar, as_array, check_number

__all__ = [
    "GAN_LOSSES",
    "GANLoss",
    "hinge_discriminator_loss",
    "least_squares_discriminator_loss",
    "least_squares_generator_loss",
    "minimax_discriminator_loss",
    "minimax_generator_loss",
    "non_saturating_generator_loss",
    "wasserstein_discriminator_loss",
    "wasserstein_generator_loss",
]


def _pair(real: ArrayLike, fake: ArrayLike) -> tuple[Array, Array]:
    real = as_array("real", real, ndim=0)
    return real, as_array("fake", fake, ndim=0).astype(real.dtype)


def minimax_discriminator_loss(real: ArrayLike, fake: ArrayLike) -> Array:
    """The discriminator's loss in the original game, and in the non-saturating one.

    ::

        L_D = −log σ(r) − log(1 − σ(f)) = softplus(−r) + softplus(f)
        ∂L_D/∂r = −(1 − σ(r)),   ∂L_D/∂f = σ(f)

    Args:
      real: the logit r of a real example, a scalar.
      fake: the logit f of a generated example, a scalar.

    Returns:
      The loss, a scalar of the dtype of ``real``; its mean is −V(D, G) of the paper, at best
      log 4 − 2 JS(p, q).

    Numerics:
      From the logits, a few eps: no probability is rounded, nothing overflows. Cost: two
      exponentials and logarithms.

    Example:
      >>> f"{minimax_discriminator_loss(0.0, 0.0):.4f} {minimax_discriminator_loss(9.0, -9.0):.4f}"
      '1.3863 0.0002'

    References:
      I. J. Goodfellow et al., "Generative adversarial nets", 2014, equation (1).
    """
    real, fake = _pair(real, fake)
    return softplus(-real) + softplus(fake)


def minimax_generator_loss(fake: ArrayLike) -> Array:
    """The generator's loss in the original, zero-sum game.

    ::

        L_G = log(1 − σ(f)) = −softplus(f),   ∂L_G/∂f = −σ(f)

    Args:
      fake: the logit f of a generated example, a scalar.

    Returns:
      The loss, a scalar ≤ 0 of the dtype of ``fake``. Against the best discriminator its mean has
      the gradient of 2 JS(p, q), which vanishes where every fake is seen through: it saturates.

    Numerics:
      From the logit, a few eps; nothing overflows. Cost: one exponential and logarithm.

    Example:
      >>> f"{minimax_generator_loss(0.0):.4f}"
      '-0.6931'

    References:
      I. J. Goodfellow et al., "Generative adversarial nets", 2014, equation (1).
    """
    return -softplus(as_array("fake", fake, ndim=0))


def non_saturating_generator_loss(fake: ArrayLike) -> Array:
    """The generator's loss in the non-saturating game: to be taken for real.

    ::

        L_G = −log σ(f) = softplus(−f),   ∂L_G/∂f = −(1 − σ(f))

    Args:
      fake: the logit f of a generated example, a scalar.

    Returns:
      The loss, a scalar ≥ 0 of the dtype of ``fake``. Its slope is −1 where a fake is seen through.
      Against the best discriminator its mean has the gradient of KL(q‖p) − 2 JS(p, q).

    Numerics:
      From the logit, a few eps; nothing overflows. Cost: one exponential and logarithm.

    Example:
      >>> f"{non_saturating_generator_loss(0.0):.4f} {non_saturating_generator_loss(-100.0):.1f}"
      '0.6931 100.0'

    References:
      I. J. Goodfellow et al., "Generative adversarial nets", 2014, section 3; M. Arjovsky,
      L. Bottou, "Towards principled methods for training generative adversarial networks", 2017,
      theorem 2.5.
    """
    return softplus(-as_array("fake", fake, ndim=0))


def _labels(like: Array, **labels: Scalar) -> list[Array]:
    for name, label in labels.items():
        check_number(name, label)
    return [jnp.asarray(label, like.dtype) for label in labels.values()]


def least_squares_discriminator_loss(
    real: ArrayLike, fake: ArrayLike, *, a: Scalar = 0.0, b: Scalar = 1.0
) -> Array:
    """The discriminator's loss in the least-squares game: scores are regressed on labels.

    ::

        L_D = ½ (r − b)² + ½ (f − a)²,   ∂L_D/∂r = r − b,   ∂L_D/∂f = f − a

    Args:
      real: the score r of a real example, a scalar.
      fake: the score f of a generated example, a scalar.
      a: label of the fake.
      b: label of the real, above ``a``.

    Returns:
      The loss, a scalar of the dtype of ``real``.

    Numerics:
      A few eps; overflows where a square does. Cost: two products.

    Example:
      >>> f"{least_squares_discriminator_loss(0.5, 0.5):.2f}"
      '0.25'

    References:
      X. Mao et al., "Least squares generative adversarial networks", 2017, section 3.2.
    """
    real, fake = _pair(real, fake)
    low, high = _labels(real, a=a, b=b)
    return 0.5 * (jnp.square(real - high) + jnp.square(fake - low))


def least_squares_generator_loss(fake: ArrayLike, *, c: Scalar = 1.0) -> Array:
    """The generator's loss in the least-squares game: to score what the real should.

    ::

        L_G = ½ (f − c)²,   ∂L_G/∂f = f − c

    Args:
      fake: the score f of a generated example, a scalar.
      c: the score that the generator aims at. With b − c = 1 and b − a = 2 the game measures a
        Pearson χ² divergence; the default c = b is the paper's other choice.

    Returns:
      The loss, a scalar of the dtype of ``fake``.

    Numerics:
      A few eps; overflows where the square does. Cost: one product.

    Example:
      >>> f"{least_squares_generator_loss(0.5):.3f}"
      '0.125'

    References:
      X. Mao et al., "Least squares generative adversarial networks", 2017, section 3.2.
    """
    fake = as_array("fake", fake, ndim=0)
    (aim,) = _labels(fake, c=c)
    return 0.5 * jnp.square(fake - aim)


def hinge_discriminator_loss(real: ArrayLike, fake: ArrayLike) -> Array:
    """The discriminator's loss in the hinge game; the generator's is that of Wasserstein's.

    ::

        L_D = max(0, 1 − r) + max(0, 1 + f)
        ∂L_D/∂r = −1 for r < 1, 0 for r ≥ 1;   ∂L_D/∂f = 1 for f > −1, 0 for f ≤ −1

    Args:
      real: the score r of a real example, a scalar.
      fake: the score f of a generated example, a scalar.

    Returns:
      The loss, a scalar ≥ 0 of the dtype of ``real``.

    Numerics:
      Two roundings. Singular set {r = 1} and {f = −1}: derivative 0 there. Cost: two sums.

    Example:
      >>> f"{hinge_discriminator_loss(0.0, 0.0):.1f} {hinge_discriminator_loss(2.0, -2.0):.1f}"
      '2.0 0.0'

    References:
      J. H. Lim, J. C. Ye, "Geometric GAN", 2017, section 4; T. Miyato, T. Kataoka, M. Koyama,
      Y. Yoshida, "Spectral normalization for generative adversarial networks", 2018,
      equations (16), (17).
    """
    real, fake = _pair(real, fake)
    return relu(1.0 - real) + relu(1.0 + fake)


def wasserstein_discriminator_loss(real: ArrayLike, fake: ArrayLike) -> Array:
    """The critic's loss in the Wasserstein game.

    ::

        L_D = f − r,   ∂L_D/∂r = −1,   ∂L_D/∂f = 1

    Args:
      real: the critic's value r of a real example, a scalar.
      fake: its value f of a generated example, a scalar.

    Returns:
      The loss, a scalar of the dtype of ``real``. Minus its mean, at best over the critics that are
      1-Lipschitz, is the 1-Wasserstein distance; without that bound (clipping, a gradient penalty,
      spectral normalization) there is no best critic.

    Numerics:
      One rounding. Cost: one difference.

    Example:
      >>> f"{wasserstein_discriminator_loss(2.0, -1.0):.1f}"
      '-3.0'

    References:
      M. Arjovsky, S. Chintala, L. Bottou, "Wasserstein generative adversarial networks", 2017,
      equation (2) and algorithm 1.
    """
    real, fake = _pair(real, fake)
    return fake - real


def wasserstein_generator_loss(fake: ArrayLike) -> Array:
    """The generator's loss in the Wasserstein and hinge games: a high score.

    ::

        L_G = −f,   ∂L_G/∂f = −1

    Args:
      fake: the critic's value f of a generated example, a scalar.

    Returns:
      The loss, a scalar of the dtype of ``fake``.

    Numerics:
      Exact. Cost: none.

    Example:
      >>> f"{wasserstein_generator_loss(2.0):.1f}"
      '-2.0'

    References:
      M. Arjovsky, S. Chintala, L. Bottou, "Wasserstein generative adversarial networks", 2017,
      algorithm 1.
    """
    return -as_array("fake", fake, ndim=0)


class GANLoss(NamedTuple):
    """The losses of both players: of (real, fake) scores, and of a fake score."""

    discriminator: Callable[[ArrayLike, ArrayLike], Array]
    generator: Callable[[ArrayLike], Array]


# The five games by name.
GAN_LOSSES: Mapping[str, GANLoss] = MappingProxyType(
    {
        "minimax": GANLoss(minimax_discriminator_loss, minimax_generator_loss),
        "non_saturating": GANLoss(minimax_discriminator_loss, non_saturating_generator_loss),
        "least_squares": GANLoss(least_squares_discriminator_loss, least_squares_generator_loss),
        "hinge": GANLoss(hinge_discriminator_loss, wasserstein_generator_loss),
        "wasserstein": GANLoss(wasserstein_discriminator_loss, wasserstein_generator_loss),
    }
)
