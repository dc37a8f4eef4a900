"""Find the smallest part of a traced program that is computed wrongly, by bisection.

The program is first flattened: the functions that it calls are written out in place, so that it is
a list of operations. Each part of this list is a program too. Its inputs are the values that the
witness computed before it, and its outputs are the values that are needed after it.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import count
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

    An input that is a constant of the program is a `Constant` instead of a number.
    """

    equation: Any
    inputs: tuple[Any, ...]
    outputs: tuple[int, ...]


class Constant(NamedTuple):
    """A value that is part of the program."""

    value: Any


class FlatProgram(NamedTuple):
    """A program without calls: its steps, and the numbers of its inputs and outputs."""

    steps: list[Step]
    inputs: tuple[int, ...]
    outputs: tuple[Any, ...]


def flatten(closed: ClosedJaxpr) -> FlatProgram:
    """Return a traced program as a list of operations that call no function but loops."""
    flattening = Flattening()
    inputs = flattening.new_numbers(closed.jaxpr.invars)
    outputs = flattening.write(closed.jaxpr, closed.consts, inputs)
    return FlatProgram(flattening.steps, tuple(inputs), tuple(outputs))


class Flattening:
    """Writes out a program and the functions that it calls.

    steps  the operations that are written so far
    """

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.numbers = count()

    def new_numbers(self, variables: Sequence[Any]) -> list[int]:
        """Return a new number for each variable."""
        return [next(self.numbers) for _ in variables]

    def write(self, jaxpr: Jaxpr, constants: Sequence[Any], inputs: Sequence[Any]) -> list[Any]:
        """Write out a function.

        inputs  the number or the `Constant` of each input

        Returns the number or the `Constant` of each output.
        """
        wrapped = [Constant(constant) for constant in constants]
        names: dict[Any, Any] = {}
        names |= zip(jaxpr.constvars, wrapped, strict=True)
        names |= zip(jaxpr.invars, inputs, strict=True)
        for equation in jaxpr.eqns:
            read = names_of(equation.invars, names)
            called = function_called_by(equation)
            if called is not None:
                made = self.write(called.jaxpr, called.consts, read)
            else:
                made = self.new_numbers(equation.outvars)
                step = Step(equation, tuple(read), tuple(made))
                self.steps.append(step)
            names |= zip(equation.outvars, made, strict=True)
        return names_of(jaxpr.outvars, names)


def names_of(atoms: Sequence[Any], names: dict[Any, Any]) -> list[Any]:
    """Return the number or the `Constant` of each atom of a trace."""
    names_of_atoms = []
    for atom in atoms:
        if isinstance(atom, Literal):
            value = np.asarray(atom.val, witness.dtype_of(atom))
            names_of_atoms.append(Constant(value))
        else:
            names_of_atoms.append(names[atom])
    return names_of_atoms


def function_called_by(equation: Any) -> ClosedJaxpr | None:
    """Return the function that an operation calls; None for a loop, which stays one operation."""
    if equation.primitive.name in witness.LOOPS:
        return None
    return witness.called_by(equation)


def smallest_wrong_part(
    closed: ClosedJaxpr, arguments: Sequence[Any], deviation: Deviation | None, run: Run
) -> list[Any]:
    """Return the equations of the smallest part that is computed wrongly by itself.

    deviation  the deviation of the whole program; None where it crashes
    run        compiles and runs a program

    Returns [] where no part is wrong by itself, for example when only the whole is fused in a way
    that is wrong.
    """
    program = flatten(closed)
    wanted = program.outputs
    if deviation is not None:
        wanted = (wanted[deviation.output],)
    steps = steps_behind(wanted, program.steps)
    values = values_of(program, steps, arguments)

    def is_wrong(first: int, last: int) -> bool:
        part = steps[first:last]
        after = steps[last:]
        needed = numbers_in(wanted)
        needed |= numbers_read_by(after)
        return part_is_wrong(part, needed, values, run)

    if not steps or not is_wrong(0, len(steps)):
        return []
    last = least(lambda end: is_wrong(0, end), 1, len(steps))
    length = least(lambda length: is_wrong(last - length, last), 1, last)
    return [step.equation for step in steps[last - length : last]]


