"""One tensor: its comparison with the truth, what differences say of chosen entries, and
its kinks.
"""

from typing import NamedTuple

import numpy as np

from fnn.gradcheck.compare import (
    ALLOWED,
    Comparison,
    comparison,
    cosine,
    norm_ratio,
    relative_error,
    usual_size,
)
from fnn.gradcheck.differences import Slope, Values, slopes
from fnn.gradcheck.reference import Reference
from fnn.gradcheck.problem import Problem
from fnn.gradcheck.records import Entry, Kink, TensorReport, Verdict
from fnn.gradcheck.sampled import Sample, Tensor, sample

SAMPLED = 3  # coordinates of each tensor that differences check besides the worst and the largest
MOST_KINKS = 4096  # entries of a tensor that are examined for a kink before giving up on it
# of a tensor's largest entry: rounding in a hand-written formula that leaves too little to judge
TOO_MUCH = 1e-9
ERRORS = 33  # of a difference quotient that a gradient may be off by
EVERY = 3000  # entries up to which differences stand in for autodiff where a loss cannot be traced


class TensorCheck(NamedTuple):
    """One tensor with everything that was found about it."""

    path: str
    compared: Comparison
    autodiff: np.ndarray | None
    at: dict[int, Slope]  # flat index -> differences
    kinks: tuple[Kink, ...]
    excused: np.ndarray  # wrong entries that lie on a kink
    cancelled: (
        np.ndarray
    )  # entries that only the rounding in the hand-written formula itself excuses, and by much
    contradicted: bool  # autodiff and the hand-written gradient agree, differences say otherwise
    looked: Sample | None = None  # where not every entry was measured

    @property
    def part(self) -> tuple[Comparison, np.ndarray]:
        """What the diagnosis looks at, and where it is wrong: the tensor, or the measured entries
        alone, where most of them are wrong and so are others that were not measured.
        """
        c, wrong = self.compared, self.compared.wrong & ~self.excused
        if self.looked is None:
            return c, wrong
        measured = np.unravel_index(sorted(self.looked.measured), wrong.shape)
        if self.looked.whole or np.mean(wrong[measured]) < 0.9:
            return c, wrong
        return measured_of(c, self.looked), wrong[measured]


def measured_of(compared: Comparison, looked: Sample) -> Comparison:
    """The entries that were measured, as a vector."""
    at = np.unravel_index(sorted(looked.measured), compared.given.shape)
    return Comparison(
        compared.given[at], compared.reference[at], compared.floor[at], compared.allowed
    )


def check_tensor(
    problem: Problem,
    reference: Reference | None,
    values: Values,
    given: list[np.ndarray],
    i: int,
    rng: np.random.Generator,
    given_noise: list[np.ndarray] | None = None,
) -> TensorCheck:
    """Compares a tensor with its truth, has differences judge chosen entries, and looks for kinks
    where it is wrong.
    """
    leaf, offset = problem.leaves[i], sum(other.size for other in problem.leaves[:i])
    scale = step_scale(leaf, problem)

    def differences(entries: np.ndarray) -> dict[int, Slope]:
        scales = np.maximum(np.abs(leaf.ravel()[entries]), scale)
        return dict(zip(entries.tolist(), slopes(values, entries + offset, scales), strict=True))

    if reference is None:
        if sum(other.size for other in problem.leaves) > EVERY:
            looked = sample(Tensor(problem, values, given[i], offset, scale, differences), rng)
            return _sampled(problem, problem.paths[i], given[i], looked, differences)
        at = differences(np.arange(leaf.size))
        measured = np.array([at[k].value for k in range(leaf.size)]).reshape(leaf.shape)
        error = np.array([at[k].error for k in range(leaf.size)]).reshape(leaf.shape)
        is_zero = bool(np.all(np.abs(measured) <= ERRORS * error))
        noise = _noise_of(problem, error, given if is_zero else given[i : i + 1])
        compared = comparison(given[i], measured, noise, problem.epsilon, problem.dtype)
        return _with_kinks(problem.paths[i], compared, None, at, differences)

    compared = comparison(
        given[i], reference.gradient[i], reference.noise[i], problem.epsilon, problem.dtype
    )
    cancelled = np.zeros(leaf.shape, bool)
    if given_noise is not None:
        strict, noise = compared, np.hypot(reference.noise[i], given_noise[i])
        compared = comparison(
            given[i], reference.gradient[i], noise, problem.epsilon, problem.dtype
        )
        cancelled = (
            strict.wrong
            & ~compared.wrong
            & (strict.error > TOO_MUCH * np.max(np.abs(strict.reference)))
        )
    at = differences(_chosen(compared, rng))
    compared, contradicted = _arbitrate(compared, at)
    examined = _with_kinks(problem.paths[i], compared, reference.gradient[i], at, differences)
    return examined._replace(contradicted=contradicted, cancelled=cancelled)


