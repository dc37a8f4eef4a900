"""Outputs of a compiled program beside those of the witness, and the rounding allowed between."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr

from fnn import witness
from fnn.compiled.rounding import ALLOWED, Rounding, is_real
from fnn.witness import Arithmetic, Arrays

EVALUATIONS = 4  # with drawn rounding, at first
MORE = 20  # where an output lies beyond what these allow
MOST = 100  # where it lies beyond that by less than UNSURE times
UNSURE = 4.0  # times what drawn rounding allows: less proves nothing, for the draws are few
AMPLITUDES = (2.0, 0.0, 1.0, 0.25, 2.0)  # of these: small ones find what happens next to a jump
MOST_OPERATIONS = 20_000  # that the witness carries out in loops, those of every turn counted
MOST_NUMBERS = 3e7  # that these operations make


class TooLong(Exception):
    """The witness would carry out too many operations."""


class Counting(Arithmetic):
    """Exact arithmetic that ends where loops have too many turns, and remembers the loops it meets.

    bodies  of each loop, by its equation: the body and what it gets in its first turn
    """

    def __init__(self) -> None:
        self.operations = 0
        self.numbers = 0
        self.bodies: dict[int, tuple[Any, ClosedJaxpr, Arrays]] = {}

    def results(self, equation: Any, inputs: Arrays, outputs: Arrays) -> Arrays:
        """Return the outputs as exact arithmetic has them."""
        if self.bodies:
            self.operations += 1
            self.numbers += sum(np.size(output) for output in outputs)
        if self.operations > MOST_OPERATIONS or self.numbers > MOST_NUMBERS:
            raise TooLong
        return super().results(equation, inputs, outputs)

    def turn(self, loop: Any, body: ClosedJaxpr, inputs: Arrays) -> None:
        """Remember what a body gets in the first turn."""
        self.bodies.setdefault(id(loop), (loop, body, inputs))


class Deviation(NamedTuple):
    """How far an output is off.

    output  its number
    times   the deviation, in multiples of what rounding may make of it; infinity for a number that
            is not finite or a whole number that is not equal
    """

    output: int
    times: float


class Judge:
    """Compares outputs of a program, however it is compiled, with those of the witness.

    closed     the traced program
    arguments  its inputs, in the dtypes of the trace
    exact      its outputs by the witness
    """

    def __init__(self, closed: ClosedJaxpr, arguments: Sequence[Any], exact: Arrays) -> None:
        self.closed = closed
        self.arguments = arguments
        self.exact = exact
        self.generator = np.random.default_rng(0)
        self.rounded: list[Arrays] = []
        self.is_unsure = False

    def deviation(self, computed: Sequence[Any]) -> Deviation | None:
        """Return the output that is off most; None where all are what rounding may make.

        Rounding is drawn a few times, and where that does not explain an output, more often, with
        smaller errors and larger ones, and with comparisons of numbers that are off. Afterwards
        `is_unsure` says whether an output is off by more than rounding was drawn, and by so little
        more that it proves nothing.
        """
        if all(is_next_to(*pair) for pair in zip(computed, self.exact, strict=True)):
            return None
        self.draw(EVALUATIONS)
        if self.largest(computed).times <= 1:
            return None
        self.draw(EVALUATIONS + MORE)
        found = self.largest(computed)
        if 1 < found.times <= UNSURE:
            self.draw(MOST)
            found = self.largest(computed)
        self.is_unsure = 1 < found.times <= UNSURE
        return found if found.times > UNSURE else None

    def draw(self, evaluations: int) -> None:
        """Evaluate with drawn rounding until there are so many evaluations."""
        for number in range(len(self.rounded), evaluations):
            amplitude = 1.0 if number < EVALUATIONS else AMPLITUDES[number % len(AMPLITUDES)]
            with_ties = number >= EVALUATIONS and number % 4 == 0
            alike, all_equal = number % 3 == 2, number >= EVALUATIONS and number % 4 == 2
            arithmetic = Rounding(self.generator, amplitude, with_ties, alike, all_equal)
            arguments = self.arguments if number % 2 else [flushed(a) for a in self.arguments]
            outputs = witness.evaluate_traced(self.closed, arguments, arithmetic)
            self.rounded.append(outputs)

    def largest(self, computed: Sequence[Any]) -> Deviation:
        """Return the output that is off most."""
        found = []
        for number, (one, exact) in enumerate(zip(computed, self.exact, strict=True)):
            rounded = [outputs[number] for outputs in self.rounded]
            found.append(Deviation(number, times_off(one, exact, rounded)))
        return max(found, key=lambda deviation: deviation.times, default=Deviation(0, 0.0))


def judge_of(closed: ClosedJaxpr, arguments: Sequence[Any], arithmetic: Arithmetic) -> Judge:
    """Return the judge of a traced program; `arithmetic` is exact, and may count."""
    arguments = as_inputs(closed, arguments)
    return Judge(closed, arguments, witness.evaluate_traced(closed, arguments, arithmetic))


def as_inputs(closed: ClosedJaxpr, values: Sequence[Any]) -> list[Any]:
    """Return values of the witness as inputs of a traced program."""
    return [declared(value, aval) for value, aval in zip(values, closed.in_avals, strict=True)]


def declared(value: Any, aval: Any) -> Any:
    """Return a value of the witness in the dtype that the trace declares, as a program gets it."""
    if witness.is_key(value):
        return value
    return np.asarray(witness.as_declared(value, aval)).astype(aval.dtype)


def flushed(value: Any) -> Any:
    """Return an input with zeros for numbers too small for its dtype, as XLA may read them."""
    if witness.is_key(value) or not is_real(value):
        return value
    return np.where(np.abs(value) < jnp.finfo(value.dtype).tiny, np.zeros_like(value), value)


def is_next_to(computed: Any, exact: Any) -> bool:
    """Return whether every entry is at most two roundings from the witness's."""
    if witness.is_key(exact):
        return bool(np.array_equal(jax.random.key_data(computed), jax.random.key_data(exact)))
    if not is_real(computed):
        return bool(np.array_equal(computed, exact))
    numbers = jnp.finfo(computed.dtype)
    computed, exact = np.asarray(computed, np.float64), np.asarray(exact)
    allowed = float(numbers.eps) * np.abs(exact) + float(numbers.tiny)
    with np.errstate(invalid="ignore"):
        close = np.abs(computed - exact) <= allowed
    same = (computed == exact) | (np.isnan(computed) & np.isnan(exact))
    return bool(np.all((close & np.isfinite(exact)) | same))


