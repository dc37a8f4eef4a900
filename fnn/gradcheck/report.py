"""What a check found, as text for people and as plain data."""

import html
import math
from typing import Any, NamedTuple

from fnn.gradcheck.records import LayerReport, TensorReport, Verdict
from fnn.gradcheck.text import render


class Report(NamedTuple):
    """The outcome of a check. `print` it for the explanation; `passed` is True iff the verdict is
    "pass".

    cause      the kind of fault, one of `fnn.gradcheck.CAUSES`; None without a fault
    diagnosis  the same as a sentence; None without a fault
    taylor     slopes of |f(θ + hd) − f(θ)| and of |f(θ + hd) − f(θ) − h g·d| over h, the second
               with the hand-written g: 1 and 2 for a right one; None where the remainder is below
               rounding
    """

    verdict: Verdict
    cause: str | None
    diagnosis: str | None
    tensors: tuple[TensorReport, ...]
    layers: tuple[LayerReport, ...]
    taylor: tuple[float | None, float | None]
    notes: tuple[str, ...]
    dtype: str

    @property
    def passed(self) -> bool:
        """Whether the verdict is "pass"."""
        return self.verdict == "pass"

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON: dicts, lists, strings, finite numbers and None."""
        return _plain(self) | {"passed": self.passed}

    def __str__(self) -> str:
        return render(self)

    def _repr_html_(self) -> str:
        """What a notebook shows: the text, its first line by colour."""
        first, _, rest = html.escape(render(self)).partition("\n")
        colour = {"pass": "#1a7f37", "fail": "#cf222e", "abstain": "#9a6700"}[self.verdict]
        return f'<pre><b style="color:{colour}">{first}</b>\n{rest}</pre>'


def _plain(value: Any) -> Any:
    if hasattr(value, "_asdict"):
        return {name: _plain(item) for name, item in value._asdict().items()}
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)  # JSON has neither
    return value
