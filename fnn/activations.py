"""Activations σ, each with its derivative σ′ written by hand right below it.

The argument is always the pre-activation z. Elementwise activations take any shape. Softmax couples
the units of an example: it works along axis 0, the feature axis of the feature-major (features,
batch).

`Activation.backward(z, da)` is ∂L/∂z = (∂a/∂z)ᵀ ∂L/∂a: σ′(z) ⊙ da for the elementwise ones, the
full Jacobian product for softmax (an elementwise product there is wrong: course claim 3.11). Where
a derivative jumps, `kinks` lists the points and the docstring says which value is taken there.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from fnn import checks
from fnn.remembered import remembered, unchanging
from fnn.renamed import renamed

Elementwise = Callable[[Float[Array, "..."]], Float[Array, "..."]]


class Activation(NamedTuple):
    """σ and σ′.

    value(z)       -> a, the shape of z
    derivative(z)  -> σ′(z), the shape of z; for softmax the Jacobian (features, features, ...)
    domain         -> the interval of z on which derivatives are worth sampling in tests and plots
    kinks          -> points of z where σ′ jumps
    product(z, da) -> (∂a/∂z)ᵀ da where the activation is not elementwise, else None
    """

    name: str
    value: Elementwise
    derivative: Elementwise
    domain: tuple[float, float] = (-5.0, 5.0)
    kinks: tuple[float, ...] = ()
    product: Callable[[Float[Array, "..."], Float[Array, "..."]], Float[Array, "..."]] | None = None

    def backward(self, z: Float[Array, "..."], da: Float[Array, "..."]) -> Float[Array, "..."]:
        """∂L/∂z from ∂L/∂a."""
        return self.derivative(z) * da if self.product is None else self.product(z, da)

    def __reduce__(self):
        """Pickle an activation that has a name here by its name: its functions may be closures."""
        if REGISTRY.get(self.name) is self:
            return get, (self.name,)
        return Activation, tuple(self)

    def __repr__(self) -> str:
        kinks = f", kinks at {', '.join(f'{z:g}' for z in self.kinks)}" if self.kinks else ""
        kind = "elementwise" if self.product is None else "over features"
        return f"Activation({self.name}, {kind}{kinks})"


# ------------------------------------------------------------------------------------ linear pieces


def _identity(z):
    return z


def _identity_derivative(z):
    return jnp.ones_like(z)


identity = Activation("identity", _identity, _identity_derivative)


@remembered
def make_relu(at_zero: float = 0.0, name: str = "relu") -> Activation:
    """max(0, z). The derivative at z = 0 is a choice: 0 (the left one), ½ or 1 (the right one)."""
    if not checks.is_concrete(at_zero) or np.ndim(at_zero) or at_zero not in (0.0, 0.5, 1.0):
        raise ValueError(f"at_zero: got {at_zero!r}, expected 0, 0.5 or 1.")

    def relu(z):
        return jnp.where(z > 0, z, jnp.zeros_like(z))

    def relu_derivative(z):
        slope = (z > 0).astype(z.dtype)
        return slope if at_zero == 0.0 else jnp.where(z == 0, jnp.full_like(z, at_zero), slope)

    return Activation(name, relu, relu_derivative, kinks=(0.0,))


relu = make_relu()


@remembered
def make_leaky_relu(slope: float = 0.01) -> Activation:
    """z where z ≥ 0, slope·z below. The derivative at 0 is 1, as in `jax.nn.leaky_relu`."""
    checks.non_negative("slope", slope)

    def leaky_relu(z):
        return jnp.where(z >= 0, z, slope * z)

    def leaky_relu_derivative(z):
        return jnp.where(z >= 0, jnp.ones_like(z), jnp.full_like(z, slope))

    return Activation("leaky_relu", leaky_relu, leaky_relu_derivative, kinks=(0.0,))


leaky_relu = make_leaky_relu()


def _step(z):
    return (z >= 0).astype(z.dtype)


def _step_derivative(z):
    raise ValueError(
        "step: asked for the derivative of the step function, which is 0 wherever it exists and "
        "carries no "
        "gradient. Train with fnn.course.perceptron or fnn.course.perturbation, or choose a "
        "differentiable activation "
        "such as 'sigmoid'."
    )


step = Activation("step", _step, _step_derivative, kinks=(0.0,))


# ------------------------------------------------------------------------------- exponential family


@remembered
def make_elu(alpha: float = 1.0) -> Activation:
    """z where z > 0, α(eᶻ − 1) below; continuously differentiable only at α = 1. At 0 the left
    derivative, α, is taken for α ≠ 1. Clevert et al. 2016.
    """
    checks.positive("alpha", alpha)

    def elu(z):
        return jnp.where(z > 0, z, alpha * jnp.expm1(jnp.minimum(z, 0)))

    def elu_derivative(z):
        return jnp.where(z > 0, jnp.ones_like(z), alpha * jnp.exp(jnp.minimum(z, 0)))

    return Activation(
        "elu", elu, elu_derivative, kinks=() if checks.is_concrete(alpha) and alpha == 1 else (0.0,)
    )


elu = make_elu()

SELU_ALPHA = 1.6732632423543772848170429916717
SELU_SCALE = 1.0507009873554804934193349852946


def _selu(z):
    return SELU_SCALE * jnp.where(z > 0, z, SELU_ALPHA * jnp.expm1(jnp.minimum(z, 0)))


def _selu_derivative(z):
    """At 0 the left derivative, as in `jax.nn.selu`."""
    return SELU_SCALE * jnp.where(z > 0, jnp.ones_like(z), SELU_ALPHA * jnp.exp(jnp.minimum(z, 0)))


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
    """log(1 + eᶻ) = max(z, 0) + log(1 + e^−|z|), which neither overflows nor loses the tail."""
    return jnp.maximum(z, 0) + jnp.log1p(jnp.exp(-jnp.abs(z)))


def _softplus_derivative(z):
    return _sigmoid(z)


softplus = Activation("softplus", _softplus, _softplus_derivative, domain=(-20.0, 20.0))


def _silu(z):
    return z * _sigmoid(z)


def _silu_derivative(z):
    a = _sigmoid(z)
    return a * (1 + z * (1 - a))


silu = Activation("silu", _silu, _silu_derivative, domain=(-8.0, 8.0))


# -------------------------------------------------------------------------------------------- gelu


def _gelu(z):
    """z Φ(z), Φ the standard normal distribution function. Hendrycks & Gimpel 2016."""
    return 0.5 * z * jax.lax.erfc(-z * math.sqrt(0.5))


def _gelu_derivative(z):
    """Φ(z) + z φ(z)"""
    density = jnp.exp(-0.5 * z * z) * (1 / math.sqrt(2 * math.pi))
    return 0.5 * jax.lax.erfc(-z * math.sqrt(0.5)) + z * density


gelu = Activation("gelu", _gelu, _gelu_derivative)

GELU_CUBIC = 0.044715


def _gelu_tanh(z):
    """½ z (1 + tanh u), u = √(2/π) (z + 0.044715 z³): the approximation printed beside gelu."""
    u = math.sqrt(2 / math.pi) * (z + GELU_CUBIC * z**3)
    return 0.5 * z * (1 + jnp.tanh(u))


def _gelu_tanh_derivative(z):
    z = jnp.clip(
        z, -10, 10
    )  # it is 0 or 1 to rounding long before; z² would overflow and make 0 · ∞
    u = math.sqrt(2 / math.pi) * (z + GELU_CUBIC * z**3)
    du = math.sqrt(2 / math.pi) * (1 + 3 * GELU_CUBIC * z * z)
    a = jnp.tanh(u)
    return 0.5 * (1 + a) + 0.5 * z * (1 - a) * (1 + a) * du


gelu_tanh = Activation("gelu_tanh", _gelu_tanh, _gelu_tanh_derivative)


# ----------------------------------------------------------------------------------------- softmax


def _softmax(z):
    e = jnp.exp(z - jnp.max(z, axis=0, keepdims=True))
    return e / jnp.sum(e, axis=0, keepdims=True)


def _softmax_derivative(z):
    """The Jacobian ∂a_i/∂z_j = a_i (1[i = j] − a_j), (features, features, ...)."""
    a = _softmax(z)
    eye = jnp.eye(z.shape[0], dtype=z.dtype).reshape(z.shape[:1] * 2 + (1,) * (z.ndim - 1))
    return a[:, None] * (eye - a[None, :])


def _softmax_product(z, da):
    """Jᵀ da = a ⊙ (da − Σ a da), without the Jacobian."""
    a = _softmax(z)
    return a * (da - jnp.sum(a * da, axis=0, keepdims=True))


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
    """The activation of that name; an `Activation` is itself. ValueError for unknown names."""
    if isinstance(activation, Activation):
        return activation
    return checks.lookup(argument, activation, REGISTRY)


__getattr__ = renamed(
    __name__,
    {"relu_half": "fnn.course.printed.relu_half", "relu_one": "fnn.course.printed.relu_one"},
)
