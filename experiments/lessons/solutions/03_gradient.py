"""The cell of lesson 3, and how it is judged.

Answer to the question: the steps grow, because each one lands further up on the other side of the
valley. It happens first along the steepest direction, the one of the largest curvature λ: the step
there is multiplied by 1 − ηλ, which is below −1 for η > 2/λ.
"""

import jax.numpy as jnp
import numpy as np

from judging import Verdict, by_gradient


# %% your cell
def gradient(w, b, x, y):
    """Return ∂L/∂w (3,) and ∂L/∂b, a number."""
    error = x @ w + b - y
    return 2 / len(x) * x.T @ error, 2 / len(x) * error.sum()


# %% how it is judged
SOLUTION = gradient


def scaled(factor):
    """Return the gradient times factor(N)."""

    def wrong(w, b, x, y):
        dw, db = gradient(w, b, x, y)
        return factor(len(x)) * dw, factor(len(x)) * db

    return wrong


def without_input(w, b, x, y):
    """Leave out x, the inner derivative."""
    db = gradient(w, b, x, y)[1]
    return np.full(3, db), db


def mean_of_inputs(w, b, x, y):
    """Multiply two sums instead of summing products."""
    db = gradient(w, b, x, y)[1]
    return db * x.mean(axis=0), db


def no_bias(w, b, x, y):
    """Leave ∂L/∂b at zero."""
    return gradient(w, b, x, y)[0], 0.0


MISTAKES = {
    "You forgot the 1/N: this is the gradient of the sum of the squares.": scaled(lambda N: N),
    "You forgot the 2 of the square: the derivative of e² is 2e.": scaled(lambda N: 0.5),
    "You forgot the 2 of the square and the 1/N of the mean.": scaled(lambda N: N / 2),
    "The sign is turned: the error is prediction − target. The minus of descent comes later, in "
    "w − η ∂L/∂w.": scaled(lambda N: -1),
    "You forgot the inner derivative of ∂L/∂w: the derivative of x w by w is x.": without_input,
    "You multiplied the mean of e by the mean of x. Multiply e and x of each example first, then "
    "sum: x.T @ e.": mean_of_inputs,
    "∂L/∂b is not 0: the loss changes with b. It is (2/N) Σ e.": no_bias,
}


def verdict(answer) -> Verdict:
    """Judge by fnn.check_gradient on seven random examples."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(7, 3)), rng.normal(size=7)
    params = {"w": rng.normal(size=3), "b": np.array(0.3)}

    def loss(p):
        return jnp.mean((x @ p["w"] + p["b"] - y) ** 2)

    def named(function):
        """Return the function of params whose results have names."""

        def of(p):
            pair = function(p["w"], p["b"], x, y)
            if not isinstance(pair, tuple) or len(pair) != 2:
                return pair
            return {"w": np.asarray(pair[0]), "b": np.asarray(pair[1])}

        return of

    mistakes = {sentence: named(wrong) for sentence, wrong in MISTAKES.items()}
    found = by_gradient(loss, named(answer), params, mistakes)
    praise = "fnn.check_gradient agrees with every entry."
    return found._replace(message=praise) if found.right else found
