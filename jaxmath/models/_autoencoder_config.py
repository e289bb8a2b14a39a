"""What an autoencoder is: its configuration and its records."""

from dataclasses import dataclass
from typing import NamedTuple

from jaxmath import nn
from jaxmath.models import mlp
from jaxmath.models._config import check_real
from jaxmath.typing import Array

__all__: list[str] = []


class AutoencoderParams(NamedTuple):
    """The dense layers of both halves."""

    encoder: tuple[nn.Dense, ...]
    decoder: tuple[nn.Dense, ...]


class Outputs(NamedTuple):
    """What training computes of one example: reconstruction, code, and the penalties' sum."""

    reconstruction: Array
    code: Array
    penalty: Array


@dataclass(frozen=True)
class Config:
    """The shape of an autoencoder and its penalties; hashable, hence a static argument of jit.

    ::

        h = g(x; sizes d, …, k),   x̂ = x̂(h; sizes k, …, d)
        L = ½ ‖x̂(h(x̃)) − x‖² + λ₁ ‖h‖₁ + λ_s Σⱼ KL(ρ‖h̄ⱼ) + λ_c ‖∂h/∂x‖²_F

    Args:
      sizes: sizes of the encoder's layers, from the input d to the code k; the decoder has them in
        reverse.
      activation: name of the hidden layers' activation in ``jaxmath.nn``.
      code_activation: that of the code; the output is linear.
      noise: the deviation of the Gaussian noise that ``train`` adds to the input.
      masking: the probability that ``train`` sets an entry of the input to 0, in [0, 1).
      l1: λ₁, the weight of the absolute code.
      sparsity: λ_s, the weight of the divergence of the code's mean over the batch from ρ; needs a
        code in (0, 1), hence the code's activation "sigmoid".
      target: ρ in (0, 1).
      contraction: λ_c, the weight of the squared derivative of the encoder.

    Returns:
      A frozen dataclass.

    Raises:
      TypeError: ``sizes`` is no tuple of integers, or a number is none.
      ValueError: too few sizes, an unknown activation, a number out of range, or a sparsity without
        a sigmoid.

    Numerics:
      Nothing is computed.

    Example:
      >>> Config((784, 128, 32), masking=0.3).code_activation
      'identity'
      >>> Config((784, 32), sparsity=1.0)
      Traceback (most recent call last):
      ...
      ValueError: Config: argument `code_activation` must be 'sigmoid' with sparsity, got 'identity'

    References:
      I. Goodfellow, Y. Bengio, A. Courville, "Deep Learning", 2016, chapter 14.
    """

    sizes: tuple[int, ...]
    activation: str = "relu"
    code_activation: str = "identity"
    noise: float = 0.0
    masking: float = 0.0
    l1: float = 0.0
    sparsity: float = 0.0
    target: float = 0.05
    contraction: float = 0.0

    def __post_init__(self) -> None:
        for activation in (self.activation, self.code_activation):
            mlp.Config(self.sizes, activation)  # which refuses wrong sizes and unknown names
        for name in ("noise", "l1", "sparsity", "contraction"):
            check_real(name, getattr(self, name), 0.0)
        check_real("masking", self.masking, 0.0, 1.0)
        check_real("target", self.target, 0.0, 1.0, open_low=True)
        if self.sparsity and self.code_activation != "sigmoid":
            raise ValueError(
                "Config: argument `code_activation` must be 'sigmoid' with sparsity, got "
                f"{self.code_activation!r}"
            )

    @property
    def halves(self) -> tuple[mlp.Config, mlp.Config]:
        """Encoder and decoder, each with a linear output."""
        back = mlp.Config(self.sizes[::-1], self.activation)
        return mlp.Config(self.sizes, self.activation), back


def _as_config(caller: str, config: Config) -> Config:
    if not isinstance(config, Config):
        raise TypeError(
            f"{caller}: argument `config` must be a Config, got {type(config).__name__}"
        )
    return config
