"""Turn the check at a point into a report: verdict, tensors, notes."""

from collections.abc import Iterator, Sequence

import numpy as np

from fnn.gradcheck.compare import max_abs
from fnn.gradcheck.compiled_loss import compiled_loss_note
from fnn.gradcheck.kinks import sentence
from fnn.gradcheck.point_check import PointCheck
from fnn.gradcheck.records import Hypothesis, TensorReport, Verdict
from fnn.gradcheck.report import Report
from fnn.gradcheck.tensors import tensor_report

# A share of a tensor's largest entry: differences that may hide such an error prove nothing.
TOO_COARSE = 0.5


def report_of(point: PointCheck) -> Report:
    """Return the report; the only causes that it names are those of a change between calls."""
    tensors = tuple(tensor_report(tensor) for tensor in point.tensors)
    verdict = verdict_of(point, tensors)
    report = Report(
        verdict=verdict,
        cause=None,
        diagnosis=None,
        tensors=tensors,
        layers=(),
        taylor=point.taylor,
        notes=tuple(notes_of(point, tensors, verdict)),
        dtype=point.problem.dtype,
    )
    return report if point.repeated is None else named(report, point.repeated)


def named(report: Report, hypothesis: Hypothesis) -> Report:
    """Return the report with a cause."""
    return report._replace(cause=hypothesis.cause, diagnosis=str(hypothesis))


def verdict_of(point: PointCheck, reports: Sequence[TensorReport]) -> Verdict:
    """Return the worst of the tensors' verdicts; "abstain" where differences prove nothing."""
    verdicts = {report.verdict for report in reports}
    if point.repeated or "fail" in verdicts:
        return "fail"
    return "abstain" if "abstain" in verdicts or is_too_coarse(point, reports) else "pass"


def is_too_coarse(point: PointCheck, reports: Sequence[TensorReport]) -> bool:
    """Return whether differences stand in for autodiff and are too coarse to judge a tensor."""
    if point.reference is not None:
        return False
    comparisons = [tensor.compared for tensor in point.tensors]
    largest = max(max_abs(each.given) for each in comparisons)
    threshold = TOO_COARSE * largest
    is_hidden = any(np.all(each.tolerance > threshold) for each in comparisons)
    if is_hidden and largest > 0:
        return True
    return resolution_of(reports) > TOO_COARSE


def resolution_of(reports: Sequence[TensorReport]) -> float:
    """Return the largest error that would pass, relative to the largest entry of its tensor."""
    resolutions = [report.resolution for report in reports]
    return max((each for each in resolutions if not np.isnan(each)), default=0.0)


def notes_of(point: PointCheck, reports: Sequence[TensorReport], verdict: Verdict) -> Iterator[str]:
    """Yield sentences that a reader should know beside the verdict."""
    problem = point.problem
    reference = point.reference
    if reference is not None:
        yield from sentence(reference.ties)
    if reference is not None and not point.repeated:
        note = compiled_loss_note(reference.traced, problem.leaves, passed=verdict == "pass")
        if note is not None:
            yield note
    if problem.wider:
        yield (
            f"gradient(params) returned {problem.wider} for parameters of {problem.dtype}: "
            f"something in it is wider, and the check says nothing about {problem.dtype}."
        )
    if reference is None:
        yield from _notes_on_differences(point, reports)
    if verdict == "abstain" and any(report.kinks for report in reports):
        yield (
            "Abstained where the gradient differs from autodiff on kinks: each slope in between is "
            "right there. Check at a point off them, such as params + 0.01 × random numbers, or "
            "take the same slope on both sides: that of jnp.maximum(z, 0) at z = 0 is ½, that of "
            "z > 0 is 0."
        )


def _notes_on_differences(point: PointCheck, reports: Sequence[TensorReport]) -> Iterator[str]:
    yield (
        "JAX cannot differentiate the loss: differences stand in for autodiff. A measured entry "
        f"that is wrong by less than {resolution_of(reports):.0e} of its tensor's largest passes "
        "unseen."
    )
    if point.coarse:
        yield (
            "The loss is rounded as coarsely as in float32, and so are its differences. Compute it "
            "in float64, data and parameters, while it is checked: the gradient may stay in "
            "float32."
        )