def _noise_of(problem: Problem, error: np.ndarray, alike: list[np.ndarray]) -> np.ndarray:
    """The noise floor where differences stand in for autodiff: several of their errors are allowed
    in any precision, and in a narrow one what rounding leaves of sums that cancel, which nothing
    can be traced to measure. What cancels is taken to be as large as the entries of tensors that
    are `alike`: the tensor itself, or where it is zero, as that of a bias before batch
    normalisation, all of them.
    """
    largest = max(map(usual_size, alike))
    cancelling = 0.0 if problem.dtype == "float64" else problem.epsilon * largest
    return ERRORS * error / ALLOWED[problem.dtype] + cancelling


def _sampled(
    problem: Problem, path: str, given: np.ndarray, looked: Sample, differences
) -> TensorCheck:
    """A tensor of which some entries were measured: the others are taken as they are."""
    reference, noise = given.copy().ravel(), np.zeros(given.size)
    for k, slope in looked.measured.items():
        reference[k], noise[k] = slope.value, slope.error
    noise = _noise_of(problem, noise.reshape(given.shape), [given])
    compared = comparison(
        given, reference.reshape(given.shape), noise, problem.epsilon, problem.dtype
    )
    examined = _with_kinks(path, compared, None, dict(looked.measured), differences)
    return examined._replace(looked=looked, contradicted=looked.missed)


def _chosen(compared: Comparison, rng: np.random.Generator) -> np.ndarray:
    """The worst entries, the largest, some at random, and all where autodiff has no
    finite value.
    """
    error, size = (
        np.nan_to_num(compared.scaled_error.ravel(), nan=np.inf),
        np.abs(compared.reference.ravel()),
    )
    unknown = np.flatnonzero(~np.isfinite(size))[:EVERY]
    picks = [
        *np.argsort(error)[-2:],
        int(np.argmax(np.nan_to_num(size))),
        *rng.integers(0, error.size, SAMPLED),
        *unknown,
    ]
    return np.unique(np.array(picks))


def _arbitrate(compared: Comparison, at: dict[int, Slope]) -> tuple[Comparison, bool]:
    """Where differences contradict autodiff beyond their error, they are the truth; contradicted if
    the hand-written gradient sided with autodiff there.
    """
    reference, given = compared.reference.copy(), compared.given
    contradicted = False
    for k, slope in at.items():
        index = np.unravel_index(k, reference.shape)
        if slope.contradicts(reference[index], compared.tolerance[index]):
            contradicted |= bool(abs(given[index] - reference[index]) <= compared.tolerance[index])
            if abs(given[index] - slope.value) <= 10 * slope.error:
                reference[index] = given[index]
            else:
                reference[index] = slope.value
    return compared._replace(reference=reference), contradicted


def _with_kinks(path, compared: Comparison, autodiff_gradient, at, differences) -> TensorCheck:
    """Examines wrong entries for kinks: first the worst, and only if those are explained all of
    them.
    """
    wrong = np.flatnonzero(compared.wrong)
    excused = np.zeros(compared.given.shape, bool)
    kinks: list[Kink] = []
    first = wrong[np.argsort(compared.scaled_error.ravel()[wrong])[-4:]]
    for batch in (first, np.setdiff1d(wrong, first)[:MOST_KINKS]):
        fresh = np.array([k for k in batch if k not in at], int)
        found = at | (differences(fresh) if len(fresh) else {})
        on_kink = {
            int(k): found[int(k)] for k in batch if _takes_a_side(compared, found[int(k)], int(k))
        }
        for k, slope in on_kink.items():
            index = tuple(int(n) for n in np.unravel_index(k, excused.shape))
            excused[index] = True
            auto = None if autodiff_gradient is None else float(autodiff_gradient[index])
            kinks.append(Kink(index, slope.left, slope.right, float(compared.given[index]), auto))
        if len(on_kink) < len(batch):
            break
    return TensorCheck(
        path, compared, autodiff_gradient, at, tuple(kinks), excused, np.zeros_like(excused), False
    )


