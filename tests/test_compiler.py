"""What fnn compiles has the options that avoid the known faults, where the jaxlib knows them."""

import ast
import copy
import re
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import compiler, losses, optim
from fnn.runs.engine import clear_caches
from fnn.runs.step import TrainSpec
from fnn.runs.training import Plan, advance, begin
from tests.problems import blobs

ROOT = Path(__file__).parent.parent
NET, CE = fnn.mlp((3, 8, 3), batch_norm="before", dropout=0.2), losses.softmax_cross_entropy
UNKNOWN = compiler.Option("xla_no_such_option", True, "--xla_no_such_option")


@pytest.fixture
def forgotten_options():
    """options() and is_known() remember their answers: here they ask again, then and afterwards."""
    for answers in (compiler.options, compiler.options_to_compile_fast):
        answers.cache_clear()
    yield
    for answers in (compiler.options, compiler.options_to_compile_fast):
        answers.cache_clear()


def test_a_fault_is_in_the_versions_from_since_to_until():
    fault = compiler.FAULTS[0]._replace(since=(0, 10, 2), until=(0, 12, 0, 1))
    there = {(0, 10, 1): False, (0, 10, 2): True, (0, 12, 0): True, (0, 12, 0, 1): False}
    assert {version: fault.is_in(version) for version in there} == there
    assert fault._replace(until=None).is_in((9, 0))


def test_the_running_jaxlib_knows_every_option_and_gets_those_of_its_faults():
    options = [fault.option for fault in compiler.present()] + [compiler.IN_ORDER]
    wanted = {option.name: option.value for option in options if option.used}
    assert compiler.options() == wanted
    assert compiler.version() >= (0, 10, 2)


def test_runs_are_compiled_with_few_optimizations_unless_the_environment_says_how_many(
    monkeypatch, forgotten_options
):
    monkeypatch.setenv("XLA_FLAGS", "--xla_dump_to=")
    assert compiler.options_to_compile_fast() == {compiler.FAST_COMPILING.name: 1}
    compiler.options_to_compile_fast.cache_clear()
    monkeypatch.setenv("XLA_FLAGS", "--xla_backend_optimization_level=0")
    assert compiler.options_to_compile_fast() == {}


def test_an_option_that_this_jaxlib_does_not_know_is_left_out_and_told(
    monkeypatch, forgotten_options
):
    fault = compiler.present()[0]._replace(option=UNKNOWN, until=None)
    monkeypatch.setattr(compiler, "FAULTS", (fault,))
    with pytest.warns(UserWarning, match="does not know the option xla_no_such_option"):
        found = compiler.options()
    assert UNKNOWN.name not in found


def test_flags_for_the_environment_are_those_of_the_faults_that_are_there():
    flags = compiler.xla_flags().split()
    assert sorted(flags) == sorted({fault.option.flag for fault in compiler.present()})


def test_a_compiled_function_is_what_jax_jit_makes_with_the_same_arguments():
    @compiler.jit
    def f(x):
        return {"twice": 2 * x}

    assert float(f(3.0)["twice"]) == 6.0
    assert f.eval_shape(jnp.zeros(2))["twice"].shape == (2,)
    static = compiler.jit(lambda n, x: x * n, static_argnums=0)
    assert float(static(3, 2.0)) == 6.0
    assert "multiply" in static.lower(3, 2.0).as_text()


def test_within_another_program_it_becomes_a_part_of_it():
    inner = compiler.jit(lambda x: jnp.sin(x) ** 2)
    x = jnp.arange(3.0)
    expected = np.sin(np.arange(3.0)) ** 2
    slope = np.sin(2 * np.arange(3.0))
    within = {
        "jit": (jax.jit(lambda x: inner(x) + 0), expected),
        "vmap": (jax.vmap(inner), expected),
        "jit of constants": (
            jax.jit(lambda unused: inner(np.arange(3.0, dtype=np.float32))),
            expected,
        ),
        "loop": (lambda x: jax.lax.map(inner, x), expected),
        "vmap of grad": (jax.vmap(jax.grad(inner)), slope),
        "grad of vmap": (jax.grad(lambda x: jnp.sum(jax.vmap(inner)(x))), slope),
        "grad of a closure": (
            jax.vmap(jax.grad(lambda y: compiler.jit(lambda x: x * jnp.sin(y) ** 2)(1.0))),
            slope,
        ),
    }
    for name, (function, right) in within.items():
        np.testing.assert_allclose(function(x), right, rtol=1e-5, atol=1e-6, err_msg=name)


