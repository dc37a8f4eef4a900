"""A report as text of at most 80 columns."""

import math
import textwrap
from typing import Any

from fnn.gradcheck.causes import CAUSES
from fnn.gradcheck.records import Entry, Kink, LayerReport, TensorReport

WIDTH = 80


def render(report: Any) -> str:
    """The text of a `Report`: verdict and diagnosis first, then a line a layer, a line a tensor,
    the worst entry, kinks and notes.
    """
    cause = f", {report.cause}" if report.cause else ""
    lines = [f"gradient check in {report.dtype}: {report.verdict.upper()}{cause}"]
    if report.diagnosis:
        lines += wrapped(report.diagnosis, "  ")
    if report.cause:
        lines += wrapped(f"Try: {CAUSES[report.cause].remedy}.", "  ")
    if report.layers:
        lines += ["", *layer_table(report.layers)]
    lines += ["", *tensor_table(report.tensors)]
    for tensor in report.tensors:
        lines += details(tensor)
    if any(tensor.verdict != "pass" for tensor in report.tensors):
        lines += [
            "",
            "h: hand-written, t: truth, wrong: share of entries that rounding cannot explain",
        ]
    slopes = [f"{slope:.2f}" if slope is not None else "exact" for slope in report.taylor]
    lines += [
        "",
        f"Taylor slopes (1 and 2 are right): {slopes[0]}, {slopes[1]} with the hand-written "
        f"gradient",
    ]
    for note in report.notes:
        lines += wrapped(note, "")
    return "\n".join(lines)


def tensor_table(tensors: tuple[TensorReport, ...]) -> list[str]:
    """Name, shape, verdict and how far off."""
    head = (
        f"{'tensor':20}{'shape':>14}  "
        f"{'verdict':8}{'rel. error':>11}{'cosine':>9}{'|h|/|t|':>10}{'wrong':>6}"
    )
    rows = [
        f"{short(t.path, 20):20}{short(str(t.shape), 14):>14}  "
        f"{t.verdict:8}{number(t.relative_error, '.1e'):>11}"
        f"{number(t.cosine, '.4f'):>9}{number(t.norm_ratio, '.4g'):>10}"
        f"{percent(t.wrong_fraction):>6}"
        for t in tensors
    ]
    return [head, *rows]


def layer_table(layers: tuple[LayerReport, ...]) -> list[str]:
    """From the output backwards: is the δ that each layer hands on right, and its own gradient?"""
    head = f"{'layer, output first':28}{'verdict':8}{'‖δ‖':>10}{'δ error':>11}{'grad error':>12}"
    rows = [
        f"{short(layer.name, 27):28}{layer.verdict:8}"
        f"{layer.delta_norm:10.2e}{layer.delta_error:11.1e}"
        f"{layer.gradient_error:12.1e}"
        for layer in reversed(layers)
    ]
    return [head, *rows]


def details(tensor: TensorReport) -> list[str]:
    """The worst entry of a tensor that did not pass, with each value's source, and its kinks."""
    lines = []
    if tensor.verdict != "pass":
        lines += [
            "",
            f"{tensor.path}{list(tensor.worst.at)}, the worst entry",
            *sources(tensor.worst),
        ]
    for kink in tensor.kinks[:3]:
        lines += wrapped(
            f"{tensor.path}{list(kink.at)} lies on a kink: slope {kink.left:.6g} to the left and "
            f"{kink.right:.6g} to "
            f"the right; hand-written takes {kink.hand_written:.6g}{autodiff_of(kink)}.",
            "  ",
        )
    if len(tensor.kinks) > 3:
        lines.append(f"  and {len(tensor.kinks) - 3} more entries on kinks")
    return lines + (wrapped(tensor.note, "  ") if tensor.note else [])


def autodiff_of(kink: Kink) -> str:
    """What autodiff takes, where it was computed."""
    return "" if kink.autodiff is None else f", autodiff {kink.autodiff:.6g}"


def sources(entry: Entry) -> list[str]:
    """One line for each of the three values."""
    lines = [f"  hand-written  {entry.hand_written: .12e}"]
    if entry.autodiff is not None:
        lines.append(f"  autodiff      {entry.autodiff: .12e}")
    if entry.differences is not None:
        lines.append(f"  differences   {entry.differences: .12e} ± {entry.differences_error:.0e}")
    return lines


def wrapped(text: str, indent: str) -> list[str]:
    """The text in lines of at most 80 columns."""
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent)


def number(value: float, form: str) -> str:
    """The number, or – where it means nothing."""
    return "–" if math.isnan(value) else format(value, form)


def short(text: str, width: int) -> str:
    """The text, its middle left out where it is too long."""
    return (
        text if len(text) <= width else f"{text[: width // 2 - 1]}…{text[-(width - width // 2) :]}"
    )


def percent(fraction: float) -> str:
    """A share, never rounded to none or all."""
    return (
        f"{fraction:.0%}"
        if fraction in (0.0, 1.0) or 0.01 <= fraction <= 0.99
        else ("<1%" if fraction < 0.01 else ">99%")
    )
