"""Every fault, every network, and the draws: which fault in which network at which point."""

import zlib
from collections.abc import Iterator
from itertools import cycle, product
from typing import NamedTuple

import numpy as np

from planted import derivatives, entries, factors, products, surroundings
from planted.fault import Fault
from planted.networks import Case, Network, case_of, forward

FAULTS: tuple[Fault, ...] = (
    *factors.factors(),
    *factors.order(),
    *entries.missing(),
    *entries.spoilt(),
    *derivatives.derivatives(),
    *products.products(),
    *surroundings.surroundings(),
)

LARGE = Network((784, 128, 10), "tanh", "softmax", "cross-entropy", 32)

SMALL = (
    Network((2, 2, 1), "sigmoid", "sigmoid", "squared", 4),
    Network((2, 3, 1), "tanh", "tanh", "squared", 1),
    Network((2, 3, 1), "softplus", "softplus", "squared", 5),
    Network((2, 4, 1), "tanh", "identity", "squared", 6),
    Network((3, 5, 1), "relu", "sigmoid", "bce", 8, gradient_in="numpy"),
    Network((1, 1, 1, 1), "sigmoid", "sigmoid", "squared", 1),
    Network((1, 1, 1, 1), "tanh", "identity", "squared", 5),
    Network((4, 6, 3), "sigmoid", "softmax", "cross-entropy", 8, gradient_in="numpy"),
    Network((4, 3, 2), "tanh", "identity", "squared", 6, gradient_in="numpy", loss_in="numpy"),
    Network((5, 7, 4), "relu", "softmax", "cross-entropy", 8),
    Network((3, 8, 8, 2), "softplus", "sigmoid", "bce", 10),
    Network((4, 5, 3), "sigmoid", "softmax", "squared", 7),
    Network((6, 6, 6, 6), "tanh", "softmax", "cross-entropy", 9),
    Network((5, 5, 5), "relu", "identity", "squared", 5),
    Network((5, 5, 5), "sigmoid", "softmax", "cross-entropy", 5),
    Network((3, 4, 4), "tanh", "sigmoid", "squared", 6, penalty=0.01),
    Network((6, 9, 3), "relu", "softmax", "cross-entropy", 12, batch_norm=True),
    Network((4, 6, 2), "tanh", "identity", "squared", 10, batch_norm=True),
    Network((6, 10, 4), "relu", "softmax", "cross-entropy", 8, dropout=0.5),
    Network((5, 8, 8, 3), "tanh", "identity", "squared", 6, dropout=0.3),
    Network((20, 16, 5), "tanh", "softmax", "cross-entropy", 12),
)

WEIGHTED = (
    Network((4, 5, 2), "tanh", "identity", "squared", 7, weighted=True),
    Network((5, 6, 3), "tanh", "softmax", "cross-entropy", 8, weighted=True),
)

IN_NUMPY = Network(
    (784, 64, 10), "relu", "softmax", "cross-entropy", 32, gradient_in="numpy", loss_in="numpy"
)

MANNERS = ("function", "class", "loss and grads", "NumPy")
"""Ways to write the code.

They are two pure functions; a class that keeps values for its backward; one function that returns
loss and gradient; everything in NumPy.
"""

SCALES = (1.0, 1e-6, 1e6, 1e-3, 1e3)


class Draw(NamedTuple):
    """A fault in a case.

    fault      its place in FAULTS; −1 is none
    condition  of a right gradient, by its name in CONDITIONS
    manner     the way in which the code is written
    """

    fault: int
    case: Case
    condition: str = ""
    manner: str = "function"


def fault_draws(each: int, large: bool) -> list[Draw]:
    """Return draws of every fault.

    each   number of draws of a fault in small networks
    large  whether there is also one in 784-128-10, for faults that can happen there
    """
    return [draw for i in range(len(FAULTS)) for draw in _draws_of(i, each, large)]


