"""All that is asked of generated samples in the features of a classifier, as one function."""

from typing import NamedTuple

from jaxmath._compiled import compiled
from jaxmath.nn._samples import sample
from jaxmath.nn.frechet import frechet_distance
from jaxmath.nn.kernel_distance import KernelDistance, kernel_distance
from jaxmath.nn.mode_coverage import ClassBalance, class_balance
from jaxmath.nn.nearest_neighbours import (
    ManifoldScores,
    manifold_precision_recall,
    memorization_ratio,
)
from jaxmath.typing import Array, ArrayLike

__all__ = ["SampleMeasures", "sample_measures"]


class SampleMeasures(NamedTuple):
    """What is measured of a sample in a classifier's features; those of noise give the scale.

    ::

        kernel and Fréchet distance ≥ 0 but for chance;   precision, recall, confidence ∈ [0, 1]

    Args:
      kernel_distance: to the test examples, with its standard error.
      frechet_distance: to the test examples, a scalar.
      manifold: precision and recall against the test examples.
      classes: shares of the classes, and the classifier's confidence.
      memorization_ratio: about 1 where samples are as new as the test examples, a scalar.

    Returns:
      A NamedTuple, hence a pytree.

    Numerics:
      Nothing is computed.

    Example:
      >>> SampleMeasures._fields[-1]
      'memorization_ratio'

    References:
      A. Borji, "Pros and cons of GAN evaluation measures", 2019.
    """

    kernel_distance: KernelDistance
    frechet_distance: Array
    manifold: ManifoldScores
    classes: ClassBalance
    memorization_ratio: Array


@compiled
def sample_measures(
    features: ArrayLike, logits: ArrayLike, train: ArrayLike, test: ArrayLike
) -> SampleMeasures:
    """How like the true examples a sample is, how varied, and how new: by a classifier's features.

    ::

        KID(φ(S), φ(T)),   FID(φ(S), φ(T)),   precision and recall of φ(S) against φ(T)
        shares and confidence of z(S),   median_s min_x ‖φ(s) − φ(x)‖ / median_t min_x ‖φ(t) − φ(x)‖

    with samples s ∈ S, test examples t ∈ T, training examples x, features φ and logits z.

    Args:
      features: φ of the samples, shape (n, d), n ≥ 4.
      logits: z of the samples, shape (n, k).
      train: φ of the examples that the generator was trained on, shape (m, d).
      test: φ of real examples that it was not trained on, shape (l, d), l ≥ 4.

    Returns:
      ``SampleMeasures``, of the dtype of ``features`` and ``logits``.

    Raises:
      ValueError: a sample has too few rows, the numbers of features are unequal, or samples and
        logits are not of equal number.

    Numerics:
      As ``kernel_distance``, ``frechet_distance``, ``manifold_precision_recall``,
      ``class_balance`` and ``memorization_ratio``. All but the kernel distance depend on n and l:
      measure true examples and noise in equal numbers beside. The training examples themselves have
      a ratio of 0, for each is its own neighbour.

    Example:
      >>> import jax
      >>> test, train, phi = jax.random.normal(jax.random.key(0), (3, 50, 2), "float32")
      >>> found = sample_measures(phi, phi, train, test)
      >>> near = abs(found.kernel_distance.value) < 3 * found.kernel_distance.standard_error
      >>> print(near, f"{found.memorization_ratio:.1f}", found.classes.shares.shape)
      True 1.0 (2,)

    References:
      M. Bińkowski, D. J. Sutherland, M. Arbel, A. Gretton, "Demystifying MMD GANs", 2018;
      T. Kynkäänniemi, T. Karras, S. Laine, J. Lehtinen, T. Aila, "Improved precision and recall
      metric for assessing generative models", 2019.
    """
    caller = "sample_measures"
    features = sample(caller, "features", features, rows=4)
    n, d = features.shape
    logits = sample(caller, "logits", logits)
    if len(logits) != n:
        raise ValueError(
            f"{caller}: argument `logits` must have {n} rows, as the features, got {len(logits)}"
        )
    train, test = sample(caller, "train", train, d=d), sample(caller, "test", test, rows=4, d=d)
    return SampleMeasures(
        kernel_distance(features, test),
        frechet_distance(features, test),
        manifold_precision_recall(features, test),
        class_balance(logits),
        memorization_ratio(features, train, test),
    )
