"""Activations σ, each with its derivative σ′ written by hand right below it.

The argument is always the pre-activation z. Elementwise activations take any shape. Softmax couples
the units of an example: it works along axis 0, the feature axis of (features, batch).

`Activation.backward(z, da)` computes

    ∂L/∂z = (∂a/∂z)ᵀ ∂L/∂a

For elementwise activations this is σ′(z) ⊙ da. For softmax it is the full Jacobian product; an
elementwise product is wrong there (course claim 3.11). Where a derivative jumps, `kinks` lists the
points, and the docstring says which value is taken there.

`get` and the networks find these by name:

    identity, step                 z, and 1 where z ≥ 0
    relu, leaky_relu               max(0, z), and z or 0.01 z; others by make_relu, make_leaky_relu
    elu, selu                      eᶻ − 1 below 0; others by make_elu
    gelu, gelu_tanh, silu          z Φ(z), its approximation by tanh, z σ(z)
    sigmoid, tanh, softplus        1/(1 + e⁻ᶻ), tanh z, log(1 + eᶻ)
    softmax                        eᶻ/Σ eᶻ over the units of an example
"""

import math
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from fnn import checks
from fnn.remembered import remembered, unchanging
from fnn.renamed import renamed

AnyShape: TypeAlias = Float[Array, "..."]
Elementwise: TypeAlias = Callable[[AnyShape], AnyShape]


class Activation(NamedTuple):
    """An activation function σ with its derivative σ′.

    name            the name under which `get` finds it
    value(z)        -> a, in the shape of z
    derivative(z)   -> σ′(z), in the shape of z; for softmax the Jacobian (features, features, ...)
    domain          the interval of z on which tests and plots sample derivatives
    kinks           the points of z where σ′ jumps
    product(z, da)  -> (∂a/∂z)ᵀ da; None for an elementwise activation

    >>> import fnn, jax.numpy as jnp
    >>> relu = fnn.activations.relu
    >>> print(relu.value(jnp.array([-1.0, 2.0])), relu.derivative(jnp.array([-1.0, 2.0])))
    [0. 2.] [0. 1.]
    """

    name: str
    value: Elementwise
    derivative: Elementwise
    domain: tuple[float, float] = (-5.0, 5.0)
    kinks: tuple[float, ...] = ()
    product: Callable[[AnyShape, AnyShape], AnyShape] | None = None

    def backward(self, z: AnyShape, da: AnyShape) -> AnyShape:
        """Return ∂L/∂z, given z and da = ∂L/∂a of the same shape.

        >>> import fnn, jax.numpy as jnp
        >>> print(fnn.activations.relu.backward(jnp.array([-1.0, 2.0]), jnp.array([3.0, 4.0])))
        [0. 4.]
        """
        if self.product is not None:
            return self.product(z, da)
        return self.derivative(z) * da

    def __reduce__(self):
        """Pickle a registered activation by its name, because its functions may be closures."""
        if REGISTRY.get(self.name) is self:
            return get, (self.name,)
        return Activation, tuple(self)

    def __repr__(self) -> str:
        kind = "elementwise" if self.product is None else "over features"
        if not self.kinks:
            return f"Activation({self.name}, {kind})"
        points = ", ".join(f"{z:g}" for z in self.kinks)
        return f"Activation({self.name}, {kind}, kinks at {points})"


# ------------------------------------------------------------------------------------ linear pieces


def _identity(z):
    return z


def _identity_derivative(z):
    return jnp.ones_like(z)


identity = Activation("identity", _identity, _identity_derivative)


@remembered
def make_relu(at_zero: float = 0.0, name: str = "relu") -> Activation:
    """Return a ReLU with a chosen derivative at 0.

    relu(z) = max(0, z)

    at_zero  the derivative at z = 0: 0 (the left one), 0.5 or 1 (the right one)
    name     the name of the activation

    Raises ValueError for other values of at_zero.

    >>> import fnn, jax.numpy as jnp
    >>> relu = fnn.activations.make_relu(at_zero=0.5, name="relu_half")
    >>> print(relu.derivative(jnp.array([-1.0, 0.0, 2.0])))
    [0.  0.5 1. ]
    """
    is_number = checks.is_concrete(at_zero) and np.ndim(at_zero) == 0
    if not is_number or at_zero not in (0.0, 0.5, 1.0):
        raise ValueError(f"at_zero: got {at_zero!r}, expected 0, 0.5 or 1.")

    def relu(z):
        return jnp.where(z > 0, z, jnp.zeros_like(z))

    def relu_derivative(z):
        slope = (z > 0).astype(z.dtype)
        if at_zero == 0.0:
            return slope
        return jnp.where(z == 0, jnp.full_like(z, at_zero), slope)

    return Activation(name, relu, relu_derivative, kinks=(0.0,))


