"""Judge the cell that a learner fills in: say that it is right, or tell why it is not.

A lesson calls `judge` and `show`. A file in solutions/ has the filled cell and a function
`verdict(answer)`, which is made of `by_values` or `by_gradient`.
"""

import importlib.util
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure

import fnn
from fnn.gradcheck import Cause, Unusable

HERE = Path(__file__).parent
sys.path.append(str(HERE.parents[1]))  # a lesson is a script, which finds its own folder only
from experiments.drawing import landscape, regions

__all__ = ["by_gradient", "by_values", "judge", "landscape", "regions", "show"]
FOLDER = Path(os.environ.get("FNN_LESSONS", HERE.parents[1] / "runs" / "lessons"))
"""Where scripts save their figures."""


class Verdict(NamedTuple):
    """What a judge says of an answer.

    right    whether the answer is right; None where the cell is not filled in
    message  what is right, or what is wrong and why
    """

    right: bool | None
    message: str

    def __str__(self) -> str:
        mark = {True: "✓ Right.", False: "✗ Not yet.", None: "…"}[self.right]
        return f"{mark} {self.message}"


Cases = Sequence[Callable[[Any], Any]]
"""Each one tries an answer, and returns the numbers that are compared."""
Mistakes = Mapping[str, Any]
"""A sentence that explains a mistake -> an answer that makes it."""


# -------------------- what a lesson calls


def judge(lesson: str, answer: Any) -> Any:
    """Print the verdict on the cell of a lesson. Return the answer if it is right.

    Return the solution instead where the cell is wrong or not filled in, so that the lesson goes
    on.
    """
    solution = solution_of(lesson)
    verdict = solution.verdict(answer)
    print(verdict)
    if verdict.right:
        return answer
    print("  The lesson goes on with the solution until then.")
    return solution.SOLUTION


def show(figure: Figure, lesson: str) -> None:
    """Show the figure in a notebook. Save it as a file when the lesson runs as a script."""
    if in_notebook():
        from IPython.display import display

        display(figure)
        return
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{lesson}.png"
    figure.savefig(path)
    print(f"figure: {path}")


def in_notebook() -> bool:
    """Tell whether a Jupyter kernel runs this code."""
    get_ipython = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)
    return hasattr(get_ipython(), "kernel")


