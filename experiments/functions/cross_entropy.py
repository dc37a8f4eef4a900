"""Cross-entropy for two classes and for many: its gradient, its two forms, and where the printed
formula breaks.

Question: Do both cross-entropies have the gradient (p − t)/N in the logits, and are the two forms
          of one of them equal?
Source:   De Marzo (claims 1.17 and 1.18).
Command:  python -m experiments run cross_entropy
Expected: both gradients are (p − t)/N; the forms are equal for one-hot targets only. On
          probabilities, as printed, the loss is infinite at a certain mistake, from a logit of 17
          in float32; on logits it is finite at 10,000.
Cost:     about 3 s on 2 cores, quick or full.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from experiments import drawing as draw
from experiments.common import Common, Figures, Results
from fnn import activations, diagnostics, layers, losses
from fnn.layers import DenseParams
from fnn.types import Loss


@dataclass(frozen=True)
class Config(Common):
    """A batch of random logits."""

    examples: int = 200
    classes: int = 5


QUICK = Config(examples=50, quick=True)


def run(config: Config) -> Results:
    """Return the gradients of both losses, the two forms of one, and losses of a wrong answer."""
    rng = np.random.default_rng(0)
    shape = (config.examples, config.classes)
    labels = rng.integers(config.classes, size=config.examples)
    with jax.enable_x64(True):
        logits = jnp.asarray(rng.normal(0, 3, shape))
        soft = jnp.asarray(rng.dirichlet(np.ones(config.classes), config.examples))
        one_hot = jnp.eye(config.classes)[labels]
        computed = two_classes(logits[:, :1], one_hot[:, :1])
        computed |= many_classes(logits, one_hot) | two_forms(logits, one_hot, soft)
    computed |= wrong_answer()
    return {name: np.asarray(value) for name, value in computed.items()}


def two_classes(logits: jax.Array, t: jax.Array) -> dict[str, jax.Array]:
    """Return ∂L/∂z of the backward pass, (p − t)/N, and automatic differentiation's."""
    p = activations.sigmoid.value(logits)
    return {
        "binary": backward("sigmoid", losses.binary_cross_entropy, logits, t),
        "binary_expected": (p - t) / len(t),
        "binary_autodiff": jax.grad(printed_binary)(logits, t),
    }


def many_classes(logits: jax.Array, t: jax.Array) -> dict[str, jax.Array]:
    """Return ∂L/∂z of the backward pass, (p − t)/N, and automatic differentiation's."""
    p = activations.softmax.value(logits.T).T
    return {
        "categorical": backward("softmax", losses.categorical_cross_entropy, logits, t),
        "categorical_expected": (p - t) / len(t),
        "categorical_autodiff": jax.grad(printed_categorical)(logits, t),
    }


def backward(gate: str, loss: Loss, logits: jax.Array, target: jax.Array) -> jax.Array:
    """Return ∂L/∂z of the hand-written backward pass, (examples, classes).

    The identity map gives the logits. The gate and the mean loss follow.
    """
    classes = logits.shape[1]
    net = layers.serial(layers.dense(classes, classes), layers.activation(gate))
    identity = DenseParams(W=jnp.eye(classes), b=jnp.zeros(classes))
    signals = diagnostics.signals(net, loss, (identity, ()), logits, target)
    return signals.cotangents[0].T


def printed_binary(logits, t):
    """Compute −(1/N) Σ t log p + (1 − t) log(1 − p), p = 1/(1 + e^−z)."""
    p = 1 / (1 + jnp.exp(-logits))
    return -jnp.mean(t * jnp.log(p) + (1 - t) * jnp.log(1 - p))


def printed_categorical(logits, t):
    """Compute −(1/N) Σ Σ t log p, p = e^z/Σ e^z."""
    p = jnp.exp(logits) / jnp.sum(jnp.exp(logits), axis=1, keepdims=True)
    return -jnp.mean(jnp.sum(t * jnp.log(p), axis=1))


def two_forms(logits: jax.Array, one_hot: jax.Array, soft: jax.Array) -> dict[str, jax.Array]:
    """Return the sum over classes, and the log of the true class alone, for both targets."""
    p = activations.softmax.value(logits.T).T
    rows = np.arange(len(p))
    sum_form = losses.categorical_cross_entropy.value
    true_class = one_hot.argmax(axis=1)
    likeliest_class = soft.argmax(axis=1)
    return {
        "sum_form": sum_form(p, one_hot).mean(),
        "true_class_form": -jnp.log(p[rows, true_class]).mean(),
        "soft_sum_form": sum_form(p, soft).mean(),
        "soft_class_form": -jnp.log(p[rows, likeliest_class]).mean(),
    }


def wrong_answer() -> dict[str, jax.Array]:
    """Return losses in float32 where the target is 0, over the logit: on it, and on p."""
    logits = jnp.append(jnp.arange(0.0, 121.0), 1e4)
    logit = logits[:, None]
    target = jnp.zeros_like(logit)
    on_logits = losses.sigmoid_cross_entropy
    p = activations.sigmoid.value(logit)
    return {
        "logit": logit[:, 0],
        "on_logits": on_logits.value(logit, target),
        "slope_on_logits": on_logits.gradient(logit, target)[:, 0],
        "on_negative_logits": on_logits.value(-logit, 1 - target),
        "on_probabilities": losses.binary_cross_entropy.value(p, target),
    }


def plot(results: Results, config: Config) -> Figures:
    """Draw the loss and its slope for a wrong answer, and the categorical gradient over p − t."""
    return {"binary": draw_wrong_answer(results), "categorical": draw_gradient(results)}


def draw_wrong_answer(results: Results) -> Figure:
    """Draw the loss and its slope over the logit where the target is 0."""
    figure, axes = draw.figure(rows=2)
    value, slope = axes
    across = "logit, where the target is 0"
    logit = results["logit"][:-1]
    on_probabilities = results["on_probabilities"][:-1]
    finite = np.where(np.isfinite(on_probabilities), on_probabilities, np.nan)
    value.plot(logit, results["on_logits"][:-1], label="on logits", linewidth=4)
    value.plot(logit, finite, label="on probabilities", **draw.LINES[4])
    value.set(xlabel=across, ylabel="loss", xlim=(0, 40), ylim=(0, 40))
    value.set_title("float32; the dashed line ends where it is infinite")
    slope.plot(logit[:13], results["slope_on_logits"][:13], "o-", label="∂ℓ/∂z = p − t, on logits")
    slope.set(xlabel=across, ylabel="slope", ylim=(0.4, 1.05))
    draw.legends(axes)
    return figure


def draw_gradient(results: Results) -> Figure:
    """Draw the gradient of the backward pass over (p − t)/N."""
    figure, (axis,) = draw.figure()
    expected = results["categorical_expected"]
    gradient = results["categorical"]
    axis.plot(expected.ravel(), gradient.ravel(), ".", label="backward pass")
    axis.set(xlabel="(p − t)/N", ylabel="∂L/∂z", title=f"softmax, {len(expected)} examples")
    axis.locator_params(nbins=5)
    draw.legends([axis])
    return figure