relu = make_relu()


@remembered
def make_leaky_relu(slope: float = 0.01) -> Activation:
    """Return a leaky ReLU. Its derivative at 0 is 1, as in `jax.nn.leaky_relu`.

    leaky_relu(z) = z where z ≥ 0, slope·z elsewhere

    slope  at least 0

    >>> import fnn, jax.numpy as jnp
    >>> leaky = fnn.activations.make_leaky_relu(0.25)
    >>> print(leaky.value(jnp.array([-2.0, 2.0])))
    [-0.5  2. ]
    """
    checks.non_negative("slope", slope)

    def leaky_relu(z):
        return jnp.where(z >= 0, z, slope * z)

    def leaky_relu_derivative(z):
        is_right = z >= 0
        right, left = jnp.ones_like(z), jnp.full_like(z, slope)
        return jnp.where(is_right, right, left)

    return Activation("leaky_relu", leaky_relu, leaky_relu_derivative, kinks=(0.0,))


leaky_relu = make_leaky_relu()


def _step(z):
    return (z >= 0).astype(z.dtype)


def _step_derivative(z):
    raise ValueError(
        "step: asked for the derivative of the step function, which is 0 wherever it exists and "
        "carries no gradient. Train with fnn.course.perceptron or fnn.course.perturbation, or "
        "choose a differentiable activation such as 'sigmoid'."
    )


step = Activation("step", _step, _step_derivative, kinks=(0.0,))


# ------------------------------------------------------------------------------- exponential family


@remembered
def make_elu(alpha: float = 1.0) -> Activation:
    """Return an ELU, which is continuously differentiable only for α = 1. Clevert et al. 2016.

    elu(z) = z where z > 0, α(eᶻ − 1) elsewhere

    alpha  α, above 0

    The derivative at 0 is α, the left one.

    >>> import fnn, jax.numpy as jnp
    >>> elu = fnn.activations.make_elu(alpha=0.5)
    >>> print(elu.derivative(jnp.array([0.0, 2.0])))
    [0.5 1. ]
    """
    checks.positive("alpha", alpha)

    def elu(z):
        is_positive = z > 0
        negative = alpha * jnp.expm1(jnp.minimum(z, 0))  # of a large z eᶻ would overflow
        return jnp.where(is_positive, z, negative)

    def elu_derivative(z):
        is_positive = z > 0
        right = jnp.ones_like(z)
        left = alpha * jnp.exp(jnp.minimum(z, 0))
        return jnp.where(is_positive, right, left)

    is_smooth = checks.is_concrete(alpha) and alpha == 1
    return Activation("elu", elu, elu_derivative, kinks=() if is_smooth else (0.0,))


elu = make_elu()

SELU_ALPHA = 1.6732632423543772848170429916717
SELU_SCALE = 1.0507009873554804934193349852946


def _selu(z):
    """Return scale · z where z > 0, scale · α(eᶻ − 1) elsewhere. Klambauer et al. 2017."""
    is_positive = z > 0
    negative = SELU_ALPHA * jnp.expm1(jnp.minimum(z, 0))
    return SELU_SCALE * jnp.where(is_positive, z, negative)


def _selu_derivative(z):
    """Return the derivative; at 0 the left one, as in `jax.nn.selu`."""
    is_positive = z > 0
    right = jnp.ones_like(z)
    left = SELU_ALPHA * jnp.exp(jnp.minimum(z, 0))
    return SELU_SCALE * jnp.where(is_positive, right, left)


selu = Activation("selu", _selu, _selu_derivative, kinks=(0.0,))


def _sigmoid(z):
    return jax.nn.sigmoid(z)


def _sigmoid_derivative(z):
    a = _sigmoid(z)
    return a * (1 - a)


sigmoid = Activation("sigmoid", _sigmoid, _sigmoid_derivative, domain=(-8.0, 8.0))


def _tanh(z):
    return jnp.tanh(z)


def _tanh_derivative(z):
    a = _tanh(z)
    return (1 - a) * (1 + a)


tanh = Activation("tanh", _tanh, _tanh_derivative)


def _softplus(z):
    """Return log(1 + eᶻ), without overflow and without loss of the tail.

    log(1 + eᶻ) = max(z, 0) + log(1 + e^−|z|)
    """
    above = jnp.maximum(z, 0)
    tail = jnp.exp(-jnp.abs(z))
    return above + jnp.log1p(tail)


