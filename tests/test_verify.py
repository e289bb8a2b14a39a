"""jaxmath.verify: no false alarm on correct functions, and no seeded mistake that gets away."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from jaxmath.verify import Entry, Report, Verdict, check_gradients, check_transforms
from tests.verify_corpus import CASES, Case
from tests.verify_mistakes import RULES, Rule, effects

DTYPES = ("bfloat16", "float32", "float64")


def worst(f, *args, **keywords) -> Verdict:
    return check_gradients(f, args, **keywords).verdict


# --- the corpus ----------------------------------------------------------------------------------


def test_the_corpus_is_large_enough():
    assert len({case.name for case in CASES}) == len(CASES)
    assert all(sum(d in case.dtypes for case in CASES) >= 60 for d in DTYPES)


@pytest.mark.sampled(5)
@pytest.mark.parametrize(
    ("case", "dtype"),
    [pytest.param(c, d, id=f"{c.name}-{d}") for c in CASES for d in c.dtypes],
)
def test_no_false_alarm(case: Case, dtype: str):
    """float32 runs with x64 off, as most users have it; the other dtypes with x64 on."""
    with jax.enable_x64(dtype != "float32"):
        args = case.make(np.random.default_rng(0), jnp.dtype(dtype))
        assert check_gradients(case.f, args, modes=case.modes, argnums=case.argnums)


def test_bfloat16_with_x64_off():
    with jax.enable_x64(False):
        for case in CASES[::10]:
            if "bfloat16" in case.dtypes:
                args = case.make(np.random.default_rng(0), jnp.bfloat16)
                report = check_gradients(case.f, args, modes=case.modes, argnums=case.argnums)
                assert report, f"{case.name}: {report}"


# --- seeded mistakes -----------------------------------------------------------------------------


@pytest.mark.sampled(5)
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.name}-{rule.mode}")
def test_seeded_mistakes_are_caught(rule: Rule):
    """A mistake whose effect exceeds 10 bounds is WRONG, and all do; the right rule is OK."""
    visible = hidden = 0
    exact = rule.args(np.random.default_rng(0), jnp.float64)
    expected = effects(rule, exact)
    args = rule.args(np.random.default_rng(0), jnp.float32)
    assert check_gradients(rule.build(None), args, modes=(rule.mode,))
    for dtype in DTYPES:
        args = rule.args(np.random.default_rng(0), jnp.dtype(dtype))
        for mistake in rule.mistakes:
            report = check_gradients(rule.build(mistake), args, modes=(rule.mode,))
            for entry, effect in zip(report.entries, expected[mistake], strict=True):
                if effect == 0:
                    assert entry.verdict is Verdict.OK, f"{dtype}, {mistake}: {report}"
                elif effect * entry.scale > 10 * entry.bound:
                    visible += 1
                    assert entry.verdict is Verdict.WRONG, f"{dtype}, {mistake}: {report}"
                else:
                    hidden += 1
    assert visible > 0
    assert hidden == 0  # of these rules even bfloat16 shows every mistake


def test_a_mistake_in_one_element_of_a_small_leaf_is_attributed():
    @jax.custom_jvp
    def f(x, y):
        return jnp.sum(x**2) + jnp.sum(y)

    @f.defjvp
    def _jvp(primals, tangents):
        (x, y), (vx, vy) = primals, tangents
        slope = 2 * x * jnp.asarray([1, 1, 1.01, 1], x.dtype)
        return f(x, y), jnp.sum(slope * vx) + jnp.sum(vy)

    report = check_gradients(f, (jnp.asarray([1e4, 1.0, 0.1, 10.0]), jnp.ones(3)))
    assert report.verdict is Verdict.WRONG
    assert {entry.path for entry in report.failures} == {"args[0]"}
    assert "element (2,)" in report.worst.note


def test_a_mistake_in_one_dtype_only():
    """A rule that is right in float64 and 5 % off in float32 is no rounding."""

    @jax.custom_jvp
    def f(x):
        return jnp.sin(x)

    @f.defjvp
    def _jvp(primals, tangents):
        (x,), (v,) = primals, tangents
        return f(x), jnp.cos(x) * v * (1.5 if x.dtype == jnp.float32 else 1.0)

    assert worst(f, jnp.float64(0.3)) is Verdict.OK
    assert worst(f, jnp.float32(0.3)) is not Verdict.OK


# --- the other verdicts --------------------------------------------------------------------------


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    ("f", "x"),
    [
        (jax.nn.relu, 0.0),
        (jnp.abs, [0.0, 1.0]),
        (jnp.max, [1.0, 2.0, 2.0]),
        (jnp.sqrt, 0.0),
        (jnp.sqrt, [0.0, 4.0]),
        (jnp.linalg.norm, [0.0, 0.0, 0.0]),
        (jnp.arccos, 1.0),
        (jnp.floor, 2.0),
        (lambda x: jnp.clip(x, -1, 1), [1.0, 0.3]),
        (lambda x: jnp.where(x == 0, 0, jnp.log(x)), [0.0, 1.0]),
        (lambda x: 3 * x + 1e-3 * jnp.abs(x - 0.5), 0.5),
    ],
)
@pytest.mark.parametrize("dtype", DTYPES)
def test_nonsmooth(f, x, dtype):
    assert worst(f, jnp.asarray(x, dtype)) is Verdict.NONSMOOTH


@pytest.mark.parametrize(
    ("f", "x"),
    [
        (lambda x: x**1.5, [0.5, 1.0]),
        (lambda x: jnp.abs(x) ** 3, [0.0, 1.0]),
        (lambda x: jnp.sum(jnp.sort(x)), [1.0, 1.0, 2.0]),
        (jax.nn.relu, [1e-6, -1e-6, 3.0]),
    ],
)
def test_smooth_after_all(f, x):
    assert worst(f, jnp.asarray(x)) is Verdict.OK


@pytest.mark.parametrize(
    ("f", "x", "dtype"),
    [
        (lambda x: jnp.where(x > 0, jnp.sqrt(x), 0), [-1.0, 2.0], "float64"),
        (lambda x: jnp.where(x == 0, 1, jnp.sin(x) / x), [0.0, 2.0], "float32"),
        (jnp.log, [-1.0, 2.0], "float64"),
        (jnp.exp, 100.0, "float32"),
        (lambda x: jnp.sqrt(x**2 + 0.0) ** 2, 0.0, "float64"),
    ],
)
def test_nan(f, x, dtype):
    report = check_gradients(f, (jnp.asarray(x, dtype),))
    assert report.verdict is Verdict.NAN
    assert report.worst.note


def logistic(x, num_steps):
    return lax.fori_loop(0, num_steps, lambda _, y: 4 * y * (1 - y), x)


def test_ill_conditioned():
    assert worst(functools.partial(logistic, num_steps=27), jnp.float32(0.3)) is (
        Verdict.ILL_CONDITIONED
    )
    quotient = lambda x: (1 - jnp.cos(x)) / x**2
    assert worst(quotient, jnp.float32(1e-4)) is Verdict.ILL_CONDITIONED
    assert worst(quotient, jnp.float32(1.0)) is Verdict.OK


@pytest.mark.parametrize(("x", "center", "width"), [(1000.0, 1000.5, 1.0), (1.001, 1.0, 1e-3)])
def test_a_bump_that_is_narrow_beside_x(x, center, width):
    """The first steps end in its tails, where all differences agree on 0."""
    bump = lambda x: jnp.exp(-(((x - center) / width) ** 2))
    assert worst(bump, x) is Verdict.OK
    assert worst(lambda x: lax.stop_gradient(bump(x)) + 0.0 * x, x) is Verdict.WRONG


def test_inconclusive():
    assert worst(functools.partial(logistic, num_steps=60), 0.3) is Verdict.INCONCLUSIVE
    assert worst(lambda x: x + jnp.sin(1e15 * x), 0.3) is Verdict.INCONCLUSIVE
    narrow = lambda x, y: jnp.sum(x.astype(jnp.bfloat16) ** 3) * y
    assert worst(narrow, jnp.asarray([0.3, 2.0]), 0.7) is Verdict.INCONCLUSIVE


def test_a_sum_is_inconclusive_with_any_of_its_terms():
    """In reverse mode too, where a large weight or another output can make it look small."""
    fast = jnp.asarray([1e-20, 1e20], jnp.float32)
    chaos = lambda x: (1e3 * x, logistic(x, num_steps=60))
    for f, x in ((jnp.sin, fast), (chaos, 0.3)):
        report = check_gradients(f, (x,))
        assert {entry.verdict for entry in report.entries} == {Verdict.INCONCLUSIVE}, report


def test_value_rtol_excuses_an_iteration_that_stops_early():
    @jax.custom_jvp
    def root(a):
        return lax.fori_loop(0, 3, lambda _, x: (x + a / x) / 2, jnp.ones_like(a))

    @root.defjvp
    def _jvp(primals, tangents):
        y = jnp.sqrt(primals[0])
        return root(primals[0]), tangents[0] / (2 * y)

    assert worst(root, 2.0) is Verdict.WRONG
    assert worst(root, 2.0, value_rtol=1e-4) is Verdict.OK


# --- orders, modes, arguments --------------------------------------------------------------------


def test_order_two():
    report = check_gradients(lambda x, y: jnp.sin(x) * y**2, (0.3, jnp.ones(3)), order=2)
    assert report, report
    modes = {entry.mode for entry in report.entries if entry.order == 2}
    assert modes == {"fwd-over-fwd", "fwd-over-rev", "rev-over-fwd", "rev-over-rev"}


def test_order_two_finds_a_rule_that_cannot_be_differentiated_again():
    @jax.custom_jvp
    def f(x):
        return x**3

    f.defjvp(
        lambda primals, tangents: (
            f(*primals),
            3 * lax.stop_gradient(primals[0]) ** 2 * tangents[0],
        )
    )
    assert worst(f, 0.7) is Verdict.OK
    report = check_gradients(f, (0.7,), order=2)
    assert {entry.order for entry in report.failures} == {2}
    assert all(entry.verdict is Verdict.WRONG for entry in report.failures)


def test_one_mode():
    report = check_gradients(jnp.sin, (0.3,), modes=("rev",))
    assert [entry.mode for entry in report.entries] == ["rev"]


def test_a_missing_rule_says_which_mode_to_ask_for():
    @jax.custom_vjp
    def f(x):
        return x**2

    f.defvjp(lambda x: (f(x), x), lambda x, u: (2 * x * u,))
    assert worst(f, 0.3, modes=("rev",)) is Verdict.OK
    with pytest.raises(TypeError, match=r"mode 'fwd'.*modes=\('rev',\)"):
        check_gradients(f, (0.3,))
    loop = lambda x: lax.while_loop(lambda y: y < 10, lambda y: 2 * y, x)
    assert worst(loop, 0.3, modes=("fwd",)) is Verdict.OK
    with pytest.raises(TypeError, match=r"mode 'rev'.*modes=\('fwd',\)"):
        check_gradients(loop, (0.3,))


def test_argnums_hold_the_other_arguments():
    f = lambda x, y: x * jnp.abs(y)
    assert worst(f, 1.0, 0.0) is Verdict.NONSMOOTH
    report = check_gradients(f, (1.0, 0.0), argnums=(0,))
    assert report
    assert [entry.path for entry in report.entries] == ["args[0]"] * 2
    for argnums in (0, np.int64(0), np.asarray([0])):
        assert check_gradients(f, (1.0, 0.0), argnums=argnums) == report


def test_a_function_that_looks_at_values_is_run_eagerly():
    assert worst(lambda x: x**2 if x > 0 else -x, 1.5) is Verdict.OK


@pytest.mark.parametrize("x64", [False, True])
def test_configurations_of_the_caller(x64):
    weights = np.linspace(0.1, 1, 4).astype(np.float32)
    with (
        jax.enable_x64(x64),
        jax.numpy_dtype_promotion("strict"),
        jax.debug_nans(True),
        jax.debug_key_reuse(True),
    ):
        constant = jnp.asarray(weights)
        key = jax.random.key(0)
        f = lambda x, k: jnp.sqrt(x) * constant * jax.random.normal(k, (4,), jnp.float32)
        assert check_gradients(f, (jnp.asarray(weights), key))


def test_kinds_of_arguments():
    """NumPy, Python numbers, containers, half precision, keys of both styles, mixed dtypes."""
    assert worst(lambda x: x @ x, np.ones(3)) is Verdict.OK
    assert worst(lambda x, n: x["a"] * x["b"][0], {"a": 1.5, "b": [2.0]}, None) is Verdict.OK
    assert worst(jnp.sin, jnp.asarray([1e-4, 0.3, 100.0], jnp.float16)) is Verdict.OK
    layer = lambda w, x: jnp.tanh(x.astype(w.dtype) @ w)
    assert worst(layer, jnp.eye(3, dtype=jnp.float32), jnp.ones(3, jnp.bfloat16)) is Verdict.OK
    draw = lambda key, x: x * jax.random.normal(key, x.shape, x.dtype)
    assert worst(draw, jax.random.PRNGKey(0), jnp.ones(3, jnp.float32)) is Verdict.OK
    assert worst(lambda x: {"loss": x**2, "scale": 1.0, "n": 3}, 2.0) is Verdict.OK


def test_bad_arguments():
    with pytest.raises(TypeError, match="`f` must be callable"):
        check_gradients(3, (1.0,))
    with pytest.raises(TypeError, match="`args` must be the tuple"):
        check_gradients(jnp.sin, jnp.ones(3))
    with pytest.raises(ValueError, match="`modes` must hold 'fwd' and 'rev', got 'backward'"):
        check_gradients(jnp.sin, (1.0,), modes=("backward",))
    with pytest.raises(ValueError, match="`modes`"):
        check_gradients(jnp.sin, (1.0,), modes=())
    with pytest.raises(ValueError, match="`order`"):
        check_gradients(jnp.sin, (1.0,), order=0)
    with pytest.raises(ValueError, match="`directions`"):
        check_gradients(jnp.sin, (1.0,), directions=0)
    with pytest.raises(TypeError, match="`order` must be an integer, got str"):
        check_gradients(jnp.sin, (1.0,), order="2")
    with pytest.raises(TypeError, match="`directions` must be an integer, got float"):
        check_gradients(jnp.sin, (1.0,), directions=1.5)
    for value_rtol in (-1.0, float("nan"), 2.0):
        with pytest.raises(ValueError, match=r"`value_rtol` must be at least 0.0 and at most 1.0"):
            check_gradients(jnp.sin, (1.0,), value_rtol=value_rtol)
    for argnums in (1.5, "0", (0.0,)):
        with pytest.raises(TypeError, match="`argnums` must be an integer or a sequence"):
            check_gradients(jnp.sin, (1.0,), argnums=argnums)
    with pytest.raises(ValueError, match="`args` must hold a floating or complex leaf"):
        check_gradients(jnp.sin, (3,))
    with pytest.raises(ValueError, match=r"`argnums` must lie in 0…0, got 1"):
        check_gradients(jnp.sin, (1.0,), argnums=(1,))
    with pytest.raises(TypeError, match=r"args\[1\]\['mode'\] must be an array or a number"):
        check_gradients(lambda x, y: x, (1.0, {"mode": "fast"}))
    with pytest.raises(ValueError, match="`f` must return a floating or complex array"):
        check_gradients(jnp.argmax, (jnp.ones(3),))


# --- reports -------------------------------------------------------------------------------------


def test_the_report_reads():
    entries = (
        Entry("args[0]", "fwd", 1, 1e-9, 1e-6, 2.0, Verdict.OK),
        Entry("args[1]['w']", "rev", 1, 4.0, 1e-6, 2.0, Verdict.WRONG, "the rule gives -2"),
    )
    report = Report("layer", entries)
    assert not report
    assert report.verdict is Verdict.WRONG
    assert report.worst is entries[1]
    assert report.failures == (entries[1],)
    lines = str(report).splitlines()
    assert lines[0].startswith("WRONG: layer, 1 of 2 entries OK, worst error/bound 4e+06")
    assert " ".join(lines[1].split()) == "leaf mode order error bound scale verdict note"
    assert "args[1]['w']" in lines[2]
    assert lines[2].endswith("WRONG    the rule gives -2")
    assert lines[1].index("verdict") == lines[2].index("WRONG")
    assert Report("layer", entries[:1])


def test_a_report_without_entries():
    """Every one of no entries is OK, and none is the worst."""
    report = Report("layer", ())
    assert report
    assert report.verdict is Verdict.OK
    assert report.failures == ()
    assert str(report) == "OK: layer, no entries"
    with pytest.raises(ValueError, match="report of layer has no entries"):
        _ = report.worst


def test_verdicts_are_ordered_and_spelled():
    assert [str(v) for v in sorted(Verdict, key=lambda v: v.severity)] == [
        "OK",
        "INCONCLUSIVE",
        "ILL-CONDITIONED",
        "NONSMOOTH",
        "NAN",
        "WRONG",
    ]


def test_same_seed_same_report():
    args = (jnp.linspace(0.1, 1.0, 20),)
    assert check_gradients(jnp.sin, args, seed=3) == check_gradients(jnp.sin, args, seed=3)


# --- transforms ----------------------------------------------------------------------------------

TRANSFORMED = (
    "sin", "cancellation", "solve", "attention", "mlp", "rnn", "gather", "sample",
    "integer_output", "complex_exp", "custom_vjp", "empty_leaf",
)  # fmt: skip


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", TRANSFORMED)
def test_transforms_of_correct_functions(name):
    (case,) = (case for case in CASES if case.name == name)
    report = check_transforms(case.f, case.make(np.random.default_rng(0), jnp.dtype("float32")))
    assert report, report
    assert {"jit", "vmap", "dtype", "trace"} == {entry.mode for entry in report.entries}


def failing(f, *args) -> dict[str, str]:
    report = check_transforms(f, args)
    assert not report
    return {entry.mode: entry.note for entry in report.failures}


def test_transforms_find_what_breaks():
    x = jnp.asarray([1.0, 2.0, 3.0], jnp.float32)
    assert "TracerBoolConversionError" in failing(lambda x: x if x[0] > 0 else -x, x)["jit"]
    calls = iter(range(1000))
    assert "instead of" in failing(lambda x: x * next(calls), x)["jit"]
    assert "float64" in failing(lambda x: x * np.float64(2), x)["dtype"]
    assert "float32" in failing(lambda x: x.astype(jnp.float32), x.astype(jnp.float64))["dtype"]

    @jax.custom_batching.custom_vmap
    def f(x):
        return 2 * x

    f.def_vmap(lambda size, batched, x: (3 * x, True))
    assert set(failing(f, x)) == {"vmap"}
    shape = jax.ShapeDtypeStruct((3,), jnp.float32)
    callback = lambda x: jax.pure_callback(lambda y: np.asarray(y), shape, x.astype(jnp.float32))
    assert "vmap" in failing(callback, x)


def test_transforms_note_a_program_compiled_at_every_call():
    def fresh(x):
        return jax.jit(lambda y: jnp.cos(y) * 2)(x)

    (trace,) = (e for e in check_transforms(fresh, (jnp.ones(3),)).entries if e.mode == "trace")
    assert "anew" in trace.note
    kept = jax.jit(lambda y: jnp.cos(y) * 2)
    (trace,) = (e for e in check_transforms(kept, (jnp.ones(3),)).entries if e.mode == "trace")
    assert trace.note == ""


@pytest.mark.parametrize("args", [(), ({},), (None,)])
def test_transforms_without_an_array_to_map_over(args):
    report = check_transforms(lambda *xs: jnp.ones(2), args)
    assert report, report
    notes = {entry.mode: entry.note for entry in report.entries}
    assert notes["vmap"] == "not checked: the arguments hold no array"


def test_transforms_refuse_bad_arguments():
    with pytest.raises(TypeError, match="`f` must be callable"):
        check_transforms(3, (1.0,))
    with pytest.raises(TypeError, match="`args` must be the tuple"):
        check_transforms(jnp.sin, jnp.ones(3))
