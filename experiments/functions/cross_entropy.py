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

from experiments.common import Common
from fnn import activations, diagnostics, layers, losses
from fnn import plot as draw
from fnn.layers import DenseParams
from fnn.types import Loss


@dataclass(frozen=True)
class Config(Common):
    """A batch of random logits."""

    examples: int = 200
    classes: int = 5


QUICK = Config(examples=50, quick=True)


def run(config: Config) -> dict[str, np.ndarray]:
    """For each loss its gradient in the logits, (p − t)/N and automatic differentiation of the
    printed formula, in float64; both forms of the categorical one; and losses over the logit of a
    wrong answer in float32.
    """
    rng = np.random.default_rng(0)
    n, classes = config.examples, config.classes
    labels = rng.integers(classes, size=n)
    with jax.enable_x64(True):
        logits = jnp.asarray(rng.normal(0, 3, (n, classes)))
        one_hot, soft = jnp.eye(classes)[labels], jnp.asarray(rng.dirichlet(np.ones(classes), n))
        p = activations.softmax.value(logits.T).T
        binary = backward("sigmoid", losses.binary_cross_entropy, logits[:, :1], one_hot[:, :1])
        categorical = backward("softmax", losses.categorical_cross_entropy, logits, one_hot)
        found = {
            "binary": binary,
            "binary_expected": (activations.sigmoid.value(logits[:, :1]) - one_hot[:, :1]) / n,
            "binary_autodiff": jax.grad(printed_binary)(logits[:, :1], one_hot[:, :1]),
            "categorical": categorical,
            "categorical_expected": (p - one_hot) / n,
            "categorical_autodiff": jax.grad(printed_categorical)(logits, one_hot),
            "sum_form": losses.categorical_cross_entropy.value(p, one_hot).mean(),
            "true_class_form": -jnp.log(p[np.arange(n), labels]).mean(),
            "soft_sum_form": losses.categorical_cross_entropy.value(p, soft).mean(),
            "soft_class_form": -jnp.log(p[np.arange(n), soft.argmax(axis=1)]).mean(),
        }
    wrong = jnp.append(jnp.arange(0.0, 121.0), 1e4)[:, None]  # the target is 0
    target = jnp.zeros_like(wrong)
    found |= {
        "logit": wrong[:, 0],
        "on_logits": losses.sigmoid_cross_entropy.value(wrong, target),
        "slope_on_logits": losses.sigmoid_cross_entropy.gradient(wrong, target)[:, 0],
        "on_negative_logits": losses.sigmoid_cross_entropy.value(-wrong, 1 - target),
        "on_probabilities": losses.binary_cross_entropy.value(
            activations.sigmoid.value(wrong), target
        ),
    }
    return {name: np.asarray(value) for name, value in found.items()}


def backward(gate: str, loss: Loss, logits: jax.Array, target: jax.Array) -> jax.Array:
    """∂L/∂z of the hand-written backward pass: the identity map gives the logits, then the gate,
    then the mean loss.
    """
    classes = logits.shape[1]
    net = layers.serial(layers.dense(classes, classes), layers.activation(gate))
    params = (DenseParams(W=jnp.eye(classes), b=jnp.zeros(classes)), ())
    return diagnostics.signals(net, loss, params, logits, target).cotangents[0].T


def printed_binary(logits, t):
    """−(1/N) Σ t log p + (1 − t) log(1 − p), p = 1/(1 + e^−z)."""
    p = 1 / (1 + jnp.exp(-logits))
    return -jnp.mean(t * jnp.log(p) + (1 - t) * jnp.log(1 - p))


def printed_categorical(logits, t):
    """−(1/N) Σ Σ t log p, p = e^z/Σ e^z."""
    p = jnp.exp(logits) / jnp.sum(jnp.exp(logits), axis=1, keepdims=True)
    return -jnp.mean(jnp.sum(t * jnp.log(p), axis=1))


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """The loss and its slope over the logit of a wrong answer; the gradient of the categorical loss
    against p − t.
    """
    binary, (value, slope) = draw.figure(rows=2)
    logit, printed = results["logit"][:-1], results["on_probabilities"][:-1]
    value.plot(logit, results["on_logits"][:-1], label="on logits", linewidth=4)
    value.plot(
        logit,
        np.where(np.isfinite(printed), printed, np.nan),
        label="on probabilities",
        **draw.LINES[4],
    )
    value.set(xlabel="logit, where the target is 0", ylabel="loss", xlim=(0, 40), ylim=(0, 40))
    value.set_title("float32; the dashed line ends where it is infinite")
    slope.plot(logit[:13], results["slope_on_logits"][:13], "o-", label="∂ℓ/∂z = p − t, on logits")
    slope.set(xlabel="logit, where the target is 0", ylabel="slope", ylim=(0.4, 1.05))
    categorical, (gradient,) = draw.figure()
    gradient.plot(
        results["categorical_expected"].ravel(),
        results["categorical"].ravel(),
        ".",
        label="backward pass",
    )
    gradient.set(xlabel="(p − t)/N", ylabel="∂L/∂z", title=f"softmax, {config.examples} examples")
    gradient.locator_params(nbins=5)
    for axis in (value, slope, gradient):
        axis.legend(frameon=False, fontsize=8)
    return {"binary": binary, "categorical": categorical}
