"""Losses ℓ(prediction, target), each with its backward ∂ℓ/∂prediction right below its forward.

`loss.value(prediction, target)` takes rows of examples, as `fnn.apply` returns them. The functions
here are feature-major, (outputs, batch), as those of a layer are. A value is per example, the sum
over outputs with no ½ in front; `fnn.reductions` makes one number of a batch. A target may also be
(batch,): a vector of values for one output, or of integer class labels for the two categorical
losses. The stable forms take logits; the printed forms take probabilities and are infinite at a
certain mistake.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import xlog1py, xlogy
from jaxtyping import Array, Float

from fnn import checks
from fnn.remembered import remembered, unchanging
from fnn.types import Features, Loss, Target


def _aligned(prediction: Features, target: Target) -> Features:
    """The target in the prediction's shape and dtype. A vector fits one output only: (1, n) − (n,)
    would be right by luck and (n, 1) − (n,) is silently (n, n).
    """
    if target.ndim == 1 and prediction.shape[0] == 1:
        target = target[None]
    if target.shape != prediction.shape:
        raise ValueError(
            f"y: got a target of shape {tuple(reversed(target.shape))}, expected (examples, "
            f"outputs) = "
            f"{tuple(reversed(prediction.shape))}, the shape of the prediction."
        )
    return target.astype(prediction.dtype)


def _one_hot(prediction: Features, target: Target) -> Features:
    """Integer labels (batch,) as columns of the identity; anything else as it is."""
    if target.ndim == 1 and jnp.issubdtype(target.dtype, jnp.integer):
        _same_batch(prediction, target)
        dtype = jnp.promote_types(jnp.int32, target.dtype)
        classes = jnp.arange(prediction.shape[0], dtype=dtype)
        return (classes[:, None] == target.astype(dtype)[None, :]).astype(prediction.dtype)
    if target.ndim == 1:
        raise ValueError(
            f"y: got class labels of dtype {target.dtype}, expected integers; use "
            f"y.astype('int32') if they are whole."
        )
    _refuse_column(target, prediction.shape[0])
    return _aligned(prediction, target)


def _refuse_column(target: Target | np.ndarray, outputs: int) -> None:
    if target.shape[0] == 1 < outputs and jnp.issubdtype(target.dtype, jnp.integer):
        raise ValueError(
            f"y: got integers of shape {tuple(reversed(target.shape))}, expected labels of shape "
            f"(examples,); use "
            "y.ravel()."
        )


def _same_batch(prediction: Features, target: Target) -> None:
    if prediction.shape[1] != target.shape[0]:
        raise ValueError(
            f"y: got {target.shape[0]} labels for {prediction.shape[1]} examples, expected one "
            f"each."
        )


# -------------------------------------------------------------------------------------- regression


def _squared_error(prediction: Features, target: Target) -> Float[Array, "batch"]:
    """Σ (p − t)²"""
    return jnp.sum((prediction - _aligned(prediction, target)) ** 2, axis=0)


def _squared_error_gradient(prediction: Features, target: Target) -> Features:
    return 2 * (prediction - _aligned(prediction, target))


squared_error = Loss("squared_error", _squared_error, _squared_error_gradient, regression=True)


def _absolute_error(prediction: Features, target: Target) -> Float[Array, "batch"]:
    """Σ |p − t|. (One document prints it without the bars, which is unbounded below:
    claim 1.16.)
    """
    return jnp.sum(jnp.abs(prediction - _aligned(prediction, target)), axis=0)


def _absolute_error_gradient(prediction: Features, target: Target) -> Features:
    """sign(p − t), and 0 where p = t."""
    return jnp.sign(prediction - _aligned(prediction, target))


absolute_error = Loss("absolute_error", _absolute_error, _absolute_error_gradient, regression=True)


@remembered
def huber(delta: float = 1.0) -> Loss:
    """Σ ½e² where |e| ≤ delta, delta(|e| − ½ delta) beyond; e = p − t. Huber 1964."""
    checks.positive("delta", delta)

    def value(prediction, target):
        size = jnp.abs(prediction - _aligned(prediction, target))
        return jnp.sum(
            jnp.where(size <= delta, 0.5 * size**2, delta * (size - 0.5 * delta)), axis=0
        )

    def gradient(prediction, target):
        return jnp.clip(prediction - _aligned(prediction, target), -delta, delta)

    known = checks.is_concrete(delta) and delta != 1
    name = f"huber(delta={delta:g})" if known else "huber"
    return Loss(name, value, gradient, regression=True)


# -------------------- classification, logits


def _sigmoid_cross_entropy(logits: Features, target: Target) -> Float[Array, "batch"]:
    """−Σ t log σ(z) + (1 − t) log σ(−z) = Σ max(z, 0) − t z + log(1 + e^−|z|), finite for every
    finite z.
    """
    t = _aligned(logits, target)
    return jnp.sum(
        jnp.maximum(logits, 0) - t * logits + jnp.log1p(jnp.exp(-jnp.abs(logits))), axis=0
    )


def _sigmoid_cross_entropy_gradient(logits: Features, target: Target) -> Features:
    return jax.nn.sigmoid(logits) - _aligned(logits, target)


def _correct_signs(logits: Features, target: Target) -> Float[Array, "batch"]:
    """1 where every output lies on its target's side of zero."""
    return jnp.all((logits > 0) == (_aligned(logits, target) > 0.5), axis=0).astype(logits.dtype)


