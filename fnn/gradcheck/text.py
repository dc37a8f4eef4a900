"""Write a report as text of at most 80 columns."""

import math
import textwrap
from typing import Any

from fnn.gradcheck.causes import Cause
from fnn.gradcheck.records import Entry, Kink, LayerReport, TensorReport

WIDTH = 80
KINKS_SHOWN = 3
TENSOR_HEAD = (
    f"{'tensor':20}{'shape':>14}  {'verdict':8}"
    f"{'rel. error':>11}{'cosine':>9}{'|h|/|t|':>10}{'wrong':>6}"
)
LAYER_HEAD = f"{'layer, output first':28}{'verdict':8}{'‖δ‖':>10}{'δ error':>11}{'grad error':>12}"
LEGEND = "h: hand-written, t: truth, wrong: share of entries that rounding cannot explain"


def render(report: Any) -> str:
    """Return the text of a `Report`.

    The verdict and the diagnosis come first. A line for each layer, a line for each tensor, the
    worst entries, kinks and notes follow.
    """
    lines = headline(report)
    if report.layers:
        table = layer_table(report.layers)
        lines += ["", *table]
    table = tensor_table(report.tensors)
    lines += ["", *table]
    for tensor in report.tensors:
        lines += details(tensor)
    if any(tensor.verdict != "pass" for tensor in report.tensors):
        lines += ["", LEGEND]
    slopes = taylor_line(report.taylor)
    lines += ["", slopes]
    for note in report.notes:
        lines += wrapped(note, "")
    return "\n".join(lines)


def headline(report: Any) -> list[str]:
    """Return the verdict, the diagnosis and what to try."""
    verdict = report.verdict.upper()
    if report.cause:
        verdict = f"{verdict}, {report.cause}"
    lines = [f"gradient check in {report.dtype}: {verdict}"]
    if report.diagnosis:
        lines += wrapped(report.diagnosis, "  ")
    if report.cause:
        remedy = Cause(report.cause).remedy
        lines += wrapped(f"Try: {remedy}.", "  ")
    return lines


def taylor_line(taylor: tuple[float | None, float | None]) -> str:
    """Return the line with the two Taylor slopes."""
    first, second = map(order, taylor)
    return f"Taylor slopes (1 and 2 are right): {first}, {second} with the hand-written gradient"


def order(slope: float | None) -> str:
    """Return a Taylor slope, or exact where the remainder is below rounding."""
    if slope is None:
        return "exact"
    return f"{slope:.2f}"


def tensor_table(tensors: tuple[TensorReport, ...]) -> list[str]:
    """Return a line for each tensor: name, shape, verdict and errors."""
    lines = map(tensor_line, tensors)
    return [TENSOR_HEAD, *lines]


def tensor_line(tensor: TensorReport) -> str:
    """Return the line of one tensor."""
    path = short(tensor.path, 20)
    shape = short(str(tensor.shape), 14)
    relative_error = number(tensor.relative_error, ".1e")
    cosine = number(tensor.cosine, ".4f")
    norm_ratio = number(tensor.norm_ratio, ".4g")
    wrong = percent(tensor.wrong_fraction)
    beginning = f"{path:20}{shape:>14}  {tensor.verdict:8}"
    numbers = f"{relative_error:>11}{cosine:>9}{norm_ratio:>10}{wrong:>6}"
    return beginning + numbers


def layer_table(layers: tuple[LayerReport, ...]) -> list[str]:
    """Return a line for each layer, from the output backwards."""
    from_output = reversed(layers)
    lines = map(layer_line, from_output)
    return [LAYER_HEAD, *lines]


def layer_line(layer: LayerReport) -> str:
    """Return the line of one layer."""
    name = short(layer.name, 27)
    norm = f"{layer.delta_norm:10.2e}"
    delta_error = f"{layer.delta_error:11.1e}"
    gradient_error = f"{layer.gradient_error:12.1e}"
    return f"{name:28}{layer.verdict:8}{norm}{delta_error}{gradient_error}"


def details(tensor: TensorReport) -> list[str]:
    """Return the worst entry of a tensor that did not pass, its kinks and its note."""
    lines = []
    path = tensor.path
    worst = tensor.worst
    if tensor.verdict != "pass":
        index = list(worst.at)
        heading = f"{path}{index}, the worst entry"
        lines += ["", heading]
        lines += sources(worst)
    for kink in tensor.kinks[:KINKS_SHOWN]:
        sentence = kink_sentence(path, kink)
        lines += wrapped(sentence, "  ")
    more = len(tensor.kinks) - KINKS_SHOWN
    if more > 0:
        lines.append(f"  and {more} more entries on kinks")
    if tensor.note:
        lines += wrapped(tensor.note, "  ")
    return lines


def kink_sentence(path: str, kink: Kink) -> str:
    """Return a sentence about the slopes at a kink."""
    index = list(kink.at)
    left = f"{kink.left:.6g}"
    right = f"{kink.right:.6g}"
    taken = f"hand-written takes {kink.hand_written:.6g}"
    if kink.autodiff is not None:
        taken = f"{taken}, autodiff {kink.autodiff:.6g}"
    return (
        f"{path}{index} lies on a kink: slope {left} to the left and {right} to the right; {taken}."
    )


def sources(entry: Entry) -> list[str]:
    """Return a line for each of the values that were computed."""
    lines = [f"  hand-written  {entry.hand_written: .12e}"]
    if entry.autodiff is not None:
        autodiff = f"{entry.autodiff: .12e}"
        lines.append(f"  autodiff      {autodiff}")
    if entry.differences is not None:
        differences = f"{entry.differences: .12e}"
        error = f"{entry.differences_error:.0e}"
        lines.append(f"  differences   {differences} ± {error}")
    return lines


def wrapped(text: str, indent: str) -> list[str]:
    """Return the text in lines of at most 80 columns."""
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent)


def number(value: float, form: str) -> str:
    """Return the number, or – for NaN."""
    if math.isnan(value):
        return "–"
    return format(value, form)


def short(text: str, width: int) -> str:
    """Return the text, its middle left out where it is too long."""
    if len(text) <= width:
        return text
    half = width // 2
    before = half - 1
    after = width - half
    beginning = text[:before]
    end = text[-after:]
    return f"{beginning}…{end}"


def percent(fraction: float) -> str:
    """Return a share, never rounded to 0% or 100%."""
    is_exact = fraction in (0.0, 1.0)
    if is_exact or 0.01 <= fraction <= 0.99:
        return f"{fraction:.0%}"
    if fraction < 0.01:
        return "<1%"
    return ">99%"
