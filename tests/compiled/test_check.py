"""`fnn.check_compiled` finds what XLA computes wrongly, and never blames it for rounding."""

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from programs.clean import draw
from programs.wrong import FACTOR, OPERATIONS, draw_wrong, tell_the_witness

import fnn
from fnn import compiler, losses, optim
from fnn.compiled import check_compiled, judging
from fnn.compiled.judging import judge_of, relative_deviation
from fnn.doctor.canaries import CANARIES
from fnn.gradcheck.compiled_loss import may_crash
from fnn.testing import assert_compiled
from fnn.witness import EXACT
from tests.amounts import amount

ROOT = Path(__file__).parents[2]
FAULTS = {fault.name: fault for fault in compiler.present()}
PRESENT = [canary for canary in CANARIES if canary.name in FAULTS]
GUILTY = {
    "blocked reduction": {"reduce_sum"},
    "broadcast product": {"reduce_sum"},
    "many axes": {"reduce_sum"},
    "dilated window": {"reduce_window_max"},
    "shifted update": {"scatter"},
    "nested slices": {"dynamic_slice"},
}
"""Fault -> an operation that is among those named."""


def x(*shape):
    return np.random.default_rng(0).normal(size=shape)


# --------------------------------------------------------------------------- what XLA gets wrong


@pytest.mark.optimized(otherwise=False)
@pytest.mark.parametrize("canary", PRESENT, ids=lambda canary: canary.name)
def test_each_known_fault_is_found_and_its_option_named(x64, canary):
    function, arguments = canary.draw(np.random.default_rng(0))
    crashes = canary.name == "many axes"
    report = check_compiled(function, *arguments, in_child=crashes)
    assert report.verdict == "disagrees"
    option = FAULTS[canary.name].option
    assert option.flag in report.remedy
    assert option.name in report.remedy
    names = {line.split()[0] for line in report.operation.splitlines()}
    assert names & GUILTY[canary.name]
    again = check_compiled(
        function, *arguments, in_child=crashes, compiler_options={option.name: option.value}
    )
    assert again.passed, again
    assert ("dies (exit status -11)" in report.reason) == crashes


@pytest.fixture
def wrong_operations(monkeypatch):
    """Operations that are compiled wrongly, and of which the witness knows the right ones."""
    tell_the_witness(monkeypatch.setitem)
    return {name: operation.primitive.bind for name, operation in OPERATIONS.items()}


@pytest.fixture
def wrong_tanh(wrong_operations):
    """A tanh with a wrong entry."""
    return wrong_operations["wrong_tanh"]


@pytest.mark.every(1)
@pytest.mark.parametrize("seed", range(amount(6, 30)))
@pytest.mark.usefixtures("x64", "wrong_operations")
def test_a_planted_fault_is_found_and_its_operation_named(seed):
    """An entry, a row of a sum, a buffer; scripts/bench compiled has a hundred."""
    program, operation, _ = draw_wrong(seed)
    report = check_compiled(program.function, *program.arguments)
    assert report.verdict == "disagrees"
    assert report.operation.startswith(f"{operation} ")
    assert "\n" not in report.operation
    assert report.remedy == ""


@pytest.mark.slow
@pytest.mark.parametrize(("rows", "dtype"), [(2_001, np.float32), (20_001, np.float64)])
def test_a_dropped_row_of_thousands_is_found(x64, wrong_operations, rows, dtype):
    """In float32 one of 20,001 is 2 to 14 times what rounding makes: too close to tell."""
    numbers = np.abs(x(rows, 4)).astype(dtype)
    report = check_compiled(lambda x: jnp.tanh(1e-4 * wrong_operations["wrong_sum"](x)), numbers)
    assert (report.verdict, report.operation.split()[0]) == ("disagrees", "wrong_sum")


@pytest.mark.parametrize(
    ("function", "times", "verdict"),
    [
        (jnp.floor, 1.0, "agrees"),
        (jnp.floor, 2.0, "abstains"),
        (jnp.floor, 5.0, "disagrees"),
        (jnp.sin, 1.0, "agrees"),
        (jnp.sin, 2.0, "disagrees"),
    ],
)
def test_little_more_than_rounding_proves_nothing_where_there_are_jumps(
    monkeypatch, function, times, verdict
):
    monkeypatch.setattr(
        judging.Judge, "largest", lambda judge, computed: judging.Deviation(0, times)
    )
    monkeypatch.setattr(judging, "is_next_to", lambda computed, exact: False)
    assert check_compiled(function, x(3).astype(np.float32)).verdict == verdict


