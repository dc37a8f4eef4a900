"""Optimizers as the documents print them, in NumPy: some to compare with, some as counter-examples.

A path is the points before and after each of `steps` updates, (steps + 1, parameters). gradient(x)
is a vector, and eta(t) the learning rate after t updates. v starts at 0.
"""

from collections.abc import Callable

import numpy as np

Gradient = Callable[[np.ndarray], np.ndarray]
Rate = Callable[[int], float]


def momentum_de_marzo(
    gradient: Gradient, x: np.ndarray, eta: Rate, alpha: float, steps: int
) -> np.ndarray:
    """Return the path by v ← α v + (1 − α) g,  W ← W − η v  (X5 i)."""
    v = 0 * x
    path = [x]
    for t in range(steps):
        v = alpha * v + (1 - alpha) * gradient(path[-1])
        path.append(path[-1] - eta(t) * v)
    return np.array(path)


def momentum_notes(
    gradient: Gradient, x: np.ndarray, eta: Rate, alpha: float, steps: int
) -> np.ndarray:
    """Return the path by v ← μ g + α v,  w ← w − v  (X5 ii)."""
    v = 0 * x
    path = [x]
    for t in range(steps):
        v = eta(t) * gradient(path[-1]) + alpha * v
        path.append(path[-1] - v)
    return np.array(path)


def momentum_piccoli(
    gradient: Gradient, x: np.ndarray, eta: Rate, alpha: float, steps: int
) -> np.ndarray:
    """Return the path by v ← α v − η g,  θ ← θ + v  (X5 iii)."""
    v = 0 * x
    path = [x]
    for t in range(steps):
        v = alpha * v - eta(t) * gradient(path[-1])
        path.append(path[-1] + v)
    return np.array(path)


def nesterov_piccoli(
    gradient: Gradient, x: np.ndarray, eta: Rate, alpha: float, steps: int
) -> np.ndarray:
    """Return the paths of θ and of θ̃, (2, steps + 1, parameters).

    θ̃ = θ + α v,  v ← α v − η ∇L(θ̃),  θ ← θ + v
    """
    v = 0 * x
    theta = [x]
    interim = [x]
    for t in range(steps):
        v = alpha * v - eta(t) * gradient(interim[-1])
        theta.append(theta[-1] + v)
        interim.append(theta[-1] + alpha * v)
    return np.array([theta, interim])


def adagrad_piccoli(gradients: np.ndarray, eta: float, eps: float) -> np.ndarray:
    """Return the updates for these gradients by the three forms, (3, steps, parameters).

    compact         η/√(εI + diag G) with G = Σ g gᵀ, by the power −½ of the matrix
    matrices        the matrices written out
    by_parameter    a line for each parameter
    """
    parameters = gradients.shape[1]
    G = np.zeros((parameters, parameters))
    updates = []
    for g in gradients:
        G = G + np.outer(g, g)
        squares = eps * np.eye(parameters) + np.diag(np.diag(G))
        compact = -eta * inverse_root(squares) @ g
        entries = np.diag([eps] * parameters) + np.diag([G[i, i] for i in range(parameters)])
        matrices = -eta * np.linalg.inv(np.sqrt(entries)) @ g
        by_parameter = [-eta / np.sqrt(eps + G[i, i]) * g[i] for i in range(parameters)]
        updates.append([compact, matrices, by_parameter])
    return np.array(updates).swapaxes(0, 1)


def inverse_root(matrix: np.ndarray) -> np.ndarray:
    """Return the power −½ of a symmetric matrix."""
    values, vectors = np.linalg.eigh(matrix)
    return vectors @ np.diag(values**-0.5) @ vectors.T


def adadelta_piccoli(gradients: np.ndarray, eta: float, gamma: float, eps: float) -> np.ndarray:
    """Return the updates printed under the name of AdaDelta, (steps, parameters).

    −η/√(E[g²] + ε) g with E[g²] ← γ E[g²] + (1 − γ) g²
    """
    mean_square = 0 * gradients[0]
    updates = []
    for g in gradients:
        mean_square = gamma * mean_square + (1 - gamma) * g**2
        updates.append(-eta / np.sqrt(mean_square + eps) * g)
    return np.array(updates)


def adam_piccoli(
    gradients: np.ndarray, b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8
) -> np.ndarray:
    """Return −m/(√v + ε) for these gradients with v ← β₂ v + (1 − β₂) g as printed.

    It has g where g² belongs, and no bias corrections, which are not printed either. It is a
    counter-example: √v is NaN for g < 0.
    """
    m = 0 * gradients[0]
    v = 0 * gradients[0]
    directions = []
    for g in gradients:
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g
        with np.errstate(invalid="ignore"):
            directions.append(-m / (np.sqrt(v) + eps))
    return np.array(directions)