def _takes_a_side(compared: Comparison, slope: Slope, k: int) -> bool:
    """Whether the hand-written value lies between the two slopes of a kink."""
    value = compared.given.ravel()[k]
    low, high = sorted((slope.left, slope.right))
    slack = 1e-3 * (high - low)
    return slope.kink and low - slack <= value <= high + slack


def tensor_report(tensor: TensorCheck) -> TensorReport:
    """The numbers of one tensor; its verdict leaves out the entries that a kink excuses."""
    compared = tensor.compared
    wrong = compared.wrong & ~tensor.excused
    zero = not wrong.any() and bool(np.all(np.abs(compared.reference) <= compared.tolerance))
    unseen = zero and tensor.autodiff is None and bool(np.any(compared.given))
    unsure = tensor.excused.any() or tensor.cancelled.any()
    verdict: Verdict = (
        "fail" if wrong.any() or tensor.contradicted else "abstain" if unsure else "pass"
    )
    error = np.where(tensor.excused & bool(wrong.any()), 0.0, compared.scaled_error)
    k = int(np.argmax(error)) if error.size else 0
    slope = tensor.at.get(k)
    index = tuple(int(n) for n in np.unravel_index(k, error.shape))

    seen = compared if tensor.looked is None else measured_of(compared, tensor.looked)

    def own_scale(ratio):
        return float("nan") if zero else ratio(seen.given, seen.reference)

    return TensorReport(
        tensor.path,
        compared.given.shape,
        verdict,
        float(np.max(np.abs(compared.given - compared.reference), initial=0.0)),
        float(np.max(compared.scaled_error, initial=0.0)),
        compared.allowed,
        own_scale(relative_error),
        own_scale(cosine),
        own_scale(norm_ratio),
        float(np.mean(seen.wrong)),
        Entry(
            index,
            float(compared.given[index]),
            None if tensor.autodiff is None else float(tensor.autodiff[index]),
            slope.value if slope else None,
            slope.error if slope else None,
        ),
        tensor.kinks,
        float("nan") if zero else _resolution(compared),
        _note(tensor, zero, unseen),
    )


def _resolution(compared: Comparison) -> float:
    """The largest error that rounding would excuse, relative to the largest entry."""
    size = np.max(np.abs(compared.reference))
    return float(np.max(compared.tolerance) / size) if 0 < size < np.inf else float("nan")


def _note(tensor: TensorCheck, zero: bool, unseen: bool) -> str:
    if tensor.looked is not None:
        return (
            f"{tensor.path}: {len(tensor.looked.measured)} of its {tensor.compared.given.size} "
            f"entries were measured "
            "one by one, the others along random directions through all of them."
        )
    if unseen:
        return (
            f"{tensor.path}: the true gradient is zero up to the noise of the differences; so "
            f"is the hand-written one."
        )
    if tensor.cancelled.any():
        return (
            f"{tensor.path}: the hand-written formula cancels. Rounding alone changes "
            f"{int(tensor.cancelled.sum())} of "
            "its entries by so much that nothing can be said about them at this point."
        )
    return (
        f"{tensor.path}: the true gradient is zero up to rounding, and so is the hand-written one."
        if zero
        else ""
    )


def step_scale(leaf: np.ndarray, problem: Problem) -> float:
    """The size of a step that matters to this tensor: its own typical entry, or that of
    all, or 1.
    """
    for values in (leaf.ravel(), np.concatenate([other.ravel() for other in problem.leaves])):
        if values.size and np.any(values):
            return float(np.sqrt(np.mean(values**2)))
    return 1.0
