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
    """Yield the number of times that each term of a loss of several counts."""
    terms = terms_of(replay)
    if not 2 <= len(terms) <= MOST_TERMS:
        return
    deltas = [replay.deltas[term] for term in terms]
    pairs = zip(terms, deltas, strict=True)
    bases = [{term: delta} for term, delta in pairs]
    extra = fit(replay, observed, replay.right, bases)
    if extra is None:
        return
    factors = 1 + extra
    is_missing = np.abs(factors) < NEAR
    factors = np.where(is_missing, 0.0, factors)
    is_off = np.abs(factors - 1) > NEAR
    off = np.flatnonzero(is_off).tolist()
    if not off:
        return
    errors = {}
    for i in off:
        term = terms[i]
        extra_times = factors[i] - 1
        errors[term] = extra_times * deltas[i]
    cause, text = _explained(replay, observed, terms, factors, off)
    gradient = replay.run(errors).grads
    yield BackwardHypothesis(cause, text, gradient)


def of_factor(replay: Replay, observed: Observed) -> Iterator[BackwardHypothesis]:
    """Yield the number of times that a loss of one term counts.

    With one output and one example every mistake at the end of the network is such a factor, so
    that mistakes without a fitted number are tried before it.
    """
    terms = terms_of(replay)
    if len(terms) != 1:
        return
    term = terms[0]
    delta = replay.deltas[term]
    extra = fit(replay, observed, replay.right, [{term: delta}])
    if extra is None:
        return
    factor = 1 + extra[0]
    if abs(factor) < NEAR or abs(factor - 1) < NEAR:
        return
    text = f"hand-written = {_number(factor)} × truth, in every tensor."
    gradient = replay.run({term: extra[0] * delta}).grads
    yield BackwardHypothesis(_cause(factor), text, gradient)


def terms_of(replay: Replay) -> list[Variable]:
    """Return the values of which the loss is the sum, up to factors, the last computed first."""
    ends: list[Variable] = []

    def walk(variable: Variable) -> None:
        operation = replay.producer(variable)
        inputs = []
        if operation is not None:
            inputs = _passed_on(replay, operation)
        if not inputs:
            ends.append(variable)
        for each in inputs:
            walk(each)

    loss = replay.flat.outputs[0]
    walk(loss)
    different = dict.fromkeys(ends)
    return [variable for variable in different if _counts(replay, variable)]


def _counts(replay: Replay, variable: Variable) -> bool:
    """Return whether a term has a δ that is not zero, as 0 × a penalty has not."""
    delta = replay.deltas.get(variable)
    if delta is None:
        return False
    return bool(np.any(delta))


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
    factor = replay.values[fixed]
    if np.ndim(factor) == 0:
        return dependent
    return []


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
    causes = set()
    for i in off:
        factor = factors[i]
        described = _described(replay, observed, terms[i])
        term = f"the term of the loss {described}"
        causes.add(_cause(factor))
        if factor == 0:
            parts.append(f"{term} is missing from the gradient")
        else:
            parts.append(f"{term} counts {_number(factor)} times")
    cause = causes.pop() if len(causes) == 1 else "wrong terms"
    text = "; ".join(parts)
    if len(off) == len(terms):
        return cause, f"{text}."
    return cause, f"{text}. The rest is right."


def _cause(factor: float) -> str:
    if factor == 0:
        return "missing term"
    is_turned = abs(factor + 1) < NEAR
    if is_turned:
        return "sign"
    return "constant factor"


def _number(factor: float) -> str:
    """Return a factor, as a fraction where it is the inverse of a whole number."""
    inverse = 1 / factor
    size = abs(inverse)
    whole = round(inverse)
    rest = abs(inverse - whole)
    is_whole = rest < 1e-4 * size
    if is_whole and size > 1.5:
        return f"1/{whole}"
    return f"{factor:.6g}"


def _described(replay: Replay, observed: Observed, term: Variable) -> str:
    """Say which parameters a term depends on, and how large it is."""
    delta = replay.deltas[term]
    without = replay.run({term: -delta}).grads
    names = []
    for path, whole, rest in zip(observed.paths, replay.grads, without, strict=True):
        change = max_abs(whole - rest)
        size = max_abs(whole)
        if change > NEAR * size:
            names.append(path)
    products = replay.values[term] * delta
    value = float(np.sum(products))
    where = ", ".join(names)
    return f"in {where} that is {value:.4g} at this point"


# ---------------------------------------------------------------------------------- example weights


