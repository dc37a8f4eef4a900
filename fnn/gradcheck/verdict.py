"""The report of an examination: verdict, tensors, notes."""

from collections.abc import Iterator, Sequence

import numpy as np

from fnn.gradcheck.compiled_loss import compiled_loss_note
from fnn.gradcheck.kinks import sentence
from fnn.gradcheck.point_check import PointCheck
from fnn.gradcheck.records import Hypothesis, TensorReport, Verdict
from fnn.gradcheck.report import Report
from fnn.gradcheck.tensors import tensor_report

TOO_COARSE = 0.5  # of a tensor's largest entry: an error that may hide in the differences


def report_of(found: PointCheck) -> Report:
    """Return the report; of a cause it names only what changes from call to call."""
    reports = tuple(tensor_report(tensor) for tensor in found.tensors)
    verdict = verdict_of(found, reports)
    notes = tuple(notes_of(found, reports, verdict))
    dtype = found.problem.dtype
    report = Report(verdict, None, None, reports, (), found.taylor, notes, dtype)
    return report if found.repeated is None else named(report, found.repeated)


def named(report: Report, diagnosis: Hypothesis) -> Report:
    """Return the report with a cause."""
    return report._replace(cause=diagnosis.cause, diagnosis=str(diagnosis))


def verdict_of(found: PointCheck, reports: Sequence[TensorReport]) -> Verdict:
    """Return the worst of the tensors' verdicts; "abstain" where differences prove nothing."""
    verdicts = {report.verdict for report in reports}
    if found.repeated or "fail" in verdicts:
        return "fail"
    return "abstain" if "abstain" in verdicts or is_too_coarse(found, reports) else "pass"


def is_too_coarse(found: PointCheck, reports: Sequence[TensorReport]) -> bool:
    """Return whether differences stand in for autodiff and are too coarse to judge a tensor."""
    if found.reference is not None:
        return False
    given = [tensor.compared.given for tensor in found.tensors]
    largest = max(np.max(np.abs(each), initial=0.0) for each in given)
    tolerances = [tensor.compared.tolerance for tensor in found.tensors]
    hidden = any(np.all(tolerance > TOO_COARSE * largest) for tolerance in tolerances)
    return resolution_of(reports) > TOO_COARSE or bool(hidden and largest > 0)


def resolution_of(reports: Sequence[TensorReport]) -> float:
    """Return the largest error that would pass, relative to the largest entry of its tensor."""
    return max(
        (report.resolution for report in reports if not np.isnan(report.resolution)), default=0.0
    )


def notes_of(found: PointCheck, reports: Sequence[TensorReport], verdict: Verdict) -> Iterator[str]:
    """Yield what a reader should know beside the verdict."""
    problem, reference = found.problem, found.reference
    if reference is not None:
        yield from sentence(reference.ties)
    if reference is not None and not found.repeated:
        note = compiled_loss_note(reference.traced, problem.leaves, passed=verdict == "pass")
        if note is not None:
            yield note
    if problem.wider:
        yield (
            f"gradient(params) returned {problem.wider} for parameters of {problem.dtype}: "
            f"something in it is wider, and the check says nothing about {problem.dtype}."
        )
    if reference is None:
        yield (
            "JAX cannot differentiate the loss: differences stand in for autodiff. A measured "
            f"entry that is wrong by less than {resolution_of(reports):.0e} of its tensor's largest "
            "passes unseen."
        )
    if reference is None and found.coarse:
        yield (
            "The loss is rounded as coarsely as in float32, and so are its differences. Compute it "
            "in float64, data and parameters, while it is checked: the gradient may stay in "
            "float32."
        )
    if verdict == "abstain" and any(report.kinks for report in reports):
        yield (
            "Abstained where the gradient differs from autodiff on kinks: each slope in between is "
            "right there. Check at a point off them, such as params + 0.01 × random numbers, or "
            "take the same slope on both sides: that of jnp.maximum(z, 0) at z = 0 is ½, that of "
            "z > 0 is 0."
        )
