"""Compile a function, ask the witness, and report."""

import os
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, Literal

from fnn.compiled import remedies
from fnn.compiled.judging import Counting, Deviation, Judge, TooLong, judge_of
from fnn.compiled.narrowing import narrowed
from fnn.compiled.report import CompiledReport
from fnn.compiled.running import Crash, Options, Run, fetched, here, in_a_child
from fnn.types import PyTree
from fnn.witness import is_key, place_of, programs_in

SECONDS = 120.0  # for a program in a child process


def check_compiled(
    function: Callable[..., PyTree],
    *arguments: PyTree,
    compiler_options: Options | None = None,
    in_child: bool = False,
) -> CompiledReport:
    """Say whether a function, compiled, computes what it says.

    function          in JAX; compiled by `jax.jit`, or as it is where it comes from `jax.jit`
    arguments         pytrees of arrays, at which it is called; typed random keys are allowed
    compiler_options  as `jax.jit` takes them, for a function that does not come from it
    in_child          run every compiled program in a process of its own: a crash is an answer then

    The witness evaluates the traced function by NumPy, operation by operation, in float64, and
    again with drawn rounding errors: how far these move an output is what a right program may be
    off. Where loops have too many turns for that, their bodies are compared instead, as programs of
    their own, at what they get in their first turn.

    Where an output differs, the report names it, the smallest part of the program that is wrong by
    itself, and the first option of the compiler under which the program is right. It abstains, with
    the reason, from functions that draw random numbers without a key, call back into Python, or
    have an operation without a witness.

    Raises ValueError for arguments that are no arrays, for static ones of `jax.jit`, and for
    compiler_options beside a function that comes from `jax.jit`. What the function itself raises is
    raised.

        >>> import fnn, jax.numpy as jnp
        >>> fnn.check_compiled(lambda x: jnp.tanh(x) @ x, jnp.ones(3)).verdict
        'agrees'
    """
    leaves = arrays_of(arguments)
    closed, shapes = traced(function, arguments)
    reason = why_not(function, arguments, closed)
    if reason:
        return CompiledReport("abstains", reason)
    jitted = hasattr(function, "lower")
    if jitted and compiler_options:
        raise ValueError(
            "check_compiled: the function comes from jax.jit, which has options of its own. Give "
            "the function that was jitted, or leave compiler_options out."
        )
    run = with_options(in_a_child(SECONDS) if in_child else here, compiler_options or {})
    names = [jax.tree_util.keystr(path) for path, _ in jax.tree_util.tree_leaves_with_path(shapes)]

    def whole(closed: ClosedJaxpr, inputs: Any, options: Any) -> list[Any]:
        if in_child or not jitted:
            return run(closed, inputs, options)
        copies = jax.tree.map(copied, arguments)  # it may have been jitted to use them up
        return fetched(jax.tree.leaves(function(*copies)))

    counting = Counting()
    try:
        finding = examined(closed, leaves, counting, whole)
        if finding is None:
            return CompiledReport("agrees")
        inner = next((each for each in body_findings(counting, run) if each), None)
    except NotImplementedError as error:
        return CompiledReport("abstains", str(error))
    notes: tuple[str, ...] = ()
    if finding is LEFT_OUT:
        notes = ("its loops have too many turns for the witness: their bodies were compared",)
        if jitted:
            notes += ("they were compiled without the options that its jax.jit may have",)
        finding = None
        if inner is None:
            return CompiledReport("agrees", notes=notes)
    if flags := os.environ.get("XLA_FLAGS"):
        notes += (f"XLA_FLAGS is set here, and may be the cause: {flags}",)
    if finding is not None and inner is None and counting.bodies:
        notes += ("the bodies of its loops are right as programs of their own",)
    return told(finding, inner, names, notes, run)


def with_options(run: Run, options: Options) -> Run:
    """Return what runs programs under these options beside those that it is given."""
    return lambda closed, inputs, more: run(closed, inputs, {**options, **more})


def copied(leaf: Any) -> Any:
    """Return a copy of an array of JAX, and other leaves as they are."""
    return leaf.copy() if isinstance(leaf, jax.Array) else leaf


class Finding(NamedTuple):
    """A program that is computed wrongly.

    judge      of the program
    deviation  of its output that is off most; None where it crashes
    crash      how the process ended
    loop       whose body it is, such as "scan at model.py:12"; "" for the whole function
    """

    judge: Judge
    deviation: Deviation | None
    crash: str
    loop: str


LEFT_OUT = object()
"""Stands for a program that the witness cannot carry out in a reasonable time."""


def arrays_of(arguments: PyTree) -> list[Any]:
    """Return the leaves of the arguments; ValueError for what is no array."""
    leaves = jax.tree_util.tree_leaves_with_path(arguments)
    for path, leaf in leaves:
        if not isinstance(leaf, (jax.Array, np.ndarray, np.generic, bool, int, float)):
            raise ValueError(
                f"check_compiled: argument {jax.tree_util.keystr(path)} is a "
                f"{type(leaf).__name__}, expected arrays. Close over everything else: "
                "fnn.check_compiled(lambda x: f(x, option), x)."
            )
    return [leaf for _, leaf in leaves]