def least(holds: Callable[[int], bool], low: int, high: int) -> int:
    """Return the least number from low to high for which a condition holds.

    It holds for high. It is taken to hold for every number above one for which it holds.
    """
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle + 1
    return high


def numbers_in(names: Sequence[Any]) -> dict[int, None]:
    """Return the numbers among the names of values, in order, without the constants."""
    return dict.fromkeys(name for name in names if isinstance(name, int))


def numbers_read_by(steps: Sequence[Step]) -> dict[int, None]:
    """Return the numbers of the values that steps read, in order."""
    return numbers_in([name for step in steps for name in step.inputs])


def steps_behind(wanted: Sequence[Any], steps: Sequence[Step]) -> list[Step]:
    """Return the steps that the wanted values depend on."""
    needed = set(numbers_in(wanted))
    kept = []
    for step in reversed(steps):
        if needed & set(step.outputs):
            kept.append(step)
            needed |= set(numbers_in(step.inputs))
    return kept[::-1]


def values_of(
    program: FlatProgram, steps: Sequence[Step], arguments: Sequence[Any]
) -> dict[int, Any]:
    """Return every value that the witness computes, by its number."""
    inputs = [witness.in_float64(argument) for argument in arguments]
    values = dict(zip(program.inputs, inputs, strict=True))

    def value_of(name: Any) -> Any:
        if isinstance(name, Constant):
            return witness.in_float64(name.value)
        return values[name]

    with jax.enable_x64(True), np.errstate(all="ignore"):
        for step in steps:
            read = [value_of(name) for name in step.inputs]
            made = witness.evaluate_equation(step.equation, read, EXACT)
            values |= zip(step.outputs, made, strict=True)
    return values


def part_is_wrong(
    part: Sequence[Step], needed: dict[int, None], values: dict[int, Any], run: Run
) -> bool:
    """Return whether a part, compiled as a program, is computed wrongly.

    needed  the numbers of the values that are used after the part
    values  the values that the witness computes, by number
    """
    made = dict.fromkeys(number for step in part for number in step.outputs)
    inputs = [number for number in numbers_read_by(part) if number not in made]
    outputs = [number for number in made if number in needed]
    if not outputs:
        return False
    closed = program_of(part, inputs, outputs)
    arguments = [values[number] for number in inputs]
    judge = judge_of(closed, arguments, EXACT)
    try:
        computed = run(closed, judge.arguments, {})
    except Crash:
        return True
    return judge.deviation(computed) is not None


def program_of(part: Sequence[Step], inputs: Sequence[int], outputs: Sequence[int]) -> ClosedJaxpr:
    """Return steps as a traced program with these inputs and outputs."""
    avals = dict(avals_read_by(part))
    shapes = []
    for number in inputs:
        aval = avals[number]
        shapes.append(jax.ShapeDtypeStruct(aval.shape, aval.dtype))

    def function(*arguments):
        values = dict(zip(inputs, arguments, strict=True))
        for step in part:
            made = outputs_of_step(step, values)
            values |= zip(step.outputs, made, strict=True)
        return [values[number] for number in outputs]

    return jax.make_jaxpr(function)(*shapes)


def avals_read_by(part: Sequence[Step]) -> Iterator[tuple[int, Any]]:
    """Yield the number, shape and dtype of each value that a part reads."""
    for step in part:
        pairs = zip(step.inputs, step.equation.invars, strict=True)
        for name, atom in pairs:
            if isinstance(name, int):
                yield name, atom.aval


def outputs_of_step(step: Step, values: dict[int, Any]) -> Arrays:
    """Return the outputs of one operation as JAX traces it."""
    read = []
    for name in step.inputs:
        is_constant = isinstance(name, Constant)
        read.append(name.value if is_constant else values[name])
    primitive = step.equation.primitive
    parameters = primitive.get_bind_params(step.equation.params)
    made = primitive.bind(*read, **parameters)
    return made if primitive.multiple_results else [made]