def less_its_largest(x):
    """Return x times its variance, less the largest such number, which may be computed twice."""
    by_squares = jnp.mean((x + 100) ** 2, axis=0) - jnp.mean(x + 100, axis=0) ** 2
    y = x * by_squares[None]
    return y - y.max(0, keepdims=True)


def test_an_operand_that_a_compiler_computes_twice_is_no_fault(x64):
    """XLA multiplies again within the difference, without rounding: the largest is not 0 there."""
    numbers = np.random.default_rng(0).normal(size=(3, 1))
    judge = judge_of(jax.make_jaxpr(less_its_largest)(numbers), [numbers], EXACT)
    by_squares = np.mean((numbers + 100) ** 2) - np.mean(numbers + 100) ** 2
    not_rounded = numbers.astype(np.longdouble) * by_squares
    rounded = numbers * by_squares
    fused = (not_rounded - rounded.max()).astype(np.float64)
    assert np.min(np.abs(fused)) > 0
    assert judge.deviation([fused]) is None


def test_numbers_too_small_for_their_dtype_may_be_read_as_zero(x64):
    x = np.full(8, 1e30, np.float32)
    small = np.full(8, 1e-40, np.float32)
    functions = [lambda x: x * np.float32(1e-40), lambda x: x * jnp.asarray(small)]
    for function in functions:
        for flushes in (1.0, 0.0):
            judge = judge_of(jax.make_jaxpr(function)(x), [x], EXACT)
            computed = np.full(8, np.float32(flushes) * np.float32(1e30) * small[0], np.float32)
            assert judge.deviation([computed]) is None
            assert not judge.is_unsure


def test_keys_are_moved_by_jax(x64):
    def function(x):
        keys = jnp.stack([jax.random.key(0), jax.random.key(1)])
        return x * jax.vmap(lambda key: jax.random.uniform(key, (3,)))(keys)[:, None]

    assert check_compiled(function, np.ones((2, 4, 3))).verdict == "agrees"


WAYS_TO_CUT = {
    "floor": jnp.floor,
    "convert": lambda z: z.astype(jnp.int32).astype(jnp.float32),
    "rem": lambda z: z - jnp.fmod(z, 1),
}


@pytest.mark.parametrize("cut", WAYS_TO_CUT)
def test_numbers_that_all_jump_at_once_are_no_fault(x64, cut):
    """XLA simplifies (1.3 x) / 1.3 to x. As written, the whole part of it is smaller by one."""
    by, back = np.float32(1.3), np.float32(1 / 1.3)

    def written(x):
        floors = x
        for _ in range(8):
            floors = WAYS_TO_CUT[cut](back * (by * floors))
        return jnp.all(floors == x)

    numbers = np.arange(1, 200, dtype=np.float32)
    judge = judge_of(jax.make_jaxpr(written)(numbers), [numbers], EXACT)
    assert not judge.exact[0]
    assert judge.deviation([np.bool_(True)]) is None
    assert not judge.is_unsure


def test_a_fault_in_the_body_of_a_long_loop_is_found(x64, wrong_tanh):
    def function(x):
        return lax.fori_loop(0, 10**6, lambda i, x: wrong_tanh(2 * x) + 0.1, x)

    report = check_compiled(function, x(40))
    assert report.verdict == "disagrees"
    assert "in the body of while" in report.reason or "in the body of scan" in report.reason
    assert report.operation.startswith("wrong_tanh ")
    assert "too many turns" in report.notes[0]


# ------------------------------------------------------------------------ what it does not blame


