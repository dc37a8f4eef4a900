"""The records that a report is made of."""

from typing import Literal, NamedTuple

Verdict = Literal["pass", "fail", "abstain"]


class Hypothesis(NamedTuple):
    """A cause in a few fixed words, and what it is here."""

    cause: str
    explanation: str

    def __str__(self) -> str:
        return f"{self.cause}: {self.explanation}"


class Entry(NamedTuple):
    """One entry of a gradient by its three sources; differences are None where they were not
    computed.
    """

    at: tuple[int, ...]
    hand_written: float
    autodiff: float | None
    differences: float | None
    differences_error: float | None


class Kink(NamedTuple):
    """An entry where the loss has no derivative: the slopes on its two sides, and what each source
    takes.
    """

    at: tuple[int, ...]
    left: float
    right: float
    hand_written: float
    autodiff: float | None


class TensorReport(NamedTuple):
    """One parameter tensor. `noise_scaled_error` is the largest |hand − truth| in units of the
    noise floor; up to `allowed` of them are rounding. `blur` is the largest error that would pass,
    relative to the largest entry.
    """

    path: str
    shape: tuple[int, ...]
    verdict: Verdict
    max_absolute_error: float
    noise_scaled_error: float
    allowed: float
    relative_error: float
    cosine: float
    norm_ratio: float
    wrong_fraction: float
    worst: Entry
    kinks: tuple[Kink, ...]
    resolution: float
    note: str


class LayerReport(NamedTuple):
    """One layer of a network, its backward pass fed the true δ: the verdicts on its input's δ and
    its own gradient.
    """

    name: str
    verdict: Verdict
    delta_norm: float
    delta_error: float
    gradient_error: float
