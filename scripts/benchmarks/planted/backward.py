"""The backward pass by hand, each of its steps a function that a fault can replace."""

from collections.abc import Callable
from typing import Any, NamedTuple

from planted.networks import Case, Network, Record, forward, module_of

Tape = list[Record]


def slope(name: str, z: Any, a: Any) -> Any:
    """Return f′(z) from z and a = f(z)."""
    m = module_of(z)
    return {
        "identity": lambda: 1 + 0 * z,
        "relu": lambda: (z > 0).astype(z.dtype),
        "relu as maximum": lambda: (z > 0).astype(z.dtype),
        "tanh": lambda: 1 - a**2,
        "sigmoid": lambda: a * (1 - a),
        "softplus": lambda: 0.5 * (1 + m.tanh(0.5 * z)),
    }[name]()


def output_delta(case: Case, tape: Tape, y: Any) -> Any:
    """Return ∂loss/∂z of the last layer, (outputs, examples)."""
    network = case.network
    z, p = tape[-1].z, tape[-1].a
    error = p - y
    weights = module_of(z).asarray(case.weights, z.dtype)
    if network.loss == "squared" and network.output == "softmax":
        error = p * (error - (p * error).sum(axis=0, keepdims=True))
    elif network.loss == "squared":
        error = error * slope(network.output, z, p)
    return case.scale * weights * error / network.batch


def back(k: int, W: Any, delta: Any, tape: Tape) -> Any:
    """Return ∂loss/∂a below layer k."""
    return W.T @ delta


def derivative(network: Network, k: int, tape: Tape) -> Any:
    """Return f′ of hidden layer k, with dropout's factor."""
    record = tape[k]
    slopes = slope(network.hidden, record.u, record.a)
    return slopes if record.mask is None else slopes * record.mask


def norm(k: int, record: Record, gain: Any, delta: Any) -> tuple[Any, Any, Any]:
    """Return ∂loss/∂z, ∂loss/∂gain and ∂loss/∂shift of batch norm from ∂loss/∂u.

    Both statistics depend on z.
    """
    n = record.normalised
    through_mean = delta.mean(axis=1, keepdims=True)
    through_variance = n * (n * delta).mean(axis=1, keepdims=True)
    centred = delta - through_mean - through_variance
    dz = gain[:, None] * record.inverse_std * centred
    return dz, (n * delta).sum(axis=1), delta.sum(axis=1)


def weight(k: int, delta: Any, tape: Tape) -> Any:
    """Return ∂loss/∂W = δ aᵀ."""
    return delta @ tape[k].below.T


def bias(k: int, delta: Any) -> Any:
    """Return ∂loss/∂b = Σδ over the examples."""
    return delta.sum(axis=1)


class Steps(NamedTuple):
    """The steps of a right backward pass. `steps._replace(...)` makes a wrong one."""

    output: Callable = output_delta
    back: Callable = back
    derivative: Callable = derivative
    norm: Callable = norm
    weight: Callable = weight
    bias: Callable = bias
    key: Callable = lambda key: key
    backward_key: Callable = lambda key: key


RIGHT = Steps()


def gradient(case: Case, params: list, key: Any = None, steps: Steps = RIGHT) -> list:
    """Return ∂loss/∂params, in the precision and by the library of params."""
    network = case.network
    m, dtype = module_of(params[0]["W"]), params[0]["W"].dtype
    x, y = m.asarray(case.x, dtype), m.asarray(case.y, dtype)
    tape = forward(network, params, x, steps.key(key))
    if network.dropout:
        backward_tape = forward(network, params, x, steps.backward_key(steps.key(key)))
        masks = [record.mask for record in backward_tape]
        tape = [record._replace(mask=mask) for record, mask in zip(tape, masks, strict=True)]
    delta = steps.output(case, tape, y)
    grads: list = []
    for k in reversed(range(network.depth)):
        extra = {}
        if k < network.depth - 1:
            delta = steps.back(k + 1, params[k + 1]["W"], delta, tape)
            delta = delta * steps.derivative(network, k, tape)
            if network.batch_norm:
                delta, dgain, dshift = steps.norm(k, tape[k], params[k]["gain"], delta)
                extra = {"gain": dgain, "shift": dshift}
        W = steps.weight(k, delta, tape)
        if network.penalty:
            W = W + case.scale * network.penalty * params[k]["W"]
        grads.insert(0, {"W": W, "b": steps.bias(k, delta)} | extra)
    return grads