@cache
def solution_of(lesson: str) -> ModuleType:
    """Load solutions/LESSON.py."""
    path = HERE / "solutions" / f"{lesson}.py"
    spec = importlib.util.spec_from_file_location(f"solution_{lesson}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# -------------------- what a solution's verdict is made of


def by_values(
    answer: Any, solution: Any, cases: Cases, mistakes: Mistakes, *, tolerance: float = 1e-6
) -> Verdict:
    """Compare what an answer and the solution give in each case.

    tolerance  the largest difference that counts as rounding, relative to the largest entry

    The first case with a difference decides. A mistake that gives the same wrong numbers there
    explains it.
    """
    for case in cases:
        expected = parts_of(case(solution))
        try:
            with np.errstate(all="ignore"):
                given = parts_of(case(answer))
        except Exception as error:
            return raised(error)
        if unfilled(given):
            return not_filled()
        if agree(given, expected, tolerance):
            continue
        sentence = recognised(given, case, mistakes, tolerance)
        return Verdict(False, sentence or difference(given, expected, tolerance))
    return Verdict(True, "")


def by_gradient(
    loss: Callable[[Any], Any], gradient: Callable[[Any], Any], params: Any, mistakes: Mistakes
) -> Verdict:
    """Judge a gradient by `fnn.check_gradient`.

    loss, gradient  functions of params, the loss in JAX
    mistakes        sentence -> wrong gradient; another wrong one is explained by fnn's report
    """
    try:
        given = parts_of(gradient(params))
    except Exception as error:
        return raised(error)
    if unfilled(given):
        return not_filled()
    for sentence, wrong in mistakes.items():
        if agree(given, parts_of(wrong(params)), 1e-9):
            return Verdict(False, sentence)
    try:
        report = fnn.check_gradient(loss, gradient, params)
    except Unusable as error:
        return Verdict(False, f"The gradient cannot be compared: {error}")
    if report.passed:
        return Verdict(True, "")
    remedy = f" To do: {Cause(report.cause).remedy}." if report.cause else ""
    return Verdict(False, f"fnn.check_gradient says: {report.diagnosis}{remedy}")


def recognised(
    given: dict[str, np.ndarray], case: Callable[[Any], Any], mistakes: Mistakes, tolerance: float
) -> str | None:
    """Return the sentence of the mistake that gives these numbers; None where none does."""
    for sentence, wrong in mistakes.items():
        with np.errstate(all="ignore"):
            if agree(given, parts_of(case(wrong)), tolerance):
                return sentence
    return None


def raised(error: Exception) -> Verdict:
    """Tell which error the cell raises; an error about `...` means that it is not filled in."""
    if "ellipsis" in str(error):
        return not_filled()
    return Verdict(
        False,
        f"The cell raises {type(error).__name__}: {error} Print the shapes of the arrays in it.",
    )


def not_filled() -> Verdict:
    """Tell kindly that the cell waits for an answer."""
    return Verdict(None, "Fill in the cell: replace each ... by code, and run it again.")


# -------------------- comparing numbers


def parts_of(value: Any) -> dict[str, np.ndarray]:
    """Return the arrays of a number, an array, a tuple or a dict by name."""
    if isinstance(value, dict):
        return {name: np.asarray(each) for name, each in value.items()}
    if isinstance(value, tuple):
        return {f"value {i + 1}": np.asarray(each) for i, each in enumerate(value)}
    return {"the answer": np.asarray(value)}


def unfilled(parts: dict[str, np.ndarray]) -> bool:
    """Tell whether a part is `...` or nothing."""
    return any(
        part.dtype == object and any(each is ... or each is None for each in part.flat)
        for part in parts.values()
    )


def agree(given: dict[str, np.ndarray], expected: dict[str, np.ndarray], tolerance: float) -> bool:
    """Tell whether names, shapes and numbers are equal, to rounding. NaN is equal to NaN."""
    return given.keys() == expected.keys() and all(
        is_close(given[name], part, tolerance) for name, part in expected.items()
    )


def is_close(given: np.ndarray, expected: np.ndarray, tolerance: float) -> bool:
    """Tell whether two arrays are equal, to rounding."""
    if given.shape != expected.shape or given.dtype == object:
        return False
    finite = np.abs(expected[np.isfinite(expected)])
    scale = finite.max(initial=0.0)
    return np.allclose(given, expected, rtol=0, atol=tolerance * scale, equal_nan=True)


def difference(
    given: dict[str, np.ndarray], expected: dict[str, np.ndarray], tolerance: float
) -> str:
    """Say where an answer differs from the expected one. A single number is not given away."""
    if given.keys() != expected.keys():
        return f"The cell returns {', '.join(given)}; expected {', '.join(expected)}."
    name = next(n for n, part in expected.items() if not is_close(given[n], part, tolerance))
    own, right = given[name], expected[name]
    if own.dtype == object:
        return f"{name}: got {own}, expected numbers."
    if own.shape != right.shape:
        return f"{name} has shape {own.shape}, expected {right.shape}."
    if not np.isfinite(own).all():
        return f"{name} is not finite: look for overflow, log(0) and 0/0."
    if right.ndim == 0:
        return f"{name} {own:.6g} is too {'large' if own > right else 'small'}."
    at = np.unravel_index(np.argmax(np.abs(own - right)), right.shape)
    place = ", ".join(str(i) for i in at)
    return f"{name} differs: entry [{place}] is {own[at]:.6g}, expected {right[at]:.6g}."
