"""Faults in the finished gradient.

They are zeros, leftovers, single numbers, rounding, noise, penalties and clipping.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from planted import where
from planted.backward import gradient
from planted.fault import Fault, changed, fault, in_one, tensors_of
from planted.networks import Case


def missing() -> list[Fault]:
    """List zeros and leftovers."""
    zero = np.zeros_like
    return [
        fault("first db zero", "missing gradient", changed(_zero_tensor(0, "b")), where.plain),
        fault("last db zero", "missing gradient", changed(_zero_tensor(-1, "b"))),
        fault("every db zero", "missing gradient", changed(_zero_biases)),
        fault("one dW zero", "missing gradient", in_one(lambda g, rng: zero(g), "W")),
        fault(
            "one entry of db zero",
            "zeroed entries",
            in_one(_at_random(0.0), "b", least=2),
            where.plain_hidden,
        ),
        fault(
            "largest entry of dW zero",
            "zeroed entries",
            in_one(_largest_zero, "W", least=2),
            where.wide,
        ),
        fault(
            "random entry of dW zero",
            "zeroed entries",
            in_one(_at_random(0.0), "W", least=2),
            where.wide,
        ),
        fault(
            "a row of dW zero",
            "zeroed row",
            in_one(_row(lambda g: 0 * g), "W", least=2),
            where.wide,
        ),
        fault(
            "a column of dW zero",
            "zeroed row",
            in_one(_column_zero, "W", least=2),
            lambda n: min(n.sizes[:-1]) > 1,
        ),
        fault("a row of dW stale", "stale row", changed(_stale_row), where.wide),
        fault("whole gradient stale", "stale row | stale gradient", _stale),
        fault("momentum: g + 0.9 of a stale g", "stale row | stale gradient", _momentum),
    ]


def spoilt() -> list[Fault]:
    """List single wrong numbers, rounding, noise, penalties and clipping."""
    return [
        fault(
            "one entry of dW ×1.1",
            "wrong entries",
            in_one(_at_random(1.1), "W", least=2),
            where.wide,
        ),
        fault(
            "one entry of dW negated",
            "wrong entries | sign",
            in_one(_at_random(-1.0), "W", least=2),
            where.wide,
        ),
        fault("one entry NaN", "not finite", in_one(_at_random(np.nan))),
        fault("one entry infinite", "not finite", in_one(_at_random(np.inf))),
        fault("noise, new at each call", "nondeterministic", _noisy),
        fault("float32 inside", "precision loss", _in_precision(jnp.float32), only_in_float64=True),
        fault("bfloat16 inside", "precision loss", _in_precision(jnp.bfloat16)),
        fault(
            "float16 rounding of one tensor",
            "precision loss",
            in_one(_through_float16),
            only_in_float64=True,
        ),
        fault("weight decay added", "extra penalty", _decayed, lambda n: not n.penalty),
        fault(
            "penalty doubled",
            "extra penalty | constant factor",
            _decayed_twice,
            lambda n: n.penalty > 0,
        ),
        fault(
            "penalty left out", "extra penalty | missing term", _undecayed, lambda n: n.penalty > 0
        ),
        fault("clipped to a norm", "clipped | constant factor", changed(_clip_norm)),
        fault(
            "clipped entry by entry", "clipped", changed(_clip_entries), lambda n: max(n.sizes) > 1
        ),
    ]


def _zero_tensor(k: int, name: str) -> Callable:
    def apply(case, grads, rng):
        grads[k][name] = 0 * grads[k][name]
        return grads

    return apply


def _zero_biases(case, grads, rng):
    return [layer | {"b": 0 * layer["b"]} for layer in grads]


def _at_random(factor: float) -> Callable:
    """Multiply one entry that is not zero by the factor."""

    def apply(g, rng):
        g.flat[rng.choice(np.flatnonzero(g))] *= factor
        return g

    return apply


def _largest_zero(g, rng):
    g.flat[np.argmax(np.abs(g))] = 0.0
    return g


def _row(change: Callable) -> Callable:
    def apply(g, rng):
        i = rng.choice(np.flatnonzero(np.any(g, axis=1)))
        g[i] = change(g[i])
        return g

    return apply


def _column_zero(g, rng):
    g[:, rng.choice(np.flatnonzero(np.any(g, axis=0)))] = 0.0
    return g


def _moved(params: list, seed: int) -> list:
    """Return parameters some steps away."""
    rng = np.random.default_rng(seed + 1)
    return [
        {name: v + 0.1 * rng.normal(size=v.shape).astype(v.dtype) for name, v in layer.items()}
        for layer in params
    ]


def _stale(case: Case) -> Callable:
    return lambda params, key=None: gradient(case, _moved(params, case.seed), key)


def _momentum(case: Case) -> Callable:
    def wrong(params, key=None):
        now, before = gradient(case, params, key), gradient(case, _moved(params, case.seed), key)
        return jax.tree.map(lambda g, old: g + 0.9 * old, now, before)

    return wrong


def _stale_row(case, grads, rng):
    before = gradient(case, _moved(case.params, case.seed), case.key)
    layers = [k for k, name in tensors_of(grads, "W", least=2)]
    if layers:
        k = layers[rng.integers(len(layers))]
        i = rng.choice(np.flatnonzero(np.any(grads[k]["W"], axis=1)))
        grads[k]["W"][i] = np.asarray(before[k]["W"])[i]
    return grads


def _noisy(case: Case) -> Callable:
    calls = np.random.default_rng(case.seed)

    def wrong(params, key=None):
        return jax.tree.map(
            lambda g: g * (1 + 1e-3 * calls.normal(size=g.shape)), gradient(case, params, key)
        )

    return wrong


def _in_precision(dtype) -> Callable:
    """Compute everything in a narrow precision, and widen the result."""

    def plant(case: Case) -> Callable:
        def wrong(params, key=None):
            narrow = jax.tree.map(lambda v: jnp.asarray(v, dtype), params)
            return jax.tree.map(
                lambda g, v: np.asarray(g).astype(v.dtype), gradient(case, narrow, key), params
            )

        return wrong

    return plant


def _through_float16(g, rng):
    size = np.max(np.abs(g))
    return (g / size).astype(np.float16).astype(g.dtype) * size


def _decayed(case: Case) -> Callable:
    return lambda params, key=None: gradient(
        case._replace(network=case.network._replace(penalty=0.1)), params, key
    )


def _decayed_twice(case: Case) -> Callable:
    network = case.network._replace(penalty=2 * case.network.penalty)
    return lambda params, key=None: gradient(case._replace(network=network), params, key)


def _undecayed(case: Case) -> Callable:
    return lambda params, key=None: gradient(
        case._replace(network=case.network._replace(penalty=0.0)), params, key
    )


def _clip_norm(case, grads, rng):
    """Clip to the power of ten below the norm, since people clip to 1 or 0.1."""
    norm = np.sqrt(sum(np.sum(g**2) for layer in grads for g in layer.values()))
    limit = 10.0 ** np.floor(np.log10(norm))
    return [{name: g * (limit / norm) for name, g in layer.items()} for layer in grads]


def _clip_entries(case, grads, rng):
    largest = max(np.max(np.abs(g)) for layer in grads for g in layer.values())
    return [
        {name: np.clip(g, -0.3 * largest, 0.3 * largest) for name, g in layer.items()}
        for layer in grads
    ]