def of_weights(replay: Replay, observed: Observed) -> Iterator[BackwardHypothesis]:
    """Yield examples that are weighted in the loss and count equally in the gradient."""
    for summed, axis in _sums_over_examples(replay):
        delta = replay.deltas[summed]
        examples = delta.shape[axis]
        along_axis = [1] * delta.ndim
        along_axis[axis] = -1
        apart = {summed: -delta}
        for weights in _weights_of(replay, examples):
            equal = delta / weights.reshape(along_axis)
            bases = [{summed: equal}]
            coefficients = fit(replay, observed, replay.right, bases, apart)
            if coefficients is None:
                continue
            each = coefficients[0]
            text = _equally_weighted(weights, each)
            error = each * equal - delta
            gradient = replay.run({summed: error}).grads
            yield BackwardHypothesis("missing weights", text, gradient)


def _equally_weighted(weights: np.ndarray, each: float) -> str:
    """Return a sentence about examples of different weights that count equally."""
    examples = len(weights)
    usual = float(np.mean(weights))
    deviation = abs(each - usual)
    text = f"the loss weights its {examples} examples, the gradient does not"
    if deviation < NEAR * usual:
        return f"{text}."
    return f"{text}, and each counts {_number(each)}."


def _sums_over_examples(replay: Replay) -> Iterator[tuple[Variable, int]]:
    """Yield the arrays that the loss sums up, with the axis, the last sum first."""
    for summed, axes in replay.sums():
        shape = replay.deltas[summed].shape
        for axis in axes:
            length = shape[axis]
            if 1 < length <= MOST_EXAMPLES:
                yield summed, axis


def _weights_of(replay: Replay, n: int) -> Iterator[np.ndarray]:
    """Yield the vectors of n positive numbers that differ and multiply what depends on params."""
    for variable in _fixed_factors(replay):
        value = replay.values.get(variable)
        if value is None or is_key(value):
            continue
        array = np.asarray(value)
        vector = np.ravel(array)
        is_numbers = vector.size == n and vector.dtype.kind in "fiu"
        if not is_numbers:
            continue
        if np.all(vector > 0) and np.ptp(vector) > 0:
            yield vector.astype(np.float64)


def _fixed_factors(replay: Replay) -> list[Variable]:
    """Return the fixed values that multiply dependent ones, and the values that these come from."""
    dependent = replay.flat.dependent
    factors: list[Variable] = []
    for operation in replay.flat.operations:
        inputs = operation.inputs
        if operation.primitive == "mul" and dependent.intersection(inputs):
            factors += [variable for variable in inputs if variable not in dependent]
    for variable in factors:  # the list grows: the inputs of a factor are looked at too
        producer = replay.producer(variable)
        if producer is not None:
            factors += [each for each in producer.inputs if each not in factors]
    return factors


# --------------------------------------------------------------------------------------- broadcasts


def of_broadcasts(replay: Replay, observed: Observed) -> Iterator[BackwardHypothesis]:
    """Yield a loss that pairs every example with every other one: (n, 1) − (n,) is (n, n)."""
    for operation in replay.flat.operations:
        if operation.primitive not in PAIRING:
            continue
        paired = operation.outputs[0]
        if paired not in replay.deltas:
            continue
        delta = replay.deltas[paired]
        shape = delta.shape
        if len(shape) != 2:
            continue
        n, columns = shape
        if n < 2 or columns != n:
            continue
        if not _meets_all(replay, operation):
            continue
        own = np.diag(delta)
        own_pairs = np.diag(own) * n
        error = own_pairs - delta
        gradient = replay.run({paired: error}).grads
        yield BackwardHypothesis(
            "broadcast in the loss",
            f"the loss combines arrays of shapes ({n}, 1) and ({n},) to {shape}: every example "
            "meets every target. The gradient is that of pairs. Write the loss with equal shapes, "
            "such as prediction[:, 0] − target.",
            gradient,
        )


def _meets_all(replay: Replay, operation: Operation) -> bool:
    """Return whether one of two inputs repeats a row or a column."""
    all_values = replay.values
    values = [all_values[variable] for variable in operation.inputs if variable in all_values]
    if len(values) != 2:
        return False
    return any(_is_spread(value) for value in values)


def _is_spread(value: Any) -> bool:
    """Return whether a matrix repeats one row or one column."""
    array = np.asarray(value)
    if array.ndim != 2:
        return False
    if min(array.shape) == 1:
        return True
    first_row = array[:1]
    first_column = array[:, :1]
    repeats_row = np.all(array == first_row)
    repeats_column = np.all(array == first_column)
    return bool(repeats_row or repeats_column)
