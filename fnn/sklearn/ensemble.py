"""`Ensemble`: networks of one recipe as plain arrays, which can be pickled."""

from functools import partial
from typing import Any, NamedTuple, Self

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.special import expit, softmax

from fnn import compiler, losses
from fnn.backprop import apply
from fnn.sklearn.recipe import Recipe
from fnn.types import Layer, Params, State

LEAST_ROWS = 64  # fewer rows are filled up, since each number of rows is compiled separately
MOST_ROWS = 8192  # of one call


class Ensemble(NamedTuple):
    """Networks that were trained by one recipe from several seeds.

    params, state  leaves (seeds, …)
    loss_curve     (seeds, epochs) on the training rows; NaN after a run ended
    score_curve    (seeds, epochs) on the validation rows; None where there were none
    n_iter         (seeds,) number of epochs
    diverged       (seeds,) whether a run ended in numbers that are not finite
    """

    recipe: Recipe
    params: Params
    state: State
    loss_curve: Float[np.ndarray, "seeds epochs"]
    score_curve: Float[np.ndarray, "seeds epochs"] | None
    n_iter: np.ndarray
    diverged: np.ndarray

    @property
    def dtype(self) -> np.dtype:
        """Return the dtype of the parameters."""
        return jax.tree.leaves(self.params)[0].dtype

    @property
    def networks(self) -> int:
        """Return the number of networks."""
        return len(self.n_iter)

    def take(self, seeds: slice) -> Self:
        """Return some of the networks."""
        params, state = jax.tree.map(lambda leaf: leaf[seeds], (self.params, self.state))
        score_curve = self.score_curve
        if score_curve is not None:
            score_curve = score_curve[seeds]
        return self._replace(
            params=params,
            state=state,
            loss_curve=self.loss_curve[seeds],
            score_curve=score_curve,
            n_iter=self.n_iter[seeds],
            diverged=self.diverged[seeds],
        )

    def outputs(self, x: np.ndarray) -> Float[np.ndarray, "seeds examples outputs"]:
        """Return the outputs of every network as float64."""
        pieces = []
        with jax.enable_x64(self.dtype == np.float64):
            net = self.recipe.net()
            for start in range(0, len(x), MOST_ROWS):
                pieces.append(self._outputs_of(net, x[start : start + MOST_ROWS]))
        return np.concatenate(pieces, axis=1).astype(np.float64)

    def probabilities(self, x: np.ndarray) -> Float[np.ndarray, "seeds examples outputs"]:
        """Return probabilities of classes or of labels; outputs themselves for other losses.

        Probabilities of classes sum to 1 over the outputs. Those of labels do not.
        """
        outputs = self.outputs(x)
        loss_name = self.recipe.training_loss().name
        if loss_name == losses.softmax_cross_entropy.name:
            return softmax(outputs, axis=-1)
        if loss_name == losses.sigmoid_cross_entropy.name:
            return expit(outputs)
        return outputs

    def _outputs_of(self, net: Layer, x: np.ndarray) -> np.ndarray:
        """Return outputs of at most MOST_ROWS rows, filled up to a power of 2 for the program."""
        rows, features = x.shape
        power_of_two = 1 << (rows - 1).bit_length()
        filled = np.zeros((max(LEAST_ROWS, power_of_two), features), self.dtype)
        filled[:rows] = x
        outputs = np.asarray(outputs_of(net, self.params, self.state, filled))
        return outputs[:, :rows]


@partial(compiler.jit, static_argnums=0)
def outputs_of(
    net: Layer, params: Params, state: State, x: Any
) -> Float[Array, "seeds examples outputs"]:
    """Return the outputs of several networks. Leaves of params are (seeds, …)."""

    def outputs_of_one(params: Params, state: State) -> Array:
        return apply(net, params, jnp.asarray(x), state=state)

    return jax.vmap(outputs_of_one)(params, state)
