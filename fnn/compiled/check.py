"""Compile a function, evaluate it by NumPy, and report where they differ."""

import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, Literal

from fnn.compiled.bisection import smallest_wrong_part
from fnn.compiled.judging import Counting, Deviation, Judge, TooLong, judge_of
from fnn.compiled.remedies import find_remedy
from fnn.compiled.report import CompiledReport
from fnn.compiled.running import (
    Crash,
    Options,
    Run,
    run_in_child,
    run_in_this_process,
    to_numpy,
)
from fnn.types import PyTree
from fnn.witness import is_key, place_of, programs_in

SECONDS = 120.0  # for a program in a child process
ARRAYS = (jax.Array, np.ndarray, np.generic, bool, int, float)


def check_compiled(
    function: Callable[..., PyTree],
    *arguments: PyTree,
    compiler_options: Options | None = None,
    in_child: bool = False,
) -> CompiledReport:
    """Check whether a function, compiled, computes what was written.

    function          a JAX function; compiled by `jax.jit`, or called as it is if `jax.jit` made it
    arguments         the arguments of the call: pytrees of arrays; typed random keys are allowed
    compiler_options  as `jax.jit` takes them, for a function that `jax.jit` did not make; None by
                      default
    in_child          whether to run every compiled program in a child process, so that a crash is
                      reported; False by default

    Returns a `CompiledReport`. Its verdict is "agrees", "disagrees" or "abstains".

    NumPy evaluates the traced function operation by operation, in float64. It does so again with
    drawn rounding errors: a right program may be off by as much as these move an output. If loops
    have too many turns for that, their bodies are compared instead. Each body is compiled as a
    program with the inputs of its first turn, and of the last one that NumPy reached.

    If an output differs, the report names the output, the smallest part of the program that is
    wrong by itself, and the first compiler option under which the program is right. The check
    abstains, with the reason, from functions that draw random numbers without a key, call back into
    Python, or use an operation that `fnn.numpy_rules` does not have.

    Raises ValueError for arguments that are not arrays, for static arguments of `jax.jit`, and for
    compiler_options with a function that `jax.jit` made. Errors of the function itself are raised.

        >>> import fnn
        >>> import jax.numpy as jnp
        >>> fnn.check_compiled(lambda x: jnp.tanh(x) @ x, jnp.ones(3)).verdict
        'agrees'
    """
    leaves = arrays_of(arguments)
    closed, shapes = trace(function, arguments)
    reason = reason_to_abstain(function, arguments, closed)
    if reason:
        return CompiledReport("abstains", reason)
    is_jitted = hasattr(function, "lower")
    if is_jitted and compiler_options:
        raise ValueError(
            "check_compiled: the function comes from jax.jit, which has options of its own. Give "
            "the function that was jitted, or leave compiler_options out."
        )
    run = run_in_child(SECONDS) if in_child else run_in_this_process
    if compiler_options:
        run = with_options(run, compiler_options)
    run_whole = run
    if is_jitted and not in_child:
        run_whole = caller_of(function, arguments)
    counting = Counting()
    is_too_long = False
    whole = None
    try:
        whole = find_deviation(closed, leaves, counting, run_whole)
    except TooLong:
        is_too_long = True
    except NotImplementedError as error:
        return CompiledReport("abstains", str(error))
    if whole is None and not is_too_long:
        return CompiledReport("agrees")
    body = next(wrong_bodies(counting, run), None)
    notes = notes_on_loops(is_too_long, is_jitted, counting, body)
    if whole is None and body is None:
        return CompiledReport("agrees", notes=notes)
    paths = jax.tree_util.tree_leaves_with_path(shapes)
    names = [jax.tree_util.keystr(path) for path, _ in paths]
    return disagreement(whole, body, names, notes, run)


def with_options(run: Run, options: Options) -> Run:
    """Return a function that runs programs under these options and those that it is given."""

    def run_with_options(closed: ClosedJaxpr, inputs: Sequence[Any], more: Options) -> list[Any]:
        return run(closed, inputs, {**options, **more})

    return run_with_options


