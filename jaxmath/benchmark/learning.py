"""Learning problems on real data: what an optimizer meets in practice, batches and all."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxmath import datasets, nn
from jaxmath.models import mlp
from jaxmath.optimize.problems import Problem
from jaxmath.typing import Array, PyTree, as_key

__all__ = ["BATCH_SIZE", "digits_mlp", "digits_softmax", "learning_problems"]

BATCH_SIZE = 64

_REFERENCE = (
    "E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits, UCI repository, 1998 "
    "(test part, as scikit-learn ships it)"
)


def _classification(name: str, config: mlp.Config, l2: float, **known: Any) -> Problem:
    """The problem of classifying the digits.

    f(θ) = (1/n) Σᵢ CE(logits(xᵢ; θ), yᵢ) + (λ/2) Σ‖W‖²
    """
    data = datasets.digits()
    examples, labels = jnp.asarray(data.x), jnp.asarray(data.y)

    def loss(params: PyTree, x: Array, y: Array) -> Array:
        logits = jax.vmap(lambda one: mlp.apply(params, one, config=config))(x)
        penalty = sum(jnp.sum(layer.kernel**2) for layer in params)
        return jnp.mean(jax.vmap(nn.softmax_cross_entropy)(logits, y)) + 0.5 * l2 * penalty

    def objective(params: PyTree) -> Array:
        return loss(params, examples, labels)

    def draw(key: Array) -> Array:
        return jax.random.randint(as_key("key", key), (BATCH_SIZE,), 0, len(labels))

    def batch_objective(params: PyTree, rows: Array) -> Array:
        return loss(params, examples[rows], labels[rows])

    def start(key: Array) -> PyTree:
        # The data's own precision, so that float32 images are not promoted under x64.
        params = mlp.init(key, config)
        return jax.tree.map(lambda leaf: leaf.astype(examples.dtype), params)

    return Problem(
        name=name,
        objective=objective,
        start=start,
        draw=draw,
        batch_objective=batch_objective,
        reference=_REFERENCE,
        **known,
    )


def digits_softmax() -> Problem:
    """Softmax regression on the 1,797 digits, with weight decay: strictly convex in the weights.

    ::

        f(W, b) = (1/n) Σᵢ [logsumexp(Wᵀxᵢ + b) − (Wᵀxᵢ + b)_{yᵢ}] + (λ/2)‖W‖²,   λ = 10⁻³

    Args:
      None.

    Returns:
      A ``Problem`` of dimension 650 whose minimum is known; batches of 64.

    Raises:
      ImportError: scikit-learn, which ships the data, is not installed.

    Numerics:
      float32. The minimum was found by Newton's method in float64, to a gradient norm of 1e-12;
      a test finds it again.

    Example:
      >>> problem = digits_softmax()
      >>> problem.dimension, f"{problem.minimum:.3f}"
      (650, '0.262')

    References:
      C. M. Bishop, "Pattern Recognition and Machine Learning", 2006, section 4.3.4.
    """
    return _classification(
        "digits-softmax",
        mlp.Config(sizes=(64, 10)),
        1e-3,
        dimension=650,
        minimum=0.26186454721717256,
        tolerance=0.02,
        tags=("learning", "convex", "stochastic"),
    )


def digits_mlp() -> Problem:
    """A perceptron with one hidden layer of 32 ReLUs on the 1,797 digits.

    ::

        f(θ) = (1/n) Σᵢ CE(W₂ᵀ relu(W₁ᵀxᵢ + b₁) + b₂, yᵢ)

    Args:
      None.

    Returns:
      A ``Problem`` of dimension 2,410; batches of 64. Its ``minimum`` is the bound 0, which the
      cross-entropy cannot pass.

    Raises:
      ImportError: scikit-learn, which ships the data, is not installed.

    Numerics:
      float32.

    Example:
      >>> digits_mlp().dimension
      2410

    References:
      C. M. Bishop, "Pattern Recognition and Machine Learning", 2006, section 5.1.
    """
    return _classification(
        "digits-mlp",
        mlp.Config(sizes=(64, 32, 10)),
        0.0,
        dimension=2410,
        minimum=0.0,
        tolerance=0.1,
        tags=("learning", "bound-only", "stochastic"),
    )


def learning_problems() -> dict[str, Callable[[], Problem]]:
    """The learning problems by name; calling one loads its data.

    Args:
      None.

    Returns:
      A dictionary from names to functions without arguments.

    Example:
      >>> sorted(learning_problems())
      ['digits-mlp', 'digits-softmax']
    """
    return {"digits-softmax": digits_softmax, "digits-mlp": digits_mlp}
