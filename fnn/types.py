"""The two contracts on which everything stands: `Layer` and `Loss`.

Notation, everywhere: z = W a + b is the pre-activation, a = σ(z) the activation, δ = ∂L/∂z.
W is (out, in) and b is (out,). Inside the library arrays are feature-major, (features, batch),
so that code and equation are the same string: `z = W @ a + b[:, None]`, `dW = δ @ a.T`,
`da = W.T @ δ`. At the surface (`fnn.apply`, `fnn.value_and_grad`, `fnn.train`) x is
(batch, features), as everyone expects.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

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
    `name` and `parts`, the layers that it runs one after the other, are for reports that point at a layer.
    """

    init: Callable[[PRNGKey], tuple[Params, State]]
    forward: Callable[..., tuple[Features, State, Residuals]]
    backward: Callable[[Params, Residuals, Features], tuple[Params, Features]]
    name: str = "layer"
    parts: tuple["Layer", ...] = ()


class Penalty(NamedTuple):
    """A term of the objective that depends on the parameters alone, with its gradient."""

    value: Callable[[Params], Scalar]
    gradient: Callable[[Params], Params]


class Loss(NamedTuple):
    """A loss per example and its gradient with respect to the prediction.

    value(prediction, target)     -> (batch,)           summed over outputs, no ½
    gradient(prediction, target)  -> (outputs, batch)   of that sum, per example
    correct(prediction, target)   -> (batch,) of 0 or 1; None where "accuracy" means nothing
    check(target, outputs)        -> raises ValueError for values that the loss cannot take;
                                     target is a concrete array, feature-major as below
    penalty                       -> added to the objective by `value_and_grad` and `train`

    prediction is (outputs, batch); target is (outputs, batch), or (batch,) for one output or for
    integer class labels.
    """

    name: str
    value: Callable[[Features, Target], Float[Array, "batch"]]
    gradient: Callable[[Features, Target], Features]
    correct: Callable[[Features, Target], Float[Array, "batch"]] | None = None
    check: Callable[[np.ndarray, int], None] | None = None
    penalty: Penalty | None = None