def caller_of(function: Callable, arguments: PyTree) -> Run:
    """Return a function that calls a jitted function, under the options that it has."""

    def run(closed: ClosedJaxpr, inputs: Sequence[Any], options: Options) -> list[Any]:
        copies = jax.tree.map(copied, arguments)  # it may have been jitted to use them up
        outputs = function(*copies)
        return to_numpy(jax.tree.leaves(outputs))

    return run


def copied(leaf: Any) -> Any:
    """Return a copy of an array of JAX, and other leaves as they are."""
    return leaf.copy() if isinstance(leaf, jax.Array) else leaf


class WrongProgram(NamedTuple):
    """A program that is computed wrongly.

    judge      compares outputs of the program
    deviation  of the output that is off most; None where the program crashes
    crash      how the process ended; "" where it did not crash
    loop       the loop that the program is the body of, such as "scan at model.py:12"; "" for the
               whole function
    """

    judge: Judge
    deviation: Deviation | None
    crash: str
    loop: str


def arrays_of(arguments: PyTree) -> list[Any]:
    """Return the leaves of the arguments; raise ValueError where one is not an array."""
    leaves = jax.tree_util.tree_leaves_with_path(arguments)
    for path, leaf in leaves:
        if not isinstance(leaf, ARRAYS):
            raise ValueError(
                f"check_compiled: argument {jax.tree_util.keystr(path)} is a "
                f"{type(leaf).__name__}, expected arrays. Close over everything else: "
                "fnn.check_compiled(lambda x: f(x, option), x)."
            )
    return [leaf for _, leaf in leaves]


def trace(function: Callable, arguments: PyTree) -> tuple[ClosedJaxpr, PyTree]:
    """Return the trace of a function, and its outputs as shapes."""
    if not hasattr(function, "trace"):  # jax.jit did not make it
        return jax.make_jaxpr(function, return_shape=True)(*arguments)
    traced = function.trace(*arguments)  # with the options of its jax.jit
    traced_inputs = len(traced.jaxpr.in_avals)
    if traced_inputs != len(jax.tree.leaves(arguments)):
        raise ValueError(
            "check_compiled: the function was jitted with static arguments. Close over them: "
            "fnn.check_compiled(jax.jit(lambda x: f(x, option)), x)."
        )
    return traced.jaxpr, traced.out_info


def reason_to_abstain(function: Callable, arguments: PyTree, closed: ClosedJaxpr) -> str:
    """Return why a function cannot be judged, "" where it can."""
    if any(jnp.issubdtype(aval.dtype, jnp.complexfloating) for aval in closed.in_avals):
        return "complex numbers have no witness in NumPy"
    if closed.effects:
        effects = {str(effect) for effect in closed.effects}
        kinds = ", ".join(sorted(effects))
        return f"it does more than compute ({kinds})"
    is_jitted = hasattr(function, "trace")
    python = getattr(function, "__wrapped__", function) if is_jitted else function
    contents = []
    for _ in range(2):  # the trace before may have filled caches
        again = jax.make_jaxpr(lambda *args: python(*args))(*arguments)  # jax.jit keeps its trace
        contents.append(list(contents_of(again)))
    first, second = contents
    if first != second:
        return "it is another program each time it is traced: random, or with a state"
    return ""


def contents_of(closed: ClosedJaxpr) -> Iterator[Any]:
    """Yield the operations of a program with their plain parameters, and its constants' bytes."""
    for jaxpr, constants in programs_in(closed):
        for constant in constants:
            if not is_key(constant):
                yield np.asarray(constant).tobytes()
        for equation in jaxpr.eqns:
            yield from contents_of_equation(equation)


def contents_of_equation(equation: Any) -> Iterator[Any]:
    """Yield the name of an operation, the bytes of its literals, and its plain parameters."""
    yield equation.primitive.name
    for atom in equation.invars:
        if isinstance(atom, Literal):
            yield np.asarray(atom.val).tobytes()
    parameters = list(equation.params.values())
    for parameter in jax.tree.leaves(parameters):
        if isinstance(parameter, (bool, int, float, str)):
            yield repr(parameter)


