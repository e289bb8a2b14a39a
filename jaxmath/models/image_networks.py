"""What all image networks have in common: how they are made, applied, trained and listed.

The functions here take the ``Config`` of any of them (``lenet``, ``cnn``, …), which names its
network; ``lenet.init`` and the like are these functions. Parameters are a dictionary from the name
of a layer to its record, hence sorted by name; the model state has the running statistics of each
batch norm by its name, and is () where there is none.
"""

from collections.abc import Hashable
from typing import Any

import jax

from jaxmath.models._config import ImageConfig
from jaxmath.models._network import Evaluation, Layer, Training, by_name, draft, image_shape
from jaxmath.typing import Array, ArrayLike, PyTree, as_array, as_key

__all__ = ["apply", "feature_maps", "features", "init", "summary", "torch_names", "train"]

Params = dict[str, Any]


def _as_config(caller: str, config: Any) -> ImageConfig:
    if not isinstance(config, ImageConfig):
        raise TypeError(
            f"{caller}: argument `config` must be the Config of an image network, got "
            f"{type(config).__name__}"
        )
    return config


def init(
    key: Array, config: ImageConfig, *, dtype: jax.typing.DTypeLike = float
) -> tuple[Params, PyTree]:
    """Random parameters, and the first running statistics.

    ::

        W ~ N(0, 2 / fan_in) before a rectifier,   N(0, 1 / fan_in) in the output layer,   b = 0
        γ = 1,   β = 0,   mean = 0,   var = 1 in a batch norm

    Args:
      key: a random key, used once; a layer's own key depends on its name alone, so that one layer
        more leaves the others as they were.
      config: the network.
      dtype: a real floating dtype; ``float`` means jax's default one.

    Returns:
      The parameters, layer name → ``Conv``, ``Dense``, ``BatchNorm``…; and the model state, name of
      a batch norm → ``BatchNormState``, or () where there is none.

    Raises:
      ValueError: the image is too small for the network; the stage that it cannot pass is named.

    Numerics:
      ``he_normal`` and ``lecun_normal``, but for LeNet-5 as published (see there).

    Example:
      >>> from jaxmath.models import cnn
      >>> params, model_state = init(jax.random.key(0), cnn.Config(widths=(8, 16)))
      >>> params["conv2"].kernel.shape, sorted(model_state)
      ((3, 3, 8, 16), ['norm1', 'norm2'])

    References:
      K. He, X. Zhang, S. Ren, J. Sun, "Delving deep into rectifiers: surpassing human-level
      performance on ImageNet classification", 2015, equation (10).
    """
    key, config = as_key("key", key), _as_config("init", config)
    made = {
        layer.name: layer.make(by_name(key, layer.name), dtype)
        for layer in draft(config, "init")
        if layer.make is not None
    }
    params = {name: params for name, (params, _) in made.items()}
    state = {name: state for name, (_, state) in made.items() if state is not None}
    return params, state or ()


def apply(params: Params, model_state: PyTree, x: ArrayLike, *, config: ImageConfig) -> Array:
    """The network's logits for one image.

    ::

        z = f(x; θ, statistics)

    with f as the ``Config`` describes it; batch norms take their running statistics, nothing is
    dropped.

    Args:
      params: the layers, as ``init`` makes them.
      model_state: the running statistics, as ``init`` makes them, or () where there are none.
      x: an image, shape (H, W, C), as the configuration says: a row of ``dataset.images``, for a
        data set's ``x`` is flat.
      config: the network.

    Returns:
      The logits z, shape (k,).

    Raises:
      ValueError: the image is of another shape, or the parameters are of another network.

    Numerics:
      Products in the backend's default precision, as in ``nn.convolve``. Cost: that of the
      convolutions.

    Example:
      >>> from jaxmath.models import cnn
      >>> config = cnn.Config(image_size=8, widths=(4,), hidden=8)
      >>> params, model_state = init(jax.random.key(0), config)
      >>> apply(params, model_state, jax.numpy.ones((8, 8, 1)), config=config).shape
      (10,)

    References:
      I. Goodfellow, Y. Bengio, A. Courville, "Deep Learning", 2016, chapter 9.
    """
    config = _as_config("apply", config)
    x = as_array("x", x, shape=image_shape(config))
    return config.forward(Evaluation("apply", params, model_state), x)


