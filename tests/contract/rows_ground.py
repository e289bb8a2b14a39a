"""Rows of ``jaxmath.typing``, ``jaxmath.iterate`` and ``jaxmath.verify``."""

import jax.numpy as jnp
import numpy as np

from jaxmath.iterate import Status, iterate
from tests.contract.row import Bad, HostRow, Row


def square_root(a):
    """Newton's iteration for √a, through ``iterate``."""

    def status(x):
        done = jnp.abs(x * x - a) <= 4 * jnp.finfo(x.dtype).eps * a
        return jnp.where(done, Status.CONVERGED, Status.RUNNING)

    return iterate(lambda x: 0.5 * (x + a / x), a, status, max_steps=50)[0]


def _alias(name):
    return HostRow(
        f"typing.{name}", "a type alias", ("tests/test_typing.py::test_aliases_are_importable",)
    )


ROWS = [
    *map(_alias, ("Array", "ArrayLike", "PyTree", "Scalar")),
    HostRow("typing.as_array", "an argument check", ("tests/test_typing.py::test_as_array",)),
    HostRow("typing.as_key", "an argument check", ("tests/test_typing.py::test_as_key",)),
    HostRow("typing.check_number", "an argument check",
            ("tests/test_typing.py::test_check_number",)),
    HostRow("typing.check_precision", "an argument check",
            ("tests/test_typing.py::test_check_precision",)),
    Row("iterate.iterate", lambda rng, dtype: (jnp.asarray(rng.uniform(0.5, 9.0), dtype),),
        np.sqrt, call=square_root, modes=("fwd",),
        note="a while_loop has no reverse mode; jax says so",
        bad=(Bad((lambda x: x, jnp.ones(()), lambda x: jnp.int32(0)), "max_steps", TypeError),)),
    HostRow("iterate.Solution", "a record", ("tests/test_iterate.py::test_solution_is_a_pytree",)),
    HostRow("iterate.Status", "an enumeration",
            ("tests/test_iterate.py::test_every_status_has_a_sentence",)),
    HostRow("verify.Entry", "a record", ("tests/test_verify.py::test_the_report_reads",)),
    HostRow("verify.Report", "a record", ("tests/test_verify.py::test_the_report_reads",)),
    HostRow("verify.Verdict", "an enumeration",
            ("tests/test_verify.py::test_verdicts_are_ordered_and_spelled",)),
    HostRow("verify.check_gradients", "a checker of functions, on the host",
            ("tests/test_verify.py::test_no_false_alarm",
             "tests/test_verify.py::test_seeded_mistakes_are_caught")),
    HostRow("verify.check_transforms", "a checker of functions, on the host",
            ("tests/test_verify.py::test_transforms_of_correct_functions",
             "tests/test_verify.py::test_transforms_find_what_breaks")),
]  # fmt: skip
