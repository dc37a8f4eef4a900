"""What the update of an optimizer is given besides the gradient, and what it cannot have.

Rules such as optax.lbfgs look at the loss itself. A rule that is an
optax.GradientTransformationExtraArgs gets, of the same batch and dropout masks:

value         L, the mean loss plus penalty
grad          ∂L/∂params
value_fn(params)     L at other parameters; JAX differentiates it where the rule does
grad_fn(params, i)   ∂L/∂params there, by the hand-written backward pass; only where it is named

Everything else (a Hessian, the examples) is refused by name.
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

from fnn import tree
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
    """The objective L on one batch.

    passed_at    params -> the forward and the backward pass there
    value, grad  at the parameters before the step
    """

    passed_at: Callable[[Params], Pass]
    value: Float[Array, ""]
    grad: Params

    def extra_arguments(self, names: tuple[str, ...]) -> dict[str, Any]:
        """Return the arguments of these names."""
        like = self.grad

        def value_fn(params: Params) -> Float[Array, ""]:
            return self.passed_at(params).value

        def grad_fn(params: Params, step: int = 0) -> Params:
            return tree.as_types_of(like, self.passed_at(params).grads)

        every = {"value": self.value, "grad": like, "value_fn": value_fn, BY_NAME: grad_fn}
        return {name: every[name] for name in names}


def updated(
    optimizer: optax.GradientTransformation,
    objective: BatchObjective,
    state: PyTree,
    params: Params,
) -> tuple[Params, PyTree]:
    """Return the updates and the new state.

    Raises ValueError, while it is traced, for a rule that needs what nobody gives it, and for one
    whose schedule is written in NumPy.
    """
    extra = objective.extra_arguments(accepted(optimizer.update))
    with named_errors():
        return optimizer.update(objective.grad, state, params, **extra)


@contextmanager
def named_errors() -> Iterator[None]:
    """Turn what a rule raises into a ValueError that names it, unless a rule of fnn has done so."""
    try:
        yield
    except NUMPY_ERRORS as error:
        raise ValueError(
            f"optimizer: {place_of(error)} makes a NumPy or Python number of one that is traced, "
            "such as the number of the update in a schedule. Write it with jax.numpy and jnp.where."
        ) from error
    except Exception as error:  # of whatever kind the code of a rule raises
        is_ours = frames_of(error)[-1].filename.startswith(HERE)
        if is_ours and isinstance(error, ValueError):
            raise  # a refusal of fnn's; another error is of how the rule was called
        raise ValueError(
            f"optimizer: {rule_of(error)} raises {type(error).__name__}: {str(error).rstrip('.')}. "
            f"Its update is called with the gradient, the state and params; with "
            f"{', '.join(GIVEN)} where it accepts extra arguments, and {BY_NAME} where it names it."
        ) from error


@lru_cache(256)
def accepted(update: Callable) -> tuple[str, ...]:
    """Return the names of the extra arguments that an update accepts."""
    try:
        parameters = inspect.signature(update, follow_wrapped=False).parameters.values()
    except (TypeError, ValueError):  # a builtin has no signature
        return ()
    named = {each.name for each in parameters if each.kind is not each.VAR_KEYWORD}
    takes_any = any(each.kind is each.VAR_KEYWORD for each in parameters)
    return tuple(
        name for name in (*GIVEN, BY_NAME) if name in named or (takes_any and name in GIVEN)
    )


def rule_of(error: BaseException) -> str:
    """Return the innermost rule of optax through which an error came: "optax's lookahead"."""
    rule, trace = "its update", error.__traceback__
    while trace is not None:
        frame, trace = trace.tb_frame, trace.tb_next
        package = frame.f_globals["__name__"].partition(".")[0]
        factory, _, function = frame.f_code.co_qualname.partition(".<locals>")
        if package == "optax" and function:
            rule = f"optax's {factory}"
    return rule


def place_of(error: BaseException) -> str:
    """Return where an error was raised, outside of fnn and of what is installed."""
    frames = [
        frame
        for frame in frames_of(error)
        if INSTALLED not in frame.filename and not frame.filename.startswith(HERE)
    ]
    if not frames:
        return "its rule"
    last = frames[-1]
    return f"{last.name} ({Path(last.filename).name}, line {last.lineno}: {last.line})"


def frames_of(error: BaseException) -> traceback.StackSummary:
    """Return the frames through which an error came, the innermost last."""
    return traceback.extract_tb(error.__traceback__)
