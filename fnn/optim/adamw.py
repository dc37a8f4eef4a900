"""Adam with decoupled weight decay."""

import optax

from fnn import checks, tree
from fnn.optim import learning_rate as rate
from fnn.optim.adam import adam
from fnn.optim.factory import optimizer_factory
from fnn.optim.learning_rate import LearningRate


@optimizer_factory
def adamw(
    learning_rate: LearningRate,
    *,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    weight_decay: float = 1e-2,
) -> optax.GradientTransformation:
    """Return Adam with weight decay that does not pass through the averages.

    θ ← θ − η (m̂/(√v̂ + ε) + λ θ), with m̂ and v̂ as in `adam`

    learning_rate  η: a number above 0, a traced array, or an optax schedule
    b1             β₁ in [0, 1)
    b2             β₂ in [0, 1)
    eps            ε, above 0
    weight_decay   λ, at least 0

    Epsilon     that of `adam`
    Start       that of `adam`
    Source      Loshchilov & Hutter 2019; in none of the documents
    Deviations  the decay is multiplied by η, as in libraries; the paper multiplies it by the
                schedule alone

    An L2 penalty differs: its gradient λ θ passes through the averages. Every leaf decays; use
    `optax.masked` to spare biases. `update` raises ValueError without params.

    >>> import fnn, jax.numpy as jnp
    >>> optimizer = fnn.optim.adamw(0.1, weight_decay=0.5)
    >>> theta = jnp.array([1.0, 2.0])
    >>> updates, state = optimizer.update(jnp.array([4.0, -0.5]), optimizer.init(theta), theta)
    >>> print(updates)
    [-0.15  0.  ]
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
        adam_updates, new_state = inner.update(grads, state)
        decay = tree.scale(-eta, tree.scale(weight_decay, params))
        updates = tree.add(adam_updates, decay)
        return updates, new_state

    return optax.GradientTransformation(inner.init, update)
