"""Check one tensor: compare it with its reference, measure chosen entries, and look for kinks."""

from typing import NamedTuple

import numpy as np

from fnn.gradcheck.compare import (
    ALLOWED,
    Comparison,
    comparison,
    cosine,
    max_abs,
    norm_ratio,
    relative_error,
    usual_size,
)
from fnn.gradcheck.differences import Slope, Values, slopes
from fnn.gradcheck.problem import Problem
from fnn.gradcheck.records import Entry, Kink, TensorReport, Verdict
from fnn.gradcheck.reference import Reference
from fnn.gradcheck.sampled import Sample, Tensor, sample

# Coordinates of each tensor that differences check besides the worst and the largest.
SAMPLED = 3

# Entries of a tensor that are examined for a kink before the search gives up.
MOST_KINKS = 4096

# Rounding in a hand-written formula, as a share of a tensor's largest entry, that leaves too little
# to judge.
TOO_MUCH = 1e-9

# A gradient may be off by this many errors of its difference quotient.
ERRORS = 33

# Parameters up to which differences stand in for autodiff where a loss cannot be traced.
EVERY = 3000

NAN = float("nan")


class TensorCheck(NamedTuple):
    """The results for one tensor.

    compared      the comparison with its reference
    autodiff      its gradient by autodiff, where that exists
    measured      flat index -> slope by differences
    kinks         the wrong entries that lie on a kink
    excused       where these are
    cancelled     where only the rounding in the hand-written formula excuses a large error
    contradicted  whether autodiff and the given gradient agree and differences contradict both
    sampled       the entries that were measured, where not every entry was
    """

    path: str
    compared: Comparison
    autodiff: np.ndarray | None
    measured: dict[int, Slope]
    kinks: tuple[Kink, ...]
    excused: np.ndarray
    cancelled: np.ndarray
    contradicted: bool
    sampled: Sample | None = None

    @property
    def part(self) -> tuple[Comparison, np.ndarray]:
        """Return the comparison that the diagnosis looks at, and where it is wrong.

        It is that of the whole tensor; or of the measured entries alone, where most of them are
        wrong and others that were not measured are wrong too.
        """
        wrong = self.compared.wrong & ~self.excused
        if self.sampled is None:
            return self.compared, wrong
        index = np.unravel_index(sorted(self.sampled.measured), wrong.shape)
        if self.sampled.whole or np.mean(wrong[index]) < 0.9:
            return self.compared, wrong
        return measured_of(self.compared, self.sampled), wrong[index]


def measured_of(compared: Comparison, sampled: Sample) -> Comparison:
    """Return the entries that were measured, as a vector."""
    index = np.unravel_index(sorted(sampled.measured), compared.given.shape)
    return Comparison(
        given=compared.given[index],
        reference=compared.reference[index],
        floor=compared.floor[index],
        allowed=compared.allowed,
    )


# ------------------------------------------------------------------------------- comparing a tensor


def check_tensor(
    problem: Problem,
    reference: Reference | None,
    values: Values,
    given: list[np.ndarray],
    i: int,
    rng: np.random.Generator,
    given_noise: list[np.ndarray] | None = None,
) -> TensorCheck:
    """Compare a tensor with its reference, check chosen entries by differences, look for kinks.

    reference    autodiff; None where differences stand in for it
    values       the loss beside the point
    given        the given gradient, a leaf each
    i            the number of the leaf
    given_noise  the noise floor of the given gradient, where its formula is to be excused
    """
    tensor = _tensor(problem, values, given, i)
    if reference is not None:
        own_noise = None if given_noise is None else given_noise[i]
        return _against_autodiff(tensor, reference.gradient[i], reference.noise[i], own_noise, rng)
    parameters = sum(leaf.size for leaf in problem.leaves)
    if parameters > EVERY:
        return _against_sample(tensor, sample(tensor, rng))
    return _against_differences(tensor, given)


