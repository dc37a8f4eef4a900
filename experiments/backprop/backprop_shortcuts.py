"""What backpropagation leaves out: Jacobians, and the same products again and again.

Question: What would the gradient cost with full Jacobians, and without keeping the error terms δ of
          the layer above?
Source:   the deep-learning notes (claim 3.13) and Piccoli (4.6).
Command:  python -m experiments run backprop_shortcuts
Expected: (∂Z/∂W)ᵀ ∂L/∂Z is δ aᵀ, and the Jacobian in it is n_out times as large as the gradient.
          With δ reused the multiplications grow with the number of layers L, without as L².
Cost:     quick 3 s, full 5 s on 2 cores, most of it compiling.
"""

from dataclasses import dataclass
from math import prod

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import Literal
from matplotlib.axes import Axes

import fnn
from experiments.backprop.errors import relative_error_of_one
from experiments.common import Common, Figures, Results
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


def run(config: Config) -> Results:
    """Compare Jacobians with gradients by width, and count multiplications by depth.

    jacobian_error, jacobian_bytes and gradient_bytes are (widths, 2), for W and for the input.
    products (depths, 2) has the backward pass for all ∂L/∂W with δ reused, and each layer anew.
    """
    with jax.enable_x64(True):
        by_width = np.array([multiply_by_jacobians(width) for width in config.widths])
    errors, jacobian_bytes, gradient_bytes = by_width.swapaxes(0, 1)
    products = [count_multiplications(depth) for depth in config.depths]
    return {
        "widths": np.array(config.widths),
        "jacobian_error": errors,
        "jacobian_bytes": jacobian_bytes,
        "gradient_bytes": gradient_bytes,
        "depths": np.array(config.depths),
        "products": np.array(products),
    }


def multiply_by_jacobians(width: int) -> tuple[list[float], list[float], list[float]]:
    """Return errors of (∂z/∂W)ᵀ δ and (∂z/∂a)ᵀ δ, and the bytes of Jacobians and gradients."""
    layer, params, a, delta = dense_layer(width)

    def z(W, a):
        pre_activations, _, _ = layer.forward(params._replace(W=W), (), a)
        return pre_activations[:, 0]

    jacobians = jax.jit(jax.jacobian(z, argnums=(0, 1)))(params.W, a)
    products = [np.tensordot(delta[:, 0], jacobian, axes=1) for jacobian in jacobians]
    d_params, d_input = layer.backward(params, a, delta)
    gradients = [np.asarray(d_params.W), np.asarray(d_input)]
    errors = list(map(relative_error_of_one, products, gradients))
    return errors, number_of_bytes(jacobians), number_of_bytes(gradients)


def dense_layer(width: int):
    """Return a square dense layer, its parameters, an input a and an error term δ as columns."""
    layer = layers.dense(width, width)
    params, _ = layer.init(jax.random.key(width))
    rng = np.random.default_rng(width)
    a = jnp.asarray(rng.normal(size=(width, 1)))
    delta = jnp.asarray(rng.normal(size=(width, 1)))
    return layer, params, a, delta


def number_of_bytes(arrays) -> list[float]:
    """Return the bytes of each array."""
    return [float(array.nbytes) for array in arrays]


def count_multiplications(depth: int) -> tuple[int, int]:
    """Return the multiplications of one pass for all ∂L/∂W, and of one pass for each ∂L/∂W_l."""
    net = fnn.mlp((UNITS,) * (depth + 1), activation="tanh")
    params, _ = jax.eval_shape(net.init, jax.random.key(0))
    column = jax.ShapeDtypeStruct((UNITS, 1), jnp.float32)
    _, _, residuals = jax.eval_shape(lambda params, x: net.forward(params, (), x), params, column)

    def weight_gradients(params, residuals, delta):
        gradients, _ = net.backward(params, residuals, delta)
        return [gradient.W for gradient in gradients[::2]]

    program = jax.make_jaxpr(weight_gradients)(params, residuals, column).jaxpr
    all_at_once = multiplications(program, program.outvars)
    one_by_one = [multiplications(program, [gradient]) for gradient in program.outvars]
    return all_at_once, sum(one_by_one)


def multiplications(program, wanted) -> int:
    """Count those in the matrix products that the wanted outputs of a traced program need."""
    needed = set(wanted)
    total = 0
    for equation in reversed(program.eqns):
        if needed.isdisjoint(equation.outvars):
            continue
        for variable in equation.invars:
            if not isinstance(variable, Literal):
                needed.add(variable)
        if equation.primitive is jax.lax.dot_general_p:
            total += multiplications_of_product(equation)
    return total


def multiplications_of_product(equation) -> int:
    """Return the entries of a matrix product times the terms of each entry."""
    (contracted, _), _ = equation.params["dimension_numbers"]
    left = equation.invars[0].aval.shape
    entries = prod(equation.outvars[0].aval.shape)
    terms = prod(left[axis] for axis in contracted)
    return entries * terms


def plot(results: Results, config: Config) -> Figures:
    """Draw bytes over the width, and multiplications over the depth."""
    memory, (axis,) = draw.figure()
    widths = results["widths"]
    axis.plot(widths, results["jacobian_bytes"][:, 0], marker="o", label="Jacobian ∂Z/∂W")
    axis.plot(widths, results["gradient_bytes"][:, 0], marker="o", label="gradient ∂L/∂W")
    axis.set(xlabel="units of the layer, inputs and outputs", ylabel="bytes (float64)")
    set_log_scales(axis)
    reuse, (axis,) = draw.figure()
    all_at_once, one_by_one = results["products"].T
    axis.plot(results["depths"], all_at_once, marker="o", label="δ reused")
    axis.plot(results["depths"], one_by_one, marker="o", label="each layer anew")
    axis.set(xlabel="layers L", ylabel="multiplications for all ∂L/∂W")
    set_log_scales(axis)
    return {"jacobian": memory, "reuse": reuse}


def set_log_scales(axis: Axes) -> None:
    """Make both scales logarithmic, and draw the legend."""
    axis.set_yscale("log")
    axis.set_xscale("log", base=2)
    axis.legend(frameon=False)
