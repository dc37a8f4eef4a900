"""Faults in the finished gradient: constant factors, signs, and right numbers in wrong places."""

from collections.abc import Callable

import numpy as np

from planted import where
from planted.fault import Fault, changed, everywhere, fault, in_one, tensors_of
from planted.networks import Case, Network


def factors() -> list[Fault]:
    """List constant factors and signs."""
    on_all = [("½", 0.5), ("2", 2.0), ("1.01", 1.01), ("1.001", 1.001)]
    on_one = [("½", 0.5), ("3", 3.0), ("1.01", 1.01), ("1.001", 1.001)]
    return [
        *(fault(f"×{name} on all", "constant factor", _times(f)) for name, f in on_all),
        *(fault(f"×{name} on one tensor", "constant factor", _times_one(f)) for name, f in on_one),
        fault(
            "×N on all (sum for mean)",
            "constant factor",
            _times_of(lambda n: n.batch),
            where.batched,
        ),
        fault(
            "×1/N on all (divided twice)",
            "constant factor",
            _times_of(lambda n: 1 / n.batch),
            where.batched,
        ),
        fault(
            "×1/classes on all",
            "constant factor",
            _times_of(lambda n: 1 / n.sizes[-1]),
            where.several_outputs,
        ),
        fault("×N on one tensor", "constant factor", _one_times_batch, where.batched),
        fault(
            "×2 on one tensor, the sign of another",
            "constant factor | sign",
            changed(_two_at_once),
            where.plain,
        ),
        fault("sign of all", "sign", _times(-1.0)),
        fault("sign of one tensor", "sign", _times_one(-1.0)),
    ]


def order() -> list[Fault]:
    """List right numbers in wrong places."""

    def square(network: Network) -> bool:
        return any(n == m > 1 for n, m in zip(network.sizes, network.sizes[1:], strict=False))

    return [
        fault("square dW transposed", "transpose", changed(_transpose), square),
        fault("two rows of dW swapped", "swapped rows", in_one(_swap, "W", least=2), where.wide),
        fault(
            "columns of dW permuted",
            "swapped rows",
            changed(_permute_columns),
            lambda n: n.sizes[0] > 1,
        ),
        fault(
            "two entries of db swapped",
            "swapped rows",
            in_one(_swap, "b", least=2),
            where.plain_hidden,
        ),
        fault(
            "a row of dW twice",
            "swapped rows | stale row | duplicated row",
            in_one(_duplicate, "W", least=2),
            where.wide,
        ),
    ]


def _times(factor: float) -> Callable:
    return everywhere(lambda g: factor * g)


def _times_one(factor: float) -> Callable:
    return in_one(lambda g, rng: factor * g)


def _times_of(factor: Callable[[Network], float]) -> Callable:
    return lambda case: _times(factor(case.network))(case)


def _one_times_batch(case: Case) -> Callable:
    return _times_one(case.network.batch)(case)


def _two_at_once(case, grads, rng):
    (k, name), (other, of_other) = tensors_of(grads)[0], tensors_of(grads)[-1]
    grads[k][name] *= 2
    grads[other][of_other] *= -1
    return grads


def _transpose(case, grads, rng):
    square = [k for k, layer in enumerate(grads) if layer["W"].shape[0] == layer["W"].shape[1] > 1]
    k = square[rng.integers(len(square))]
    grads[k]["W"] = grads[k]["W"].T.copy()
    return grads


def _swap(g, rng):
    i, j = rng.choice(len(g), 2, replace=False)
    g[[i, j]] = g[[j, i]]
    return g


def _duplicate(g, rng):
    i, j = rng.choice(len(g), 2, replace=False)
    g[i] = g[j]
    return g


def _permute_columns(case, grads, rng):
    wide = [k for k, layer in enumerate(grads) if layer["W"].shape[1] > 1]
    k = wide[rng.integers(len(wide))]
    grads[k]["W"] = np.roll(grads[k]["W"], 1, axis=1)
    return grads