def _tensor(problem: Problem, values: Values, given: list[np.ndarray], i: int) -> Tensor:
    leaf = problem.leaves[i]
    start = sum(before.size for before in problem.leaves[:i])
    scale = step_scale(leaf, problem)

    def measure(entries: np.ndarray) -> dict[int, Slope]:
        sizes = np.abs(leaf.ravel()[entries])
        scales = np.maximum(sizes, scale)
        measured = slopes(values, entries + start, scales)
        return dict(zip(entries.tolist(), measured, strict=True))

    return Tensor(problem, values, problem.paths[i], given[i], start, scale, measure)


def _against_autodiff(
    tensor: Tensor,
    autodiff: np.ndarray,
    noise: np.ndarray,
    given_noise: np.ndarray | None,
    rng: np.random.Generator,
) -> TensorCheck:
    compared = _comparison(tensor, autodiff, noise)
    cancelled = np.zeros(autodiff.shape, bool)
    if given_noise is not None:
        strict = compared
        compared = _comparison(tensor, autodiff, np.hypot(noise, given_noise))
        is_excused = strict.wrong & ~compared.wrong
        size = max_abs(strict.reference)
        is_large = strict.error > TOO_MUCH * size
        cancelled = is_excused & is_large
    measured = tensor.measure(_chosen(compared, rng))
    compared, contradicted = _arbitrate(compared, measured)
    check = _with_kinks(tensor, compared, autodiff, measured)
    return check._replace(contradicted=contradicted, cancelled=cancelled)


def _against_differences(tensor: Tensor, every_given: list[np.ndarray]) -> TensorCheck:
    """Measure every entry, where JAX cannot differentiate the loss."""
    given = tensor.given
    measured = tensor.measure(np.arange(given.size))
    in_order = [measured[k] for k in range(given.size)]
    value = np.array([slope.value for slope in in_order])
    error = np.array([slope.error for slope in in_order])
    value = value.reshape(given.shape)
    error = error.reshape(given.shape)
    within_error = np.abs(value) <= ERRORS * error
    is_zero = bool(np.all(within_error))
    alike = every_given if is_zero else [given]
    compared = _comparison(tensor, value, _noise_of(tensor.problem, error, alike))
    return _with_kinks(tensor, compared, None, measured)


def _against_sample(tensor: Tensor, sampled: Sample) -> TensorCheck:
    """Compare the measured entries of a tensor; the given gradient stands for the others."""
    given = tensor.given
    reference = given.copy().ravel()
    error = np.zeros(given.size)
    for k, slope in sampled.measured.items():
        reference[k] = slope.value
        error[k] = slope.error
    noise = _noise_of(tensor.problem, error.reshape(given.shape), [given])
    compared = _comparison(tensor, reference.reshape(given.shape), noise)
    check = _with_kinks(tensor, compared, None, dict(sampled.measured))
    return check._replace(sampled=sampled, contradicted=sampled.missed)


def _comparison(tensor: Tensor, reference: np.ndarray, noise: np.ndarray) -> Comparison:
    problem = tensor.problem
    return comparison(tensor.given, reference, noise, problem.epsilon, problem.dtype)


def _noise_of(problem: Problem, error: np.ndarray, alike: list[np.ndarray]) -> np.ndarray:
    """Compute the noise floor where differences stand in for autodiff.

    Several errors of the differences are allowed in any precision. A narrow precision also allows
    the rounding of sums that cancel, which cannot be measured without a trace. These sums are taken
    to be as large as the entries of the tensors in `alike`: the tensor itself; or all tensors where
    it is zero, as that of a bias before batch normalisation.
    """
    largest = max(map(usual_size, alike))
    cancelling = 0.0 if problem.dtype == "float64" else problem.epsilon * largest
    return ERRORS * error / ALLOWED[problem.dtype] + cancelling