def train(
    key: Array,
    params: Params,
    model_state: PyTree,
    x: ArrayLike,
    *,
    config: ImageConfig,
    axis_name: Hashable,
) -> tuple[Any, PyTree]:
    """The network's logits for one image of a batch in training, and the statistics after it.

    ::

        z = f(x; θ, batch),   statistics' = m·statistics + (1 − m)·batch,   m = 0.9

    with f as the ``Config`` describes it; batch norms take the statistics of the batch, units are
    dropped at random.

    Args:
      key: a random key for this image, used once.
      params: the layers, as ``init`` makes them.
      model_state: the running statistics, as ``init`` makes them, or () where there are none.
      x: an image, shape (H, W, C), as the configuration says.
      config: the network.
      axis_name: the batch's name under ``jax.vmap``, as in ``nn.batch_norm_train``.

    Returns:
      The logits, shape (k,) (of an Inception network with auxiliary heads all of them, see there),
      and the new model state, one for the whole batch: ``out_axes=(0, None)``.

    Raises:
      ValueError: the image is of another shape, or the parameters are of another network.

    Numerics:
      As ``apply``; the derivative runs through the batch's statistics.

    Example:
      >>> from jaxmath.models import cnn
      >>> config = cnn.Config(image_size=8, widths=(4,), hidden=8)
      >>> params, model_state = init(jax.random.key(0), config)
      >>> one = lambda key, x: train(key, params, model_state, x, config=config, axis_name="batch")
      >>> z, new = jax.vmap(one, out_axes=(0, None), axis_name="batch")(
      ...     jax.random.split(jax.random.key(1), 3), jax.numpy.ones((3, 8, 8, 1)))
      >>> z.shape, new["norm1"].mean.shape
      ((3, 10), (4,))

    References:
      S. Ioffe, C. Szegedy, "Batch normalization: accelerating deep network training by reducing
      internal covariate shift", 2015, algorithm 2.
    """
    key, config = as_key("key", key), _as_config("train", config)
    x = as_array("x", x, shape=image_shape(config))
    net = Training(key, params, model_state, axis_name)
    y = config.forward(net, x)
    return y, net.state or ()


def feature_maps(
    params: Params, model_state: PyTree, x: ArrayLike, *, config: ImageConfig
) -> dict[str, Array]:
    """What every stage of the network makes of one image.

    ::

        A_s = f_s(x; θ),   f_s the network up to stage s, its activation included

    Args:
      params: the layers, as ``init`` makes them.
      model_state: the running statistics, as ``init`` makes them, or () where there are none.
      x: an image, shape (H, W, C), as the configuration says.
      config: the network.

    Returns:
      Name of the stage → its output, shape (H_s, W_s, C_s), in the order of the network (under jit
      sorted by name).

    Numerics:
      As ``apply``.

    Example:
      >>> from jaxmath.models import cnn
      >>> config = cnn.Config(image_size=8, widths=(4,), hidden=8)
      >>> params, model_state = init(jax.random.key(0), config)
      >>> maps = feature_maps(params, model_state, jax.numpy.ones((8, 8, 1)), config=config)
      >>> {name: image.shape for name, image in maps.items()}
      {'conv1': (8, 8, 4), 'pool1': (4, 4, 4)}

    References:
      M. D. Zeiler, R. Fergus, "Visualizing and understanding convolutional networks", 2014.
    """
    config = _as_config("feature_maps", config)
    x = as_array("x", x, shape=image_shape(config))
    net = Evaluation("feature_maps", params, model_state)
    config.forward(net, x)
    return net.maps


