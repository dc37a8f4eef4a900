"""Optimizers as the documents print them, in NumPy: some to compare with, some as counter-examples.

A path is the points before and after each of `steps` updates, (steps + 1, parameters); gradient(x)
is a vector, and eta(t) the learning rate after t updates. v starts at 0.
"""

from collections.abc import Callable

import numpy as np

Gradient = Callable[[np.ndarray], np.ndarray]
Rate = Callable[[int], float]


def momentum_de_marzo(
    gradient: Gradient, x: np.ndarray, eta: Rate, alpha: float, steps: int
) -> np.ndarray:
    """v ← α v + (1 − α) g,  W ← W − η v  (X5 i)"""
    v, path = 0 * x, [x]
    for t in range(steps):
        v = alpha * v + (1 - alpha) * gradient(path[-1])
        path.append(path[-1] - eta(t) * v)
    return np.array(path)


def momentum_notes(
    gradient: Gradient, x: np.ndarray, eta: Rate, alpha: float, steps: int
) -> np.ndarray:
    """v ← μ g + α v,  w ← w − v  (X5 ii)"""
    v, path = 0 * x, [x]
    for t in range(steps):
        v = eta(t) * gradient(path[-1]) + alpha * v
        path.append(path[-1] - v)
    return np.array(path)


def momentum_piccoli(
    gradient: Gradient, x: np.ndarray, eta: Rate, alpha: float, steps: int
) -> np.ndarray:
    """v ← α v − η g,  θ ← θ + v  (X5 iii)"""
    v, path = 0 * x, [x]
    for t in range(steps):
        v = alpha * v - eta(t) * gradient(path[-1])
        path.append(path[-1] + v)
    return np.array(path)


def nesterov_piccoli(
    gradient: Gradient, x: np.ndarray, eta: Rate, alpha: float, steps: int
) -> np.ndarray:
    """θ̃ = θ + α v,  v ← α v − η ∇L(θ̃),  θ ← θ + v: the paths of θ and of θ̃, (2, steps + 1,
    parameters).
    """
    v, theta, interim = 0 * x, [x], [x]
    for t in range(steps):
        v = alpha * v - eta(t) * gradient(interim[-1])
        theta.append(theta[-1] + v)
        interim.append(theta[-1] + alpha * v)
    return np.array([theta, interim])


def adagrad_piccoli(gradients: np.ndarray, eta: float, eps: float) -> np.ndarray:
    """The updates for these gradients (steps, parameters) by the three forms in turn, (3, steps,
    parameters): η/√(εI + diag G) with G = Σ g gᵀ, the matrices written out with the power −½, and a
    line for each parameter.
    """
    m = gradients.shape[1]
    G, updates = np.zeros((m, m)), []
    for g in gradients:
        G = G + np.outer(g, g)
        values, vectors = np.linalg.eigh(eps * np.eye(m) + np.diag(np.diag(G)))
        compact = -eta * (vectors @ np.diag(values**-0.5) @ vectors.T) @ g
        matrices = (
            -eta
            * np.linalg.inv(np.sqrt(np.diag([eps] * m) + np.diag([G[i, i] for i in range(m)])))
            @ g
        )
        updates.append(
            [compact, matrices, [-eta / np.sqrt(eps + G[i, i]) * g[i] for i in range(m)]]
        )
    return np.array(updates).swapaxes(0, 1)


def adadelta_piccoli(gradients: np.ndarray, eta: float, gamma: float, eps: float) -> np.ndarray:
    """−η/√(E[g²] + ε) g with E[g²] ← γ E[g²] + (1 − γ) g², printed under the name of AdaDelta."""
    mean_square, updates = 0 * gradients[0], []
    for g in gradients:
        mean_square = gamma * mean_square + (1 - gamma) * g**2
        updates.append(-eta / np.sqrt(mean_square + eps) * g)
    return np.array(updates)


def adam_piccoli(
    gradients: np.ndarray, b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8
) -> np.ndarray:
    """−m/(√v + ε) for these gradients with the printed v ← β₂ v + (1 − β₂) g, which has g where g²
    belongs, and without the bias corrections, which are not printed either. A counter-example: √v
    is NaN for g < 0.
    """
    m, v, directions = 0 * gradients[0], 0 * gradients[0], []
    for g in gradients:
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g
        with np.errstate(invalid="ignore"):
            directions.append(-m / (np.sqrt(v) + eps))
    return np.array(directions)