def _chosen(compared: Comparison, rng: np.random.Generator) -> np.ndarray:
    """Choose the entries to be measured.

    They are the two worst, the largest, some at random, and all where autodiff is not finite.
    """
    error = np.nan_to_num(compared.scaled_error.ravel(), nan=np.inf)
    size = np.abs(compared.reference.ravel())
    is_finite = np.isfinite(size)
    not_finite = np.flatnonzero(~is_finite)[:EVERY]
    worst = np.argsort(error)[-2:]
    largest = int(np.argmax(np.nan_to_num(size)))
    at_random = rng.integers(0, error.size, SAMPLED)
    chosen = np.array([*worst, largest, *at_random, *not_finite])
    return np.unique(chosen)


def _arbitrate(compared: Comparison, measured: dict[int, Slope]) -> tuple[Comparison, bool]:
    """Put differences in the place of autodiff where they contradict it beyond their error.

    The second value says whether the given gradient agreed with autodiff at such an entry.
    """
    given = compared.given
    tolerance = compared.tolerance
    reference = compared.reference.copy()
    contradicted = False
    for k, slope in measured.items():
        index = np.unravel_index(k, reference.shape)
        if not slope.contradicts(reference[index], tolerance[index]):
            continue
        value = given[index]
        agreed = abs(value - reference[index]) <= tolerance[index]
        contradicted |= bool(agreed)
        is_confirmed = abs(value - slope.value) <= 10 * slope.error
        reference[index] = value if is_confirmed else slope.value
    return compared._replace(reference=reference), contradicted


# -------------------------------------------------------------------------------------------- kinks


def _with_kinks(
    tensor: Tensor,
    compared: Comparison,
    autodiff: np.ndarray | None,
    measured: dict[int, Slope],
) -> TensorCheck:
    """Look for kinks at wrong entries: at the worst, and at the others only if these lie on one."""
    wrong = np.flatnonzero(compared.wrong)
    by_error = np.argsort(compared.scaled_error.ravel()[wrong])
    worst = wrong[by_error[-4:]]
    others = np.setdiff1d(wrong, worst)[:MOST_KINKS]
    excused = np.zeros(compared.given.shape, bool)
    kinks: list[Kink] = []
    for batch in (worst, others):
        on_kink = _on_kink(tensor, compared, measured, batch)
        for k, slope in on_kink.items():
            index = _index_of(k, excused.shape)
            excused[index] = True
            given = float(compared.given[index])
            own_slope = None if autodiff is None else float(autodiff[index])
            kinks.append(Kink(index, slope.left, slope.right, given, own_slope))
        if len(on_kink) < len(batch):
            break
    return TensorCheck(
        path=tensor.path,
        compared=compared,
        autodiff=autodiff,
        measured=measured,
        kinks=tuple(kinks),
        excused=excused,
        cancelled=np.zeros_like(excused),
        contradicted=False,
    )


def _on_kink(
    tensor: Tensor, compared: Comparison, measured: dict[int, Slope], batch: np.ndarray
) -> dict[int, Slope]:
    """Return the entries of a batch at which the given gradient takes a slope of a kink."""
    entries = [int(k) for k in batch]
    unmeasured = [k for k in entries if k not in measured]
    fresh = tensor.measure(np.array(unmeasured)) if unmeasured else {}
    slopes_there = measured | fresh
    given = compared.given.ravel()
    on_kink = {}
    for k in entries:
        slope = slopes_there[k]
        if _takes_a_side(given[k], slope):
            on_kink[k] = slope
    return on_kink


def _takes_a_side(given: float, slope: Slope) -> bool:
    """Return whether a given value lies between the two slopes of a kink."""
    low, high = sorted((slope.left, slope.right))
    slack = 1e-3 * (high - low)
    return slope.kink and low - slack <= given <= high + slack


# ------------------------------------------------------------------------------------------- report


