"""The hidden and the output layer of one network in the notation of each document, for one example.

Each takes W, b of the hidden layer and V, c of the output layer, stored (out, in), and the input x;
it returns the pre-activations and activations of the hidden layer and the outputs. The activations
are tanh and the logistic function.
"""

from collections.abc import Callable

import numpy as np


def logistic(z):
    return 1 / (1 + np.exp(-z))


GATES: dict[str, Callable] = {
    "sigmoid": logistic,
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(0, z),
    "softplus": lambda z: np.log1p(np.exp(z)),
}


def adornetto(W, b, V, c, x):
    """a_i = b_i + Σ_j w_ji z_j and z_i = f_i(a_i), node by node: a before the activation, z after
    it.
    """
    a = [b[i] + sum(W[i, j] * x[j] for j in range(len(x))) for i in range(len(b))]
    z = [np.tanh(each) for each in a]
    return (
        a,
        z,
        [logistic(c[i] + sum(V[i, j] * z[j] for j in range(len(z)))) for i in range(len(c))],
    )


def de_marzo(Omega0, beta0, Omega1, beta1, x):
    """f = β + Ω h and h = a[f]: f before the activation, h after it, and a is the function."""
    f = beta0 + Omega0 @ x
    h = np.tanh(f)
    return f, h, logistic(beta1 + Omega1 @ h)


def sharif(W, b, V, c, X):
    """Y_j = f(b_j + Σ_i X_i W_ij), Z_k = g(b_k + Σ_j Y_j W_jk), weights (in, out)."""
    W1, W2 = np.ascontiguousarray(W.T), np.ascontiguousarray(V.T)
    before = b + np.einsum("i,ij->j", X, W1)
    Y = np.tanh(before)
    return before, Y, logistic(c + np.einsum("j,jk->k", Y, W2))


def notes(W, b, V, c, x):
    """z_l = W_lᵀ a_{l−1} + b_l and a_l = σ_l(z_l): z before the activation, a after it. W_l is (in,
    out) here, since the product does not exist otherwise: see `printed_layer`.
    """
    z = printed_layer(W.T, x, b)
    a = np.tanh(z)
    return z, a, logistic(printed_layer(V.T, a, c))


def printed_layer(W, a, b):
    """Wᵀa + b as the notes print it. They give W the shape (n_l, n_{l−1}), with which it only
    exists if the two are equal.
    """
    return W.T @ a + b


def piccoli(W, b, V, c, x):
    """y = gate(x₁w₁ + … + x_N w_N + b): a row w₁ … w_N, b of a table for each neuron."""

    def before(rows, inputs):
        return [
            sum(xi * wi for xi, wi in zip(inputs, row[:-1], strict=True)) + row[-1] for row in rows
        ]

    z = before(np.column_stack([W, b]), x)
    hidden = [np.tanh(each) for each in z]
    return z, hidden, [logistic(each) for each in before(np.column_stack([V, c]), hidden)]


FORMS = {
    "Adornetto": adornetto,
    "De Marzo": de_marzo,
    "Sharif": sharif,
    "the notes": notes,
    "Piccoli": piccoli,
}

SYMBOLS = [
    ("Adornetto", "pre-activation", "a"),
    ("Adornetto", "output", "z"),
    ("Adornetto", "target", "y"),
    ("Adornetto", "learning rate", "η"),
    ("De Marzo", "pre-activation", "f"),
    ("De Marzo", "output", "h"),
    ("De Marzo", "prediction", "y"),
    ("De Marzo", "target", "ŷ"),
    ("De Marzo", "learning rate", "η"),
    ("De Marzo", "momentum", "α"),
    ("Sharif", "output", "Y"),
    ("Sharif", "prediction", "Z"),
    ("Sharif", "target", "t"),
    ("Sharif", "learning rate", "η"),
    ("Sharif", "learning rate", "α"),
    ("Sharif", "clipping bound", "α"),
    ("the notes", "pre-activation", "z"),
    ("the notes", "output", "a"),
    ("the notes", "learning rate", "μ"),
    ("the notes", "momentum", "α"),
    ("Piccoli", "prediction", "ŷ"),
    ("Piccoli", "target", "y"),
    ("Piccoli", "learning rate", "lr"),
    ("Piccoli", "learning rate", "η"),
    ("Piccoli", "momentum", "α"),
]
"""(document, meaning, letter): what stands for what."""
