"""Safe scalar primitives, reductions that survive masks, and contractions at full precision.

A primitive is called safe here when its value is the mathematical limit on the closed domain and
its derivative is finite there, so that a masked-out branch never poisons a gradient with NaN:
``where(mask, log(x), 0)`` has gradient NaN at a masked ``x = 0``, with ``safe_log`` it has 0.
A value outside the domain (a negative number under a root) stays NaN: bad input is not hidden.
"""

from jaxmath.numerics.contractions import dot, einsum, matmul
from jaxmath.numerics.masked import log_softmax, logsumexp, softmax
from jaxmath.numerics.norm import safe_norm
from jaxmath.numerics.primitives import (
    log1mexp,
    safe_divide,
    safe_log,
    safe_sqrt,
    xlog1py,
    xlogy,
)

__all__ = [
    "dot",
    "einsum",
    "log1mexp",
    "log_softmax",
    "logsumexp",
    "matmul",
    "safe_divide",
    "safe_log",
    "safe_norm",
    "safe_sqrt",
    "softmax",
    "xlog1py",
    "xlogy",
]