def times_off(computed: Any, exact: Any, rounded: Sequence[Any]) -> float:
    """Return the largest deviation of an entry in multiples of what is allowed there.

    Where the witness and every drawn rounding have the same infinity or NaN, so must the program.
    An entry that drawn rounding makes infinite or, where it is a whole number, another one, may be
    anything: nothing is known about it.
    """
    if witness.is_key(exact):
        return 0.0 if is_next_to(computed, exact) else np.inf
    if not np.size(exact):
        return 0.0
    if not is_real(computed):
        known = np.all([one == exact for one in rounded], axis=0)
        return np.inf if np.any((np.asarray(computed) != exact) & known) else 0.0
    numbers = jnp.finfo(computed.dtype)
    beyond = np.abs(exact) > float(numbers.max) * (1 + float(numbers.eps))
    exact = np.where(beyond, np.copysign(np.inf, exact), exact)  # as the dtype has it
    computed = np.asarray(computed, np.float64)
    sides = np.array([exact, *rounded])
    known = np.all(np.isfinite(sides), axis=0)
    with np.errstate(invalid="ignore", over="ignore"):
        spread = np.max(np.abs(sides - exact), axis=0)
        floor = float(numbers.eps) * np.abs(exact) + float(numbers.tiny)
        times = np.where(known, np.abs(computed - exact) / (ALLOWED * spread + floor), 0.0)
    steady = known & (spread <= np.abs(exact) / 4)  # beside a pole, infinity is not far
    times[~np.isfinite(computed)] = 0.0
    times[steady & ~np.isfinite(computed)] = np.inf
    all_nan = np.all(np.isnan(sides), axis=0)
    same_infinity = np.all(np.isinf(sides) & (sides == exact), axis=0)
    times[(all_nan & ~np.isnan(computed)) | (same_infinity & (computed != exact))] = np.inf
    return float(np.max(times))
