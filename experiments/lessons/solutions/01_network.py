"""The cell of lesson 1, and how it is judged.

Answer to the question: four. Each unit adds one bend, and three bends cut a line into four pieces.
"""

import numpy as np

from judging import Verdict, by_values


# %% your cell
def forward(W1, b1, W2, b2, x):
    """Return the hidden activations a (examples, hidden) and the output y (examples, outputs)."""
    a = np.maximum(0, x @ W1.T + b1)
    y = a @ W2.T + b2
    return a, y


# %% how it is judged
SOLUTION = forward


def variant(activation=lambda z: np.maximum(0, z), out=lambda z: z, turn=lambda W: W.T, bias=1):
    """Return a forward pass with one part exchanged."""

    def wrong(W1, b1, W2, b2, x):
        a = activation(x @ turn(W1) + bias * b1)
        return a, out(a @ turn(W2) + bias * b2)

    return wrong


def bias_after(W1, b1, W2, b2, x):
    """Add the bias behind the activation."""
    a = np.maximum(0, x @ W1.T) + b1
    return a, a @ W2.T + b2


MISTAKES = {
    "You forgot the ReLU of the hidden layer. Without it two layers are one linear map.": variant(
        activation=lambda z: z
    ),
    "You applied the ReLU to the output too. The output layer has none, so that y can be "
    "negative.": variant(out=lambda z: np.maximum(0, z)),
    "You used W without transposing it. A row of W belongs to a unit, so rows of examples need "
    "x @ W.T.": variant(turn=lambda W: W),
    "You forgot the biases. Every unit then bends at x = 0.": variant(bias=0),
    "You added b₁ after the ReLU. It belongs inside: max(0, W x + b).": bias_after,
}


def verdict(answer) -> Verdict:
    """Judge on a 3-3-3 network, where a transposed W has the right shape too."""
    rng = np.random.default_rng(0)
    shapes = (3, 3), (3,), (3, 3), (3,), (5, 3)
    arrays = [rng.normal(size=shape) for shape in shapes]
    found = by_values(answer, forward, [lambda f: f(*arrays)], MISTAKES)
    return found._replace(message="This is the forward pass.") if found.right else found