@pytest.mark.every(1)
@pytest.mark.optimized
@pytest.mark.parametrize("seed", range(amount(12, 60)))
def test_clean_programs_agree(x64, seed):
    """Under fnn's options, but for what the simplifier gets wrong, which is known.

    scripts/bench compiled has a thousand.
    """
    drawn = draw(seed)
    jitted = jax.jit(drawn.function, compiler_options=compiler.options())
    report = check_compiled(jitted, *drawn.arguments)
    known = compiler.NO_ALGEBRAIC_SIMPLIFIER.flag in report.remedy and (
        "scatter" in report.operation or "dynamic" in report.operation
    )
    assert known or report.verdict == "agrees", f"{drawn.text}\n{report}"


ILL_CONDITIONED = {
    "difference of close numbers": (lambda x: (1 + 1e-6 * x) ** 2 - 1 - 2e-6 * x, (x(100),)),
    "long product": (lambda x: jnp.prod(1 + 0.3 * jnp.tanh(x)), (x(5000),)),
    "saturated tanh": (lambda x: 1 / (1 - jnp.tanh(x) ** 2), (np.linspace(0, 9.5, 200),)),
    "sum of a million terms": (lambda x: jnp.sum(x), (x(10**6),)),
    "a million equal terms": (lambda x: jnp.sum(0 * x + 0.1), (np.zeros(10**6),)),
    "signs in order": (lambda x: jnp.sum(x), (np.tile([1e3, -1e3], 10**5) + x(2 * 10**5),)),
    "branch on a rounded number": (
        lambda x: jnp.where(x / 3 * 3 == x, 1.0, -1.0), (np.arange(1.0, 300.0),)
    ),
    "largest of equal numbers": (lambda x: jnp.argmax(jnp.sin(x) ** 2 + jnp.cos(x) ** 2), (x(99),)),
    "overflow": (lambda x: jnp.exp(x) / jnp.exp(x), (np.linspace(80, 95, 50),)),
    "too small": (lambda x: jnp.exp(-x) * 1e-3, (np.linspace(70, 110, 50),)),
    "softmax of large numbers": (lambda x: jax.nn.softmax(1e4 * x), (x(50),)),
    "variance by squares": (lambda x: jnp.mean(x**2) - jnp.mean(x) ** 2, (1000 + x(3000),)),
    "denormal inputs": (lambda x: (x > 0, x * 1e10, jnp.log(x)), (np.array([1e-40, 1.0]),)),
    "running product": (lambda x: jnp.cumprod(1 + 0.01 * x), (x(3000),)),
    "running log of a sum": (lax.cumlogsumexp, (x(10_000),)),
    "high power": (lambda x: ((1 + 0.1 * x) ** 200, (1 + 0.1 * jnp.abs(x)) ** 77.7), (x(500),)),
    "many terms in one segment": (
        lambda x: jax.ops.segment_sum(x, jnp.zeros(len(x), int), 2), (np.full(10**5, 0.1),)
    ),
    "zeros of gamma": (
        lambda x: (jax.scipy.special.gammaln(x), jax.scipy.special.digamma(x + 0.46)),
        (np.linspace(0.9, 1.1, 999),),
    ),
}  # fmt: skip


@pytest.mark.every(1)
@pytest.mark.optimized
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ILL_CONDITIONED)
def test_ill_conditioned_functions_agree(x64, name, dtype):
    function, arguments = ILL_CONDITIONED[name]
    report = check_compiled(function, *(a.astype(dtype) for a in arguments))
    assert report.verdict == "agrees", report


def test_a_train_step_agrees():
    net = fnn.mlp((784, 128, 10))
    optimizer = optim.adam(1e-3)
    params, _ = net.init(jax.random.key(0))
    gradient_of = fnn.value_and_grad(net, losses.softmax_cross_entropy)

    def step(params, state, x, y):
        value, grads = gradient_of(params, x, y)
        updates, state = optimizer.update(grads, state, params)
        return jax.tree.map(jnp.add, params, updates), state, value

    batch = x(128, 784).astype(np.float32), np.arange(128) % 10
    report = check_compiled(step, params, optimizer.init(params), *batch)
    assert report.verdict == "agrees", report


def test_arguments_that_a_function_uses_up_stay():
    def moved(x):
        return x + 1

    a = jnp.ones(3)
    assert check_compiled(jax.jit(moved, donate_argnums=0), a).passed
    assert a.sum() == 3


