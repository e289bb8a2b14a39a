"""A pass through an image network: its layers by name, whatever the pass is for.

A network is written once, as ``config.forward(net, x)``. What ``net`` does with a layer depends on
the pass: ``Evaluation`` applies it, ``Training`` normalizes by the batch and drops units, and
``Draft`` notes which layers there are, to make them and to list them.
"""

import functools
import zlib
from collections.abc import Callable, Hashable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxmath import nn
from jaxmath.nn._geometry import Padding
from jaxmath.typing import Array, PyTree

__all__: list[str] = []

Activation = Callable[[Array], Array]


class Kernel(NamedTuple):
    """The parameters of a convolution without bias: kernel (…window, C_in, C_out)."""

    kernel: Array


class Layer(NamedTuple):
    """A line of the table: a layer, its output's shape, its parameters' number, how to make it.

    ``make(key, dtype)`` returns the parameters, and the running statistics or None; it is None for
    a layer without parameters.
    """

    name: str
    shape: tuple[int, ...]
    parameters: int
    make: Callable | None


class Evaluation:
    """A pass with given parameters and running statistics."""

    training = False

    def __init__(
        self, caller: str, params: Mapping, state: Any, added: Mapping[str, Array] | None = None
    ) -> None:
        self.caller, self.params = caller, params
        self.state: dict = dict(state)
        self.added = added or {}
        self.maps: dict[str, Array] = {}
        self.features: Array | None = None

    def layer(self, name: str, make: Callable) -> Any:
        """The parameters of a layer."""
        if name not in self.params:
            raise ValueError(
                f"{self.caller}: argument `params` has no layer {name}: it is not of this config"
            )
        return self.params[name]

    def note(self, name: str, x: Array) -> None:
        """A layer is done, and this is its output."""

    def stage(self, name: str, x: Array) -> Array:
        """The output of a stage, to be looked at, or moved by an amount that is differentiated."""
        if name in self.added:
            x = x + self.added[name]
        self.maps[name] = x
        return x

    def fits(self, name: str, x: Array, window: int, padding: Padding = "VALID") -> None:
        sizes = x.shape[:-1]
        border = 2 * padding if isinstance(padding, int) else 0
        if isinstance(padding, tuple):
            border = max(low + high for low, high in padding)
        if padding != "SAME" and min(sizes) + border < window:
            h, w = sizes
            raise ValueError(
                f"{self.caller}: argument `config` has too small an image: stage {name} gets "
                f"{h}×{w}, less than its window {window}×{window}"
            )

    def conv(
        self, name: str, x: Array, features: int, window: int, *, stride: int = 1,
        padding: Padding = "SAME", groups: int = 1, activation: Activation = nn.identity,
        kernel_init: Callable = nn.he_normal,
    ) -> Array:  # fmt: skip
        """A convolution with bias, and what follows it."""
        self.fits(name, x, window, padding)
        make = functools.partial(
            _make_conv, in_size=x.shape[-1], out_size=features, window=(window, window),
            groups=groups, kernel_init=kernel_init,
        )  # fmt: skip
        params = self.layer(name, make)
        y = nn.conv_apply(params, x, stride=stride, padding=padding, groups=groups)
        self.note(name, y)
        return self.stage(name, activation(y))

    def conv_norm(
        self, name: str, norm: str, x: Array, features: int, window: int, *, stride: int = 1,
        padding: Padding = "SAME", activation: Activation = nn.relu, eps: float = 1e-5,
    ) -> Array:  # fmt: skip
        """A convolution without bias, a batch norm, and what follows them."""
        self.fits(name, x, window, padding)
        make = functools.partial(
            _make_kernel, in_size=x.shape[-1], out_size=features, window=(window, window)
        )
        y = nn.convolve(x, self.layer(name, make).kernel, stride=stride, padding=padding)
        self.note(name, y)
        y = self.batch_norm(norm, y, eps)
        self.note(norm, y)
        return self.stage(name, activation(y))

    def batch_norm(self, name: str, x: Array, eps: float) -> Array:
        """A batch norm, by the running statistics."""
        params = self.layer(name, functools.partial(_make_norm, size=x.shape[-1]))
        return nn.batch_norm_apply(params, self.statistics(name), x, eps=eps)

    def statistics(self, name: str) -> nn.BatchNormState:
        """The running statistics of a batch norm."""
        if name not in self.state:
            raise ValueError(
                f"{self.caller}: argument `model_state` has no statistics of {name}: it is not of "
                "this config"
            )
        return self.state[name]

    def dense(
        self, name: str, x: Array, size: int, *, activation: Activation = nn.identity,
        kernel_init: Callable | None = None,
    ) -> Array:  # fmt: skip
        """A dense layer and what follows it; by default in the variance that suits a rectifier, or
        the linear output.
        """
        if kernel_init is None:
            kernel_init = nn.he_normal if activation is nn.relu else nn.lecun_normal
        make = functools.partial(
            _make_dense, in_size=x.shape[0], out_size=size, kernel_init=kernel_init
        )
        self.read(x)
        y = nn.dense_apply(self.layer(name, make), x)
        self.note(name, y)
        return activation(y)

    def read(self, x: Array) -> None:
        """A vector that a layer reads: the last of them is what the output layer sees."""
        self.features = x

    def max_pool(
        self, name: str, x: Array, window: int, *, stride: int, padding: Padding = "VALID"
    ) -> Array:
        """Max pooling."""
        self.fits(name, x, window, padding)
        y = nn.max_pool(x, window, stride=stride, padding=padding)
        self.note(name, y)
        return self.stage(name, y)

    def dropout(self, name: str, x: Array, rate: float) -> Array:
        """Nothing is dropped."""
        return x


