"""Losses ℓ(prediction, target), each with its backward ∂ℓ/∂prediction right below its forward.

`loss.value(prediction, target)` takes rows of examples, as `fnn.apply` returns them. The functions
here are feature-major, (outputs, batch), as those of a layer are. A loss has one value for each
example: the sum over outputs, with no ½ in front. `fnn.reductions` makes one number of a batch.

A target may also be (batch,): values for a network with one output, or integer class labels for the
two categorical losses. The stable forms take logits. The printed forms take probabilities, and are
infinite where a prediction is certain and wrong.

>>> import fnn, jax.numpy as jnp
>>> prediction, target = jnp.array([[1.0, 2.0], [0.0, 3.0]]), jnp.array([[1.0, 4.0], [3.0, 3.0]])
>>> print(fnn.losses.squared_error.value(prediction, target))
[4. 9.]
>>> print(fnn.losses.absolute_error.gradient(prediction, target))
[[ 0. -1.]
 [-1.  0.]]
>>> logits, labels = jnp.array([[2.0, 0.0, -1.0]]), jnp.array([1])
>>> print(fnn.losses.softmax_cross_entropy.value(logits, labels).round(3))
[2.17]
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import xlog1py, xlogy
from jaxtyping import Array

from fnn import checks
from fnn.remembered import remembered, unchanging
from fnn.types import Features, Loss, PerExample, Target


def _aligned(prediction: Features, target: Target) -> Features:
    """Return the target in the prediction's shape and dtype.

    A vector fits one output only: (1, n) − (n,) would be right by luck, and (n, 1) − (n,) would
    silently be (n, n).
    """
    if target.ndim == 1 and prediction.shape[0] == 1:
        target = target[None]
    if target.shape != prediction.shape:
        shape = target.shape[::-1]
        expected = prediction.shape[::-1]
        raise ValueError(
            f"y: got a target of shape {shape}, expected (examples, outputs) = {expected}, the "
            "shape of the prediction."
        )
    return target.astype(prediction.dtype)


def _one_hot(prediction: Features, target: Target) -> Features:
    """Return integer labels (batch,) as columns of the identity, and other targets as they are."""
    if target.ndim == 1 and jnp.issubdtype(target.dtype, jnp.integer):
        _check_batch(prediction, target)
        dtype = jnp.promote_types(jnp.int32, target.dtype)
        outputs = prediction.shape[0]
        numbers = jnp.arange(outputs, dtype=dtype)
        classes = numbers[:, None]
        labels = target.astype(dtype)
        is_class = classes == labels[None, :]
        return is_class.astype(prediction.dtype)
    if target.ndim == 1:
        raise ValueError(
            f"y: got class labels of dtype {target.dtype}, expected integers; use "
            "y.astype('int32') if they are whole."
        )
    _refuse_column(target, prediction.shape[0])
    return _aligned(prediction, target)


def _refuse_column(target: Target | np.ndarray, outputs: int) -> None:
    """Refuse labels of shape (examples, 1) where a network has several outputs."""
    is_column = target.shape[0] == 1 < outputs
    if is_column and jnp.issubdtype(target.dtype, jnp.integer):
        shape = target.shape[::-1]
        raise ValueError(
            f"y: got integers of shape {shape}, expected labels of shape (examples,); "
            "use y.ravel()."
        )


def _check_batch(prediction: Features, target: Target) -> None:
    examples = prediction.shape[1]
    labels = target.shape[0]
    if labels != examples:
        raise ValueError(f"y: got {labels} labels for {examples} examples, expected one each.")


# --------------------------------------------------------------------------------------- regression


def _squared_error(prediction: Features, target: Target) -> PerExample:
    """Return Σ (p − t)²."""
    error = prediction - _aligned(prediction, target)
    return jnp.sum(error**2, axis=0)


def _squared_error_gradient(prediction: Features, target: Target) -> Features:
    """Return 2 (p − t)."""
    error = prediction - _aligned(prediction, target)
    return 2 * error


squared_error = Loss("squared_error", _squared_error, _squared_error_gradient, regression=True)


def _absolute_error(prediction: Features, target: Target) -> PerExample:
    """Return Σ |p − t|.

    One document prints it without the bars, which is unbounded below (claim 1.16).
    """
    error = prediction - _aligned(prediction, target)
    size = jnp.abs(error)
    return jnp.sum(size, axis=0)


def _absolute_error_gradient(prediction: Features, target: Target) -> Features:
    """Return sign(p − t), and 0 where p = t."""
    error = prediction - _aligned(prediction, target)
    return jnp.sign(error)


absolute_error = Loss("absolute_error", _absolute_error, _absolute_error_gradient, regression=True)


@remembered
def huber(delta: float = 1.0) -> Loss:
    """Return Huber's loss, a square near 0 and linear beyond. Huber 1964.

    e = p − t
    ℓ = Σ ½e² where |e| ≤ delta, Σ delta(|e| − ½ delta) beyond

    delta  above 0; may be traced

    >>> import fnn, jax.numpy as jnp
    >>> loss = fnn.losses.huber(delta=1.0)
    >>> print(loss.value(jnp.array([[0.5], [3.0]]), jnp.zeros((2, 1))))
    [0.125 2.5  ]
    """
    checks.positive("delta", delta)

    def value(prediction, target):
        error = prediction - _aligned(prediction, target)
        size = jnp.abs(error)
        is_near = size <= delta
        near = 0.5 * size**2
        beyond = delta * (size - 0.5 * delta)
        values = jnp.where(is_near, near, beyond)
        return jnp.sum(values, axis=0)

    def gradient(prediction, target):
        error = prediction - _aligned(prediction, target)
        return jnp.clip(error, -delta, delta)

    shows_delta = checks.is_concrete(delta) and delta != 1
    suffix = f"(delta={delta:g})" if shows_delta else ""
    name = f"huber{suffix}"
    return Loss(name, value, gradient, regression=True)


# ------------------------------------------------------------------------- classification by logits


def _sigmoid_cross_entropy(logits: Features, target: Target) -> PerExample:
    """Return the cross-entropy of sigmoid(z), finite for every finite z.

    ℓ = −Σ t log σ(z) + (1 − t) log σ(−z) = Σ max(z, 0) − t z + log(1 + e^−|z|)
    """
    t = _aligned(logits, target)
    above = jnp.maximum(logits, 0)
    linear = above - t * logits
    size = jnp.abs(logits)
    tail = jnp.exp(-size)
    values = linear + jnp.log1p(tail)
    return jnp.sum(values, axis=0)


def _sigmoid_cross_entropy_gradient(logits: Features, target: Target) -> Features:
    """Return σ(z) − t."""
    probability = jax.nn.sigmoid(logits)
    return probability - _aligned(logits, target)


def _correct_signs(logits: Features, target: Target) -> PerExample:
    """Return 1 for each example whose outputs all lie on their target's side of zero, else 0."""
    predicted = logits > 0
    wanted = _aligned(logits, target) > 0.5
    is_right = jnp.all(predicted == wanted, axis=0)
    return is_right.astype(logits.dtype)