@pytest.mark.optimized
def test_an_eager_vmap_has_the_options_too(x64):
    """The product that a plain jit computes wrongly is right: it is a program of its own."""
    E, c = np.random.default_rng(0).normal(size=(5, 60, 60)), np.arange(1.0, 6.0)
    one = compiler.jit(lambda E, c: jnp.sum((E @ jnp.broadcast_to(c, (60, 60))) * E))
    right = [np.sum((E[i] @ np.full((60, 60), c[i])) * E[i]) for i in range(5)]
    np.testing.assert_allclose(jax.vmap(one)(E, c), right, rtol=1e-9)


@pytest.mark.optimized
def test_a_loop_outside_of_any_program_has_the_options_too(x64):
    """The same product as the body of a loop; and within a program the loop is a part of it."""
    E, c = np.random.default_rng(0).normal(size=(5, 60, 60)), np.arange(1.0, 6.0)
    right = [np.sum((E[i] @ np.full((60, 60), c[i])) * E[i]) for i in range(5)]

    def product(E, c):
        return jnp.sum((E @ jnp.broadcast_to(c, (60, 60))) * E)

    def step(none, numbers):
        return none, jax.vmap(product)(*numbers)

    loop = partial(compiler.scan, step, None)
    for computed in (loop, compiler.jit(loop)):
        np.testing.assert_allclose(computed((E[None], c[None]))[1][0], right, rtol=1e-9)


def test_calls_move_nothing_to_a_device():
    """So that they go under jax.transfer_guard."""
    f, x = compiler.jit(jnp.sin), jnp.ones(2)
    with jax.transfer_guard("disallow"):
        f(x)


def test_a_compiled_function_can_be_copied_before_it_is_called():
    assert float(copy.copy(compiler.jit(jnp.sin))(0.0)) == 0.0


def test_everything_that_fnn_compiles_goes_through_it():
    """jax.jit stands where a program is only traced, for its shapes or its text, or is exported."""
    found = {}
    for path in sorted((ROOT / "fnn").rglob("*.py")):
        count = uses_of_jax_jit(path.read_text())
        if count:
            found[str(path.relative_to(ROOT / "fnn"))] = count
    assert found == {
        "compiler.py": 3,
        "compiled/child.py": 1,  # as are programs that fnn.check_compiled judges
        "compiled/running.py": 2,
        "doctor/trial.py": 1,  # what a user's own program is compiled as
        "export.py": 1,  # whoever loads the file compiles it
        "gradcheck/compiled_loss.py": 1,
    }


def uses_of_jax_jit(code: str) -> int:
    """Count the places that name jax.jit."""
    nodes = ast.walk(ast.parse(code))
    return sum(isinstance(node, ast.Attribute) and ast.unparse(node) == "jax.jit" for node in nodes)


def test_jax_jit_is_found_wherever_it_is_named():
    assert uses_of_jax_jit("@partial(jax.jit, static_argnums=0)\ndef f(n): ...\njax.jit(g)") == 2
    assert uses_of_jax_jit("from fnn import compiler\ncompiler.jit(f)") == 0


# ------------------------------------------------------------- what the unused options would avoid


def shifted(x):
    """The program of openxla/xla#49176: its update reads what it overwrites, in one kernel."""
    base = x + 1
    return base.at[1:].set(base[:-1]).reshape((1, *x.shape))


