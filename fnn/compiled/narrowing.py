"""The smallest part of a traced program that is computed wrongly, by halving.

The functions that a program calls are written out, so that it is a list of operations. A part of
the list is a program of its own: it gets what the witness computed before it, and returns what is
needed after it.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal

from fnn import witness
from fnn.compiled.judging import Deviation, judge_of
from fnn.compiled.running import Crash, Run
from fnn.witness import EXACT, Arrays


class Step(NamedTuple):
    """One operation: its equation, and the numbers of the values that it reads and makes.

    An input that is a constant of the program is the constant itself, in a `Constant`.
    """

    equation: Any
    inputs: tuple[Any, ...]
    outputs: tuple[int, ...]


class Constant(NamedTuple):
    """A value that is part of the program."""

    value: Any


class Written(NamedTuple):
    """A program written out: steps, and the numbers of its inputs and outputs."""

    steps: list[Step]
    inputs: tuple[int, ...]
    outputs: tuple[Any, ...]


def written_out(closed: ClosedJaxpr) -> Written:
    """Return a traced program as a list of operations that call no function."""
    steps: list[Step] = []
    numbers = iter(range(10**9))

    def write(jaxpr: Jaxpr, constants: Sequence[Any], inputs: Sequence[Any]) -> list[Any]:
        names: dict[Any, Any] = dict(zip(jaxpr.constvars, map(Constant, constants), strict=True))
        names |= zip(jaxpr.invars, inputs, strict=True)

        def name_of(atom: Any) -> Any:
            if isinstance(atom, Literal):
                return Constant(np.asarray(atom.val, witness.dtype_of(atom)))
            return names[atom]

        for equation in jaxpr.eqns:
            read = [name_of(atom) for atom in equation.invars]
            called = witness.called_by(equation)
            if called is not None and equation.primitive.name not in witness.LOOPS:
                made = write(called.jaxpr, called.consts, read)
            else:
                made = [next(numbers) for _ in equation.outvars]
                steps.append(Step(equation, tuple(read), tuple(made)))
            names |= zip(equation.outvars, made, strict=True)
        return [name_of(atom) for atom in jaxpr.outvars]

    inputs = tuple(next(numbers) for _ in closed.jaxpr.invars)
    outputs = tuple(write(closed.jaxpr, closed.consts, inputs))
    return Written(steps, inputs, outputs)


def narrowed(
    closed: ClosedJaxpr, arguments: Sequence[Any], deviation: Deviation | None, run: Run
) -> list[Any]:
    """Return the equations of the smallest part that is computed wrongly by itself.

    deviation  of the whole; None where it crashes
    returns    [] where no part is wrong by itself, as when only the whole is fused so
    """
    written = written_out(closed)
    wanted = written.outputs if deviation is None else (written.outputs[deviation.output],)
    steps = needed(written.steps, wanted)
    values = values_of(written, steps, arguments)

    def is_wrong(first: int, last: int) -> bool:
        return part_is_wrong(steps, first, last, wanted, values, run)

    if not steps or not is_wrong(0, len(steps)):
        return []
    last = least(lambda end: is_wrong(0, end), 1, len(steps))
    first = last - least(lambda length: is_wrong(last - length, last), 1, last)
    return [step.equation for step in steps[first:last]]


def least(is_so: Callable[[int], bool], low: int, high: int) -> int:
    """Return the least number from low to high for which something is so; for high it is."""
    while low < high:
        middle = (low + high) // 2
        if is_so(middle):
            high = middle
        else:
            low = middle + 1
    return high


def needed(steps: Sequence[Step], wanted: Sequence[Any]) -> list[Step]:
    """Return the steps that some of the wanted values come from."""
    values = {name for name in wanted if isinstance(name, int)}
    kept = []
    for step in reversed(steps):
        if values & set(step.outputs):
            kept.append(step)
            values |= {name for name in step.inputs if isinstance(name, int)}
    return kept[::-1]


def values_of(written: Written, steps: Sequence[Step], arguments: Sequence[Any]) -> dict[int, Any]:
    """Return every value that the witness computes, by its number."""
    inputs = [witness.in_float64(argument) for argument in arguments]
    values = dict(zip(written.inputs, inputs, strict=True))
    with jax.enable_x64(True), np.errstate(all="ignore"):
        for step in steps:
            read = [
                witness.in_float64(name.value) if isinstance(name, Constant) else values[name]
                for name in step.inputs
            ]
            values |= zip(step.outputs, witness.apply(step.equation, read, EXACT), strict=True)
    return values


def part_is_wrong(
    steps: Sequence[Step], first: int, last: int, wanted: Sequence[Any], values: dict, run: Run
) -> bool:
    """Return whether the steps from first to last, a program of their own, are computed wrongly."""
    part, after = steps[first:last], steps[last:]
    made = {name for step in part for name in step.outputs}
    read = dict.fromkeys(name for step in part for name in step.inputs if isinstance(name, int))
    inputs = [name for name in read if name not in made]
    used = {name for step in after for name in step.inputs if isinstance(name, int)}
    used |= {name for name in wanted if isinstance(name, int)}
    outputs = [name for step in part for name in step.outputs if name in used]
    if not outputs:
        return False
    closed, arguments = program_of(part, inputs, outputs, values)
    judge = judge_of(closed, arguments, EXACT)
    try:
        computed = run(closed, judge.arguments, {})
    except Crash:
        return True
    return judge.deviation(computed) is not None


def program_of(
    part: Sequence[Step], inputs: Sequence[int], outputs: Sequence[int], values: dict[int, Any]
) -> tuple[ClosedJaxpr, Arrays]:
    """Return steps as a traced program, and what the witness has for its inputs."""
    avals: dict[int, Any] = {}
    for step in part:
        pairs = zip(step.inputs, step.equation.invars, strict=True)
        avals |= {name: atom.aval for name, atom in pairs if isinstance(name, int)}

    def function(*arguments):
        here = dict(zip(inputs, arguments, strict=True))
        for step in part:
            read = [n.value if isinstance(n, Constant) else here[n] for n in step.inputs]
            primitive, parameters = step.equation.primitive, step.equation.params
            made = primitive.bind(*read, **primitive.get_bind_params(parameters))
            made = made if primitive.multiple_results else [made]
            here |= zip(step.outputs, made, strict=True)
        return [here[name] for name in outputs]

    shapes = [jax.ShapeDtypeStruct(avals[name].shape, avals[name].dtype) for name in inputs]
    return jax.make_jaxpr(function)(*shapes), [values[name] for name in inputs]
