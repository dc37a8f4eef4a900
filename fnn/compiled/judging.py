"""Compare the outputs of a compiled program with those of the witness, up to rounding."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr

from fnn import witness
from fnn.compiled.rounding import ALLOWED, SMOOTH, Rounding, is_jump
from fnn.witness import Arithmetic, Arrays, is_real, programs_in

EVALUATIONS = 4  # with drawn rounding, at first
MORE = 20  # further evaluations where an output lies beyond the deviation that the first allow
MOST = 100  # evaluations before a program is said to be wrong
UNSURE = 4.0  # times the allowed deviation of a program with jumps: less proves nothing there
AMPLITUDES = (2.0, 0.0, 1.0, 0.25, 2.0)  # of further ones: small ones find values next to a jump
MOST_OPERATIONS = 20_000  # that the witness carries out in loops, every turn counted
MOST_NUMBERS = 3e7  # that these operations make


class TooLong(Exception):
    """The witness would carry out too many operations."""


class Turns(NamedTuple):
    """A loop, its body, and the inputs of the body in the first turn and in the last one so far."""

    loop: Any
    body: ClosedJaxpr
    first: Arrays
    last: Arrays


class Counting(Arithmetic):
    """Exact arithmetic that records the loops and stops where they have too many turns.

    bodies  loop → its turns
    """

    def __init__(self) -> None:
        self.operations = 0
        self.numbers = 0
        self.bodies: dict[int, Turns] = {}

    def results(self, equation: Any, inputs: Arrays, outputs: Arrays) -> Arrays:
        """Return the exact outputs.

        Raises `TooLong` after too many operations or numbers.
        """
        if self.bodies:
            self.operations += 1
            self.numbers += sum(np.size(output) for output in outputs)
        if self.operations > MOST_OPERATIONS:
            raise TooLong
        if self.numbers > MOST_NUMBERS:
            raise TooLong
        return super().results(equation, inputs, outputs)

    def turn(self, loop: Any, body: ClosedJaxpr, inputs: Arrays) -> None:
        """Record the inputs of a body."""
        turns = self.bodies.setdefault(id(loop), Turns(loop, body, inputs, inputs))
        self.bodies[id(loop)] = turns._replace(last=inputs)


class Deviation(NamedTuple):
    """How far an output is off.

    output  the index of the output
    times   the deviation as a multiple of the one that rounding may cause; infinity for a number
            that is not finite, and for a whole number that is not equal
    """

    output: int
    times: float


class Judge:
    """Compares outputs of a program with those of the witness, under any compiler options.

    closed     the traced program
    arguments  its inputs, in the dtypes of the trace
    exact      its outputs as the witness computes them
    """

    def __init__(self, closed: ClosedJaxpr, arguments: Sequence[Any], exact: Arrays) -> None:
        self.closed = closed
        self.arguments = arguments
        self.exact = exact
        self.has_jumps = has_jumps(closed)
        self.generator = np.random.default_rng(0)
        self.rounded: list[Arrays] = []
        self.is_unsure = False

    def deviation(self, computed: Sequence[Any]) -> Deviation | None:
        """Return the output that is off most; None where rounding explains all of them.

        First a few evaluations with drawn rounding are made. If they do not explain an output, more
        follow, with smaller and larger errors and with perturbed comparisons. Before it is said to
        be wrong, many follow: several entries may have to jump at once. Afterwards
        `is_unsure` says whether an output is off by more than the drawn rounding, but by so little
        more that this proves nothing.
        """
        pairs = zip(computed, self.exact, strict=True)
        if all(is_next_to(*pair) for pair in pairs):
            return None
        self.draw(EVALUATIONS)
        largest = self.largest(computed)
        if largest.times <= 1:
            return None
        self.draw(EVALUATIONS + MORE)
        largest = self.largest(computed)
        if largest.times > 1:
            self.draw(MOST)
            largest = self.largest(computed)
        proven = UNSURE if self.has_jumps else 1.0
        self.is_unsure = 1 < largest.times <= proven
        if largest.times > proven:
            return largest
        return None

    def draw(self, evaluations: int) -> None:
        """Evaluate with drawn rounding until this many evaluations have been made."""
        made = len(self.rounded)
        for number in range(made, evaluations):
            arithmetic = self.rounding_of(number)
            outputs = witness.evaluate_traced(self.closed, self.arguments, arithmetic)
            self.rounded.append(outputs)

    def rounding_of(self, number: int) -> Rounding:
        """Return the arithmetic of the evaluation with this number."""
        is_further = number >= EVALUATIONS
        amplitude = 1.0
        if is_further:
            turn = number % len(AMPLITUDES)
            amplitude = AMPLITUDES[turn]
        with_ties = is_further and number % 4 == 0
        all_equal = is_further and number % 4 == 2
        return Rounding(
            self.generator,
            amplitude,
            with_ties=with_ties,
            alike=number % 3 == 2,
            all_equal=all_equal,
            twice=is_further and number % 4 == 1,
            flush=bool(self.generator.integers(2)),
        )

    def largest(self, computed: Sequence[Any]) -> Deviation:
        """Return the output that is off most."""
        deviations = self.deviations(computed)
        none = Deviation(0, 0.0)
        return max(deviations, key=lambda deviation: deviation.times, default=none)

    def deviations(self, computed: Sequence[Any]) -> Iterator[Deviation]:
        """Yield the deviation of each output."""
        pairs = zip(computed, self.exact, strict=True)
        for number, (output, exact) in enumerate(pairs):
            rounded = [outputs[number] for outputs in self.rounded]
            allowed = ALLOWED if self.has_jumps else SMOOTH
            times = relative_deviation(output, exact, rounded, allowed)
            yield Deviation(number, times)


def has_jumps(closed: ClosedJaxpr) -> bool:
    """Return whether a program, or a function within it, turns small errors into jumps."""
    equations = (equation for jaxpr, _ in programs_in(closed) for equation in jaxpr.eqns)
    return any(map(is_jump, equations))


def judge_of(closed: ClosedJaxpr, arguments: Sequence[Any], arithmetic: Arithmetic) -> Judge:
    """Return the judge of a traced program; `arithmetic` is exact, and may count."""
    inputs = as_inputs(closed, arguments)
    exact = witness.evaluate_traced(closed, inputs, arithmetic)
    return Judge(closed, inputs, exact)


def as_inputs(closed: ClosedJaxpr, values: Sequence[Any]) -> list[Any]:
    """Return values of the witness as inputs of a traced program."""
    pairs = zip(values, closed.in_avals, strict=True)
    return [in_declared_dtype(value, aval) for value, aval in pairs]


def in_declared_dtype(value: Any, aval: Any) -> Any:
    """Return a value of the witness in the dtype that the trace declares; keys stay keys."""
    if witness.is_key(value):
        return value
    declared = witness.as_declared(value, aval)
    array = np.asarray(declared)
    return array.astype(aval.dtype)


def is_next_to(computed: Any, exact: Any) -> bool:
    """Return whether every entry is at most two roundings from the one of the witness."""
    if witness.is_key(exact):
        bits_computed = jax.random.key_data(computed)
        bits_exact = jax.random.key_data(exact)
        return bool(np.array_equal(bits_computed, bits_exact))
    if not is_real(computed):
        return bool(np.array_equal(computed, exact))
    limits = jnp.finfo(computed.dtype)
    computed = np.asarray(computed, np.float64)
    exact = np.asarray(exact)
    allowed = rounding_unit(exact, limits)
    with np.errstate(invalid="ignore"):
        distance = np.abs(computed - exact)
        is_close = distance <= allowed
    both_nan = np.isnan(computed) & np.isnan(exact)
    is_same = (computed == exact) | both_nan
    is_finite = np.isfinite(exact)
    is_right = (is_close & is_finite) | is_same
    return bool(np.all(is_right))


def rounding_unit(exact: np.ndarray, limits: Any) -> np.ndarray:
    """Return two roundings of each number in the dtype that `limits` (a finfo) describes."""
    epsilon = float(limits.eps)
    smallest = float(limits.tiny)
    magnitude = np.abs(exact)
    return epsilon * magnitude + smallest


def relative_deviation(
    computed: Any, exact: Any, rounded: Sequence[Any], allowed: float = ALLOWED
) -> float:
    """Return the largest deviation of an entry, as a multiple of the one that is allowed there.

    computed  an output of the compiled program
    exact     the same output as the witness computes it
    rounded   the same output of each evaluation with drawn rounding
    allowed   how many times the largest deviation of these is allowed

    Where the witness and every drawn rounding have the same infinity or NaN, so must the program.
    An entry may be anything if drawn rounding makes it infinite or, in an output of whole numbers,
    another number.
    """
    if witness.is_key(exact):
        if is_next_to(computed, exact):
            return 0.0
        return np.inf
    if not np.size(exact):
        return 0.0
    if not is_real(computed):
        return deviation_of_whole(computed, exact, rounded)
    limits = jnp.finfo(computed.dtype)
    exact = with_overflow(exact, limits)
    numbers = np.asarray(computed, np.float64)
    return deviation_of_real(numbers, exact, rounded, limits, allowed)


def deviation_of_whole(computed: Any, exact: Any, rounded: Sequence[Any]) -> float:
    """Return infinity where an entry that no drawn rounding changes is not equal, 0 elsewhere."""
    is_equal = [outputs == exact for outputs in rounded]
    is_known = np.all(is_equal, axis=0)
    numbers = np.asarray(computed)
    is_unequal = numbers != exact
    is_wrong = is_unequal & is_known
    if np.any(is_wrong):
        return np.inf
    return 0.0


def with_overflow(exact: Any, limits: Any) -> np.ndarray:
    """Return float64 numbers with infinity where the dtype of `limits` has no number as large."""
    epsilon = float(limits.eps)
    largest = float(limits.max) * (1 + epsilon)
    magnitude = np.abs(exact)
    is_beyond = magnitude > largest
    infinity = np.copysign(np.inf, exact)
    return np.where(is_beyond, infinity, exact)


def deviation_of_real(
    computed: np.ndarray,
    exact: np.ndarray,
    rounded: Sequence[Any],
    limits: Any,
    allowed: float,
) -> float:
    """Return the largest deviation of an entry, as `relative_deviation` says, for real outputs."""
    evaluations = np.array([exact, *rounded])
    is_known = np.isfinite(evaluations).all(axis=0)
    is_infinite = ~np.isfinite(computed)
    with np.errstate(invalid="ignore", over="ignore"):
        deviations = np.abs(evaluations - exact)
        spread = np.max(deviations, axis=0)
        unit = rounding_unit(exact, limits)
        deviation = np.abs(computed - exact)
        relative = deviation / (allowed * spread + unit)
    times = np.where(is_known, relative, 0.0)
    magnitude = np.abs(exact)
    is_steady = is_known & (spread <= magnitude / 4)  # beside a pole, infinity is not far
    times[is_infinite] = 0.0
    times[is_steady & is_infinite] = np.inf
    lacks_nan = misses_nan(computed, evaluations)
    lacks_infinity = misses_infinity(computed, exact, evaluations)
    times[lacks_nan | lacks_infinity] = np.inf
    return float(np.max(times))


def misses_nan(computed: np.ndarray, evaluations: np.ndarray) -> np.ndarray:
    """Return where every evaluation is NaN and the program is not."""
    is_nan = np.isnan(evaluations)
    is_always_nan = np.all(is_nan, axis=0)
    return is_always_nan & ~np.isnan(computed)


def misses_infinity(computed: np.ndarray, exact: np.ndarray, evaluations: np.ndarray) -> np.ndarray:
    """Return where every evaluation is the same infinity and the program is not."""
    is_infinite = np.isinf(evaluations)
    is_same = is_infinite & (evaluations == exact)
    is_always_same = np.all(is_same, axis=0)
    return is_always_same & (computed != exact)
