"""Random points of two classes for the perceptron, as functions of a key that can be vmapped."""

import jax
import jax.numpy as jnp


def gaussians(key, n: int, distance):
    """Draw two overlapping classes in ten dimensions: x (n, 10) and y (n,) of 0 and 1.

    Their means are 2 · distance standard deviations apart.
    """
    labels = jax.random.fold_in(key, 1)
    points = jax.random.fold_in(key, 2)
    y = jax.random.bernoulli(labels, shape=(n,)).astype(int)
    x = jax.random.normal(points, (n, 10))
    shift = distance * (2 * y - 1)
    return x.at[:, 0].add(shift), y


def separable(key, n: int = 40):
    """Draw x (n, 3) and y (n,) that a random plane separates, with Novikoff's bound (R/γ)².

    It bounds the mistakes of a perceptron from zero weights. R is the largest ‖(x, 1)‖ and γ the
    distance of the plane in these coordinates.
    """
    plane = jax.random.fold_in(key, 1)
    points = jax.random.fold_in(key, 2)
    u = jax.random.normal(plane, (4,))
    u = u / jnp.linalg.norm(u)
    w = u[:-1]
    b = u[-1]
    x = jax.random.normal(points, (n, 3))
    side = jnp.sign(x @ w + b)
    # Each point is moved 0.4 further away from the plane.
    x = x + 0.4 * side[:, None] * w[None] / jnp.sum(w**2)
    distances = jnp.abs(x @ w + b)
    margin = jnp.min(distances)
    longest = jnp.max(1 + jnp.sum(x**2, axis=1))
    return x, (side > 0).astype(int), longest / margin**2
