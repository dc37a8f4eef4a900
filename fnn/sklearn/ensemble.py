"""Networks of one kind and what they say: plain arrays, which pickle."""

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

LEAST_ROWS = 64  # a call on fewer is filled up: numbers of rows are compiled apart
MOST_ROWS = 8192  # at a time


class Ensemble(NamedTuple):
    """Networks that were trained by one recipe from several seeds.

    params, state  leaves (seeds, …)
    loss_curve     (seeds, epochs) of the training rows; NaN after a run ended
    score_curve    (seeds, epochs) of the validation rows; None where there were none
    n_iter         (seeds,) epochs
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
        """Return how many they are."""
        return len(self.n_iter)

    def take(self, seeds: slice) -> Self:
        """Return some of the networks."""
        of_some = jax.tree.map(lambda leaf: leaf[seeds], (self.params, self.state))
        curves = self.score_curve
        return self._replace(
            params=of_some[0],
            state=of_some[1],
            loss_curve=self.loss_curve[seeds],
            score_curve=None if curves is None else curves[seeds],
            n_iter=self.n_iter[seeds],
            diverged=self.diverged[seeds],
        )

    def outputs(self, x: np.ndarray) -> Float[np.ndarray, "seeds examples outputs"]:
        """Return the outputs of every network, as float64."""
        with jax.enable_x64(self.dtype == np.float64):
            net = self.recipe.net()
            starts = range(0, len(x), MOST_ROWS)
            parts = [self._outputs_of(net, x[start : start + MOST_ROWS]) for start in starts]
        return np.concatenate(parts, axis=1).astype(np.float64)

    def probabilities(self, x: np.ndarray) -> Float[np.ndarray, "seeds examples outputs"]:
        """Return the probabilities that the outputs stand for; they sum to 1 where classes do."""
        outputs = self.outputs(x)
        name = self.recipe.training_loss().name
        if name == losses.softmax_cross_entropy.name:
            return softmax(outputs, axis=-1)
        if name == losses.sigmoid_cross_entropy.name:
            return expit(outputs)
        return outputs

    def _outputs_of(self, net: Layer, x: np.ndarray) -> np.ndarray:
        rows = max(LEAST_ROWS, 1 << (len(x) - 1).bit_length())
        filled = np.zeros((rows, x.shape[1]), self.dtype)
        filled[: len(x)] = x
        return np.asarray(outputs_of(net, self.params, self.state, filled))[:, : len(x)]


@partial(compiler.jit, static_argnums=0)
def outputs_of(
    net: Layer, params: Params, state: State, x: Any
) -> Float[Array, "seeds examples outputs"]:
    """Return the outputs of several networks; leaves of params are (seeds, …)."""

    def of_one(params: Params, state: State) -> Array:
        return apply(net, params, jnp.asarray(x), state=state)

    return jax.vmap(of_one)(params, state)