def features(
    params: Params, model_state: PyTree, x: ArrayLike, *, config: ImageConfig
) -> tuple[Array, Array]:
    """What the output layer reads of one image, and the logits that it makes of it.

    ::

        z = g(φ(x)),   g the last layer: φ(x) are the penultimate features

    Args:
      params: the layers, as ``init`` makes them.
      model_state: the running statistics, as ``init`` makes them, or () where there are none.
      x: an image, shape (H, W, C), as the configuration says.
      config: the network.

    Returns:
      φ(x), shape (d,), and the logits z, shape (k,). ``train.predict`` has them of many images.

    Numerics:
      As ``apply``, whose result z is. In the features of a classifier images of like meaning are
      near each other, so that distances of sets of images are measured there.

    Example:
      >>> from jaxmath.models import cnn
      >>> config = cnn.Config(image_size=8, widths=(4,), hidden=8)
      >>> params, model_state = init(jax.random.key(0), config)
      >>> phi, z = features(params, model_state, jax.numpy.ones((8, 8, 1)), config=config)
      >>> phi.shape, z.shape
      ((8,), (10,))

    References:
      M. Heusel, H. Ramsauer, T. Unterthiner, B. Nessler, S. Hochreiter, "GANs trained by a two
      time-scale update rule converge to a local Nash equilibrium", 2017, section 4.
    """
    config = _as_config("features", config)
    x = as_array("x", x, shape=image_shape(config))
    net = Evaluation("features", params, model_state)
    z = config.forward(net, x)
    if net.features is None:
        raise ValueError("features: argument `config` is of a network without a dense layer")
    return net.features, z


def summary(config: ImageConfig) -> tuple[Layer, ...]:
    """The layers of a network with the shapes of their outputs and the numbers of parameters.

    ::

        parameters of a convolution: k C_in C_out / groups + C_out,   of a dense layer:
        (d_in + 1) d_out,   of a batch norm: 2 C

    Args:
      config: the network.

    Returns:
      For each layer its ``name``, ``shape`` and ``parameters``, in the order of the network.

    Raises:
      ValueError: the image is too small for the network; the stage that it cannot pass is named.

    Numerics:
      Exact, from shapes alone (``jax.eval_shape``): no image is passed.

    Example:
      >>> from jaxmath.models import lenet
      >>> for layer in summary(lenet.Config("modern")):
      ...     print(f"{layer.name:6} {layer.shape!s:12} {layer.parameters:,}")
      conv1  (28, 28, 6)  156
      pool1  (14, 14, 6)  0
      conv2  (10, 10, 16) 2,416
      pool2  (5, 5, 16)   0
      fc3    (120,)       48,120
      fc4    (84,)        10,164
      fc5    (10,)        850

    References:
      Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document
      recognition", 1998, section II.B, gives such a table in words.
    """
    return draft(_as_config("summary", config), "summary")


def torch_names(config: ImageConfig) -> tuple[str, ...]:
    """The modules of torchvision's network of this name, in the order of our layers.

    ::

        names[i] is the module of the layer sorted(params)[i]

    Args:
      config: the network: AlexNet of one group, VGG, Inception with batch norms, or ResNet.

    Returns:
      The ``names`` of ``interop.load_torch_state_dict`` and ``interop.to_torch_state_dict``.

    Numerics:
      Nothing is computed. Dense layers after a flattened image fit, for images are flattened
      channel by channel. torchvision's pretrained GoogLeNet takes inputs of another scale
      (``transform_input``).

    Example:
      >>> from jaxmath.models import vgg
      >>> torch_names(vgg.Config())[:3]
      ('features.0', 'features.2', 'features.5')

    References:
      torchvision, ``torchvision.models``: ``alexnet``, ``vgg16``, ``googlenet``, ``resnet50``.
    """
    config = _as_config("torch_names", config)
    layers = (layer.name for layer in draft(config, "torch_names") if layer.make is not None)
    return tuple(config.torch_name(name) for name in sorted(layers))