class Training(Evaluation):
    """A pass in training: batch statistics over an axis of vmap, units dropped at random."""

    training = True

    def __init__(self, key: Array, params: Mapping, state: Any, axis_name: Hashable) -> None:
        super().__init__("train", params, state)
        self.key, self.axis_name = key, axis_name

    def batch_norm(self, name: str, x: Array, eps: float) -> Array:
        params = self.layer(name, functools.partial(_make_norm, size=x.shape[-1]))
        y, self.state[name] = nn.batch_norm_train(
            params, self.statistics(name), x, axis_name=self.axis_name, eps=eps
        )
        return y

    def dropout(self, name: str, x: Array, rate: float) -> Array:
        """Units are dropped; the mask depends on the key and the layer's name alone."""
        return nn.dropout(by_name(self.key, name), x, rate) if rate else x


class Draft(Evaluation):
    """A pass for the layers' sake, under ``jax.eval_shape``: parameters are made where needed."""

    training = True

    def __init__(self, caller: str) -> None:
        super().__init__(caller, {}, {})
        self.makers: dict[str, Callable] = {}
        self.layers: list[Layer] = []

    def layer(self, name: str, make: Callable) -> Any:
        if name in self.makers:
            raise ValueError(f"{self.caller}: two layers of the network are called {name}")
        self.makers[name] = make
        params, state = make(jax.random.key(0), jnp.float32)
        if state is not None:
            self.state[name] = state
        return params

    def note(self, name: str, x: Array) -> None:
        make = self.makers.get(name)
        size = 0
        if make is not None:
            leaves = jax.tree.leaves(
                jax.eval_shape(lambda: make(jax.random.key(0), jnp.float32)[0])
            )
            size = sum(leaf.size for leaf in leaves)
        self.layers.append(Layer(name, x.shape, size, make))


def by_name(key: Array, name: str) -> Array:
    """A layer's own key: another layer more or less does not change it."""
    return jax.random.fold_in(key, zlib.crc32(name.encode()))


def _make_conv(key: Array, dtype: Any, **sizes: Any) -> tuple[PyTree, None]:
    return nn.conv_init(key, dtype=dtype, **sizes), None


def _make_kernel(key: Array, dtype: Any, **sizes: Any) -> tuple[PyTree, None]:
    params = nn.conv_init(key, dtype=dtype, kernel_init=nn.he_normal, **sizes)
    return Kernel(params.kernel), None


def _make_dense(key: Array, dtype: Any, **sizes: Any) -> tuple[PyTree, None]:
    return nn.dense_init(key, dtype=dtype, **sizes), None


def _make_norm(key: Array, dtype: Any, size: int) -> tuple[PyTree, PyTree]:
    return nn.batch_norm_init(size, dtype=dtype)


def flatten(x: Array) -> Array:
    """The image as a vector, channel by channel, as in PyTorch, whose weights then fit."""
    return jnp.moveaxis(x, -1, 0).reshape(-1)


@functools.lru_cache(maxsize=64)
def draft(config: Any, caller: str) -> tuple[Layer, ...]:
    """The layers of a network, in the order in which they are passed."""
    net = Draft(caller)
    image = jax.ShapeDtypeStruct(image_shape(config), jnp.float32)
    try:
        jax.eval_shape(lambda x: config.forward(net, x), image)
    except ValueError as error:
        raise ValueError(*error.args) from None  # without jax's notes on its own frames
    return tuple(net.layers)


def image_shape(config: Any) -> tuple[int, int, int]:
    """(H, W, C) of the images that the network takes."""
    return config.image_size, config.image_size, config.channels