def test_random_keys_are_arguments_as_others():
    def dropout(key, x):
        return jnp.where(jax.random.bernoulli(key, 0.5, x.shape), x, 0.0)

    assert check_compiled(dropout, jax.random.key(0), x(50)).verdict == "agrees"


# -------------------------------------------------------------------------------------- abstaining


def test_what_has_no_witness_is_named():
    report = check_compiled(lambda x: jnp.convolve(x, x), x(9))
    assert (report.verdict, report.passed) == ("abstains", False)
    assert "conv_general_dilated" in report.reason


def test_random_and_stateful_functions_are_left_alone():
    generator = np.random.default_rng(0)
    report = check_compiled(lambda x: x + generator.normal(), 1.0)
    assert (report.verdict, "another program each time" in report.reason) == ("abstains", True)

    def printed(x):
        jax.debug.print("{}", x)
        return x

    report = check_compiled(printed, 1.0)
    assert (report.verdict, "more than compute" in report.reason) == ("abstains", True)


def test_what_is_no_array_is_refused():
    with pytest.raises(ValueError, match=r"argument \[1\] is a str, expected arrays. Close over"):
        check_compiled(lambda x, how: x, 1.0, "fast")


# ------------------------------------------------------------------------------------- the surface


def test_reports_are_text_and_json(x64, wrong_tanh, monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "")
    report = check_compiled(lambda x: {"a": wrong_tanh(x), "b": x}, x(5))
    assert not report
    assert report.output == "['a']"
    assert 1 < report.times < np.inf
    assert json.loads(json.dumps(report.to_dict()))["verdict"] == "disagrees"
    first, second, third = str(report).splitlines()
    assert first == "DISAGREES: the compiled program does not compute what was written"
    assert second.startswith("  output ['a'] is off by ")
    assert third.startswith("  where  wrong_tanh float64[5] -> float64[5] at test_check.py:")


@pytest.mark.parametrize(
    ("exact", "rounded", "computed", "is_wrong"),
    [
        (np.nan, np.nan, 1.0, True),
        (np.nan, np.nan, np.nan, False),
        (1e43, np.inf, np.inf, False),  # beyond float32
        (1e43, np.inf, 0.0, True),
        (1.0, np.inf, 3.0, False),  # rounding makes it overflow on the way: nothing is known
        (np.inf, np.inf, -np.inf, True),
        (1.0, 1.0, np.nan, True),
        (1.0, 1 + 1e-7, 1 + 8e-7, False),
        (1.0, 1 + 1e-7, 1 + 2e-6, True),
    ],
)
def test_what_an_entry_may_be(exact, rounded, computed, is_wrong):
    times = relative_deviation(np.float32([computed]), np.array([exact]), [np.array([rounded])])
    assert (times > 1) == is_wrong


def test_a_sum_may_be_off_by_little():
    """Of a hundred thousand numbers between 0 and 1, a hundred dropped ones are seen in float32."""
    numbers = np.random.default_rng(0).uniform(size=10**5).astype(np.float32)
    judge = judge_of(jax.make_jaxpr(jnp.sum)(numbers), [numbers], EXACT)
    exact = judge.exact[0]
    assert judge.deviation([np.float32(exact)]) is None
    assert judge.deviation([np.float32(exact * (1 - 1e-3))]).output == 0


@pytest.mark.slow
def test_a_loop_that_other_rounding_keeps_from_its_end_is_left_alone():
    def newton(a):
        def better(pair):
            return 0.5 * (pair[0] + a / pair[0]), pair[0]

        return lax.while_loop(lambda pair: jnp.any(pair[0] != pair[1]), better, (a, a + 1))[0]

    report = check_compiled(lambda a: newton(a) ** 2 - a, np.abs(x(100)).astype(np.float32) + 1)
    assert report.verdict in ("agrees", "abstains")


@pytest.mark.parametrize(
    "function",
    [lambda z: z * z * z, lambda z: jnp.abs(jnp.exp(z))],
)
def test_complex_numbers_are_left_alone(function):
    report = check_compiled(function, np.ones(3) + 1j)
    assert (report.verdict, "complex" in report.reason) == ("abstains", True)


def test_updates_by_a_function_are_left_alone():
    report = check_compiled(lambda x: x.at[0].apply(jnp.sin), x(3))
    assert report.verdict == "abstains"


