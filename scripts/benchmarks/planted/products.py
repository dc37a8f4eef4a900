"""Faults in the products and sums of the backward pass: claims 0.17, 3.12 and 4.5 among them."""

from collections.abc import Callable

from planted import backward, where
from planted.fault import Fault, fault, output_error, replaced
from planted.networks import activate


def products() -> list[Fault]:
    """List wrong matrix products and sums: claims 0.17, 3.12 and 4.5 among them."""
    return [*_of_delta(), *_of_weights(), *_of_biases(), *_of_shapes()]


def _of_delta() -> list[Fault]:
    return [
        fault(
            "δ not multiplied by Wᵀ",
            "missing Wᵀ",
            replaced(_back(lambda W, d: d)),
            where.square_above,
        ),
        fault(
            "W for Wᵀ",
            "missing Wᵀ | transpose",
            replaced(_back(lambda W, d: W @ d)),
            where.square_above,
        ),
        fault(
            "ones for Wᵀ", "missing Wᵀ", replaced(_back(lambda W, d: (1 + 0 * W).T @ d)), where.deep
        ),
        fault("Wᵀ after its own update", "stale weights", replaced(_back_after_update), where.deep),
    ]


def _of_weights() -> list[Fault]:
    return [
        fault("δ W f′ for δ zᵀ (0.17)", "wrong layer input", _printed_017, where.thin),
        fault(
            "∂L/∂z for ∂L/∂W, refused (4.5)",
            "refused",
            replaced(_delta_for_weight),
            lambda n: not where.fits(n),
        ),
        fault(
            "∂L/∂z for ∂L/∂W, same shape (4.5)",
            "wrong layer input",
            replaced(_delta_for_weight),
            where.fits,
        ),
        fault("z for a in dW", "wrong layer input", replaced(_input_z), where.not_linear),
        fault(
            "dW from the layer's own output",
            "wrong layer input",
            replaced(_input_own),
            where.square_above,
        ),
    ]


def _of_biases() -> list[Fault]:
    return [
        fault(
            "db mean for sum",
            "constant factor",
            replaced(_bias(lambda d: d.mean(axis=1))),
            lambda n: n.batch > 1,
        ),
        fault(
            "db summed over the units",
            "wrong axis",
            replaced(_bias(lambda d: d.sum(axis=0))),
            where.batch_is_width,
        ),
        fault(
            "db summed over everything",
            "wrong axis | silent broadcast",
            replaced(_bias(_total)),
            where.wide,
        ),
    ]


def _of_shapes() -> list[Fault]:
    return [
        fault(
            "(1, n) − (n, 1), then a mean (3.12)",
            "silent broadcast",
            replaced(_outer("mean")),
            where.single_output,
        ),
        fault(
            "(1, n) − (n, 1), then a sum (3.12)",
            "silent broadcast",
            replaced(_outer("sum")),
            where.single_output,
        ),
        fault(
            "row ⊙ column in a hidden δ (3.12)",
            "silent broadcast",
            replaced(_row_by_column),
            where.deep_wide,
        ),
    ]


def _back(product: Callable) -> Callable:
    return lambda case: {"back": lambda k, W, delta, tape: product(W, delta)}


def _back_after_update(case):
    """Move W by a step before δ has passed through it."""
    rate = 0.1 / case.scale
    return {"back": lambda k, W, delta, tape: (W - rate * delta @ tape[k].below.T).T @ delta}


def _row_by_column(case):
    """Add up the rows of (Wᵀδ)ᵀ ⊙ f′, which is a square for one example."""

    def back(k, W, delta, tape):
        right = W.T @ delta
        return right.sum(axis=0, keepdims=True) + 0 * right

    return {"back": back}


def _delta_for_weight(case):
    return {"weight": lambda k, delta, tape: delta}


def _input_z(case):
    return {"weight": lambda k, delta, tape: delta @ (tape[k].below if k == 0 else tape[k - 1].z).T}


def _input_own(case):
    return {"weight": lambda k, delta, tape: delta @ (tape[k].below if k == 0 else tape[k].a).T}


def _printed_017(case):
    """Take W_k ← W_k − η δ_k W_k f′_{k−1} literally."""

    def plant(params, key=None):
        def weight(k, delta, tape):
            if k == 0:
                return delta @ tape[0].below.T
            return delta @ (params[k]["W"] * backward.derivative(case.network, k - 1, tape)).T

        return backward.gradient(case, params, key, backward.Steps()._replace(weight=weight))

    return plant


def _bias(reduction: Callable) -> Callable:
    return lambda case: {"bias": lambda k, delta: reduction(delta)}


def _total(delta):
    return delta.sum() + 0 * delta[:, 0]


def _outer(reduction: str) -> Callable:
    """Subtract (n, 1) from (1, n), which is (n, n) without a complaint, and reduce an axis.

    The reduction gives n numbers again.
    """

    def delta(network, p, y, z):
        p = activate("sigmoid", z) if network.loss == "bce" else p
        return getattr(p - y.T, reduction)(axis=0, keepdims=True)

    return output_error(delta)
