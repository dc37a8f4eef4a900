"""Faults in the derivatives of activations: claims 0.16, 0.18 and 3.11 among them."""

from collections.abc import Callable

from planted import backward, where
from planted.backward import slope
from planted.fault import Fault, fault, output_error, replaced
from planted.networks import activate


def derivatives() -> list[Fault]:
    """List wrong and missing f′: claims 0.16 and 0.18 among them."""
    return [*_at_wrong_point(), *_wrong()]


def _at_wrong_point() -> list[Fault]:
    return [
        fault(
            "f′(a) for f′(z), hidden (0.18)",
            "derivative at the activation",
            replaced(_slope_at_a),
            where.curved,
        ),
        fault(
            "f′(a) for f′(z), output (0.18)",
            "derivative at the activation",
            replaced(_output_slope_at_a),
            where.curved_top,
        ),
        fault(
            "no f′ at the output (0.16)",
            "missing derivative",
            replaced(_no_output_slope),
            where.curved_top,
        ),
        fault(
            "no f′ in one hidden layer",
            "missing derivative",
            replaced(_no_slope_first),
            where.not_linear,
        ),
        fault(
            "no f′ in any hidden layer",
            "missing derivative",
            replaced(_slopes(lambda z, a: 1 + 0 * z)),
            where.not_linear,
        ),
    ]


def _wrong() -> list[Fault]:
    return [
        fault("relu′ = 0.01 below 0", "wrong derivative", replaced(_slopes(_leaky)), where.relu),
        fault(
            "relu′ = 1 where z < 0",
            "wrong derivative",
            replaced(_slopes(lambda z, a: 1.0 * (z < 0))),
            where.relu,
        ),
        fault(
            "tanh′ = 1 − a",
            "wrong derivative",
            replaced(_slopes(lambda z, a: 1 - a)),
            lambda n: n.hidden == "tanh",
        ),
        fault(
            "sigmoid′ = a (1 + a)",
            "wrong derivative",
            replaced(_slopes(lambda z, a: a * (1 + a))),
            where.sigmoid,
        ),
        fault(
            "softmax ⊙ diag, cross-entropy (3.11)",
            "elementwise softmax",
            replaced(_diagonal_entropy),
            where.entropy,
        ),
        fault(
            "softmax ⊙ diag, squared error",
            "elementwise softmax",
            replaced(_diagonal_squared),
            where.soft_squared,
        ),
    ]


def _slopes(wrong: Callable) -> Callable:
    """Replace f′ by wrong(z, a) in every hidden layer."""

    def derivative(network, k, tape):
        record = tape[k]
        slopes = wrong(record.u, record.a).astype(record.u.dtype)
        return slopes if record.mask is None else slopes * record.mask

    return lambda case: {"derivative": derivative}


def _leaky(z, a):
    return (z > 0) + 0.01 * (z <= 0)


def _slope_at_a(case):
    name = case.network.hidden
    return _slopes(lambda z, a: slope(name, a, activate(name, a)))(case)


def _no_slope_first(case):
    """Leave out f′ in one hidden layer, which the seed chooses."""
    chosen = case.seed % (case.network.depth - 1)
    without_slope = _slopes(lambda z, a: 1 + 0 * z)(case)["derivative"]

    def derivative(network, k, tape):
        if k == chosen:
            return without_slope(network, k, tape)
        return backward.derivative(network, k, tape)

    return {"derivative": derivative}


_no_output_slope = output_error(lambda network, p, y, z: p - y)


_output_slope_at_a = output_error(
    lambda network, p, y, z: (p - y) * slope(network.output, p, activate(network.output, p))
)


_diagonal_entropy = output_error(lambda network, p, y, z: (-y / p) * p * (1 - p))


_diagonal_squared = output_error(lambda network, p, y, z: (p - y) * p * (1 - p))
