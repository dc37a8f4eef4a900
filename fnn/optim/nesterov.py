"""Nesterov's accelerated gradient."""

from typing import Literal, NamedTuple

import optax

from fnn import checks, tree
from fnn.optim import learning_rate as rate
from fnn.optim.factory import optimizer_factory
from fnn.optim.learning_rate import Count, LearningRate
from fnn.types import Params


class NesterovState(NamedTuple):
    """The state of `nesterov`: the number of updates so far, and v."""

    steps: Count
    velocity: Params


@optimizer_factory
def nesterov(
    learning_rate: LearningRate,
    *,
    decay: float = 0.9,
    form: Literal["library", "lookahead"] = "library",
) -> optax.GradientTransformation:
    """Return Nesterov's rule, which applies the velocity before the gradient is taken.

    "library"    v ← α v + g,    θ̃ ← θ̃ − η (g + α v)
    "lookahead"  v ← α v − η g,  θ ← θ + v,  with g at θ̃ = θ + α v, as Piccoli prints it

    learning_rate  η: a number above 0, a traced array, or an optax schedule
    decay          α in [0, 1)
    form           one of the two above

    Epsilon     none
    Start       v₀ = 0
    Source      Nesterov 1983, Sutskever et al. 2013; claims 3.9, X6
    Deviations  the parameters that the caller holds are θ̃

    An optimizer sees the gradient at the parameters that the caller holds. In both forms these are
    the lookahead point θ̃; `lookahead_origin` returns the document's θ. At a constant η both forms
    make the same sequence (X6). Under a schedule they differ as library and classical momentum do.

    >>> import fnn, jax.numpy as jnp
    >>> optimizer = fnn.optim.nesterov(0.1, decay=0.5)
    >>> theta = jnp.array([1.0, 2.0])
    >>> updates, state = optimizer.update(jnp.array([4.0, -4.0]), optimizer.init(theta), theta)
    >>> print(updates)
    [-0.6  0.6]
    """
    rate.check(learning_rate)
    checks.fraction("decay", decay)
    step = checks.lookup("form", form, {"library": _library, "lookahead": _lookahead})

    def init(params):
        steps = rate.initial_count(params)
        return NesterovState(steps, velocity=tree.zeros_like(params))

    def update(grads, state, params=None):
        checks.gradients(grads, state.velocity)
        eta = rate.at(learning_rate, state.steps)
        updates, velocity = step(decay, eta, state.velocity, grads)
        t = optax.safe_increment(state.steps)
        return updates, NesterovState(t, velocity)

    return optax.GradientTransformation(init, update)


def _library(alpha, eta, v, g):
    new_v = tree.accumulate(alpha, v, g)
    lookahead = tree.accumulate(alpha, new_v, g)
    return tree.scale(-eta, lookahead), new_v


def _lookahead(alpha, eta, v, g):
    """Return the step of θ̃ = θ + α v, and the new v, here v'.

    θ̃' − θ̃ = (θ + v' + α v') − (θ + α v) = v' + α (v' − v)
    """
    new_v = tree.accumulate(alpha, v, tree.scale(-eta, g))
    change = tree.add(new_v, tree.scale(-1, v))
    return tree.accumulate(alpha, change, new_v), new_v


def lookahead_origin(params: Params, state: NesterovState, *, decay: float = 0.9) -> Params:
    """Return the document's θ = θ̃ − α v.

    params  the parameters θ̃ that the caller holds
    state   the state of `nesterov(form="lookahead")`
    decay   α, as given to `nesterov`

    Raises ValueError for a state of another optimizer.

    >>> import fnn, jax.numpy as jnp
    >>> optimizer = fnn.optim.nesterov(0.1, decay=0.5, form="lookahead")
    >>> theta = jnp.array([1.0, 2.0])
    >>> updates, state = optimizer.update(jnp.array([4.0, -4.0]), optimizer.init(theta), theta)
    >>> origin = fnn.optim.lookahead_origin(theta + updates, state, decay=0.5)
    >>> print(origin.round(3))
    [0.6 2.4]
    """
    checks.fraction("decay", decay)
    is_nesterov = isinstance(state, NesterovState)
    checks.instance("state", state, is_nesterov, "the NesterovState of fnn.optim.nesterov")
    step_back = tree.scale(-decay, state.velocity)
    return tree.add(params, step_back)
