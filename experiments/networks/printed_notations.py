"""The hidden and the output layer of one network in the notation of each document, for one example.

Each takes W, b of the hidden layer and V, c of the output layer, stored (out, in), and the input x.
It returns the pre-activations and activations of the hidden layer and the outputs. The activations
are tanh and the logistic function.
"""

from collections.abc import Callable

import numpy as np


def logistic(z):
    """Return 1/(1 + e⁻ᶻ)."""
    return 1 / (1 + np.exp(-z))


def relu(z):
    """Return max(0, z)."""
    return np.maximum(0, z)


def softplus(z):
    """Return log(1 + eᶻ)."""
    return np.log1p(np.exp(z))


GATES: dict[str, Callable] = {
    "sigmoid": logistic,
    "tanh": np.tanh,
    "relu": relu,
    "softplus": softplus,
}


def adornetto(W, b, V, c, x):
    """Compute a_i = b_i + Σ_j w_ji z_j and z_i = f_i(a_i) node by node.

    a is before the activation, z after it.
    """

    def before(W, b, z):
        sums = []
        for weights, bias in zip(W, b, strict=True):
            sums.append(bias + sum(w * z_j for w, z_j in zip(weights, z, strict=True)))
        return sums

    a = before(W, b, x)
    z = [np.tanh(a_i) for a_i in a]
    outputs = [logistic(a_i) for a_i in before(V, c, z)]
    return a, z, outputs


def de_marzo(Omega0, beta0, Omega1, beta1, x):
    """Compute f = β + Ω h and h = a[f].

    f is before the activation, h after it, and a is the function.
    """
    f = beta0 + Omega0 @ x
    h = np.tanh(f)
    y = logistic(beta1 + Omega1 @ h)
    return f, h, y


def sharif(W, b, V, c, X):
    """Compute Y_j = f(b_j + Σ_i X_i W_ij) and Z_k = g(b_k + Σ_j Y_j W_jk), weights (in, out)."""
    W1 = np.ascontiguousarray(W.T)
    W2 = np.ascontiguousarray(V.T)
    before = b + np.einsum("i,ij->j", X, W1)
    Y = np.tanh(before)
    Z = logistic(c + np.einsum("j,jk->k", Y, W2))
    return before, Y, Z


def notes(W, b, V, c, x):
    """Compute z_l = W_lᵀ a_{l−1} + b_l and a_l = σ_l(z_l).

    z is before the activation, a after it. W_l is (in, out) here, since the product does not exist
    otherwise: see `printed_layer`.
    """
    z = printed_layer(W.T, x, b)
    a = np.tanh(z)
    outputs = logistic(printed_layer(V.T, a, c))
    return z, a, outputs


def printed_layer(W, a, b):
    """Return Wᵀa + b as the notes print it.

    They give W the shape (n_l, n_{l−1}). With it the product exists only if the two are equal.
    """
    return W.T @ a + b


def piccoli(W, b, V, c, x):
    """Compute y = gate(x₁w₁ + … + x_N w_N + b), with a row w₁ … w_N, b of a table a neuron."""

    def before(table, inputs):
        sums = []
        for *weights, bias in table:
            sums.append(sum(x * w for x, w in zip(inputs, weights, strict=True)) + bias)
        return sums

    z = before(np.column_stack([W, b]), x)
    hidden = [np.tanh(z_i) for z_i in z]
    outputs = [logistic(z_i) for z_i in before(np.column_stack([V, c]), hidden)]
    return z, hidden, outputs


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