def _check_probabilities(target: np.ndarray, outputs: int) -> None:
    outside = (target < 0) | (target > 1)
    if outside.any():
        first = target[outside].flat[0]
        raise ValueError(
            f'y: got {first}, expected targets in [0, 1]. Take task="classification" or '
            '"multilabel" in from_frame, which scales real targets, and floats of 0 and 1 in '
            "from_arrays."
        )


sigmoid_cross_entropy = Loss(
    "sigmoid_cross_entropy",
    _sigmoid_cross_entropy,
    _sigmoid_cross_entropy_gradient,
    _correct_signs,
    _check_probabilities,
)


def _softmax_cross_entropy(logits: Features, target: Target) -> PerExample:
    """Return the cross-entropy of softmax(z), finite for every finite z.

    ℓ = −Σ t log softmax(z) = (Σ t) log Σ eᶻ − Σ t z
    """
    t = _one_hot(logits, target)
    largest = jnp.max(logits, axis=0)
    shifted = logits - largest[None, :]
    mass = jnp.sum(t, axis=0)
    powers = jnp.exp(shifted)
    total = jnp.sum(powers, axis=0)
    log_normaliser = mass * jnp.log(total)
    of_target = jnp.sum(t * shifted, axis=0)
    return log_normaliser - of_target


def _softmax_cross_entropy_gradient(logits: Features, target: Target) -> Features:
    """Return (Σ t) softmax(z) − t, with Σ t = 1 for a distribution."""
    t = _one_hot(logits, target)
    mass = jnp.sum(t, axis=0, keepdims=True)
    probabilities = jax.nn.softmax(logits, axis=0)
    return mass * probabilities - t


def _correct_class(prediction: Features, target: Target) -> PerExample:
    """Return 1 for each example whose largest output is its class, else 0."""
    label = target
    if target.ndim > 1:
        label = jnp.argmax(target, axis=0)
    predicted = jnp.argmax(prediction, axis=0)
    is_right = predicted == label
    return is_right.astype(prediction.dtype)


def _check_classes(target: np.ndarray, outputs: int) -> None:
    if outputs == 1:
        raise ValueError(
            "y: got classes for a network with 1 output, whose softmax is always 1; use 2 outputs, "
            "or sigmoid_cross_entropy."
        )
    if target.ndim == 1:
        _check_labels(target, outputs)
    else:
        _check_distributions(target, outputs)


def _check_distributions(target: np.ndarray, outputs: int) -> None:
    if target.ndim == 2:
        _refuse_column(target, outputs)
    _check_probabilities(target, outputs)
    sums = target.sum(axis=0)
    distance = np.abs(sums - 1)
    is_far = distance > 1e-3
    if is_far.any():
        example = int(np.argmax(distance))
        raise ValueError(f"y: the target of example {example} sums to {sums[example]}, expected 1.")


def _check_labels(labels: np.ndarray, outputs: int) -> None:
    if not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(
            f"y: got class labels of dtype {labels.dtype}, expected integers; use "
            "y.astype('int32') if they are whole."
        )
    outside = (labels < 0) | (labels >= outputs)
    if outside.any():
        first = labels[outside][0]
        raise ValueError(
            f"y: got label {first} for a network with {outputs} outputs, expected "
            f"labels 0 to {outputs - 1}."
        )


