"""The cell of lesson 4, and how it is judged.

Answer to the question: the input of each layer (x and a), for the gradients of the weights, and the
pre-activation z of each layer, for f′(z). For tanh the activation a has both.
"""

import jax.numpy as jnp
import numpy as np

from judging import Verdict, by_gradient


# %% your cell
def backward(p, x, y, a, prediction):
    """Return the gradient of each parameter. a and prediction are what forward(p, x) returns."""
    delta2 = 2 / len(x) * (prediction - y)
    delta1 = (delta2 @ p["W2"]) * (1 - a**2)
    return {
        "W1": delta1.T @ x,
        "b1": delta1.sum(axis=0),
        "W2": delta2.T @ a,
        "b2": delta2.sum(axis=0),
    }


# %% how it is judged
SOLUTION = backward


def from_deltas(delta1, delta2, x, a):
    """Return the gradients that belong to these δ."""
    sums = {"b1": delta1.sum(axis=0), "b2": delta2.sum(axis=0)}
    return {"W1": delta1.T @ x, "W2": delta2.T @ a, **sums}


def variant(scale=lambda N: 2 / N, slope=lambda a: 1 - a**2, turn=lambda W: W):
    """Return a backward pass with one part exchanged."""

    def wrong(p, x, y, a, prediction):
        delta2 = scale(len(x)) * (prediction - y)
        return from_deltas((delta2 @ turn(p["W2"])) * slope(a), delta2, x, a)

    return wrong


def transposed(p, x, y, a, prediction):
    """Return the gradients of W₁ and W₂ transposed."""
    right = backward(p, x, y, a, prediction)
    return right | {"W1": right["W1"].T, "W2": right["W2"].T}


def mean_of_biases(p, x, y, a, prediction):
    """Average δ for the biases: 1/N twice."""
    right = backward(p, x, y, a, prediction)
    return right | {"b1": right["b1"] / len(x), "b2": right["b2"] / len(x)}


MISTAKES = {
    "You forgot the 1/N of the mean in δ₂.": variant(scale=lambda N: 2),
    "You forgot the 2 of the square in δ₂: the derivative of e² is 2e.": variant(
        scale=lambda N: 1 / N
    ),
    "The sign of δ₂ is turned: it is prediction − y, not y − prediction.": variant(
        scale=lambda N: -2 / N
    ),
    "You forgot f′ in δ₁: multiply δ₂ W₂ by 1 − a², the slope of tanh.": variant(slope=lambda a: 1),
    "You took f′ at a instead of z. tanh′(z) is 1 − tanh(z)² = 1 − a²; your factor is "
    "1 − tanh(a)² (claim 0.18 has the same slip).": variant(slope=lambda a: 1 - np.tanh(a) ** 2),
    "You used W₂ transposed. δ₂ has one column for each unit above, so rows of examples go down "
    "by δ₂ @ W₂.": variant(turn=lambda W: W.T),
    "This is the gradient of W transposed. W has a row for each unit of its layer, and so has its "
    "gradient: δᵀ @ input, not inputᵀ @ δ.": transposed,
    "You averaged δ for the biases. The 1/N is in δ₂ already: sum over the examples.": (
        mean_of_biases
    ),
}


def verdict(answer) -> Verdict:
    """Judge by fnn.check_gradient on a 3-3-3 network, where a transposed W has the right shape."""
    rng = np.random.default_rng(0)
    shapes = {"W1": (3, 3), "b1": (3,), "W2": (3, 3), "b2": (3,)}
    params = {name: rng.normal(size=shape) for name, shape in shapes.items()}
    x, y = rng.normal(size=(5, 3)), rng.normal(size=(5, 3))

    def forward(p):
        a = np.tanh(x @ p["W1"].T + p["b1"])
        return a, a @ p["W2"].T + p["b2"]

    def loss(p):
        a = jnp.tanh(x @ p["W1"].T + p["b1"])
        return jnp.sum((a @ p["W2"].T + p["b2"] - y) ** 2) / len(x)

    def at(function):
        """Return the gradient as a function of the parameters alone."""
        return lambda p: function(p, x, y, *forward(p))

    mistakes = {sentence: at(wrong) for sentence, wrong in MISTAKES.items()}
    found = by_gradient(loss, at(answer), params, mistakes)
    praise = "fnn.check_gradient agrees with every entry of the four arrays."
    return found._replace(message=praise) if found.right else found