def test_options_of_a_jitted_function_are_its_own():
    with pytest.raises(ValueError, match="leave compiler_options out"):
        check_compiled(jax.jit(jnp.sin), 1.0, compiler_options={"xla_cpu_enable_fast_math": False})


@pytest.mark.slow
def test_a_child_process_computes_the_same_as_this_one(x64):
    assert check_compiled(lambda x: {"a": jnp.sin(x), "b": x > 0}, x(5), in_child=True).passed


@pytest.mark.slow
def test_a_child_that_ends_with_an_exception_is_no_fault_of_the_compiler():
    unknown = {"xla_no_such_option": True}
    report = check_compiled(lambda x: jnp.sin(x), x(5), in_child=True, compiler_options=unknown)
    assert (report.verdict, "could not run it" in report.reason) == ("abstains", True)


def test_static_arguments_are_refused():
    power = jax.jit(lambda x, n: x**n, static_argnums=1)
    with pytest.raises(ValueError, match="jitted with static arguments"):
        check_compiled(power, jnp.arange(4.0), 3)


def test_assert_compiled(wrong_tanh):
    assert assert_compiled(jnp.sin, 1.0).passed
    with pytest.raises(AssertionError, match="DISAGREES"):
        assert_compiled(wrong_tanh, x(5))


def run_check(path):
    done = subprocess.run(
        [sys.executable, "-m", "fnn", "check", str(path), "--json"],
        cwd=ROOT,
        env=os.environ | {"JAX_ENABLE_X64": "1"},
        capture_output=True,
        text=True,
    )
    return done.returncode, json.loads(done.stdout)


@pytest.mark.slow
def test_the_command_line(tmp_path):
    path = tmp_path / "written.py"
    path.write_text("import jax.numpy as jnp\nfunction = jnp.sin\narguments = (jnp.ones(3),)\n")
    status, report = run_check(path)
    assert (status, report["verdict"]) == (0, "agrees")
    path.write_text("import jax.numpy as jnp\nfunction = jnp.sin\narguments = 3\n")
    status, report = run_check(path)
    assert (status, "expected a tuple" in report["error"]) == (2, True)


# ------------------------------------------------------------------- the checker of gradients


def test_the_checker_says_that_the_compiled_loss_is_wrong(wrong_tanh, monkeypatch):
    """The verdict is about the gradient."""
    tanh = jax.custom_jvp(wrong_tanh)
    tanh.defjvp(
        lambda primals, tangents: (tanh(*primals), (1 - jnp.tanh(primals[0]) ** 2) * tangents[0])
    )
    monkeypatch.setitem(FACTOR, "tanh", 1.0 + 1e-9)  # more than rounding, less than matters

    @jax.jit  # the operation has no rule of its own to be evaluated by
    def loss(w):
        return jnp.sum(tanh(w))

    at = x(6)
    report = fnn.check_gradient(loss, lambda w: 1 - jnp.tanh(w) ** 2, at)
    assert report.passed
    assert any(
        note.startswith("Your gradient is right; the compiled loss is not") for note in report.notes
    )
    report = fnn.check_gradient(loss, lambda w: 2 - 2 * jnp.tanh(w) ** 2, at)
    assert report.verdict == "fail"
    assert any(note.startswith("The loss is wrong too") for note in report.notes)
    right = fnn.check_gradient(lambda w: jnp.sum(jnp.tanh(w)), lambda w: 1 - jnp.tanh(w) ** 2, at)
    assert not any("compiled" in note for note in right.notes)


def test_a_loss_that_may_end_the_process_is_not_compiled():
    """Seven axes, also within a checkpoint or a branch."""

    def loss(a):
        return jnp.sum(jnp.sum(a * a, axis=3) ** 2)

    a = jnp.zeros((3, 1, 2, 2, 8, 8, 8))
    branch = partial(lax.cond, True, loss, jnp.sum)
    for function in (loss, jax.checkpoint(loss), branch):
        assert may_crash(jax.make_jaxpr(function)(a)) == ("many axes" in FAULTS)
        assert not may_crash(jax.make_jaxpr(function)(jnp.zeros((3, 1, 2, 2))))
