"""What backpropagation leaves out: Jacobians, and the same products again and again.

Question: What would the gradient cost with full Jacobians, and without keeping the error terms δ of
          the layer above?
Source:   the deep-learning notes (claim 3.13) and Piccoli (4.6).
Command:  python -m experiments run backprop_shortcuts
Expected: (∂Z/∂W)ᵀ ∂L/∂Z is δ aᵀ, and the Jacobian in it is n_out times as large as the gradient;
          with δ reused the multiplications grow with the number of layers L, without as L².
Cost:     quick 3 s, full 5 s on 2 cores, most of it compiling.
"""

from dataclasses import dataclass
from math import prod

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import Literal
from matplotlib.figure import Figure

import fnn
from experiments.backprop.random_networks import relative_error
from experiments.common import Common
from fnn import layers
from fnn import plot as draw

UNITS = 16  # of every layer whose multiplications are counted


@dataclass(frozen=True)
class Config(Common):
    """Layers and depths."""

    widths: tuple[int, ...] = (2, 4, 8, 16, 32, 64)
    """Of the layers whose Jacobian is made."""
    depths: tuple[int, ...] = (2, 4, 8, 16, 32, 64)
    """Of the networks whose multiplications are counted."""


QUICK = Config(widths=(2, 4, 8, 16), depths=(2, 4, 8, 16, 32), quick=True)


def run(config: Config) -> dict[str, np.ndarray]:
    """jacobian_error, jacobian_bytes and gradient_bytes (widths, 2), for W and for the input, in
    float64; products (depths, 2), multiplications of the backward pass for all ∂L/∂W, with δ reused
    and for each layer anew.
    """
    with jax.enable_x64(True):
        jacobians = np.array([jacobian(width) for width in config.widths])
    return {
        "widths": np.array(config.widths),
        "jacobian_error": jacobians[:, 0],
        "jacobian_bytes": jacobians[:, 1],
        "gradient_bytes": jacobians[:, 2],
        "depths": np.array(config.depths),
        "products": np.array([counted(depth) for depth in config.depths]),
    }


def jacobian(width: int) -> tuple[list[float], list[float], list[float]]:
    """Relative errors of (∂z/∂W)ᵀ δ and (∂z/∂a)ᵀ δ of a dense layer, and the bytes of both
    Jacobians and gradients.
    """
    layer, rng = layers.dense(width, width), np.random.default_rng(width)
    params = layer.init(jax.random.key(width))[0]
    a, delta = (jnp.asarray(rng.normal(size=(width, 1))) for _ in range(2))

    def z(W, a):
        return layer.forward(params._replace(W=W), (), a)[0][:, 0]

    full = jax.jit(jax.jacobian(z, argnums=(0, 1)))(params.W, a)
    products = [np.tensordot(delta[:, 0], each, axes=1) for each in full]
    grads, d_input = layer.backward(params, a, delta)
    right = [np.asarray(grads.W), np.asarray(d_input)]
    errors = [
        float(relative_error(p[None], r[None])[0]) for p, r in zip(products, right, strict=True)
    ]
    return errors, [float(each.nbytes) for each in full], [float(each.nbytes) for each in right]


def counted(depth: int) -> tuple[int, int]:
    """Multiplications in the matrix products of one backward pass for every ∂L/∂W, and summed over
    one backward pass for each ∂L/∂W_l alone, from the output down to it.
    """
    net = fnn.mlp((UNITS,) * (depth + 1), activation="tanh")
    params, _ = jax.eval_shape(net.init, jax.random.key(0))
    x = jax.ShapeDtypeStruct((UNITS, 1), jnp.float32)
    _, _, residuals = jax.eval_shape(lambda params, x: net.forward(params, (), x), params, x)

    def backward(params, residuals, dy):
        grads, _ = net.backward(params, residuals, dy)
        return [part.W for part in grads[::2]]

    traced = jax.make_jaxpr(backward)(params, residuals, x).jaxpr
    return multiplications(traced, traced.outvars), sum(
        multiplications(traced, [each]) for each in traced.outvars
    )


def multiplications(program, wanted) -> int:
    """Of the matrix products that the wanted outputs of a traced program need."""
    needed, total = set(wanted), 0
    for equation in reversed(program.eqns):
        if needed.intersection(equation.outvars):
            needed.update(each for each in equation.invars if not isinstance(each, Literal))
            if equation.primitive is jax.lax.dot_general_p:
                (contracted, _), _ = equation.params["dimension_numbers"]
                left = equation.invars[0].aval.shape
                total += prod(equation.outvars[0].aval.shape) * prod(
                    left[axis] for axis in contracted
                )
    return total


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """Bytes over the width, and multiplications over the depth."""
    memory, (axis,) = draw.figure()
    for key, name in (("jacobian_bytes", "Jacobian ∂Z/∂W"), ("gradient_bytes", "gradient ∂L/∂W")):
        axis.plot(results["widths"], results[key][:, 0], marker="o", label=name)
    axis.set(
        yscale="log", xlabel="units of the layer, inputs and outputs", ylabel="bytes (float64)"
    )
    axis.set_xscale("log", base=2)
    axis.legend(frameon=False)
    reuse, (axis,) = draw.figure()
    for column, name in enumerate(("δ reused", "each layer anew")):
        axis.plot(results["depths"], results["products"][:, column], marker="o", label=name)
    axis.set(yscale="log", xlabel="layers L", ylabel="multiplications for all ∂L/∂W")
    axis.set_xscale("log", base=2)
    axis.legend(frameon=False)
    return {"jacobian": memory, "reuse": reuse}
