"""Mistakes about f′(z): left out, taken at the activation, or another formula."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from fnn.gradcheck.hypotheses.entrywise import Entrywise
from fnn.gradcheck.hypotheses.hypothesis import BackwardHypothesis, Observed, fit
from fnn.gradcheck.replay import Replay


def of_derivatives(replay: Replay, observed: Observed) -> Iterator[BackwardHypothesis]:
    """f′ of an activation taken at a, or left out, in one place or in all of the same name."""
    yield from _derivatives(replay, [f for f in observed.functions if f.is_activation])


def of_other_derivatives(replay: Replay, observed: Observed) -> Iterator[BackwardHypothesis]:
    """The same for every operation or row of operations that works entry by entry, a mask's product
    among them.
    """
    yield from _derivatives(replay, [f for f in observed.functions if not f.is_activation])


def _derivatives(replay: Replay, known: Sequence[Entrywise]) -> Iterator[BackwardHypothesis]:
    for group in _groups(known):
        where = group[0].where if len(group) == 1 else f"every {group[0].name}"
        yield BackwardHypothesis(
            "derivative at the activation",
            f"f′ of {where} is taken at the activation a = f(z) instead of the pre-activation z.",
            replay.with_rules(
                {k: r for f in group for k, r in f.instead(f.slope_at_a).items()}
            ).grads,
        )
        yield BackwardHypothesis(
            "missing derivative",
            f"f′ of {where} is missing.",
            replay.with_rules(
                {k: r for f in group for k, r in f.instead(np.ones_like(f.slope)).items()}
            ).grads,
        )


def of_formulas(replay: Replay, observed: Observed) -> Iterator[BackwardHypothesis]:
    """f′ by another formula: a polynomial in a or in z, or a constant on either side of 0, with
    fitted coefficients.
    """
    for group in _groups(observed.functions):
        top = max(group, key=lambda f: f.z)
        for names, terms in FORMULAS:
            c = _coefficients(replay, observed, top, [f for f in group if f is not top], terms)
            if c is None or np.max(np.abs(c)) > 1e3:
                continue
            rules = {
                k: r for f in group for k, r in f.instead(_formula(replay, f, terms, c)).items()
            }
            where = top.where if len(group) == 1 else f"every {top.name}"
            yield BackwardHypothesis(
                "wrong derivative",
                f"f′ of {where} is computed as {_polynomial(c, names)}.",
                replay.with_rules(rules).grads,
            )


FORMULAS: tuple[
    tuple[tuple[str, ...], Callable[[np.ndarray, np.ndarray], list[np.ndarray]]], ...
] = (
    (("[z > 0]", "[z ≤ 0]"), lambda z, a: [1.0 * (z > 0), 1.0 * (z <= 0)]),
    (("", "a"), lambda z, a: [np.ones_like(a), a]),
    (("a", "a²"), lambda z, a: [a, a**2]),
    (("", "a²"), lambda z, a: [np.ones_like(a), a**2]),
    (("", "z"), lambda z, a: [np.ones_like(a), z]),
    (("", "z²"), lambda z, a: [np.ones_like(a), z**2]),
)
"""Names of terms, and the terms."""


def _coefficients(
    replay, observed, top: Entrywise, others: Sequence[Entrywise], terms
) -> np.ndarray | None:
    z, a = replay.right.values[top.z], replay.right.values[top.a]
    delta = replay.right.deltas[top.a]
    bases = [{top.z: delta * term} for term in terms(z, a)]
    below = replay.run({f.z: np.ones_like(f.slope) for f in others}) if others else replay.right
    return fit(replay, observed, below, bases, apart={top.z: -delta * top.slope})


def _formula(replay, f: Entrywise, terms, c: np.ndarray) -> np.ndarray:
    values = replay.right.values
    return sum(c_i * term for c_i, term in zip(c, terms(values[f.z], values[f.a]), strict=True))


def _polynomial(coefficients: np.ndarray, names: Sequence[str]) -> str:
    """Such as 1 − a."""
    parts = []
    for c, name in zip(coefficients, names, strict=True):
        if abs(c) > 1e-6:
            size = f"{abs(c):.4g}" if not name or abs(abs(c) - 1) > 1e-6 else ""
            parts.append(("− " if c < 0 else "+ ") + f"{size} {name}".strip())
    return " ".join(parts).removeprefix("+ ") or "0"


def _groups(known: Sequence[Entrywise]) -> list[list[Entrywise]]:
    """Each function alone, then all that are made of the same steps, then those without the last:
    it may belong to the loss.
    """
    alike: dict[tuple[str, ...], list[Entrywise]] = {}
    for f in known:
        alike.setdefault((f.name, *f.steps), []).append(f)
    ordered = [sorted(group, key=lambda f: f.z) for group in alike.values()]
    hidden = [group[:-1] for group in ordered if len(group) > 2]
    return [[f] for f in known] + [group for group in ordered if len(group) > 1] + hidden
