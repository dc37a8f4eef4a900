"""Search for mistakes about f′(z): left out, taken at the activation, or another formula."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from fnn.gradcheck.compare import max_abs
from fnn.gradcheck.flat_jaxpr import Variable
from fnn.gradcheck.hypotheses.entrywise import Entrywise
from fnn.gradcheck.hypotheses.hypothesis import BackwardHypothesis, Observed, fit
from fnn.gradcheck.replay import Replay, Rule

LARGEST = 1e3  # of the coefficients of a formula


def of_derivatives(replay: Replay, observed: Observed) -> Iterator[BackwardHypothesis]:
    """Yield f′ of an activation taken at a, or left out: in one place, or in all of one name."""
    functions = [f for f in observed.functions if f.is_activation]
    yield from _derivatives(replay, functions)


def of_other_derivatives(replay: Replay, observed: Observed) -> Iterator[BackwardHypothesis]:
    """Yield the same for every other operation or row of operations that works entry by entry.

    A mask's product is among them.
    """
    functions = [f for f in observed.functions if not f.is_activation]
    yield from _derivatives(replay, functions)


def _derivatives(replay: Replay, functions: Sequence[Entrywise]) -> Iterator[BackwardHypothesis]:
    for group in _groups(functions):
        where = _where(group)
        at_activation = {f.z: f.rule(f.slope_at_a) for f in group}
        gradient = replay.with_rules(at_activation).grads
        text = f"f′ of {where} is taken at the activation a = f(z) instead of the pre-activation z."
        yield BackwardHypothesis("derivative at the activation", text, gradient)
        left_out = {f.z: f.rule(np.ones_like(f.slope)) for f in group}
        gradient = replay.with_rules(left_out).grads
        text = f"f′ of {where} is missing."
        yield BackwardHypothesis("missing derivative", text, gradient)


# ----------------------------------------------------------------------------------------- formulas

Terms = Callable[[np.ndarray, np.ndarray], list[np.ndarray]]

FORMULAS: tuple[tuple[tuple[str, ...], Terms], ...] = (
    (("[z > 0]", "[z ≤ 0]"), lambda z, a: [1.0 * (z > 0), 1.0 * (z <= 0)]),
    (("", "a"), lambda z, a: [np.ones_like(a), a]),
    (("a", "a²"), lambda z, a: [a, a**2]),
    (("", "a²"), lambda z, a: [np.ones_like(a), a**2]),
    (("", "z"), lambda z, a: [np.ones_like(a), z]),
    (("", "z²"), lambda z, a: [np.ones_like(a), z**2]),
)
"""Names of terms, and the terms."""


def of_formulas(replay: Replay, observed: Observed) -> Iterator[BackwardHypothesis]:
    """Yield f′ by another formula with fitted coefficients.

    It is a polynomial in a or in z, or a constant on either side of 0.
    """
    for group in _groups(observed.functions):
        where = _where(group)
        for names, terms in FORMULAS:
            c = _coefficients(replay, observed, group, terms)
            if c is None:
                continue
            if max_abs(c) > LARGEST:
                continue
            formula = _polynomial(c, names)
            text = f"f′ of {where} is computed as {formula}."
            rules = _formula_rules(replay, group, terms, c)
            gradient = replay.with_rules(rules).grads
            yield BackwardHypothesis("wrong derivative", text, gradient)


def _coefficients(
    replay: Replay, observed: Observed, group: Sequence[Entrywise], terms: Terms
) -> np.ndarray | None:
    """Fit a formula to the last function of a group, where it alone changes the gradient."""
    top = max(group, key=lambda f: f.z)
    others = {f.z: np.ones_like(f.slope) for f in group if f is not top}
    below = replay.right
    if others:
        below = replay.run(others)
    z = replay.values[top.z]
    a = replay.values[top.a]
    delta = replay.deltas[top.a]
    products = [delta * term for term in terms(z, a)]
    bases = [{top.z: product} for product in products]
    without = -delta * top.slope
    return fit(replay, observed, below, bases, apart={top.z: without})


def _formula_rules(
    replay: Replay, group: Sequence[Entrywise], terms: Terms, c: np.ndarray
) -> Mapping[Variable, Rule]:
    """Return the rules by which every function of a group has the formula for its f′."""
    values = replay.values
    rules = {}
    for f in group:
        z = values[f.z]
        a = values[f.a]
        own_terms = terms(z, a)
        pairs = zip(c, own_terms, strict=True)
        products = [factor * term for factor, term in pairs]
        formula = sum(products)
        rules[f.z] = f.rule(formula)
    return rules


def _polynomial(coefficients: np.ndarray, names: Sequence[str]) -> str:
    """Write a formula, such as 1 − a."""
    parts = []
    for c, name in zip(coefficients, names, strict=True):
        size = abs(c)
        if size <= 1e-6:
            continue
        is_one = abs(size - 1) <= 1e-6
        factor = f"{size:.4g}"
        if name and is_one:
            factor = ""
        sign = "− " if c < 0 else "+ "
        product = f"{factor} {name}"
        parts.append(sign + product.strip())
    if not parts:
        return "0"
    formula = " ".join(parts)
    return formula.removeprefix("+ ")


# ------------------------------------------------------------------------------------------- groups


def _groups(functions: Sequence[Entrywise]) -> list[list[Entrywise]]:
    """Return each function alone, then all that are made of the same steps.

    Those without the last one follow: it may belong to the loss.
    """
    alike: dict[tuple[str, ...], list[Entrywise]] = {}
    for f in functions:
        kind = (f.name, *f.steps)
        group = alike.setdefault(kind, [])
        group.append(f)
    alone = [[f] for f in functions]
    together = []
    without_last = []
    for group in alike.values():
        ordered = sorted(group, key=lambda f: f.z)
        if len(ordered) > 1:
            together.append(ordered)
        if len(ordered) > 2:
            without_last.append(ordered[:-1])
    return alone + together + without_last


def _where(group: Sequence[Entrywise]) -> str:
    first = group[0]
    if len(group) == 1:
        return first.where
    return f"every {first.name}"
