"""The two contracts of the library: `Layer` and `Loss`.

Notation, everywhere:

    z = W a + b   pre-activation; W is (out, in) and b is (out,)
    a = σ(z)      activation
    δ = ∂L/∂z

Inside the library arrays are feature-major, (features, batch), so that code and equation are the
same string:

    z = W @ a + b[:, None]
    dW = δ @ a.T
    da = W.T @ δ

At the surface (`fnn.apply`, `fnn.value_and_grad`, `fnn.train`) x is (batch, features), as in other
libraries.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key, Num, Scalar

ArrayLike: TypeAlias = Array | np.ndarray  # arguments of the surface
PyTree: TypeAlias = Any
Params: TypeAlias = PyTree  # learned
State: TypeAlias = PyTree  # carried but not learned; () for most layers
Residuals: TypeAlias = PyTree  # values of the forward pass that the backward pass needs

PRNGKey: TypeAlias = Key[Array, ""]
Features: TypeAlias = Float[Array, "features batch"]
Target: TypeAlias = Num[Array, "batch"] | Num[Array, "outputs batch"]
PerExample: TypeAlias = Float[Array, "batch"]

PredictionRows: TypeAlias = Float[ArrayLike, "batch outputs"]
TargetRows: TypeAlias = Num[ArrayLike, "batch ..."]


class Layer(NamedTuple):
    """Three pure functions. A dense map, an activation, an MLP and a whole DAG are all Layers.

    init(key)                                   -> params, state
    forward(params, state, x, *, key, train)    -> y, state, residuals
    backward(params, residuals, dy)             -> grads, dx
    name                                        the name in reports
    parts                                       the layers of a chain, in order; () for others
    per_example                                 whether each example's output, and the state, are
                                                independent of the other examples of the batch

    x, y, dy and dx are feature-major, (features, batch). `key` may be None where no layer draws
    random numbers. `train` is a Python bool. `grads` has exactly the structure of `params`.
    `forward` checks the shapes of its arguments and raises ValueError while it is traced. Where
    `per_example` is True, training may fill up a short last batch, and compiles one step instead
    of two.

    >>> import fnn
    >>> fnn.mlp((2, 3, 1))
    serial(dense 2→3, relu, dense 3→1)
    """

    init: Callable[[PRNGKey], tuple[Params, State]]
    forward: Callable[..., tuple[Features, State, Residuals]]
    backward: Callable[[Params, Residuals, Features], tuple[Params, Features]]
    name: str = "layer"
    parts: tuple["Layer", ...] = ()
    per_example: bool = False

    def __repr__(self) -> str:
        if not self.parts:
            return f"Layer({self.name})"
        names = [repr(part) if part.parts else part.name for part in self.parts]
        return f"{self.name}({', '.join(names)})"


class Penalty(NamedTuple):
    """A term of the objective that depends on the parameters alone, with its gradient.

    value(params)     -> scalar
    gradient(params)  -> ∂value/∂params, with the structure of params
    """

    value: Callable[[Params], Scalar]
    gradient: Callable[[Params], Params]


class Loss(NamedTuple):
    """A loss per example and its gradient with respect to the prediction.

    A user calls `value`, `gradient` and `correct`, below. They take rows of examples, as
    `fnn.apply` returns them. The author of a loss writes feature-major functions, as for a `Layer`:

    forward(prediction, target)   -> (batch,)           summed over outputs, no ½
    backward(prediction, target)  -> (outputs, batch)   of that sum, per example
    matches(prediction, target)   -> (batch,) of 0 or 1; None for a loss without accuracy
    check(target, outputs)        raises ValueError for values that the loss cannot take;
                                  target is a concrete array
    penalty                       added to the objective by `value_and_grad` and `train`
    regression                    whether the network predicts the target itself, in its shape:
                                  RMSE and R² are then recorded beside the loss

    In these functions prediction is (outputs, batch). target is (outputs, batch), or (batch,) for
    one output or for integer class labels.
    """

    name: str
    forward: Callable[[Features, Target], PerExample]
    backward: Callable[[Features, Target], Features]
    matches: Callable[[Features, Target], PerExample] | None = None
    check: Callable[[np.ndarray, int], None] | None = None
    penalty: Penalty | None = None
    regression: bool = False

    def value(self, prediction: PredictionRows, target: TargetRows) -> PerExample:
        """Compute the loss of each example, summed over outputs.

        prediction  (batch, outputs), as `fnn.apply` returns it
        target      (batch, outputs), or (batch,) for one output or for integer class labels

        Raises ValueError for other shapes and, where the target is not traced, for values that the
        loss cannot take.

        >>> import fnn, jax.numpy as jnp
        >>> prediction, target = jnp.array([[1.0], [2.0]]), jnp.array([1.0, 5.0])
        >>> print(fnn.losses.squared_error.value(prediction, target))
        [0. 9.]
        """
        p, t = self._checked(prediction, target)
        return self.forward(p, t)

    def gradient(
        self, prediction: PredictionRows, target: TargetRows
    ) -> Float[Array, "batch outputs"]:
        """Compute ∂value/∂prediction of each example.

        prediction, target  as of `value`

        >>> import fnn, jax.numpy as jnp
        >>> prediction, target = jnp.array([[1.0], [2.0]]), jnp.array([1.0, 5.0])
        >>> print(fnn.losses.squared_error.gradient(prediction, target))
        [[ 0.]
         [-6.]]
        """
        p, t = self._checked(prediction, target)
        return self.backward(p, t).T

    def correct(self, prediction: PredictionRows, target: TargetRows) -> PerExample:
        """Return 1 for each example that is classified rightly, 0 for the others.

        prediction, target  as of `value`

        Raises ValueError for a loss without classes.

        >>> import fnn, jax.numpy as jnp
        >>> logits, labels = jnp.array([[2.0, 1.0], [3.0, -1.0]]), jnp.array([0, 1])
        >>> print(fnn.losses.softmax_cross_entropy.correct(logits, labels))
        [1. 0.]
        """
        if self.matches is None:
            raise ValueError(f"loss: {self.name} has no classes, so nothing is right or wrong.")
        p, t = self._checked(prediction, target)
        return self.matches(p, t)

    def _checked(self, prediction: ArrayLike, target: ArrayLike) -> tuple[Features, Target]:
        """Transpose both, and refuse values of a concrete target, such as unknown labels."""
        pair = feature_major_pair(prediction, target)
        is_traced = isinstance(target, jax.core.Tracer)
        if self.check is not None and not is_traced:
            outputs = np.shape(prediction)[1]
            self.check(np.asarray(target).T, outputs)
        return pair

    def __repr__(self) -> str:
        penalized = ", penalized" if self.penalty is not None else ""
        kind = "no accuracy" if self.matches is None else "with accuracy"
        return f"Loss({self.name}, {kind}{penalized})"


def feature_major_pair(prediction: ArrayLike, target: ArrayLike) -> tuple[Features, Target]:
    """Transpose a prediction (batch, outputs) and its target to feature-major.

    Raises ValueError where their shapes do not fit.
    """
    predicted, wanted = np.shape(prediction), np.shape(target)
    if len(predicted) != 2:
        remedy = " Use prediction[None] for one example, prediction[:, None] for one output."
        if len(predicted) != 1:
            remedy = ""
        raise ValueError(f"prediction: got shape {predicted}, expected (batch, outputs).{remedy}")
    if len(wanted) not in (1, 2) or wanted[0] != predicted[0]:
        examples, outputs = predicted
        is_transposed = wanted[:1] == (outputs,) or wanted[-1:] == (examples,)
        remedy = ""
        if is_transposed:
            remedy = " Transpose them: one row an example, as fnn.apply returns them."
        raise ValueError(
            f"target: got shape {wanted} for a prediction of shape {predicted}, expected (batch,) "
            f"or (batch, outputs) with the same batch.{remedy}"
        )
    return jnp.asarray(prediction).T, jnp.asarray(target).T
