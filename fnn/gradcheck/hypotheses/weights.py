"""Search for one tensor's gradient that is put together from the wrong arrays.

The gradient of a weight is dW = δ vᵀ, with another δ or another v by mistake; that of a bias is
db = Σ δ, with another δ. Every δ of the backward pass and every value of the forward pass is known,
so all such products are tried. Each is compared through random projections first, and computed only
if it passes there.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from fnn.gradcheck.compare import max_abs, reproduces
from fnn.gradcheck.flat_jaxpr import Variable
from fnn.gradcheck.hypotheses.hypothesis import Observed
from fnn.gradcheck.hypotheses.products import gradient_of_factor, products
from fnn.gradcheck.records import Hypothesis
from fnn.gradcheck.replay import Replay

Candidate = tuple[Hypothesis, np.ndarray]
"""A hypothesis with the gradient of the tensor that it makes."""


def assembled(replay: Replay, observed: Observed, leaf: int, closeness: float) -> Hypothesis | None:
    """Return the wrong arrays that make up the given gradient of a leaf, if there are any.

    A leaf may enter the loss twice, as in a product and in a penalty. Then the other part is taken
    to be right.
    """
    given = observed.given[leaf]
    right = replay.grads[leaf]
    if not np.any(given):
        return None
    slack = np.max(observed.slack[leaf])
    error = max_abs(given - right)
    targets = [given]
    for part in _parts(replay, leaf):
        rest = right - part
        targets.append(given - rest)
    for target in targets:
        for hypothesis, candidate in _candidates(replay, target):
            if candidate.shape != target.shape:
                continue
            if reproduces(target, candidate, slack, error, closeness):
                return hypothesis
    return None


def _parts(replay: Replay, leaf: int) -> Iterator[np.ndarray]:
    """Yield the contribution of each product to the gradient of a leaf, if it is not all of it."""
    whole = replay.grads[leaf]
    variable = replay.flat.leaves[leaf]
    for product in products(replay, of_parameters=True):
        part = gradient_of_factor(replay, product)
        if product.a == variable and np.any(part != whole):
            yield part


def _candidates(replay: Replay, given: np.ndarray) -> Iterator[Candidate]:
    leaves = replay.flat.leaves
    deltas = {key: delta for key, delta in replay.deltas.items() if key not in leaves}
    if given.ndim == 2:
        yield from _products(replay, deltas, given)
    for variable, delta in deltas.items():
        value_name = name(replay, variable)
        text = f"δ of {value_name}"
        yield from _copies(delta, given, text)
        yield from _sums(delta, given, text)
    if given.ndim == 1:
        for variable, delta in deltas.items():
            yield from _weighted_sums(replay, variable, delta)


# ----------------------------------------------------------------------------------------- products


class _Projections(NamedTuple):
    """Random vectors on both sides of a matrix, and its products with them."""

    r: np.ndarray
    s: np.ndarray
    right: np.ndarray
    left: np.ndarray

    def agree(self, delta: np.ndarray, value: np.ndarray) -> bool:
        """Return whether δ vᵀ has the same products, without computing it."""
        turned = value.T
        from_right = delta @ (turned @ self.r)
        if not _near(from_right, self.right):
            return False
        from_left = (self.s @ delta) @ turned
        return _near(from_left, self.left)


def _projections(matrix: np.ndarray) -> _Projections:
    rng = np.random.default_rng(0)
    rows, columns = matrix.shape
    r = rng.normal(size=(columns,))
    s = rng.normal(size=(rows,))
    right = matrix @ r
    left = s @ matrix
    return _Projections(r, s, right, left)


def _products(
    replay: Replay, deltas: dict[Variable, np.ndarray], given: np.ndarray
) -> Iterator[Candidate]:
    """Yield the products δ vᵀ that equal the given matrix, with either turned."""
    projections = _projections(given)
    rows, columns = given.shape
    for delta_variable, delta in deltas.items():
        for D in _both_ways(delta):
            if D.shape[0] != rows:
                continue
            shape = (columns, D.shape[1])
            for variable, V in _matrices(replay, shape):
                if not projections.agree(D, V):
                    continue
                names = _pair(replay, delta_variable, variable)
                text = f"it is δ vᵀ with {names}: another pair belongs there."
                hypothesis = Hypothesis("wrong layer input", text)
                yield hypothesis, D @ V.T


def _matrices(replay: Replay, shape: tuple[int, int]) -> Iterator[tuple[Variable, np.ndarray]]:
    """Yield the matrices of the forward pass that have a shape, with either turned."""
    for variable, value in _values(replay):
        for matrix in _both_ways(value):
            if matrix.shape == shape:
                yield variable, matrix


def _both_ways(array: np.ndarray) -> tuple[np.ndarray, ...]:
    if np.ndim(array) != 2:
        return ()
    return (array, array.T)


def _near(first: np.ndarray, second: np.ndarray) -> bool:
    sizes = np.abs(second)
    largest = np.max(sizes, initial=1e-300)
    distance = max_abs(first - second)
    return bool(distance <= 1e-6 * largest)


# -------------------------------------------------------------------------------------- δ by itself


def _copies(delta: np.ndarray, given: np.ndarray, text: str) -> Iterator[Candidate]:
    """Yield δ itself, and turned, in the place of a matrix."""
    if given.ndim != 2:
        return
    if delta.size != given.size:
        return
    hypothesis = Hypothesis(
        "wrong layer input", f"it is {text} itself: the factor aᵀ of the layer's input is left out."
    )
    yield hypothesis, delta
    yield hypothesis, delta.T


def _sums(delta: np.ndarray, given: np.ndarray, text: str) -> Iterator[Candidate]:
    """Yield sums of δ, and one example of it, in the place of a vector or a number."""
    if given.ndim != 1 and given.size != 1:
        return
    total = np.full(given.shape, delta.sum())
    if given.ndim == 1:
        for axis in range(delta.ndim):
            yield from _sums_over(delta, axis, text)
        words = f"it is the sum of {text} over every axis."
        yield Hypothesis("wrong axis", words), total
    else:
        words = f"it is the sum of {text}: the factor aᵀ of the layer's input is left out."
        yield Hypothesis("wrong layer input", words), total


def _sums_over(delta: np.ndarray, axis: int, text: str) -> Iterator[Candidate]:
    lines = np.moveaxis(delta, axis, 0)
    total = lines.sum(axis=0)
    words = f"it is {text} summed over axis {axis}."
    yield Hypothesis("wrong axis", words), total
    last = len(lines) - 1
    for i in (0, last):
        words = f"it is {text} at {i} of axis {axis} alone, not summed."
        hypothesis = Hypothesis("wrong examples", words)
        yield hypothesis, lines[i]


def _weighted_sums(
    replay: Replay, delta_variable: Variable, delta: np.ndarray
) -> Iterator[Candidate]:
    """Yield Σ δ ⊙ v over either axis, for every value v of the shape of δ."""
    if delta.ndim != 2:
        return
    for variable, value in _values(replay):
        if value.shape != delta.shape:
            continue
        names = _pair(replay, delta_variable, variable)
        text = f"it is Σ δ ⊙ v, {names}: another v belongs there."
        hypothesis = Hypothesis("wrong layer input", text)
        product = delta * value
        yield hypothesis, product.sum(0)
        yield hypothesis, product.sum(1)


# ------------------------------------------------------------------------------------------- values


def _values(replay: Replay) -> Iterator[tuple[Variable, np.ndarray]]:
    """Yield the floating-point arrays of the forward pass."""
    for variable, value in replay.values.items():
        if not isinstance(value, np.ndarray):
            continue
        is_floating = value.dtype.kind == "f"
        if is_floating and value.ndim:
            yield variable, value


def _pair(replay: Replay, delta_variable: Variable, variable: Variable) -> str:
    """Return the names of a δ and a value for explanations."""
    delta_name = name(replay, delta_variable)
    value_name = name(replay, variable)
    return f"δ of {delta_name} and v {value_name}"


def name(replay: Replay, variable: Variable) -> str:
    """Return the name of a value for explanations."""
    shape = np.shape(replay.values[variable])
    if variable in replay.flat.leaves:
        return f"a parameter of shape {shape}"
    operation = replay.producer(variable)
    if operation is None:
        return f"a constant of shape {shape}"
    return f"the result of {operation.name}, of shape {shape}"