def updates_that_read_their_target(hlo: str) -> list[str]:
    """The updates in place, in a kernel, that read their target elsewhere than where they write."""
    found = []
    for computation in re.findall(r"^%\S+ .*?\{\n(.*?)^\}", hlo, re.DOTALL | re.MULTILINE):
        lines = re.findall(r"(%[\w.-]+) = \S+ ([\w-]+)\((.*?)\)", computation)
        code = {name: (kind, re.findall(r"%[\w.-]+", rest)) for name, kind, rest in lines}
        for name, (kind, operands) in code.items():
            if kind == "dynamic-update-slice":
                target, update, *starts = operands
                if sources(target, code, starts) & sources(update, code, starts):
                    found.append(name)
    return found


def sources(name: str, code: dict[str, tuple[str, list[str]]], starts: list[str]) -> set[str]:
    """The parameters of a kernel that a value comes from, but for what is read at `starts`."""
    kind, operands = code.get(name, ("constant", []))
    if kind == "parameter":
        return {name}
    if kind == "dynamic-slice" and operands[1:] == starts:
        return set()
    return set().union(*(sources(each, code, starts) for each in operands))


def compiled_text(jitted, *args, **kwargs) -> str:
    return jitted.lower(*args, **kwargs).compile().as_text()


def test_an_update_that_reads_its_target_is_found():
    assert updates_that_read_their_target(compiled_text(jax.jit(shifted), np.ones((8, 16))))


@pytest.fixture
def compiled(monkeypatch):
    """The optimized HLO of every program that fnn compiles from here on."""
    texts, call, compile_lowered = [], compiler.Jitted.__call__, jax.stages.Lowered.compile

    def ahead(lowered, *args, **kwargs):
        program = compile_lowered(lowered, *args, **kwargs)
        texts.append(program.as_text())
        return program

    def recorded(jitted, *args, **kwargs):
        if not compiler.is_within_jit():
            texts.append(compiled_text(jitted.outermost, *args, **kwargs))
        return call(jitted, *args, **kwargs)

    clear_caches()
    monkeypatch.setattr(jax.stages.Lowered, "compile", ahead)
    monkeypatch.setattr(compiler.Jitted, "__call__", recorded)
    return texts


def train_once():
    fnn.train(NET, CE, optim.adam(1e-2), blobs(), epochs=3, batch_size=10, patience=2)


def sweep_rows():
    """Several rows of runs on each device."""
    grid = {"learning_rate": [1e-3, 1e-2, 1e-1]}
    fnn.sweep(
        lambda hyper: (NET, CE, optim.adam(hyper["learning_rate"])),
        blobs(),
        epochs=2,
        batch_size=10,
        seeds=range(40),
        hyper=grid,
    )


def sweep_a_function():
    def walk(key, hyper):
        def step(x, key):
            return x + hyper["s"] * jax.random.normal(key), x

        return jax.lax.scan(step, 0.0, jax.random.split(key, 5))

    fnn.sweep_function(walk, seeds=range(40), hyper={"s": [1.0, 2.0]})


def check_once():
    x, y = blobs().train
    assert fnn.check_network(fnn.mlp((3, 4, 3)), CE, x[:4], y[:4]).passed


@pytest.mark.optimized(otherwise=False)
@pytest.mark.parametrize(
    ("run", "programs"),
    [(train_once, 2), (sweep_rows, 2), (sweep_a_function, 1), (check_once, 3)],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_nothing_that_fnn_compiles_has_an_update_that_reads_its_target(compiled, run, programs):
    run()
    assert len(compiled) >= programs
    for text in compiled:
        assert updates_that_read_their_target(text) == []


def test_no_training_slices_at_a_place_that_is_computed():
    """So that no slice of a slice can begin outside: rows are gathered."""
    dataset = blobs().arrays
    task = TrainSpec(NET, CE, optim.adam(1e-2))
    plan, seed = Plan(3, 10, 2), np.uint32(0)
    start = jax.eval_shape(partial(begin, task, plan), seed)
    traced = str(jax.make_jaxpr(partial(advance, task, plan))(seed, dataset, start, 3))
    assert "gather" in traced
    assert "dynamic_slice" not in traced
