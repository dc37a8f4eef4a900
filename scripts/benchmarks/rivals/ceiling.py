"""The ceiling: the best rate of float32 square matrix products on all cores of this machine.

NumPy, PyTorch and JAX try them.
"""

import time

import jax
import jax.numpy as jnp
import numpy as np
import torch

from rivals.case import Case, Problem

SIZES = (1024, 2048)
REPEATS = 5


def prepare(case: Case, problem: Problem, runs: int):
    """Return a function that gives the rate in operations per second, as a (1, 1) array."""
    rng = np.random.default_rng(0)
    pairs = [rng.normal(size=(2, n, n)).astype(np.float32) for n in SIZES]
    products = [
        (jax.jit(jnp.matmul), jnp.asarray),
        (torch.matmul, torch.tensor),
        (np.matmul, np.asarray),
    ]
    operands = []
    for product, convert in products:
        for a, b in pairs:
            operands.append((product, convert(a), convert(b)))

    def best() -> np.ndarray:
        rates = [rate(product, a, b) for product, a, b in operands]
        return np.array([[max(rates)]])

    best()
    return best


def rate(product, a, b) -> float:
    """Return the rate of the fastest of several products, 2 n³ operations each."""
    seconds = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        result = product(a, b)
        if hasattr(result, "block_until_ready"):
            result.block_until_ready()
        seconds.append(time.perf_counter() - start)
    operations = 2 * a.shape[0] ** 3
    return operations / min(seconds)