def _softplus_derivative(z):
    return _sigmoid(z)


softplus = Activation("softplus", _softplus, _softplus_derivative, domain=(-20.0, 20.0))


def _silu(z):
    return z * _sigmoid(z)


def _silu_derivative(z):
    a = _sigmoid(z)
    return a * (1 + z * (1 - a))


silu = Activation("silu", _silu, _silu_derivative, domain=(-8.0, 8.0))


# --------------------------------------------------------------------------------------------- gelu

SQRT_HALF = math.sqrt(0.5)
NORMAL_DENSITY_AT_0 = 1 / math.sqrt(2 * math.pi)


def _gelu(z):
    """Return z Φ(z), with Φ the standard normal distribution function. Hendrycks & Gimpel 2016."""
    half = 0.5 * z
    return half * jax.lax.erfc(-z * SQRT_HALF)


def _gelu_derivative(z):
    """Return Φ(z) + z φ(z)."""
    exponent = -0.5 * z * z
    density = jnp.exp(exponent) * NORMAL_DENSITY_AT_0
    distribution = 0.5 * jax.lax.erfc(-z * SQRT_HALF)
    return distribution + z * density


gelu = Activation("gelu", _gelu, _gelu_derivative)

GELU_CUBIC = 0.044715
GELU_SCALE = math.sqrt(2 / math.pi)


def _gelu_tanh(z):
    """Return the approximation of gelu by tanh, printed beside it.

    u = √(2/π) (z + 0.044715 z³)
    a = ½ z (1 + tanh u)
    """
    u = GELU_SCALE * (z + GELU_CUBIC * z**3)
    return 0.5 * z * (1 + jnp.tanh(u))


def _gelu_tanh_derivative(z):
    """Return ½(1 + tanh u) + ½ z (1 − tanh² u) du/dz."""
    # beyond ±10 the slope is 0 or 1 to rounding, and z² could overflow and make 0 · ∞
    z = jnp.clip(z, -10, 10)
    u = GELU_SCALE * (z + GELU_CUBIC * z**3)
    du = GELU_SCALE * (1 + 3 * GELU_CUBIC * z * z)
    a = jnp.tanh(u)
    direct = 0.5 * (1 + a)
    through_tanh = 0.5 * z * (1 - a) * (1 + a) * du
    return direct + through_tanh


gelu_tanh = Activation("gelu_tanh", _gelu_tanh, _gelu_tanh_derivative)


# ------------------------------------------------------------------------------------------ softmax


def _softmax(z):
    """Return eᶻ/Σ eᶻ over axis 0; the largest z is subtracted first, so that eᶻ stays finite."""
    largest = jnp.max(z, axis=0, keepdims=True)
    e = jnp.exp(z - largest)
    return e / jnp.sum(e, axis=0, keepdims=True)


def _softmax_derivative(z):
    """Return the Jacobian, (features, features, ...).

    ∂a_i/∂z_j = a_i (1[i = j] − a_j)
    """
    a = _softmax(z)
    n = z.shape[0]
    other_axes = (1,) * (z.ndim - 1)
    eye = jnp.eye(n, dtype=z.dtype)
    eye = eye.reshape((n, n, *other_axes))
    return a[:, None] * (eye - a[None, :])


def _softmax_product(z, da):
    """Return Jᵀ da = a ⊙ (da − Σ a da), without the Jacobian."""
    a = _softmax(z)
    weighted = a * da
    mean = jnp.sum(weighted, axis=0, keepdims=True)
    return a * (da - mean)


softmax = Activation("softmax", _softmax, _softmax_derivative, product=_softmax_product)


REGISTRY: dict[str, Activation] = {
    activation.name: activation
    for activation in (
        identity, relu, leaky_relu, elu, selu, gelu, gelu_tanh, silu, sigmoid, tanh, softplus,
        softmax, step,
    )
}  # fmt: skip
unchanging(*REGISTRY.values())


def get(activation: str | Activation, argument: str = "activation") -> Activation:
    """Return the activation of a name. An `Activation` is returned as it is.

    activation  a name such as "relu", or an Activation
    argument    the argument that the message names

    Raises ValueError for unknown names.

    >>> import fnn
    >>> fnn.activations.get("relu")
    Activation(relu, elementwise, kinks at 0)
    """
    if isinstance(activation, Activation):
        return activation
    return checks.lookup(argument, activation, REGISTRY)


renamed(
    __name__,
    {"relu_half": "fnn.course.printed.relu_half", "relu_one": "fnn.course.printed.relu_one"},
)