def _check_probabilities(target: np.ndarray, outputs: int) -> None:
    if ((target < 0) | (target > 1)).any():
        worst = target[(target < 0) | (target > 1)].flat[0]
        raise ValueError(f"y: got {worst}, expected targets in [0, 1].")


sigmoid_cross_entropy = Loss(
    "sigmoid_cross_entropy",
    _sigmoid_cross_entropy,
    _sigmoid_cross_entropy_gradient,
    _correct_signs,
    _check_probabilities,
)


def _softmax_cross_entropy(logits: Features, target: Target) -> Float[Array, "batch"]:
    """−Σ t log softmax(z) = (Σ t) log Σ eᶻ − Σ t z, finite for every finite z."""
    t = _one_hot(logits, target)
    largest = jnp.max(logits, axis=0)
    shifted = logits - largest[None, :]
    return jnp.sum(t, axis=0) * jnp.log(jnp.sum(jnp.exp(shifted), axis=0)) - jnp.sum(
        t * shifted, axis=0
    )


def _softmax_cross_entropy_gradient(logits: Features, target: Target) -> Features:
    """softmax(z) − t, for Σ t = 1."""
    t = _one_hot(logits, target)
    return jnp.sum(t, axis=0, keepdims=True) * jax.nn.softmax(logits, axis=0) - t


def _correct_class(prediction: Features, target: Target) -> Float[Array, "batch"]:
    label = target if target.ndim == 1 else jnp.argmax(target, axis=0)
    return (jnp.argmax(prediction, axis=0) == label).astype(prediction.dtype)


def _check_classes(target: np.ndarray, outputs: int) -> None:
    if outputs == 1:
        raise ValueError(
            "y: got classes for a network with 1 output, whose softmax is 1 whatever the input; "
            "use 2 outputs, or "
            "sigmoid_cross_entropy."
        )
    if target.ndim == 2:
        _refuse_column(target, outputs)
    if target.ndim == 1:
        _check_labels(target, outputs)
    else:
        _check_probabilities(target, outputs)
        sums = target.sum(axis=0)
        if (np.abs(sums - 1) > 1e-3).any():
            example = int(np.argmax(np.abs(sums - 1)))
            raise ValueError(
                f"y: the target of example {example} sums to {sums[example]}, expected 1."
            )


def _check_labels(labels: np.ndarray, outputs: int) -> None:
    if not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(
            f"y: got class labels of dtype {labels.dtype}, expected integers; use "
            f"y.astype('int32') if they are whole."
        )
    outside = (labels < 0) | (labels >= outputs)
    if outside.any():
        raise ValueError(
            f"y: got label {labels[outside][0]} for a network with {outputs} outputs, expected "
            f"labels 0 to "
            f"{outputs - 1}."
        )


