"""The two contracts on which everything stands: `Layer` and `Loss`.

Notation, everywhere: z = W a + b is the pre-activation, a = σ(z) the activation, δ = ∂L/∂z.
W is (out, in) and b is (out,). Inside the library arrays are feature-major, (features, batch),
so that code and equation are the same string: `z = W @ a + b[:, None]`, `dW = δ @ a.T`,
`da = W.T @ δ`. At the surface (`fnn.apply`, `fnn.value_and_grad`, `fnn.train`) x is
(batch, features), as everyone expects.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key, Num, Scalar

ArrayLike: TypeAlias = Array | np.ndarray  # what the surface takes
PyTree: TypeAlias = Any
Params: TypeAlias = PyTree  # what is learned
State: TypeAlias = PyTree  # what is carried but not learned; () for most layers
Residuals: TypeAlias = PyTree  # what backward needs of forward

PRNGKey: TypeAlias = Key[Array, ""]
Features: TypeAlias = Float[Array, "features batch"]
Target: TypeAlias = Num[Array, "batch"] | Num[Array, "outputs batch"]


class Layer(NamedTuple):
    """Three pure functions. A dense map, an activation, an MLP and a whole DAG are all Layers.

    init(key)                                   -> params, state
    forward(params, state, x, *, key, train)    -> y, state, residuals
    backward(params, residuals, dy)             -> grads, dx

    x, y, dy and dx are feature-major, (features, batch). `key` may be None where no layer draws
    random numbers. `train` is a Python bool. `grads` has exactly the structure of `params`.
    `forward` checks the shape of what it is given and raises ValueError while it is traced.
    `name` and `parts`, the layers that it runs one after the other, are for reports. `per_example`
    says that what becomes of an example, and the state, do not depend on the other examples of the
    batch: training may then fill up a short last batch, and compiles one step instead of two.
    """

    init: Callable[[PRNGKey], tuple[Params, State]]
    forward: Callable[..., tuple[Features, State, Residuals]]
    backward: Callable[[Params, Residuals, Features], tuple[Params, Features]]
    name: str = "layer"
    parts: tuple["Layer", ...] = ()
    per_example: bool = False

    def __repr__(self) -> str:
        inner = ", ".join(part.name if not part.parts else repr(part) for part in self.parts)
        return f"{self.name}({inner})" if self.parts else f"Layer({self.name})"


class Penalty(NamedTuple):
    """A term of the objective that depends on the parameters alone, with its gradient."""

    value: Callable[[Params], Scalar]
    gradient: Callable[[Params], Params]


class Loss(NamedTuple):
    """A loss per example and its gradient with respect to the prediction.

    What one calls takes rows of examples, as `fnn.apply` returns them: `value`, `gradient` and
    `correct`, below. What one writes is feature-major, as the functions of a `Layer` are:

    forward(prediction, target)   -> (batch,)           summed over outputs, no ½
    backward(prediction, target)  -> (outputs, batch)   of that sum, per example
    matches(prediction, target)   -> (batch,) of 0 or 1; None where "accuracy" means nothing
    check(target, outputs)        -> raises ValueError for values that the loss cannot take;
                                     target is a concrete array
    penalty                       -> added to the objective by `value_and_grad` and `train`
    regression                    whether the prediction is of the target itself, in its shape:
                                  RMSE and R² then stand beside the loss

    There prediction is (outputs, batch); target is (outputs, batch), or (batch,) for one output or
    for integer class labels.
    """

    name: str
    forward: Callable[[Features, Target], Float[Array, "batch"]]
    backward: Callable[[Features, Target], Features]
    matches: Callable[[Features, Target], Float[Array, "batch"]] | None = None
    check: Callable[[np.ndarray, int], None] | None = None
    penalty: Penalty | None = None
    regression: bool = False

    def value(
        self, prediction: Float[ArrayLike, "batch outputs"], target: Num[ArrayLike, "batch ..."]
    ) -> Float[Array, "batch"]:
        """Compute the loss of each example, summed over outputs.

        prediction is (batch, outputs), as `fnn.apply` returns it; target is (batch, outputs), or
        (batch,) for one output or for integer class labels. Raises ValueError for other shapes and,
        where the target is not traced, for values that the loss cannot take.
        """
        return self.forward(*self._checked(prediction, target))

    def gradient(
        self, prediction: Float[ArrayLike, "batch outputs"], target: Num[ArrayLike, "batch ..."]
    ) -> Float[Array, "batch outputs"]:
        """Compute ∂value/∂prediction of each example; shapes as in `value`."""
        return self.backward(*self._checked(prediction, target)).T

    def correct(
        self, prediction: Float[ArrayLike, "batch outputs"], target: Num[ArrayLike, "batch ..."]
    ) -> Float[Array, "batch"]:
        """Say of each example whether it is classified rightly, 1 or 0; shapes as in `value`.

        Raises ValueError for a loss without classes.
        """
        if self.matches is None:
            raise ValueError(f"loss: {self.name} has no classes, so nothing is right or wrong.")
        return self.matches(*self._checked(prediction, target))

    def _checked(self, prediction: ArrayLike, target: ArrayLike) -> tuple[Features, Target]:
        """Turn both, and refuse values of a target that is not traced, such as unknown labels."""
        pair = feature_major_pair(prediction, target)
        if self.check is not None and not isinstance(target, jax.core.Tracer):
            self.check(np.asarray(target).T, np.shape(prediction)[1])
        return pair

    def __repr__(self) -> str:
        penalized = ", penalized" if self.penalty is not None else ""
        kind = "no accuracy" if self.matches is None else "with accuracy"
        return f"Loss({self.name}, {kind}{penalized})"


def feature_major_pair(prediction: ArrayLike, target: ArrayLike) -> tuple[Features, Target]:
    """Turn a prediction (batch, outputs) and its target. ValueError where they do not fit."""
    rows, outputs = np.shape(prediction), np.shape(target)
    if len(rows) != 2:
        remedy = " Use prediction[None] for one example, prediction[:, None] for one output."
        remedy = remedy if len(rows) == 1 else ""
        raise ValueError(f"prediction: got shape {rows}, expected (batch, outputs).{remedy}")
    if len(outputs) not in (1, 2) or outputs[0] != rows[0]:
        is_turned = outputs[:1] == rows[1:] or outputs[-1:] == rows[:1]
        remedy = (
            " Transpose them: one row an example, as fnn.apply returns them." if is_turned else ""
        )
        raise ValueError(
            f"target: got shape {outputs} for a prediction of shape {rows}, expected (batch,) or "
            f"(batch, outputs) with the same batch.{remedy}"
        )
    return jnp.asarray(prediction).T, jnp.asarray(target).T
