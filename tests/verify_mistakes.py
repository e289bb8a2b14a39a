"""Custom derivative rules, right or with one seeded mistake, for `tests/test_verify.py`.

A rule is a list of terms for each derivative: J·v is their sum (custom_jvp), and so is each
argument's cotangent (custom_vjp). The mistakes are those that are made by hand: the sign of one
term, a factor 2, a matrix that should be transposed, a term forgotten.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

MISTAKES = ("sign", "factor", "transpose", "dropped")

Terms = list[Any]


@dataclass(frozen=True)
class Rule:
    """A function with its derivative.

    Attributes:
      name: of the rule.
      f: the function.
      terms: for "fwd", (x, v) -> the terms of J·v; for "rev", (x, u) -> a list of terms for each
        argument. The keyword `t` transposes the matrix that is easily forgotten.
      shapes: the arguments', normal draws; `shift` adds that multiple of the identity.
      mode: which rule this is.
      matrix: whether `t` means something.
    """

    name: str
    f: Callable
    terms: Callable
    shapes: tuple[tuple[int, ...], ...]
    mode: str = "fwd"
    matrix: bool = False
    shift: float = 0.0

    @property
    def mistakes(self) -> tuple[str, ...]:
        several = self.name not in _ONE_TERM
        allowed = {"sign": True, "factor": True, "transpose": self.matrix, "dropped": several}
        return tuple(mistake for mistake in MISTAKES if allowed[mistake])

    def args(self, rng: np.random.Generator, dtype: Any) -> tuple:
        arrays = [rng.normal(size=s) for s in self.shapes]
        if self.shift:
            arrays[0] = arrays[0] + self.shift * np.eye(len(arrays[0]))
        return tuple(jnp.asarray(a, dtype) for a in arrays)

    def build(self, mistake: str | None) -> Callable:
        """The function with its rule, right (None) or mistaken."""

        def combine(terms: Terms) -> Any:
            terms = list(terms)
            if mistake == "sign":
                terms[0] = -terms[0]
            if mistake == "dropped" and len(terms) > 1:
                terms = terms[:-1]
            total = sum(terms[1:], terms[0])
            return 2 * total if mistake == "factor" else total

        def derive(x: tuple, direction: Any) -> Any:
            wide = jnp.promote_types(x[0].dtype, jnp.float32)
            x, direction = jax.tree.map(lambda a: a.astype(wide), (x, direction))
            return self.terms(
                *x, direction, **({"t": mistake == "transpose"} if self.matrix else {})
            )

        def value(*x: Any) -> Any:
            wide = jnp.promote_types(x[0].dtype, jnp.float32)
            return self.f(*(a.astype(wide) for a in x)).astype(x[0].dtype)

        if self.mode == "fwd":
            f = jax.custom_jvp(value)

            @f.defjvp
            def jvp(x: tuple, v: tuple) -> tuple:
                y = f(*x)
                return y, combine(derive(x, v)).astype(y.dtype)

            return f
        f = jax.custom_vjp(value)

        def forward(*x: Any) -> tuple:
            return f(*x), x

        def backward(x: tuple, u: Any) -> tuple:
            cotangents = derive(x, u)
            return tuple(
                combine(terms).astype(a.dtype) for terms, a in zip(cotangents, x, strict=True)
            )

        f.defvjp(forward, backward)
        return f


def maybe(a: Any, t: bool) -> Any:
    return a.T if t else a


def normalize(x: Any) -> tuple[Any, Any]:
    centered = x - jnp.mean(x)
    deviation = jnp.sqrt(jnp.mean(centered**2))
    return centered / deviation, deviation


def product_terms(x, y, v):
    return [y * v[0], x * v[1]]


def quotient_terms(x, y, v):
    return [v[0] / y, -x * v[1] / y**2]


def matvec_terms(a, x, v, t):
    return [maybe(v[0], t) @ x, maybe(a, t) @ v[1]]


def quadratic_terms(a, x, v, t):
    return [v[1] @ a @ x, x @ maybe(a, t) @ v[1], x @ v[0] @ x]


def inverse_terms(a, v, t):
    inv = jnp.linalg.inv(a)
    return [-maybe(inv, t) @ v[0] @ inv]


def normalize_terms(x, v):
    y, s = normalize(x)
    return [v[0] / s, -jnp.mean(v[0]) / s * jnp.ones_like(x), -y * jnp.mean(y * v[0]) / s]


def matmul_cotangents(a, b, u, t):
    return [[u @ maybe(b, not t)], [maybe(a, not t) @ u]]


def normalize_cotangents(x, u):
    y, s = normalize(x)
    return [[u / s, -jnp.mean(u) / s * jnp.ones_like(x), -y * jnp.mean(y * u) / s]]


def softmax_rows_cotangents(x, u):
    p = jax.nn.softmax(x, axis=-1)
    return [[p * u, -p * jnp.sum(p * u, axis=-1, keepdims=True)]]


def cross_entropy(x, y):
    return -jnp.sum(y * jax.nn.log_softmax(x))


def cross_entropy_cotangents(x, y, u):
    return [[u * jnp.sum(y) * jax.nn.softmax(x), -u * y], [-u * jax.nn.log_softmax(x)]]


def cumsum_cotangents(x, u, t):
    return [[jnp.cumsum(u) if t else jnp.cumsum(u[::-1])[::-1]]]


def nuclear_norm(a):
    return jnp.sum(jnp.linalg.svdvals(a))


def nuclear_norm_cotangents(a, u, t):
    left, _, right = jnp.linalg.svd(a)
    return [[u * maybe(left @ right, t)]]


def rms(x, g):
    return g * x / jnp.sqrt(jnp.mean(x**2))


def rms_cotangents(x, g, u):
    r = jnp.sqrt(jnp.mean(x**2))
    return [[g * u / r, -x * jnp.mean(g * u * x) / r**3], [u * x / r]]


_ONE_TERM = ("inverse", "matmul", "cumsum", "nuclear_norm")

RULES = (
    Rule("product", jnp.multiply, product_terms, ((4,), (4,))),
    Rule("quotient", jnp.divide, quotient_terms, ((4,), (4,))),
    Rule("matvec", jnp.matmul, matvec_terms, ((4, 4), (4,)), matrix=True),
    Rule("quadratic", lambda a, x: x @ a @ x, quadratic_terms, ((3, 3), (3,)), matrix=True),
    Rule("inverse", jnp.linalg.inv, inverse_terms, ((3, 3),), matrix=True, shift=3.0),
    Rule("normalize", lambda x: normalize(x)[0], normalize_terms, ((6,),)),
    Rule("matmul", jnp.matmul, matmul_cotangents, ((3, 3), (3, 3)), "rev", matrix=True),
    Rule("normalize", lambda x: normalize(x)[0], normalize_cotangents, ((12,),), "rev"),
    Rule("softmax_rows", jax.nn.softmax, softmax_rows_cotangents, ((3, 4),), "rev"),
    Rule("cross_entropy", cross_entropy, cross_entropy_cotangents, ((5,), (5,)), "rev"),
    Rule("cumsum", jnp.cumsum, cumsum_cotangents, ((6,),), "rev", matrix=True),
    Rule("nuclear_norm", nuclear_norm, nuclear_norm_cotangents, ((3, 3),), "rev", matrix=True),
    Rule("rms", rms, rms_cotangents, ((6,), (6,)), "rev"),
)


def effects(rule: Rule, args: tuple) -> dict[str, list[float]]:
    """For each mistake and argument: max |wrong − right| over the Jacobian, over its maximum."""
    bases = [jnp.eye(a.size, dtype=a.dtype).reshape(a.size, *a.shape) for a in args]
    y = jax.eval_shape(rule.f, *args)
    output_basis = jnp.eye(max(y.size, 1), dtype=y.dtype).reshape(-1, *y.shape)

    def parts(t: bool) -> list[Terms]:
        """The Jacobian of each term, for each argument."""
        keywords = {"t": t} if rule.matrix else {}
        if rule.mode == "rev":
            return jax.vmap(lambda u: rule.terms(*args, u, **keywords))(output_basis)
        zeros = [jnp.zeros_like(a) for a in args]
        return [
            jax.vmap(
                lambda v, k=k: rule.terms(*args, [*zeros[:k], v, *zeros[k + 1 :]], **keywords)
            )(basis)
            for k, basis in enumerate(bases)
        ]

    found: dict[str, list[float]] = {mistake: [] for mistake in rule.mistakes}
    right, transposed = jax.device_get(jax.jit(lambda: (parts(False), parts(True)))())
    for terms, others in zip(right, transposed, strict=True):
        total = sum(terms)
        wrong = {
            "sign": total - 2 * terms[0],
            "factor": 2 * total,
            "transpose": sum(others),
            "dropped": total - terms[-1] * (len(terms) > 1),
        }
        for mistake in rule.mistakes:
            found[mistake].append(np.max(np.abs(wrong[mistake] - total)) / np.max(np.abs(total)))
    return found
