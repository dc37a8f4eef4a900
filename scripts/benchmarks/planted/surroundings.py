"""Faults around the layers: dropout, batch norm, examples and the loss."""

from collections.abc import Callable

import jax

from planted import where
from planted.backward import norm, output_delta, slope
from planted.fault import Fault, fault, output_error, replaced
from planted.networks import Network, module_of


def surroundings() -> list[Fault]:
    """List faults of dropout, batch norm, examples and the loss."""
    return [*_of_dropout(), *_of_batch_norm(), *_of_examples()]


def _of_dropout() -> list[Fault]:
    return [
        fault(
            "dropout: key split again",
            "another key",
            replaced(_key(lambda k: jax.random.split(k)[0])),
            where.dropped,
        ),
        fault(
            "dropout: next step's key",
            "another key",
            replaced(_key(lambda k: jax.random.fold_in(k, 1))),
            where.dropped,
        ),
        fault(
            "dropout: another mask backward", "another key", replaced(_backward_key), where.dropped
        ),
        fault("dropout: no mask backward", "missing derivative", replaced(_no_mask), where.dropped),
    ]


def _of_batch_norm() -> list[Fault]:
    return [
        fault(
            "batch norm: constant statistics",
            "constant statistics",
            replaced(_norm(_no_statistics)),
            where.normed,
        ),
        fault(
            "batch norm: constant mean",
            "constant statistics",
            replaced(_norm(_no_mean)),
            where.normed,
        ),
        fault(
            "batch norm: constant variance",
            "constant statistics",
            replaced(_norm(_no_variance)),
            where.normed,
        ),
        fault(
            "batch norm: dgain from z", "wrong layer input", replaced(_gain_from_z), where.normed
        ),
    ]


def _of_examples() -> list[Fault]:
    def halved(n: Network) -> bool:
        return n.loss == "squared"

    return [
        fault(
            "last example left out",
            "wrong examples",
            replaced(_output(_without_last)),
            lambda n: n.batch > 1,
        ),
        fault(
            "labels shifted by one example",
            "wrong examples",
            replaced(_shifted),
            lambda n: n.batch > 1,
        ),
        fault(
            "2(p − y) where the loss has ½",
            "constant factor",
            replaced(_output(lambda d, y: 2 * d)),
            halved,
        ),
        fault(
            "×N on the data term, beside a penalty",
            "constant factor",
            replaced(lambda case: _output(lambda d, y: case.network.batch * d)(case)),
            lambda n: n.penalty > 0 and n.batch > 1,
        ),
        fault("example weights left out", "missing weights", replaced(_unweighted), where.weighted),
        fault("Σw for n", "constant factor", replaced(_by_mean_weight), where.weighted),
        fault(
            "target forgotten in δ",
            "wrong examples | wrong target",
            replaced(_no_target),
            where.entropy,
        ),
    ]


def _key(change: Callable) -> Callable:
    return lambda case: {"key": lambda key: None if key is None else change(key)}


def _backward_key(case):
    return {"backward_key": lambda key: jax.random.split(key)[1]}


def _no_mask(case):
    return {"derivative": lambda network, k, tape: slope(network.hidden, tape[k].u, tape[k].a)}


def _norm(centred: Callable) -> Callable:
    """Return ∂loss/∂z = gain/σ · centred(n, δ), with right gradients of gain and shift."""

    def wrong(k, record, gain, delta):
        _, dgain, dshift = norm(k, record, gain, delta)
        return gain[:, None] * record.inverse_std * centred(record.normalised, delta), dgain, dshift

    return lambda case: {"norm": wrong}


def _no_statistics(n, delta):
    return delta


def _no_mean(n, delta):
    return delta - n * (n * delta).mean(axis=1, keepdims=True)


def _no_variance(n, delta):
    return delta - delta.mean(axis=1, keepdims=True)


def _gain_from_z(case):
    def wrong(k, record, gain, delta):
        dz, _, dshift = norm(k, record, gain, delta)
        return dz, (record.z * delta).sum(axis=1), dshift

    return {"norm": wrong}


def _output(change: Callable) -> Callable:
    """Change the right δ at the output by change(δ, y)."""
    return lambda case: {"output": lambda case, tape, y: change(output_delta(case, tape, y), y)}


def _unweighted(case):
    return {"output": lambda case, tape, y: output_delta(case._replace(weights=1.0), tape, y)}


def _by_mean_weight(case):
    """Leave weights undivided by their mean, as if the loss were a sum and no average."""
    return {"output": lambda case, tape, y: 1.726 * output_delta(case, tape, y)}


def _without_last(delta, y):
    m = module_of(delta)
    return m.concatenate([delta[:, :-1], 0 * delta[:, -1:]], axis=1)


def _shifted(case):
    return {
        "output": lambda case, tape, y: output_delta(case, tape, module_of(y).roll(y, 1, axis=1))
    }


_no_target = output_error(lambda network, p, y, z: p)
