"""The rules as papers and documents print them, in NumPy: generators of the parameters after each
step.

Written from the equations, without fnn or optax, so that agreement with them is evidence. x is the
vector of parameters, eta(t) the learning rate after t updates, gradient(x) a vector.
"""

from itertools import count

import numpy as np

ALPHA = 0.9  # the decay of every velocity


def sgd(x, eta, gradient):
    for t in count():
        x = x - eta(t) * gradient(x)
        yield x


def momentum_library(x, eta, gradient):
    """X5 iv."""
    v = 0 * x
    for t in count():
        v = ALPHA * v + gradient(x)
        x = x - eta(t) * v
        yield x


def momentum_notes(x, eta, gradient):
    """X5 ii, deep-learning notes; their μ is the learning rate."""
    v = 0 * x
    for t in count():
        v = eta(t) * gradient(x) + ALPHA * v
        x = x - v
        yield x


def momentum_piccoli(x, eta, gradient):
    """X5 iii."""
    v = 0 * x
    for t in count():
        v = ALPHA * v - eta(t) * gradient(x)
        x = x + v
        yield x


def momentum_de_marzo(x, eta, gradient):
    """X5 i."""
    v = 0 * x
    for t in count():
        v = ALPHA * v + (1 - ALPHA) * gradient(x)
        x = x - eta(t) * v
        yield x


def nesterov_piccoli(x, eta, gradient):
    """θ and the ad-interim θ̃ = θ + α v at which the next gradient is taken."""
    v = 0 * x
    for t in count():
        v = ALPHA * v - eta(t) * gradient(x + ALPHA * v)
        x = x + v
        yield x, x + ALPHA * v


def nesterov_lookahead(x, eta, gradient):
    """The points at which Piccoli's form takes its gradients."""
    for _, interim in nesterov_piccoli(x, eta, gradient):
        yield interim


def nesterov_library(x, eta, gradient):
    """What libraries run for nesterov=True."""
    v = 0 * x
    for t in count():
        g = gradient(x)
        v = ALPHA * v + g
        x = x - eta(t) * (g + ALPHA * v)
        yield x


def adagrad(x, eta, gradient, start=0.0, eps=1e-8):
    """Piccoli's last form."""
    G = start + 0 * x
    for t in count():
        g = gradient(x)
        G = G + g * g
        x = x - eta(t) / np.sqrt(eps + G) * g
        yield x


def adadelta_zeiler(x, eta, gradient, rho=0.95, eps=1e-6):
    """Zeiler 2012, algorithm 1."""
    mean_square_g, mean_square_x = 0 * x, 0 * x
    for t in count():
        g = gradient(x)
        mean_square_g = rho * mean_square_g + (1 - rho) * g**2
        delta = -np.sqrt(mean_square_x + eps) / np.sqrt(mean_square_g + eps) * g
        mean_square_x = rho * mean_square_x + (1 - rho) * delta**2
        x = x + eta(t) * delta
        yield x


def adadelta_piccoli(x, eta, gradient, gamma=0.95, eps=1e-6):
    """The rule that Piccoli prints under the name AdaDelta."""
    mean_square = 0 * x
    for t in count():
        g = gradient(x)
        mean_square = gamma * mean_square + (1 - gamma) * g**2
        x = x - eta(t) / np.sqrt(mean_square + eps) * g
        yield x


def adam_kingma(x, eta, gradient, b1=0.9, b2=0.999, eps=1e-8, corrected=True, weight_decay=0.0):
    """Kingma & Ba 2015, algorithm 1; Loshchilov & Hutter 2019 with a weight decay."""
    m, v = 0 * x, 0 * x
    for t in count(1):
        g = gradient(x)
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        m_hat, v_hat = (m / (1 - b1**t), v / (1 - b2**t)) if corrected else (m, v)
        x = x - eta(t - 1) * (m_hat / (np.sqrt(v_hat) + eps) + weight_decay * x)
        yield x
