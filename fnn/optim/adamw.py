"""Adam with decoupled weight decay."""

import optax

from fnn import checks, tree
from fnn.optim import learning_rate as rate
from fnn.optim.adam import adam
from fnn.optim.learning_rate import LearningRate
from fnn.optim.shown import shown


@shown
def adamw(
    learning_rate: LearningRate,
    *,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    weight_decay: float = 1e-2,
) -> optax.GradientTransformation:
    """θ ← θ − η (m̂/(√v̂ + ε) + λ θ), m̂ and v̂ as in `adam`; λ is `weight_decay`.

    The decay does not pass through the averages, which is the difference from an L2 penalty.
    Epsilon and initial state are Adam's. Loshchilov & Hutter 2019; in none of the documents.
    Deviations: the decay is multiplied by η, as libraries do, where the paper multiplies by the
    schedule alone; every leaf decays, so use `optax.masked` to spare biases. `update` raises
    ValueError without params.
    """
    rate.check(learning_rate)
    checks.non_negative("weight_decay", weight_decay)
    inner = adam(learning_rate, b1=b1, b2=b2, eps=eps)

    def update(grads, state, params=None):
        if params is None:
            raise ValueError(
                "params: got None, but adamw decays them; call update(grads, state, params)."
            )
        checks.gradients(grads, params)
        eta = rate.at(learning_rate, state.steps)
        updates, new_state = inner.update(grads, state)
        return tree.add(updates, tree.scale(-eta, tree.scale(weight_decay, params))), new_state

    return optax.GradientTransformation(inner.init, update)
