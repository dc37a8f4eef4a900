"""The cell of lesson 9, and how it is judged.

Answer to the question: the layer keeps running averages of both while it trains, its state. With
train=False, fnn.apply uses these.
"""

import numpy as np

from judging import Verdict, by_values


# %% your cell
def normalise(z, scale, shift, eps=1e-5):
    """Return scale · (z − mean) / √(variance + eps) + shift, of the shape of z."""
    mean, variance = z.mean(axis=0), z.var(axis=0)
    return scale * (z - mean) / np.sqrt(variance + eps) + shift


# %% how it is judged
SOLUTION = normalise

EPS = 1e-5
MISTAKES = {
    "You normalised each example over its units. That is layer normalisation; here mean and "
    "variance are over the examples, axis=0.": lambda z, g, b: (
        g * (z - z.mean(1, keepdims=True)) / np.sqrt(z.var(1, keepdims=True) + EPS) + b
    ),
    "You took one mean and one variance for all units. Each unit has its own: axis=0.": (
        lambda z, g, b: g * (z - z.mean()) / np.sqrt(z.var() + EPS) + b
    ),
    "You forgot the root: divide by √(variance + ε).": lambda z, g, b: (
        g * (z - z.mean(0)) / (z.var(0) + EPS) + b
    ),
    "You divided by N − 1 in the variance. In training it is divided by N: z.var(axis=0).": (
        lambda z, g, b: g * (z - z.mean(0)) / np.sqrt(z.var(0, ddof=1) + EPS) + b
    ),
    "You forgot scale and shift.": lambda z, g, b: (z - z.mean(0)) / np.sqrt(z.var(0) + EPS),
    "You forgot ε. A unit that is the same for all examples would divide 0 by 0.": (
        lambda z, g, b: g * (z - z.mean(0)) / z.std(0) + b
    ),
    "ε stands inside the root: √(variance + ε).": lambda z, g, b: (
        g * (z - z.mean(0)) / (z.std(0) + EPS) + b
    ),
}


def verdict(answer) -> Verdict:
    """Judge four examples of four units; one unit has a variance as small as ε."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=(4, 4)) * np.array([1.0, 5.0, 0.01, 2.0]) + 3
    scale, shift = rng.normal(size=(2, 4))
    found = by_values(answer, normalise, [lambda f: f(z, scale, shift)], MISTAKES)
    praise = "This is batch normalisation in training."
    return found._replace(message=praise) if found.right else found
