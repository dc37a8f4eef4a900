"""The checkers that are compared, each as (case, gradient) -> Answer, at its defaults."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import torch
from jax.test_util import check_grads

import fnn
from planted.manners import arguments
from planted.networks import Case, loss

# After an objection fast mode runs the slow one to write its message. That takes minutes for
# 784-128-10, and nobody reads the message here.
torch.autograd.gradcheck.__globals__["_run_slow_mode_and_get_error"] = lambda *_: ""

SLOW_PARAMETERS = 600  # up to so many, torch's slow mode finishes within a second


class Answer(NamedTuple):
    """The answer of a checker.

    objected  whether it objected to the gradient; None if it cannot be asked, or abstained
    cause     that it named
    said      its report
    """

    objected: bool | None
    cause: str | None = None
    said: str = ""


def ours(
    case: Case, gradient: Callable, dtype: str | None = None, manner: str = "function"
) -> Answer:
    """Ask `fnn.check_gradient`."""
    in_numpy = "numpy" in (case.network.gradient_in, case.network.loss_in)
    options = {} if case.key is None else {"key": case.key}
    with jax.enable_x64(True):
        params = case.params if in_numpy else jax.tree.map(jnp.asarray, case.params)
    try:
        check: Callable = fnn.check_gradient
        report = check(*arguments(case, gradient, manner), params, dtype=dtype, **options)
    except fnn.gradcheck.Unusable as refusal:
        return Answer(True, "refused", str(refusal))
    objected = None if report.verdict == "abstain" else not report.passed
    return Answer(objected, report.cause, str(report))


def jax_check_grads(case: Case, gradient: Callable, x64: bool) -> Answer:
    """Ask `jax.test_util.check_grads` in reverse mode, with the gradient as a `custom_vjp`."""

    @jax.custom_vjp
    def f(params):
        return loss(in_jax, params, case.key)

    in_jax = case._replace(network=case.network._replace(loss_in="jax"))
    f.defvjp(
        lambda params: (f(params), params),
        lambda params, c: (jax.tree.map(lambda g: c * g, call(params)),),
    )

    def call(params):
        return jax.tree.map(jnp.asarray, _call(case, gradient, params))

    with jax.enable_x64(x64):
        return _objects(
            lambda: check_grads(
                f, (jax.tree.map(jnp.asarray, case.params),), order=1, modes=("rev",)
            )
        )


def torch_gradcheck(case: Case, gradient: Callable, fast: bool) -> Answer:
    """Ask `torch.autograd.gradcheck`, with the gradient as the backward of a Function."""
    leaves, structure = jax.tree.flatten(case.params)
    if not fast and sum(leaf.size for leaf in leaves) > SLOW_PARAMETERS:
        return Answer(None)
    value = _value_in_float64(case)

    class Network(torch.autograd.Function):
        @staticmethod
        def forward(ctx, *tensors):
            arrays = [tensor.detach().numpy() for tensor in tensors]
            ctx.params = jax.tree.unflatten(structure, arrays)
            return torch.tensor(float(value(ctx.params)), dtype=torch.float64)

        @staticmethod
        def backward(ctx, c):
            grads = jax.tree.leaves(_call(case, gradient, ctx.params))
            return tuple(c * torch.tensor(np.asarray(g)) for g in grads)

    inputs = tuple(torch.tensor(leaf, requires_grad=True) for leaf in leaves)
    with jax.enable_x64(True):
        return _objects(lambda: torch.autograd.gradcheck(Network.apply, inputs, fast_mode=fast))


def _call(case: Case, gradient: Callable, params: Any) -> Any:
    """Call the gradient with arrays of the library that it is written for."""
    options = {} if case.key is None else {"key": case.key}
    convert = np.asarray if case.network.gradient_in == "numpy" else jnp.asarray
    return gradient(jax.tree.map(convert, params), **options)


def _value_in_float64(case: Case) -> Callable:
    """Return the loss for NumPy parameters. It is compiled if sampling a mask would be slow."""
    if case.network.dropout:
        return jax.jit(partial(loss, case, key=case.key))
    return partial(loss, case)


def _objects(check: Callable[[], Any]) -> Answer:
    try:
        check()
    except (AssertionError, RuntimeError, TypeError, ValueError) as objection:
        return Answer(True, None, f"{type(objection).__name__}: {objection}")
    return Answer(False)


RIVALS: dict[str, Callable[[Case, Callable], Answer]] = {
    "jax f32": partial(jax_check_grads, x64=False),
    "jax f64": partial(jax_check_grads, x64=True),
    "torch fast": partial(torch_gradcheck, fast=True),
    "torch slow": partial(torch_gradcheck, fast=False),
}