def traced(function: Callable, arguments: PyTree) -> tuple[ClosedJaxpr, PyTree]:
    """Return the trace of a function, and its outputs as shapes."""
    if hasattr(function, "trace"):  # it comes from jax.jit, and may have options of its own
        trace = function.trace(*arguments)
        if len(trace.jaxpr.in_avals) != len(jax.tree.leaves(arguments)):
            raise ValueError(
                "check_compiled: the function was jitted with static arguments. Close over them: "
                "fnn.check_compiled(jax.jit(lambda x: f(x, option)), x)."
            )
        return trace.jaxpr, trace.out_info
    return jax.make_jaxpr(function, return_shape=True)(*arguments)


def why_not(function: Callable, arguments: PyTree, closed: ClosedJaxpr) -> str:
    """Return why nothing can be said about a function, "" where something can."""
    if any(jnp.issubdtype(aval.dtype, jnp.complexfloating) for aval in closed.in_avals):
        return "complex numbers have no witness in NumPy"
    if closed.effects:
        kinds = ", ".join(sorted({str(effect) for effect in closed.effects}))
        return f"it does more than compute ({kinds})"
    jitted = hasattr(function, "trace")  # which remembers its trace
    written = getattr(function, "__wrapped__", function) if jitted else function
    again = [jax.make_jaxpr(lambda *args: written(*args))(*arguments) for _ in range(2)]
    first, second = (list(parts_of(each)) for each in again)  # the trace above may fill caches
    if first != second:
        return "it is another program each time it is traced: random, or with a state"
    return ""


def parts_of(closed: ClosedJaxpr) -> Iterator[Any]:
    """Yield the operations of a program with their plain parameters, and its constants' bytes."""
    for jaxpr, constants in programs_in(closed):
        yield from (np.asarray(each).tobytes() for each in constants if not is_key(each))
        for equation in jaxpr.eqns:
            yield equation.primitive.name
            literals = [atom for atom in equation.invars if isinstance(atom, Literal)]
            yield from (np.asarray(literal.val).tobytes() for literal in literals)
            plain = jax.tree.leaves(list(equation.params.values()))
            yield from (repr(each) for each in plain if isinstance(each, (bool, int, float, str)))


def examined(closed: ClosedJaxpr, inputs: Any, counting: Counting, run: Run, loop: str = "") -> Any:
    """Return what is wrong with a program, None where nothing is, or LEFT_OUT."""
    try:
        judge = judge_of(closed, inputs, counting)
    except TooLong:
        return LEFT_OUT
    try:
        computed = run(closed, judge.arguments, {})
    except Crash as crash:
        return Finding(judge, None, str(crash), loop)
    deviation = judge.deviation(computed)
    if judge.is_unsure:
        raise NotImplementedError(
            "an output is off by a little more than rounding was drawn: too close to tell"
        )
    return None if deviation is None else Finding(judge, deviation, "", loop)


def body_findings(counting: Counting, run: Run) -> Iterator[Any]:
    """Yield what is wrong with the bodies of loops, the innermost first, and None for others."""
    for equation, body, inputs in reversed(list(counting.bodies.values())):
        try:
            found = examined(body, inputs, Counting(), run, described(equation))
        except NotImplementedError:  # an operation without a witness, after too many turns
            continue
        yield None if found is LEFT_OUT else found


def told(
    whole: Finding | None,
    inner: Finding | None,
    names: list[str],
    notes: tuple[str, ...],
    run: Run,
) -> CompiledReport:
    """Return the report about a function, or a body of its loops, that is computed wrongly."""
    seen, narrow = whole or inner, inner or whole
    assert seen
    assert narrow
    judge = narrow.judge
    part = narrowed(judge.closed, judge.arguments, narrow.deviation, run)
    found = remedies.remedy(seen.judge, run)
    inside = f"in the body of {narrow.loop}: " if narrow.loop else ""
    if seen.deviation is None:
        reason = f"{inside}the process that runs it dies ({seen.crash})"
        output, times = "", float("inf")
    else:
        output = names[seen.deviation.output] if whole else ""
        times = seen.deviation.times
        subject = f"output {output}" if output else "its output"
        reason = f"{inside}{subject} is off by {amount(times)}"
    where = "\n".join(described(equation) for equation in part)
    remedy = "" if found is None else str(found)
    return CompiledReport("disagrees", reason, output, times, where, remedy, notes)


def amount(times: float) -> str:
    """Return a deviation in words."""
    if times == float("inf"):
        return "infinitely much (infinite, not a number, or another whole number)"
    return f"{times:.1e} times what rounding can make of it"


def described(equation: Any) -> str:
    """Return an operation with the shapes of its inputs and outputs, and where it was written."""
    read = ", ".join(atom.aval.str_short() for atom in equation.invars)
    made = ", ".join(variable.aval.str_short() for variable in equation.outvars)
    place = place_of(equation)
    return f"{equation.primitive.name} {read} -> {made}{f' at {place}' if place else ''}"
