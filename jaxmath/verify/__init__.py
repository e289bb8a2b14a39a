"""Evidence that a function's derivatives are right, and that it survives jax's transforms.

`check_gradients` holds the rules of a function, in the dtype that its users run, against
differences of the function itself in float64; `check_transforms` compares it with itself under
jit and vmap and in other dtypes. Both work for any function, whether x64 is on or off, and
return a `Report` that is true when every `Entry` is OK::

    report = jaxmath.verify.check_gradients(my_layer, (params, x), order=2)
    assert report, report

The bound on an error, from which the verdict follows, has two parts. With J the derivative,
v a direction in one leaf of the arguments, D(v) the difference in float64, and r(v) the rule's
J·v in the dtype of the arguments, r₆₄(v) in float64 (for the reverse rule, J·v is ⟨Jᵀu, v⟩):

    |r(v) − D(v)|  ≤  |r(v) − r₆₄(v)|  +  |r₆₄(v) − J·v|  +  |J·v − D(v)|
                      rounding            mistake             truncation and noise

- **Truncation and noise** come from the extrapolation table of the difference and from the
  measured noise in the values of f; see `jaxmath.verify.finite_differences`.
- **Rounding** is granted to 4 unit roundoffs u of the scale |J·v| (of Σ|uᵢ|·|J·v|ᵢ in reverse
  mode). Only where that does not do is r₆₄ compiled, and the rounding measured as above: then
  ill-conditioned functions, long sums and the reduced precision of matrix units are no mistakes.
  What remains between r₆₄ and D is held against float64's own bound. For float64 rules, the
  rounding is the spread of r when x is perturbed by two roundoffs.

So a mistake is found when its effect exceeds the bound several times over: at about 1e-11 of the
derivative in float64, 1e-6 in float32 and 2e-2 in bfloat16 where f is well conditioned. The
verdict is WRONG from 4 bounds on, since a bound is an estimate; between 1 and 4 it is
INCONCLUSIVE. Where the bound exceeds a quarter of the derivative, a wrong sign would not show:
ILL-CONDITIONED if rounding is to blame, INCONCLUSIVE if the difference is. A derivative below √u
of the value of f counts as 0 there. NONSMOOTH stands where the one-sided quotients have different
limits, or f is not finite on one side: at such a point no rule can be checked.

What the checks cannot see: mistakes below the bound; a function that casts to a narrow dtype
inside has values too coarse to be differenced well, whatever it is given; an element of a large
leaf is tested only together with the others; and what is narrower than x/300, where f at the point
is as it is around.
"""

from jaxmath.verify.gradients import check_gradients
from jaxmath.verify.report import Entry, Report, Verdict
from jaxmath.verify.transforms import check_transforms

__all__ = ["Entry", "Report", "Verdict", "check_gradients", "check_transforms"]
