"""The cell of lesson 8, and how it is judged.

Answer to the question: 0.07²⁰ = 8e-24 of it. The gradient of a weight is δ times the activation
that enters its layer, and δ shrinks on its way down in the same way: nothing learns.
"""

import numpy as np

from judging import Verdict, by_values


# %% your cell
def he(n_in, n_out):
    """Return the standard deviation of the weights of a layer from n_in to n_out units."""
    return np.sqrt(2 / n_in)


# %% how it is judged
SOLUTION = he

MISTAKES = {
    "This keeps the variance of linear and tanh layers (LeCun's rule). ReLU halves the mean "
    "square, so the weights need twice that variance.": lambda i, o: np.sqrt(1 / i),
    "This is the variance. The standard deviation is its root.": lambda i, o: 2 / i,
    "You counted the units that the layer has, its fan-out. A sum of n_in products enters a unit: "
    "its fan-in counts here.": lambda i, o: np.sqrt(2 / o),
    "This is Glorot's rule, a compromise between forward and backward. It makes no room for "
    "ReLU.": lambda i, o: np.sqrt(2 / (i + o)),
    "The 2 stands in the numerator: ReLU loses half, so the weights make up for it.": lambda i, o: (
        np.sqrt(1 / (2 * i))
    ),
}


def verdict(answer) -> Verdict:
    """Judge two layers of unequal widths."""
    cases = [lambda f: f(50, 300), lambda f: f(784, 10)]
    found = by_values(answer, he, cases, MISTAKES)
    praise = "n_in · var(w) · ½ = 1, so var(w) = 2/n_in."
    return found._replace(message=praise) if found.right else found
