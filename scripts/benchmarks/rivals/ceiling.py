"""The best rate of float32 square matrix products that NumPy, PyTorch or JAX reach on all cores of
this machine.
"""

import time

import jax
import jax.numpy as jnp
import numpy as np
import torch

from rivals.case import Case, Problem

SIZES = (1024, 2048)
REPEATS = 5


def prepare(case: Case, problem: Problem, lanes: int):
    """The function returned gives the rate in operations per second, as a (1, 1) array."""
    rng = np.random.default_rng(0)
    pairs = [rng.normal(size=(2, n, n)).astype(np.float32) for n in SIZES]
    products = [
        (jax.jit(jnp.matmul), jnp.asarray),
        (torch.matmul, torch.tensor),
        (np.matmul, np.asarray),
    ]
    operands = [
        (product, tuple(map(convert, pair))) for product, convert in products for pair in pairs
    ]

    def best() -> np.ndarray:
        return np.array([[max(rate(product, *pair) for product, pair in operands)]])

    best()
    return best


def rate(product, a, b) -> float:
    """2 n³ over the shortest time."""
    seconds = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        getattr(product(a, b), "block_until_ready", lambda: None)()
        seconds.append(time.perf_counter() - start)
    return 2 * a.shape[0] ** 3 / min(seconds)