softmax_cross_entropy = Loss(
    "softmax_cross_entropy",
    _softmax_cross_entropy,
    _softmax_cross_entropy_gradient,
    _correct_class,
    _check_classes,
)


# ------------------------------------------------------ classification by probabilities, as printed


def _binary_cross_entropy(probability: Features, target: Target) -> PerExample:
    """Return the cross-entropy of probabilities p, as printed.

    ℓ = −Σ t log p + (1 − t) log(1 − p)

    It is infinite where p is exactly wrong, and NaN for p outside [0, 1], which cannot be refused
    before it is computed. End the network with "sigmoid".
    """
    t = _aligned(probability, target)
    if_true = xlogy(t, probability)
    if_false = xlog1py(1 - t, -probability)
    terms = if_true + if_false
    return -jnp.sum(terms, axis=0)


def _binary_cross_entropy_gradient(probability: Features, target: Target) -> Features:
    """Return (1 − t)/(1 − p) − t/p, where a term with a zero numerator is 0."""
    t = _aligned(probability, target)
    if_false = _ratio(1 - t, 1 - probability)
    if_true = _ratio(t, probability)
    return if_false - if_true


def _correct_halves(probability: Features, target: Target) -> PerExample:
    """Return 1 for each example whose outputs all lie on their target's side of ½, else 0."""
    return _correct_signs(probability - 0.5, target)


binary_cross_entropy = Loss(
    "binary_cross_entropy",
    _binary_cross_entropy,
    _binary_cross_entropy_gradient,
    _correct_halves,
    _check_probabilities,
)


def _categorical_cross_entropy(probability: Features, target: Target) -> PerExample:
    """Return the cross-entropy of class probabilities p, as printed.

    ℓ = −Σ t log p

    It is infinite where the true class has p = 0, NaN for p < 0 and negative for p > 1, which
    cannot be refused before it is computed. End the network with "softmax".
    """
    t = _one_hot(probability, target)
    terms = xlogy(t, probability)
    return -jnp.sum(terms, axis=0)


def _categorical_cross_entropy_gradient(probability: Features, target: Target) -> Features:
    """Return −t/p, and 0 where t = 0."""
    t = _one_hot(probability, target)
    return -_ratio(t, probability)


categorical_cross_entropy = Loss(
    "categorical_cross_entropy",
    _categorical_cross_entropy,
    _categorical_cross_entropy_gradient,
    _correct_class,
    _check_classes,
)


def _ratio(numerator: Array, denominator: Array) -> Array:
    """Return numerator/denominator with 0/0 = 0, so that a class with t = 0 has no gradient."""
    is_zero = numerator == 0
    divisor = jnp.where(is_zero, 1, denominator)
    quotient = numerator / divisor
    return jnp.where(is_zero, 0, quotient)


# ---------------------------------------------------------------------------------- label smoothing


@remembered
def smoothed(loss: Loss, amount: float) -> Loss:
    """Return a cross-entropy with label smoothing. Szegedy et al. 2016.

    t ← (1 − amount) t + amount/K

    loss    one of the four cross-entropies
    amount  in [0, 1); may be traced

    K is the number of classes for the categorical losses and 2 for the binary ones. `correct` and
    `matches` still compare with the unsmoothed target. Raises ValueError for other losses.

    >>> import fnn
    >>> fnn.losses.smoothed(fnn.losses.softmax_cross_entropy, 0.1)
    Loss(softmax_cross_entropy_smoothed(0.1), with accuracy)
    """
    checks.fraction("amount", amount)
    is_loss = isinstance(loss, Loss)
    checks.instance("loss", loss, is_loss, "a Loss such as fnn.losses.softmax_cross_entropy")
    is_categorical = loss.check is _check_classes
    is_binary = loss.check is _check_probabilities
    if not is_categorical and not is_binary:
        raise ValueError(f"smoothed: got {loss.name}, expected a cross-entropy.")
    aligned = _one_hot if is_categorical else _aligned

    def smooth(prediction, target):
        classes = prediction.shape[0] if is_categorical else 2
        t = aligned(prediction, target)
        return (1 - amount) * t + amount / classes

    def forward(prediction, target):
        smooth_target = smooth(prediction, target)
        return loss.forward(prediction, smooth_target)

    def backward(prediction, target):
        smooth_target = smooth(prediction, target)
        return loss.backward(prediction, smooth_target)

    suffix = f"({amount:g})" if checks.is_concrete(amount) else ""
    name = f"{loss.name}_smoothed{suffix}"
    return loss._replace(name=name, forward=forward, backward=backward)


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
    """Return the loss of a name. A `Loss` is returned as it is.

    loss  a name such as "squared_error", or a Loss

    Raises ValueError for unknown names.

    >>> import fnn
    >>> fnn.losses.get("huber")
    Loss(huber, no accuracy)
    """
    if isinstance(loss, Loss):
        return loss
    return checks.lookup("loss", loss, REGISTRY)
