"""Random points of two classes for the perceptron, as functions of a key that can be vmapped."""

import jax
import jax.numpy as jnp


def gaussians(key, n: int, distance):
    """Two overlapping classes in ten dimensions, whose means are 2 · distance standard deviations
    apart: x (n, 10) and y (n,) of 0 and 1.
    """
    y = jax.random.bernoulli(jax.random.fold_in(key, 1), shape=(n,)).astype(int)
    return jax.random.normal(jax.random.fold_in(key, 2), (n, 10)).at[:, 0].add(
        distance * (2 * y - 1)
    ), y


def separable(key, n: int = 40):
    """x (n, 3) and y (n,) that a random plane separates, and Novikoff's bound (R/γ)² on a
    perceptron's mistakes from zero weights: R is the largest ‖(x, 1)‖ and γ the distance of the
    plane in these coordinates.
    """
    u = jax.random.normal(jax.random.fold_in(key, 1), (4,))
    u = u / jnp.linalg.norm(u)
    x = jax.random.normal(jax.random.fold_in(key, 2), (n, 3))
    side = jnp.sign(x @ u[:-1] + u[-1])
    x = x + 0.4 * side[:, None] * u[None, :-1] / jnp.sum(
        u[:-1] ** 2
    )  # each point 0.4 further away from the plane
    margin = jnp.min(jnp.abs(x @ u[:-1] + u[-1]))
    return x, (side > 0).astype(int), jnp.max(1 + jnp.sum(x**2, axis=1)) / margin**2