def find_deviation(
    closed: ClosedJaxpr, inputs: Sequence[Any], counting: Counting, run: Run, loop: str = ""
) -> WrongProgram | None:
    """Return how a program is computed wrongly, None where it is computed rightly.

    Raises `TooLong` where the witness cannot evaluate the program in a reasonable time, and
    NotImplementedError where nothing can be said about it.
    """
    judge = judge_of(closed, inputs, counting)
    try:
        computed = run(closed, judge.arguments, {})
    except Crash as crash:
        return WrongProgram(judge, None, str(crash), loop)
    deviation = judge.deviation(computed)
    if judge.is_unsure:
        raise NotImplementedError(
            "an output is off by a little more than the drawn rounding: too close to tell"
        )
    if deviation is None:
        return None
    return WrongProgram(judge, deviation, "", loop)


def wrong_bodies(counting: Counting, run: Run) -> Iterator[WrongProgram]:
    """Yield the bodies of loops that are computed wrongly, the innermost first.

    They are compared in the first turn and in the last one that the witness made.
    """
    innermost_first = reversed(list(counting.bodies.values()))
    for equation, body, first, last in innermost_first:
        loop = description_of(equation)
        turns = [first] if last is first else [first, last]
        for inputs in turns:
            try:
                wrong = find_deviation(body, inputs, Counting(), run, loop)
            except (TooLong, NotImplementedError):
                continue
            if wrong:
                yield wrong


def notes_on_loops(
    is_too_long: bool, is_jitted: bool, counting: Counting, body: WrongProgram | None
) -> tuple[str, ...]:
    """Return the sentences about the parts of a function that were not compared."""
    notes = []
    if is_too_long:
        notes.append("its loops have too many turns for the witness: their bodies were compared")
        if is_jitted:
            notes.append("they were compiled without the options that its jax.jit may have")
        if body is None:
            return tuple(notes)
    flags = os.environ.get("XLA_FLAGS")
    if flags:
        notes.append(f"XLA_FLAGS is set here, and may be the cause: {flags}")
    if body is None and counting.bodies:
        notes.append("the bodies of its loops are right as programs of their own")
    return tuple(notes)


def disagreement(
    whole: WrongProgram | None,
    body: WrongProgram | None,
    names: list[str],
    notes: tuple[str, ...],
    run: Run,
) -> CompiledReport:
    """Return the report about a function that is computed wrongly, or the body of a loop in it.

    whole  the function, None where only bodies of its loops were compared
    body   the innermost body that is computed wrongly, None where none is
    names  the paths of the function's outputs
    """
    outermost = whole or body
    innermost = body or whole
    assert outermost
    assert innermost
    judge = innermost.judge
    part = smallest_wrong_part(judge.closed, judge.arguments, innermost.deviation, run)
    remedy = find_remedy(outermost.judge, run)
    deviation = outermost.deviation
    output = names[deviation.output] if deviation and whole else ""
    return CompiledReport(
        "disagrees",
        reason=reason_of(outermost, innermost.loop, output),
        output=output,
        times=deviation.times if deviation else float("inf"),
        operation="\n".join(description_of(equation) for equation in part),
        remedy=str(remedy) if remedy else "",
        notes=notes,
    )


def reason_of(wrong: WrongProgram, loop: str, output: str) -> str:
    """Return a sentence that says how far a program is off, and in which loop."""
    inside = f"in the body of {loop}: " if loop else ""
    if wrong.deviation is None:
        return f"{inside}the process that runs it dies ({wrong.crash})"
    subject = f"output {output}" if output else "its output"
    return f"{inside}{subject} is off by {in_words(wrong.deviation.times)}"


def in_words(times: float) -> str:
    """Return a deviation in words."""
    if times == float("inf"):
        return "infinitely much (infinite, not a number, or another whole number)"
    return f"{times:.1e} times the deviation that rounding can cause"


def description_of(equation: Any) -> str:
    """Return an operation with the shapes of its inputs and outputs, and where it was written."""
    name = equation.primitive.name
    read = shapes_of(equation.invars)
    made = shapes_of(equation.outvars)
    operation = f"{name} {read} -> {made}"
    place = place_of(equation)
    return f"{operation} at {place}" if place else operation


def shapes_of(atoms: Sequence[Any]) -> str:
    """Return the shapes and dtypes of values in a trace, such as "float32[3], int32[]"."""
    shapes = [atom.aval.str_short() for atom in atoms]
    return ", ".join(shapes)