def _draws_of(i: int, each: int, large: bool) -> Iterator[Draw]:
    fault = FAULTS[i]
    start = zlib.crc32(fault.name.encode())
    networks = [network for network in (*SMALL, *WEIGHTED) if fault.applies(network)]
    if not all(network.weighted for network in networks):
        # Weighted networks are only for faults of the weights.
        networks = [network for network in networks if not network.weighted]
    np.random.default_rng(start).shuffle(networks)
    for j in range(each):
        weights = (1.0, 0.5, 2.0)[j % 3]
        network = networks[j % len(networks)]
        manner = MANNERS[j % len(MANNERS)]
        if network.dropout or fault.name.startswith("noise"):  # a key is passed to functions
            manner = "function"
        if manner == "NumPy":
            network = network._replace(gradient_in="numpy", loss_in="numpy")
        scale = SCALES[j % len(SCALES)]
        case = case_of(network, start % 10_000 + j, scale, weights)
        yield Draw(i, case, manner=manner)
    if large and fault.applies(LARGE):
        yield Draw(i, case_of(LARGE, start % 10_000))


def clean_draws(count: int, large: int) -> list[Draw]:
    """Return draws of right gradients under conditions that may mislead a checker.

    They differ in network, condition, scale and seed. Half of them are written in every manner of
    people.

    count  number of draws in small networks
    large  number of draws in 784-128-10; four times as many are in NumPy
    """
    draws = _as_people_write(count // 2)
    kinds = cycle(product(SCALES, CONDITIONS, SMALL))
    for j, (scale, condition, network) in zip(range(count - len(draws)), kinds, strict=False):
        case = CONDITIONS[condition](network, 20_000 + j, scale)
        draws.append(Draw(-1, case, condition))
    for j in range(4 * large):
        case = case_of(IN_NUMPY, 40_000 + j)
        draws.append(Draw(-1, case, "784-64-10 in NumPy", "NumPy"))
    for j in range(large):
        draws.append(Draw(-1, case_of(LARGE, 30_000 + j), "784-128-10"))
    return draws


def _as_people_write(count: int) -> list[Draw]:
    draws = []
    networks = [network for network in (*SMALL, *WEIGHTED) if not network.dropout]
    manners = [*MANNERS[1:], "float32", "float32 in NumPy"]
    kinds = cycle(product(("usual", "zero biases"), manners, networks))
    for j, (condition, manner, network) in zip(range(count), kinds, strict=False):
        if manner.endswith("NumPy"):
            network = network._replace(gradient_in="numpy", loss_in="numpy")
        case = CONDITIONS[condition](network, 50_000 + j, 1.0)
        draws.append(Draw(-1, case, manner, manner))
    return draws


def _usual(network: Network, seed: int, scale: float) -> Case:
    return case_of(network, seed, scale)


def _zero_biases(network: Network, seed: int, scale: float) -> Case:
    return case_of(network, seed, scale, zero_biases=True)


def _saturated(network: Network, seed: int, scale: float) -> Case:
    return case_of(network, seed, scale, weights=20.0)


def _tiny_weights(network: Network, seed: int, scale: float) -> Case:
    return case_of(network, seed, scale, weights=1e-4)


def _large_data(network: Network, seed: int, scale: float) -> Case:
    case = case_of(network, seed, scale)
    return case._replace(x=1e3 * case.x)


def _near_fit(network: Network, seed: int, scale: float) -> Case:
    """Return targets within 1e-6 of the output.

    Where the loss takes only classes, the outputs are confident and right instead.
    """
    case = case_of(network, seed, scale)
    if network.loss != "squared":
        case.params[-1]["W"] *= 30.0
    p = np.asarray(forward(network, case.params, case.x, case.key)[-1].a)
    if network.loss == "squared":
        return case._replace(y=p + 1e-6 * np.random.default_rng(seed).normal(size=p.shape))
    if network.loss == "cross-entropy":
        return case._replace(y=np.eye(len(p))[p.argmax(axis=0)].T)
    return case._replace(y=(p > 0.5).astype(float))


def _kinks(network: Network, seed: int, scale: float) -> Case:
    """Put relu exactly on its kink, by an example of zeros and by zero biases.

    Other activations have no kink there.
    """
    hidden = "relu as maximum" if network.hidden == "relu" and seed % 2 else network.hidden
    case = case_of(network._replace(hidden=hidden), seed, scale, zero_biases=True)
    case.x[:, 0] = 0.0
    return case


CONDITIONS = {
    "usual": _usual,
    "zero biases": _zero_biases,
    "saturated": _saturated,
    "tiny weights": _tiny_weights,
    "large data": _large_data,
    "near-perfect fit": _near_fit,
    "on kinks": _kinks,
}