def tensor_report(tensor: TensorCheck) -> TensorReport:
    """Return the numbers of one tensor; its verdict leaves out the entries that a kink excuses."""
    compared = tensor.compared
    wrong = compared.wrong & ~tensor.excused
    within_noise = np.abs(compared.reference) <= compared.tolerance
    is_zero = not wrong.any() and bool(np.all(within_noise))
    seen = compared if tensor.sampled is None else measured_of(compared, tensor.sampled)

    def unless_zero(measure):
        return NAN if is_zero else measure(seen.given, seen.reference)

    return TensorReport(
        path=tensor.path,
        shape=compared.given.shape,
        verdict=_verdict(tensor, wrong),
        max_absolute_error=float(np.max(compared.error, initial=0.0)),
        noise_scaled_error=float(np.max(compared.scaled_error, initial=0.0)),
        allowed=compared.allowed,
        relative_error=unless_zero(relative_error),
        cosine=unless_zero(cosine),
        norm_ratio=unless_zero(norm_ratio),
        wrong_fraction=float(np.mean(seen.wrong)),
        worst=_worst_entry(tensor, wrong),
        kinks=tensor.kinks,
        resolution=NAN if is_zero else _resolution(compared),
        note=_note(tensor, is_zero),
    )


def _verdict(tensor: TensorCheck, wrong: np.ndarray) -> Verdict:
    if wrong.any() or tensor.contradicted:
        return "fail"
    return "abstain" if tensor.excused.any() or tensor.cancelled.any() else "pass"


def _worst_entry(tensor: TensorCheck, wrong: np.ndarray) -> Entry:
    """Return the worst entry, which is none that a kink excuses if others are wrong."""
    compared = tensor.compared
    left_out = tensor.excused & bool(wrong.any())
    error = np.where(left_out, 0.0, compared.scaled_error)
    k = int(np.argmax(error)) if error.size else 0
    index = _index_of(k, error.shape)
    slope = tensor.measured.get(k)
    return Entry(
        at=index,
        hand_written=float(compared.given[index]),
        autodiff=None if tensor.autodiff is None else float(tensor.autodiff[index]),
        differences=slope.value if slope else None,
        differences_error=slope.error if slope else None,
    )


def _index_of(k: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(int(n) for n in np.unravel_index(k, shape))


def _resolution(compared: Comparison) -> float:
    """Return the largest error that would pass, relative to the largest entry."""
    size = max_abs(compared.reference)
    if not 0 < size < np.inf:
        return NAN
    return float(np.max(compared.tolerance) / size)


def _note(tensor: TensorCheck, is_zero: bool) -> str:
    if tensor.sampled is not None:
        measured = len(tensor.sampled.measured)
        entries = tensor.compared.given.size
        return (
            f"{tensor.path}: {measured} of its {entries} entries were measured one by one, the "
            "others along random directions through all of them."
        )
    by_differences = tensor.autodiff is None
    if is_zero and by_differences and np.any(tensor.compared.given):
        return (
            f"{tensor.path}: the true gradient is zero up to the noise of the differences; so is "
            "the hand-written one."
        )
    if tensor.cancelled.any():
        return (
            f"{tensor.path}: the hand-written formula cancels. Rounding alone changes "
            f"{int(tensor.cancelled.sum())} of its entries by so much that nothing can be said "
            "about them at this point."
        )
    if is_zero:
        return (
            f"{tensor.path}: the true gradient is zero up to rounding, and so is the hand-written "
            "one."
        )
    return ""


def step_scale(leaf: np.ndarray, problem: Problem) -> float:
    """Return the size of a step that matters to a tensor.

    It is the root mean square of its own entries; or of all parameters where these are zero; or 1.
    """
    every_entry = np.concatenate([each.ravel() for each in problem.leaves])
    for values in (leaf.ravel(), every_entry):
        if values.size and np.any(values):
            return float(np.sqrt(np.mean(values**2)))
    return 1.0
