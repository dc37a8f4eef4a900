"""Search for mistakes about the terms of the loss: missing, doubled, unweighted, wrongly divided.

A loss is a sum of terms, each with a factor: mean squared error plus λ times the penalty. The terms
are read from the trace. The search goes back from the value through sums, and through products with
numbers that do not depend on the parameters.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from fnn.gradcheck.compare import max_abs
from fnn.gradcheck.flat_jaxpr import Operation, Variable, is_key
from fnn.gradcheck.hypotheses.hypothesis import BackwardHypothesis, Observed, fit
from fnn.gradcheck.replay import Replay

LINEAR = frozenset(
    "reduce_sum neg convert_element_type broadcast_in_dim reshape squeeze expand_dims copy "
    "transpose rev".split()
)
"""Operations that pass on a sum, in another form or with another sign."""

SUMS = frozenset(["add", "sub", "add_any"])
PAIRING = ("sub", "add", "mul")
MOST_TERMS = 8
MOST_EXAMPLES = 512
NEAR = 1e-5  # the error of a fitted factor


# -------------------------------------------------------------------------------------------- terms


def of_terms(replay: Replay, observed: Observed) -> Iterator[BackwardHypothesis]:
    """Yield the number of times that each term of a loss of several counts.

    A factor of the only term is a pattern of every tensor. With one output and one example any
    mistake there is such a factor, so that mistakes with a name are tried before it.
    """
    terms = terms_of(replay)
    if not 2 <= len(terms) <= MOST_TERMS:
        return
    deltas = [replay.deltas[term] for term in terms]
    bases = [{term: delta} for term, delta in zip(terms, deltas, strict=True)]
    extra = fit(replay, observed, replay.right, bases)
    if extra is None:
        return
    factors = 1 + extra
    factors = np.where(np.abs(factors) < NEAR, 0.0, factors)
    is_off = np.abs(factors - 1) > NEAR
    off = np.flatnonzero(is_off).tolist()
    if not off:
        return
    errors = {}
    for i in off:
        extra_times = factors[i] - 1
        errors[terms[i]] = extra_times * deltas[i]
    cause, text = _explained(replay, observed, terms, factors, off)
    yield BackwardHypothesis(cause, text, replay.run(errors).grads)


def terms_of(replay: Replay) -> list[Variable]:
    """Return the values of which the loss is the sum, up to factors, the last computed first."""
    ends: list[Variable] = []

    def walk(variable: Variable) -> None:
        operation = replay.producer(variable)
        inputs = [] if operation is None else _passed_on(replay, operation)
        if not inputs:
            ends.append(variable)
        for each in inputs:
            walk(each)

    walk(replay.flat.outputs[0])
    deltas = replay.deltas
    different = dict.fromkeys(ends)
    # A term without a δ that is not zero does not count: it is 0 × a penalty, for example.
    return [variable for variable in different if np.any(deltas.get(variable, 0))]


def _passed_on(replay: Replay, operation: Operation) -> list[Variable]:
    """Return the inputs that an operation only adds up or multiplies by a fixed number."""
    name = operation.primitive
    inputs = operation.inputs
    dependent = [variable for variable in inputs if variable in replay.flat.dependent]
    if name in SUMS:
        return dependent
    if name in LINEAR:
        return [inputs[0]]
    if name == "mul" and len(dependent) == 1:
        fixed = next(variable for variable in inputs if variable != dependent[0])
    elif name == "div" and dependent == [inputs[0]]:
        fixed = inputs[1]
    else:
        return []
    is_number = np.ndim(replay.values[fixed]) == 0
    return dependent if is_number else []


def _explained(
    replay: Replay,
    observed: Observed,
    terms: Sequence[Variable],
    factors: np.ndarray,
    off: Sequence[int],
) -> tuple[str, str]:
    """Return the cause and a sentence about the terms that count wrongly.

    off  the numbers of these terms
    """
    parts = []
    for i in off:
        term = f"the term of the loss {_described(replay, observed, terms[i])}"
        if factors[i] == 0:
            parts.append(f"{term} is missing from the gradient")
        else:
            parts.append(f"{term} counts {_number(factors[i])} times")
    causes = {_cause(factors[i]) for i in off}
    cause = causes.pop() if len(causes) == 1 else "wrong terms"
    right = "" if len(off) == len(terms) else " The rest is right."
    return cause, f"{'; '.join(parts)}.{right}"


def _cause(factor: float) -> str:
    if factor == 0:
        return "missing term"
    return "sign" if abs(factor + 1) < NEAR else "constant factor"


def _number(factor: float) -> str:
    """Return a factor, as a fraction where it is the inverse of a whole number."""
    inverse = 1 / factor
    whole = round(inverse)
    is_whole = abs(inverse - whole) < 1e-4 * abs(inverse)
    if abs(inverse) > 1.5 and is_whole:
        return f"1/{whole}"
    return f"{factor:.6g}"


def _described(replay: Replay, observed: Observed, term: Variable) -> str:
    """Say which parameters a term depends on, and how large it is."""
    delta = replay.deltas[term]
    without = replay.run({term: -delta}).grads
    names = []
    for path, whole, rest in zip(observed.paths, replay.grads, without, strict=True):
        change = max_abs(whole - rest)
        if change > NEAR * max_abs(whole):
            names.append(path)
    value = float(np.sum(replay.values[term] * delta))
    where = ", ".join(names)
    return f"in {where} that is {value:.4g} at this point"


# ---------------------------------------------------------------------------------- example weights


def of_weights(replay: Replay, observed: Observed) -> Iterator[BackwardHypothesis]:
    """Yield examples that are weighted in the loss and count equally in the gradient."""
    for summed, axis in _sums_over_examples(replay):
        delta = replay.deltas[summed]
        for weights in _weights_of(replay, delta.shape[axis]):
            along_axis = [1] * delta.ndim
            along_axis[axis] = -1
            equal = delta / weights.reshape(along_axis)
            bases = [{summed: equal}]
            apart = {summed: -delta}
            c = fit(replay, observed, replay.right, bases, apart)
            if c is None:
                continue
            usual = float(np.mean(weights))
            is_usual = abs(c[0] - usual) < NEAR * usual
            more = "" if is_usual else f", and each counts {_number(c[0])}"
            yield BackwardHypothesis(
                "missing weights",
                f"the loss weights its {len(weights)} examples, the gradient does not{more}.",
                replay.run({summed: c[0] * equal - delta}).grads,
            )


def _sums_over_examples(replay: Replay) -> Iterator[tuple[Variable, int]]:
    """Yield the arrays that the loss sums up, with the axis, the last sum first."""
    for summed, axes in replay.sums():
        shape = replay.deltas[summed].shape
        for axis in axes:
            if 1 < shape[axis] <= MOST_EXAMPLES:
                yield summed, axis


def _weights_of(replay: Replay, n: int) -> Iterator[np.ndarray]:
    """Yield the vectors of n positive numbers that differ and multiply what depends on params."""
    for variable in _fixed_factors(replay):
        value = replay.values.get(variable)
        if value is None or is_key(value):
            continue
        vector = np.ravel(np.asarray(value))
        is_numbers = vector.size == n and vector.dtype.kind in "fiu"
        if is_numbers and np.all(vector > 0) and np.ptp(vector) > 0:
            yield vector.astype(np.float64)


def _fixed_factors(replay: Replay) -> list[Variable]:
    """Return the fixed values that multiply dependent ones, and the values that these come from."""
    dependent = replay.flat.dependent
    factors: list[Variable] = []
    for operation in replay.flat.operations:
        if operation.primitive == "mul" and dependent.intersection(operation.inputs):
            factors += [variable for variable in operation.inputs if variable not in dependent]
    for variable in factors:  # the list grows: the inputs of a factor are looked at too
        producer = replay.producer(variable)
        if producer is not None:
            factors += [each for each in producer.inputs if each not in factors]
    return factors


# --------------------------------------------------------------------------------------- broadcasts


def of_broadcasts(replay: Replay, observed: Observed) -> Iterator[BackwardHypothesis]:
    """Yield a loss that pairs every example with every other one: (n, 1) − (n,) is (n, n)."""
    for operation in replay.flat.operations:
        paired = operation.outputs[0]
        if operation.primitive not in PAIRING or paired not in replay.deltas:
            continue
        delta = replay.deltas[paired]
        shape = delta.shape
        if len(shape) != 2:
            continue
        n = shape[0]
        is_square = n > 1 and shape[1] == n
        if not is_square or not _meets_all(replay, operation):
            continue
        own_pairs = np.diag(np.diag(delta)) * n
        yield BackwardHypothesis(
            "broadcast in the loss",
            f"the loss combines arrays of shapes ({n}, 1) and ({n},) to {shape}: every example "
            "meets every target. The gradient is that of pairs. Write the loss with equal shapes, "
            "such as prediction[:, 0] − target.",
            replay.run({paired: own_pairs - delta}).grads,
        )


def _meets_all(replay: Replay, operation: Operation) -> bool:
    """Return whether one of two inputs repeats a row or a column."""
    all_values = replay.values
    values = [all_values[variable] for variable in operation.inputs if variable in all_values]
    return len(values) == 2 and any(_is_spread(value) for value in values)


def _is_spread(value: Any) -> bool:
    """Return whether a matrix repeats one row or one column."""
    array = np.asarray(value)
    if array.ndim != 2:
        return False
    repeats_row = np.all(array == array[:1])
    repeats_column = np.all(array == array[:, :1])
    return bool(repeats_row or repeats_column or min(array.shape) == 1)
