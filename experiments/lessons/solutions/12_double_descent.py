"""The cell of lesson 12, and how it is judged.

Answer to the question: at as many units as training examples. There is one exact fit only, and it
needs very large coefficients, because some directions of the features are hardly seen in the
examples. With more units there are many exact fits, and the shortest one has small coefficients.
"""

import numpy as np

from judging import Verdict, by_values


# %% your cell
def fit(F, y):
    """Return the shortest coefficients (units,) of least squares."""
    return np.linalg.lstsq(F, y, rcond=None)[0]


# %% how it is judged
SOLUTION = fit


def of_the_first(F, y):
    """Use only as many units as there are examples."""
    n = min(F.shape)
    c = np.zeros(F.shape[1])
    c[:n] = np.linalg.lstsq(F[:, :n], y, rcond=None)[0]
    return c


MISTAKES = {
    "This fits, but it is not the shortest c: you used only as many units as there are "
    "examples.": of_the_first,
    "You correlated the features with y: Fᵀy. Least squares also needs the inverse: pinv(F) @ y.": (
        lambda F, y: F.T @ y
    ),
    "This is the prediction F c. Return c.": lambda F, y: F @ fit(F, y),
}


def verdict(answer) -> Verdict:
    """Judge fewer units than examples, and then more."""
    rng = np.random.default_rng(0)
    y, few, many = rng.normal(size=6), rng.normal(size=(6, 3)), rng.normal(size=(6, 12))
    cases = [lambda f: f(few, y), lambda f: f(many, y)]
    found = by_values(answer, fit, cases, MISTAKES)
    if found.right:
        return found._replace(message="These are the shortest coefficients of least squares.")
    if found.right is None or found.message in MISTAKES:
        return found
    return explained(answer, few, many, y) or found


def explained(answer, few, many, y) -> Verdict | None:
    """Recognise a penalty of any size, and normal equations."""
    try:
        c = np.asarray(answer(few, y), float)
    except Exception:
        return None
    if c.shape != (3,):
        return None
    residual = few.T @ (y - few @ c)
    penalty = residual @ c / (c @ c)
    if penalty > 1e-9 and np.allclose(residual, penalty * c):
        return Verdict(
            False,
            f"You added a penalty of {penalty:.2g} (ridge regression). It removes the peak, which "
            "is a good idea later; first see the peak.",
        )
    if np.allclose(c, fit(few, y)):
        return Verdict(
            False,
            "Right with few units, wrong with many: FᵀF has no inverse there. Use np.linalg.pinv "
            "or np.linalg.lstsq.",
        )
    return None
