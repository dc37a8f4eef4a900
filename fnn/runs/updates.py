"""The arguments of an optimizer's update besides the gradient, and the errors of its update.

Rules such as optax.lbfgs evaluate the loss themselves. A rule that is an
optax.GradientTransformationExtraArgs gets these arguments, on the same batch with the same dropout
masks:

value                L, the mean loss plus penalty
grad                 ∂L/∂params
value_fn(params)     L at other parameters; JAX differentiates it where the rule does
grad_fn(params, i)   ∂L/∂params there, by the hand-written backward pass; only for a rule that names
                     this argument

A rule that needs anything else (a Hessian, the examples) is refused by name.
"""

import inspect
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import jax
import optax
from jaxtyping import Array, Float

from fnn import checks, tree
from fnn.backprop import Pass
from fnn.types import Params, PyTree

GIVEN = ("value", "grad", "value_fn")
BY_NAME = "grad_fn"
NUMPY_ERRORS = (
    jax.errors.TracerArrayConversionError,
    jax.errors.ConcretizationTypeError,
    jax.errors.TracerIntegerConversionError,
)
HERE = str(Path(__file__).parents[1])
INSTALLED = "site-packages"  # in the paths of libraries


class BatchObjective(NamedTuple):
    """Hold the objective L on one batch.

    backprop_at  computes the forward and the backward pass at given parameters
    value        L at the parameters before the step
    grad         ∂L/∂params there
    """

    backprop_at: Callable[[Params], Pass]
    value: Float[Array, ""]
    grad: Params

    def extra_arguments(self, names: tuple[str, ...]) -> dict[str, Any]:
        """Return the extra arguments with these names."""
        like = self.grad

        def value_fn(params: Params) -> Float[Array, ""]:
            return self.backprop_at(params).value

        def grad_fn(params: Params, step: int = 0) -> Params:
            grads = self.backprop_at(params).grads
            return tree.as_types_of(like, grads)

        arguments = {"value": self.value, "grad": like, "value_fn": value_fn, BY_NAME: grad_fn}
        return {name: arguments[name] for name in names}


def compute_updates(
    optimizer: optax.GradientTransformation,
    objective: BatchObjective,
    state: PyTree,
    params: Params,
) -> tuple[Params, PyTree]:
    """Compute an optimizer's updates and its new state.

    Raises ValueError, while it is traced, for a rule that needs another argument, and for a rule
    whose schedule is written in NumPy.
    """
    names = accepted_arguments(optimizer.update)
    extra = objective.extra_arguments(names)
    with named_errors():
        return optimizer.update(objective.grad, state, params, **extra)


def warn_of_lbfgs(state: PyTree) -> None:
    """Warn where an optimizer's state is of L-BFGS, which compares gradients of successive steps.

    Gradients of different batches differ by more than the steps make them.
    """
    parts = jax.tree.leaves(state, is_leaf=_is_lbfgs)
    if any(map(_is_lbfgs, parts)):
        checks.warn(
            "optimizer: L-BFGS is for full batches; pass batch_size=n for the n training examples."
        )


def _is_lbfgs(value: Any) -> bool:
    return isinstance(value, optax.ScaleByLBFGSState)


@contextmanager
def named_errors() -> Iterator[None]:
    """Turn an error of an optimizer's rule into a ValueError that names the rule.

    A ValueError of one of fnn's own rules is raised as it is.
    """
    try:
        yield
    except NUMPY_ERRORS as error:
        raise ValueError(
            f"optimizer: {place_of(error)} makes a NumPy or Python number of one that is traced, "
            "such as the number of the update in a schedule. Write it with jax.numpy and jnp.where."
        ) from error
    except Exception as error:  # the code of a rule may raise any kind
        innermost = frames_of(error)[-1]
        is_ours = innermost.filename.startswith(HERE)
        if is_ours and isinstance(error, ValueError):
            # One of fnn's rules refuses its arguments. Its message names the rule already.
            raise
        message = str(error).rstrip(".")
        raise ValueError(
            f"optimizer: {rule_of(error)} raises {type(error).__name__}: {message}. "
            "Its update is called with the gradient, the state and params; with "
            f"{', '.join(GIVEN)} where it accepts extra arguments, and {BY_NAME} where it names it."
        ) from error


@lru_cache(256)
def accepted_arguments(update: Callable) -> tuple[str, ...]:
    """Return the names of the extra arguments that an update accepts."""
    try:
        signature = inspect.signature(update, follow_wrapped=False)
    except (TypeError, ValueError):  # a builtin has no signature
        return ()
    parameters = signature.parameters.values()
    accepted = {each.name for each in parameters if each.kind is not each.VAR_KEYWORD}
    takes_any = any(each.kind is each.VAR_KEYWORD for each in parameters)
    if takes_any:
        accepted.update(GIVEN)
    return tuple(name for name in (*GIVEN, BY_NAME) if name in accepted)


def rule_of(error: BaseException) -> str:
    """Return the innermost rule of optax through which an error came, as "optax's lookahead"."""
    rule = "its update"
    trace = error.__traceback__
    while trace is not None:
        frame = trace.tb_frame
        trace = trace.tb_next
        package = frame.f_globals["__name__"].partition(".")[0]
        factory, _, function = frame.f_code.co_qualname.partition(".<locals>")
        if package == "optax" and function:
            rule = f"optax's {factory}"
    return rule


def place_of(error: BaseException) -> str:
    """Return the place in the user's own code at which an error was raised.

    It is the innermost frame outside of fnn and of installed libraries.
    """

    def is_users(frame: traceback.FrameSummary) -> bool:
        return INSTALLED not in frame.filename and not frame.filename.startswith(HERE)

    frames = list(filter(is_users, frames_of(error)))
    if not frames:
        return "its rule"
    last = frames[-1]
    return f"{last.name} ({Path(last.filename).name}, line {last.lineno}: {last.line})"


def frames_of(error: BaseException) -> traceback.StackSummary:
    """Return the frames through which an error came. The innermost is the last."""
    return traceback.extract_tb(error.__traceback__)
