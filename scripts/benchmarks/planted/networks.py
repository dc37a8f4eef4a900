"""Plain multilayer perceptrons for NumPy and JAX: parameters, data, forward pass and loss.

Activations are (units, examples), as in z = W a + b. Nothing of the `fnn` package is used here,
since these networks stand for code that people write by hand.
"""

import zlib
from types import ModuleType
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

EPSILON = 1e-5  # of batch norm


class Network(NamedTuple):
    """A network and its loss, a mean over examples.

    sizes          of the layers, with inputs and outputs
    hidden, output names of the activations
    loss           "squared" is ½Σ(p − y)²; "cross-entropy" is −Σ y log p after softmax; "bce" is
                   the same for independent sigmoids
    batch          number of examples
    gradient_in    "jax" or "numpy"
    loss_in        "jax" or "numpy"
    weighted       whether examples count differently
    """

    sizes: tuple[int, ...]
    hidden: str
    output: str
    loss: str
    batch: int
    batch_norm: bool = False
    dropout: float = 0.0
    penalty: float = 0.0
    gradient_in: str = "jax"
    loss_in: str = "jax"
    weighted: bool = False

    @property
    def depth(self) -> int:
        """Return the number of layers with weights."""
        return len(self.sizes) - 1

    def __str__(self) -> str:
        extras = [
            "batch norm" * self.batch_norm,
            "dropout" * bool(self.dropout),
            "penalty" * bool(self.penalty),
            "example weights" * self.weighted,
            "gradient in NumPy" * (self.gradient_in == "numpy"),
            "loss in NumPy" * (self.loss_in == "numpy"),
        ]
        sizes = "-".join(map(str, self.sizes))
        title = f"{sizes} {self.hidden}/{self.output} {self.loss}, n = {self.batch}"
        return ", ".join([title, *filter(None, extras)])


class Case(NamedTuple):
    """A network at a point.

    scale    factor in front of the loss
    params   float64 NumPy arrays, a dict for each layer
    x, y     float64 NumPy data, (features, examples) and (outputs, examples)
    weights  of the examples in the mean
    """

    network: Network
    seed: int
    scale: float
    params: list[dict[str, np.ndarray]]
    x: np.ndarray
    y: np.ndarray
    weights: Any = 1.0

    @property
    def key(self) -> Any:
        """Return the key for dropout, None without dropout."""
        return jax.random.key(self.seed) if self.network.dropout else None


class Record(NamedTuple):
    """The values of a layer that the backward pass reads.

    below        its input
    z            W a + b
    normalised   z after batch norm, before gain and shift
    inverse_std  1/σ of batch norm
    u            the input of the activation
    a            f(u)
    mask         of dropout
    """

    below: Any
    z: Any
    normalised: Any
    inverse_std: Any
    u: Any
    a: Any
    mask: Any


def module_of(array: Any) -> ModuleType:
    """Return the library of an array: numpy or jax.numpy."""
    return np if isinstance(array, np.ndarray) else jnp


def activate(name: str, z: Any) -> Any:
    """Return f(z). Softmax is over the units."""
    m = module_of(z)
    if name == "softmax":
        e = m.exp(z - z.max(axis=0, keepdims=True))
        return e / e.sum(axis=0, keepdims=True)
    return {
        "identity": lambda: z,
        "relu": lambda: m.where(z > 0, z, 0 * z),
        "relu as maximum": lambda: m.maximum(z, 0 * z),
        "tanh": lambda: m.tanh(z),
        "sigmoid": lambda: 0.5 * (1 + m.tanh(0.5 * z)),
        "softplus": lambda: m.logaddexp(z, 0 * z),
    }[name]()


def forward(network: Network, params: list, x: Any, key: Any = None) -> list[Record]:
    """Return the record of every layer, from first to last."""
    tape: list[Record] = []
    a = x
    for k, layer in enumerate(params):
        last = k == network.depth - 1
        z = layer["W"] @ a + layer["b"][:, None]
        u, normalised, inverse_std, mask = z, None, None, None
        if network.batch_norm and not last:
            inverse_std = 1 / module_of(z).sqrt(z.var(axis=1, keepdims=True) + EPSILON)
            normalised = (z - z.mean(axis=1, keepdims=True)) * inverse_std
            u = layer["gain"][:, None] * normalised + layer["shift"][:, None]
        activation = activate(network.output if last else network.hidden, u)
        if network.dropout and not last:
            mask = dropout_mask(network, jax.random.fold_in(key, k), u.shape)
        tape.append(Record(a, z, normalised, inverse_std, u, activation, mask))
        a = activation if mask is None else activation * mask
    return tape


def dropout_mask(network: Network, key: Any, shape: tuple[int, ...]) -> Any:
    """Return a mask of 0 and 1/(1 − p)."""
    keep = 1 - network.dropout
    return jax.random.bernoulli(key, keep, shape) / keep


def loss(case: Case, params: list, key: Any = None) -> Any:
    """Return the loss, in the precision and by the library of params.

    It is

        scale · (weighted mean over examples + ½λΣW²).
    """
    network = case.network
    if network.loss_in == "numpy":
        params = jax.tree.map(np.asarray, params)
    m = module_of(params[0]["W"])
    x, y, weights = (m.asarray(v, params[0]["W"].dtype) for v in (case.x, case.y, case.weights))
    last = forward(network, params, x, key)[-1]
    z, p = last.z, last.a
    if network.loss == "squared":
        each = 0.5 * (p - y) ** 2
    elif network.loss == "cross-entropy":
        shifted = z - z.max(axis=0, keepdims=True)
        each = y * (m.log(m.exp(shifted).sum(axis=0, keepdims=True)) - shifted)
    else:
        each = m.logaddexp(z, 0 * z) - y * z
    decay = 0.5 * network.penalty * sum((layer["W"] ** 2).sum() for layer in params)
    return case.scale * ((weights * each.sum(axis=0)).mean() + decay)


def case_of(
    network: Network, seed: int, scale: float = 1.0, weights: float = 1.0, zero_biases: bool = False
) -> Case:
    """Return a case with random parameters.

    weights  multiplies the usual 1/√(inputs)

    All seeds have the same data, so that programs with these constants are compiled once.
    """
    rng = np.random.default_rng(seed)
    params = []
    for k, (n_in, n_out) in enumerate(zip(network.sizes, network.sizes[1:], strict=False)):
        layer = {
            "W": weights * rng.normal(size=(n_out, n_in)) / np.sqrt(n_in),
            "b": (0.0 if zero_biases else 0.3) * rng.normal(size=n_out),
        }
        if network.batch_norm and k < network.depth - 1:
            layer |= {
                "gain": 1 + 0.3 * rng.normal(size=n_out),
                "shift": 0.3 * rng.normal(size=n_out),
            }
        params.append(layer)
    rng = np.random.default_rng(zlib.crc32(str(network).encode()))
    x = rng.normal(size=(network.sizes[0], network.batch))
    y = targets(network, rng)
    if not network.weighted:
        return Case(network, seed, scale, params, x, y)
    example_weights = rng.uniform(0.5, 4, network.batch)
    return Case(network, seed, scale, params, x, y, example_weights / example_weights.mean())


def targets(network: Network, rng: np.random.Generator) -> np.ndarray:
    """Return one-hot classes, zeros and ones, or real numbers, (outputs, examples)."""
    outputs = network.sizes[-1]
    if network.loss == "cross-entropy":
        return np.eye(outputs)[rng.integers(0, outputs, network.batch)].T
    if network.loss == "bce":
        return rng.integers(0, 2, (outputs, network.batch)).astype(float)
    return rng.normal(size=(outputs, network.batch))
