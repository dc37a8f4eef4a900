"""Mistakes about the terms of the loss: missing, doubled, unweighted, divided by another number.

A loss is a sum of terms, each with a factor: mean squared error plus λ times the penalty. The terms
are read from the trace, going back from the value through sums and through products with what does
not depend on the parameters.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from fnn.gradcheck.flat_jaxpr import Operation, Variable, is_key
from fnn.gradcheck.hypotheses.hypothesis import BackwardHypothesis, Observed, fit
from fnn.gradcheck.replay import Replay

LINEAR = frozenset(
    "reduce_sum neg convert_element_type broadcast_in_dim reshape squeeze expand_dims copy "
    "transpose rev".split()
)
"""Operations that pass on a sum as it is, or turned round."""

SUMS = frozenset(["add", "sub", "add_any"])
MOST_TERMS = 8
MOST_EXAMPLES = 512
NEAR = 1e-5  # of a factor that was fitted


def of_terms(replay: Replay, observed: Observed) -> Iterator[BackwardHypothesis]:
    """Every term of the loss counts some number of times; right ones once."""
    terms = terms_of(replay)
    if not 1 <= len(terms) <= MOST_TERMS:
        return
    bases = [{term: replay.right.deltas[term]} for term in terms]
    extra = fit(replay, observed, replay.right, bases)
    if extra is None:
        return
    factors = 1 + extra
    factors = np.where(np.abs(factors) < NEAR, 0.0, factors)
    off = [i for i, factor in enumerate(factors) if abs(factor - 1) > NEAR]
    if not off:
        return
    errors = {terms[i]: (factors[i] - 1) * bases[i][terms[i]] for i in off}
    yield BackwardHypothesis(
        *_said(replay, observed, terms, factors, off), replay.run(errors).grads
    )


def terms_of(replay: Replay) -> list[Variable]:
    """Return the values of which the loss is the sum, up to factors, the last computed first."""
    by_output = {n: step for step in replay.flat.operations for n in step.outputs}
    found: list[Variable] = []

    def walk(number: Variable) -> None:
        step = by_output.get(number)
        inputs = [] if step is None else _passed_on(replay, step)
        if not inputs:
            found.append(number)
        for each in inputs:
            walk(each)

    walk(replay.flat.outputs[0])
    deltas = replay.right.deltas
    return [n for n in dict.fromkeys(found) if n in deltas and np.any(deltas[n])]  # 0 × a penalty


def _passed_on(replay: Replay, step: Operation) -> list[Variable]:
    """Return the values that a step only adds up or multiplies by a fixed number."""
    name = step.equation.primitive.name
    dependent = [n for n in step.inputs if n in replay.flat.dependent]
    if name in SUMS:
        return dependent
    if name in LINEAR:
        return [step.inputs[0]]
    if name == "mul" and len(dependent) == 1:
        other = next(n for n in step.inputs if n != dependent[0])
        return dependent if np.ndim(replay.right.values[other]) == 0 else []
    if name == "div" and dependent == [step.inputs[0]]:
        return dependent if np.ndim(replay.right.values[step.inputs[1]]) == 0 else []
    return []


def _said(
    replay: Replay,
    observed: Observed,
    terms: Sequence[Variable],
    factors: np.ndarray,
    off: Sequence[int],
) -> tuple[str, str]:
    """Return the cause and the sentence about the terms that count wrongly."""
    if len(terms) == 1:
        return _factor_of(factors[0], "hand-written = {factor} × truth, in every tensor.")
    parts = []
    for i in off:
        which = f"the term of the loss {_described(replay, observed, terms[i])}"
        if factors[i] == 0:
            parts.append(f"{which} is missing from the gradient")
        else:
            parts.append(f"{which} counts {_number(factors[i])} times")
    causes = {_cause(factors[i]) for i in off}
    right = "" if len(off) == len(terms) else " The rest is right."
    cause = causes.pop() if len(causes) == 1 else "wrong terms"
    return cause, f"{'; '.join(parts)}.{right}"


def _factor_of(factor: float, sentence: str) -> tuple[str, str]:
    return _cause(factor), sentence.format(factor=_number(factor))


def _cause(factor: float) -> str:
    if factor == 0:
        return "missing term"
    return "sign" if abs(factor + 1) < NEAR else "constant factor"


def _number(factor: float) -> str:
    """Return a factor, as a fraction where it is one of a whole number."""
    inverse = 1 / factor
    if abs(inverse) > 1.5 and abs(inverse - round(inverse)) < 1e-4 * abs(inverse):
        return f"1/{round(inverse)}"
    return f"{factor:.6g}"


def _described(replay: Replay, observed: Observed, term: Variable) -> str:
    """Return which parameters a term depends on, and how large it is."""
    delta = replay.right.deltas[term]
    without = replay.run({term: -delta}).grads
    names = [
        path
        for path, whole, rest in zip(observed.paths, replay.right.grads, without, strict=True)
        if np.max(np.abs(whole - rest), initial=0.0) > NEAR * np.max(np.abs(whole), initial=0.0)
    ]
    value = float(np.sum(replay.right.values[term] * delta))
    return f"in {', '.join(names)} that is {value:.4g} at this point"


def of_weights(replay: Replay, observed: Observed) -> Iterator[BackwardHypothesis]:
    """The examples are weighted in the loss, and count equally in the gradient."""
    for summed, axis in _sums_over_examples(replay):
        delta = replay.right.deltas[summed]
        for weights in _weights_of(replay, delta.shape[axis]):
            along = [-1 if each == axis else 1 for each in range(delta.ndim)]
            equal = {summed: delta / weights.reshape(along)}
            c = fit(replay, observed, replay.right, [equal], apart={summed: -delta})
            if c is None:
                continue
            usual = float(np.mean(weights))
            left = "" if abs(c[0] - usual) < NEAR * usual else f", and each counts {_number(c[0])}"
            yield BackwardHypothesis(
                "missing weights",
                f"the loss weights its {len(weights)} examples, the gradient does not{left}.",
                replay.run({summed: c[0] * equal[summed] - delta}).grads,
            )


def _sums_over_examples(replay: Replay) -> Iterator[tuple[Variable, int]]:
    """Yield what the loss sums up, with the axis, the last sum first."""
    for step in reversed(replay.flat.operations):
        if step.equation.primitive.name == "reduce_sum" and step.inputs[0] in replay.right.deltas:
            shape = replay.right.deltas[step.inputs[0]].shape
            for axis in step.equation.params["axes"]:
                if 1 < shape[axis] <= MOST_EXAMPLES:
                    yield step.inputs[0], axis


def _weights_of(replay: Replay, n: int) -> Iterator[np.ndarray]:
    """Yield the vectors of n positive numbers that differ and multiply what depends on params."""
    for number in _factors(replay):
        value = replay.right.values.get(number)
        if value is None or is_key(value):
            continue
        vector = np.ravel(np.asarray(value))
        is_numbers = vector.size == n and vector.dtype.kind in "fiu"
        if is_numbers and np.all(vector > 0) and np.ptp(vector) > 0:
            yield vector.astype(np.float64)


def _factors(replay: Replay) -> list[Variable]:
    """Return what is multiplied with something that depends on params, and what that is made of."""
    fixed = {n: step for step in replay.flat.operations for n in step.outputs}
    dependent = replay.flat.dependent
    found: list[Variable] = []
    for step in replay.flat.operations:
        if step.equation.primitive.name == "mul" and dependent.intersection(step.inputs):
            found += [n for n in step.inputs if n not in dependent]
    for number in found:  # it grows: what a factor is made of is looked at too
        if number in fixed:
            found += [n for n in fixed[number].inputs if n not in found]
    return found


def of_broadcasts(replay: Replay, observed: Observed) -> Iterator[BackwardHypothesis]:
    """The loss pairs every example with every other one: (n, 1) − (n,) is (n, n)."""
    for step in replay.flat.operations:
        pair = [replay.right.values[n] for n in step.inputs if n in replay.right.values]
        out = step.outputs[0]
        if (
            step.equation.primitive.name not in ("sub", "add", "mul")
            or out not in replay.right.deltas
        ):
            continue
        shape = replay.right.deltas[out].shape
        if len(shape) != 2 or shape[0] != shape[1] or shape[0] < 2 or len(pair) != 2:
            continue
        if not any(_is_spread(value) for value in pair):
            continue
        delta, n = replay.right.deltas[out], shape[0]
        paired = np.diag(np.diag(delta)) * n
        yield BackwardHypothesis(
            "broadcast in the loss",
            f"the loss combines arrays of shapes ({n}, 1) and ({n},) to {shape}: every example "
            "meets every target. The gradient is that of pairs. Write the loss with equal shapes, "
            "such as prediction[:, 0] − target.",
            replay.run({out: paired - delta}).grads,
        )


def _is_spread(value: Any) -> bool:
    """Return whether a square array repeats one row or one column."""
    array = np.asarray(value)
    return array.ndim == 2 and bool(
        np.all(array == array[:1]) or np.all(array == array[:, :1]) or min(array.shape) == 1
    )