softmax_cross_entropy = Loss(
    "softmax_cross_entropy",
    _softmax_cross_entropy,
    _softmax_cross_entropy_gradient,
    _correct_class,
    _check_classes,
)


# -------------------- classification, printed on probabilities


def _binary_cross_entropy(probability: Features, target: Target) -> Float[Array, "batch"]:
    """−Σ t log p + (1 − t) log(1 − p), as printed: infinite where p is exactly wrong, NaN for p
    outside [0, 1], which cannot be refused before it is computed; end the network with "sigmoid".
    """
    t = _aligned(probability, target)
    return -jnp.sum(xlogy(t, probability) + xlog1py(1 - t, -probability), axis=0)


def _binary_cross_entropy_gradient(probability: Features, target: Target) -> Features:
    """(1 − t)/(1 − p) − t/p, a term with a zero numerator being 0."""
    t = _aligned(probability, target)
    return _ratio(1 - t, 1 - probability) - _ratio(t, probability)


binary_cross_entropy = Loss(
    "binary_cross_entropy",
    _binary_cross_entropy,
    _binary_cross_entropy_gradient,
    lambda probability, target: _correct_signs(probability - 0.5, target),
    _check_probabilities,
)


def _categorical_cross_entropy(probability: Features, target: Target) -> Float[Array, "batch"]:
    """−Σ t log p, as printed: infinite where the true class has p = 0, NaN for p < 0 and negative
    for p > 1, which cannot be refused before it is computed; end the network with "softmax".
    """
    return -jnp.sum(xlogy(_one_hot(probability, target), probability), axis=0)


def _categorical_cross_entropy_gradient(probability: Features, target: Target) -> Features:
    return -_ratio(_one_hot(probability, target), probability)


categorical_cross_entropy = Loss(
    "categorical_cross_entropy",
    _categorical_cross_entropy,
    _categorical_cross_entropy_gradient,
    _correct_class,
    _check_classes,
)


def _ratio(numerator: Array, denominator: Array) -> Array:
    """numerator/denominator with 0/0 = 0: a class that is not meant pulls nowhere."""
    none = numerator == 0
    return jnp.where(none, 0, numerator / jnp.where(none, 1, denominator))


# ---------------------------------------------------------------------------------- label smoothing


@remembered
def smoothed(loss: Loss, amount: float) -> Loss:
    """Label smoothing: t ← (1 − amount) t + amount/K. Szegedy et al. 2016.

    K is the number of classes for the categorical losses and 2 for the binary ones. `correct` and
    `matches` still compare with the unsmoothed target.
    """
    checks.fraction("amount", amount)
    checks.instance(
        "loss", loss, isinstance(loss, Loss), "a Loss such as fnn.losses.softmax_cross_entropy"
    )
    categorical = loss.check is _check_classes
    if not categorical and loss.check is not _check_probabilities:
        raise ValueError(f"smoothed: got {loss.name}, expected a cross-entropy.")

    def smooth(prediction, target):
        t = _one_hot(prediction, target) if categorical else _aligned(prediction, target)
        return (1 - amount) * t + amount / (prediction.shape[0] if categorical else 2)

    return loss._replace(
        name=f"{loss.name}_smoothed" + (f"({amount:g})" if checks.is_concrete(amount) else ""),
        forward=lambda prediction, target: loss.forward(prediction, smooth(prediction, target)),
        backward=lambda prediction, target: loss.backward(prediction, smooth(prediction, target)),
    )


REGISTRY: dict[str, Loss] = {
    loss.name: loss
    for loss in (
        squared_error,
        absolute_error,
        huber(),
        sigmoid_cross_entropy,
        softmax_cross_entropy,
        binary_cross_entropy,
        categorical_cross_entropy,
    )
}
unchanging(*REGISTRY.values())


def get(loss: str | Loss) -> Loss:
    """The loss of that name; a `Loss` is itself. ValueError for unknown names."""
    return loss if isinstance(loss, Loss) else checks.lookup("loss", loss, REGISTRY)
