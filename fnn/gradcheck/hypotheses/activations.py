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
    yield from _derivatives(replay, [f for f in observed.functions if f.is_activation])


def of_other_derivatives(replay: Replay, observed: Observed) -> Iterator[BackwardHypothesis]:
    """Yield the same for every other operation or row of operations that works entry by entry.

    A mask's product is among them.
    """
    yield from _derivatives(replay, [f for f in observed.functions if not f.is_activation])


def _derivatives(replay: Replay, functions: Sequence[Entrywise]) -> Iterator[BackwardHypothesis]:
    for group in _groups(functions):
        where = _where(group)
        at_activation = {f.z: f.rule(f.slope_at_a) for f in group}
        yield BackwardHypothesis(
            "derivative at the activation",
            f"f′ of {where} is taken at the activation a = f(z) instead of the pre-activation z.",
            replay.with_rules(at_activation).grads,
        )
        left_out = {f.z: f.rule(np.ones_like(f.slope)) for f in group}
        yield BackwardHypothesis(
            "missing derivative",
            f"f′ of {where} is missing.",
            replay.with_rules(left_out).grads,
        )


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
        for names, terms in FORMULAS:
            c = _coefficients(replay, observed, group, terms)
            if c is None or max_abs(c) > LARGEST:
                continue
            yield BackwardHypothesis(
                "wrong derivative",
                f"f′ of {_where(group)} is computed as {_polynomial(c, names)}.",
                replay.with_rules(_formula_rules(replay, group, terms, c)).grads,
            )


def _coefficients(
    replay: Replay, observed: Observed, group: Sequence[Entrywise], terms: Terms
) -> np.ndarray | None:
    """Fit a formula to the last function of a group, where it alone changes the gradient."""
    top = max(group, key=lambda f: f.z)
    below_top = [f for f in group if f is not top]
    others = {f.z: np.ones_like(f.slope) for f in below_top}
    below = replay.run(others) if others else replay.right
    z = replay.values[top.z]
    a = replay.values[top.a]
    delta = replay.deltas[top.a]
    bases = [{top.z: delta * term} for term in terms(z, a)]
    without = {top.z: -delta * top.slope}
    return fit(replay, observed, below, bases, apart=without)


def _formula_rules(
    replay: Replay, group: Sequence[Entrywise], terms: Terms, c: np.ndarray
) -> Mapping[Variable, Rule]:
    """Return the rules by which every function of a group has the formula for its f′."""
    values = replay.values
    rules = {}
    for f in group:
        own_terms = terms(values[f.z], values[f.a])
        products = [factor * term for factor, term in zip(c, own_terms, strict=True)]
        formula = sum(products)
        rules[f.z] = f.rule(formula)
    return rules


def _polynomial(coefficients: np.ndarray, names: Sequence[str]) -> str:
    """Write a formula, such as 1 − a."""
    parts = []
    for c, name in zip(coefficients, names, strict=True):
        if abs(c) <= 1e-6:
            continue
        is_one = abs(abs(c) - 1) <= 1e-6
        size = "" if name and is_one else f"{abs(c):.4g}"
        sign = "− " if c < 0 else "+ "
        parts.append(sign + f"{size} {name}".strip())
    return " ".join(parts).removeprefix("+ ") or "0"


# ------------------------------------------------------------------------------------------- groups


def _groups(functions: Sequence[Entrywise]) -> list[list[Entrywise]]:
    """Return each function alone, then all that are made of the same steps.

    Those without the last one follow: it may belong to the loss.
    """
    alike: dict[tuple[str, ...], list[Entrywise]] = {}
    for f in functions:
        alike.setdefault((f.name, *f.steps), []).append(f)
    alone = [[f] for f in functions]
    ordered = [sorted(group, key=lambda f: f.z) for group in alike.values()]
    together = [group for group in ordered if len(group) > 1]
    without_last = [group[:-1] for group in ordered if len(group) > 2]
    return alone + together + without_last


def _where(group: Sequence[Entrywise]) -> str:
    first = group[0]
    return first.where if len(group) == 1 else f"every {first.name}"
