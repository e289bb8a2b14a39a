"""The configuration of a generative adversarial network."""

from dataclasses import dataclass

from jaxmath import nn
from jaxmath.models._config import check_choice, check_real, check_size, check_sizes

__all__ = ["Config"]

PLAYERS = ("mlp", "dcgan")
OUTPUTS = ("identity", "tanh", "sigmoid")
PENALTIES = ("none", "wgan_gp", "r1", "r2", "r1+r2")


@dataclass(frozen=True)
class Config:
    """Two players and the rules of their game; hashable, hence a static argument of jit.

    ::

        generator      x = output(net(z, label)),   z ~ N(0, I)
        discriminator  one score a class, of which the label picks one (one score without classes)
        mlp:    dense layers of ``widths`` units; relu here, leaky_relu of slope 0.2 there
        dcgan:  4×4 convolutions of stride 2 with ``widths`` channels there, and here their adjoints
                in reverse, behind a dense layer, each with a batch norm before it

    Args:
      shape: an example's, (d,) for vectors or (H, W, C) for images; the DCGAN's are square, and
        each of its layers halves them.
      latent_size: entries of z.
      players: "mlp" or "dcgan".
      widths: hidden units, or channels, of the discriminator from its input on; () makes both
        players of "mlp" linear.
      num_classes: of a conditional GAN; None for none. The generator gets its label one-hot beside
        z.
      output: the generator's last activation, "identity", "tanh" or "sigmoid": what keeps its
        values in the data's range.
      loss: the game, by its name in ``nn.GAN_LOSSES``.
      penalty: on the discriminator's slopes: "none", "wgan_gp", "r1", "r2" or "r1+r2".
      penalty_weight: λ of ``nn.gradient_penalty``, or γ of R1 and R2, which are γ times
        ``nn.zero_centered_penalty``.
      clip: keep the discriminator's parameters within ± this after each of its updates, as the
        first Wasserstein GAN does; None for not.
      num_critic: updates of the discriminator for one of the generator.
      ema: decay of the running mean of the generator, in [0, 1).
      minibatch_stddev: give the discriminator's last layer the batch's standard deviation, with
        which no penalty goes.
      spectral_norm: divide the discriminator's kernels by their spectral norms.
      max_loss: a loss or penalty beyond this makes the reported ``loss`` NaN, which ends training.

    Returns:
      A frozen, hashable dataclass.

    Raises:
      TypeError: a field is of another kind.
      ValueError: it is out of its range; images that are not square, or do not halve that often.

    Numerics:
      Nothing is computed.

    Example:
      >>> Config((2,), 2, widths=(64, 64), loss="wasserstein", penalty="wgan_gp").num_critic
      1
      >>> Config((28, 20, 1), 64, "dcgan")
      Traceback (most recent call last):
      ...
      ValueError: Config: argument `shape` must be (n, n, channels) for the DCGAN, got (28, 20, 1)

    References:
      I. Goodfellow et al., "Generative adversarial nets", 2014; A. Radford, L. Metz, S. Chintala,
      "Unsupervised representation learning with deep convolutional generative adversarial
      networks", 2016; M. Mirza, S. Osindero, "Conditional generative adversarial nets", 2014;
      L. Mescheder, A. Geiger, S. Nowozin, "Which training methods for GANs do actually converge?",
      2018 (R1, R2; a score for each class).
    """

    shape: tuple[int, ...]
    latent_size: int
    players: str = "mlp"
    widths: tuple[int, ...] = (128, 128)
    num_classes: int | None = None
    output: str = "identity"
    loss: str = "non_saturating"
    penalty: str = "none"
    penalty_weight: float = 10.0
    clip: float | None = None
    num_critic: int = 1
    ema: float = 0.999
    minibatch_stddev: bool = False
    spectral_norm: bool = False
    max_loss: float = 1e6

    def __post_init__(self) -> None:
        for name in ("latent_size", "num_critic"):
            check_size(name, getattr(self, name))
        check_sizes("shape", self.shape)
        if self.widths != () or self.players == "dcgan":
            check_sizes("widths", self.widths)
        if self.num_classes is not None:
            check_size("num_classes", self.num_classes)
        check_choice("players", self.players, PLAYERS)
        check_choice("output", self.output, OUTPUTS)
        check_choice("loss", self.loss, tuple(nn.GAN_LOSSES))
        check_choice("penalty", self.penalty, PENALTIES)
        check_real("penalty_weight", self.penalty_weight, 0.0)
        check_real("ema", self.ema, 0.0, 1.0)
        check_real("max_loss", self.max_loss, 0.0, open_low=True)
        if self.clip is not None:
            check_real("clip", self.clip, 0.0, open_low=True)
        for name in ("minibatch_stddev", "spectral_norm"):
            if not isinstance(getattr(self, name), bool):
                raise TypeError(
                    f"Config: argument `{name}` must be True or False, got {getattr(self, name)!r}"
                )
        if self.minibatch_stddev and self.penalty != "none":
            raise ValueError(
                "Config: argument `penalty` must be 'none' with minibatch_stddev, by which a score "
                f"is no function of one example, got {self.penalty!r}"
            )
        if self.players == "dcgan":
            self._check_images()

    def _check_images(self) -> None:
        if len(self.shape) != 3 or self.shape[0] != self.shape[1]:
            raise ValueError(
                f"Config: argument `shape` must be (n, n, channels) for the DCGAN, got {self.shape}"
            )
        halvings = len(self.widths)
        if self.shape[0] % 2**halvings:
            raise ValueError(
                f"Config: argument `widths` must be few enough for {self.shape[0]} pixels, which "
                f"each layer halves, got {halvings} of them"
            )


def as_config(caller: str, config: Config) -> Config:
    if not isinstance(config, Config):
        raise TypeError(
            f"{caller}: argument `config` must be a Config, got {type(config).__name__}"
        )
    return config
