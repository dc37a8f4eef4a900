"""The records that a report is made of."""

from typing import Literal, NamedTuple, NoReturn

Verdict = Literal["pass", "fail", "abstain"]


class Hypothesis(NamedTuple):
    """Why a gradient is wrong.

    cause        the text of a `fnn.gradcheck.Cause`
    explanation  a sentence about this gradient
    """

    cause: str
    explanation: str

    def __str__(self) -> str:
        return f"{self.cause}: {self.explanation}"


class Entry(NamedTuple):
    """One entry of a gradient by its three sources.

    autodiff is None where JAX cannot differentiate the loss. differences and differences_error are
    None where they were not computed.
    """

    at: tuple[int, ...]
    hand_written: float
    autodiff: float | None
    differences: float | None
    differences_error: float | None


class Kink(NamedTuple):
    """An entry at which the loss has a kink, and so no derivative.

    left, right             the slopes on its two sides
    hand_written, autodiff  the slope that each of them takes
    """

    at: tuple[int, ...]
    left: float
    right: float
    hand_written: float
    autodiff: float | None


class TensorReport(NamedTuple):
    """The results for one parameter tensor.

    noise_scaled_error  the largest |hand-written − truth| in units of the noise floor
    allowed             how many noise floors rounding may explain
    relative_error      max |hand-written − truth| / max |truth|
    norm_ratio          ‖hand-written‖ / ‖truth‖
    wrong_fraction      the share of entries that rounding cannot explain
    worst               the entry with the largest noise_scaled_error
    resolution          the largest error that would pass, relative to the largest entry
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

    @property
    def blur(self) -> NoReturn:
        """Raise AttributeError: this is the former name of `resolution`."""
        raise AttributeError("TensorReport.blur is now TensorReport.resolution.")


class LayerReport(NamedTuple):
    """The results for one layer of a network, whose backward pass was fed the true δ.

    delta_norm      the norm of the true δ of its input
    delta_error     the relative error of the δ that it hands on
    gradient_error  the relative error of the gradients of its parameters
    """

    name: str
    verdict: Verdict
    delta_norm: float
    delta_error: float
    gradient_error: float
