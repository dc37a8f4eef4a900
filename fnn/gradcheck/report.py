"""The report of a check, as text for people and as plain data."""

import html
import math
from typing import Any, NamedTuple

from fnn.gradcheck.records import LayerReport, TensorReport, Verdict
from fnn.gradcheck.text import render

COLOURS = {"pass": "#1a7f37", "fail": "#cf222e", "abstain": "#9a6700"}


class Report(NamedTuple):
    """The outcome of a check. `print` it for the explanation.

    verdict    "pass", "fail" or "abstain"
    cause      the kind of fault, the text of a `fnn.gradcheck.Cause`; None without a fault
    diagnosis  the same as a sentence; None without a fault
    tensors    a record for each parameter tensor
    layers     a record for each layer, by `check_network`; empty otherwise
    taylor     the slopes of log |f(θ + hd) − f(θ)| and of log |f(θ + hd) − f(θ) − h g·d| over
               log h, the second with the hand-written g: 1 and 2 for a right one; None where the
               remainder is below rounding
    notes      sentences about the check itself
    dtype      the precision in which the gradient was judged
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
        """Return whether the verdict is "pass".

        >>> import numpy as np
        >>> import fnn
        >>> fnn.check_gradient(lambda w: np.sum(w**2), lambda w: 3 * w, np.array([1.0])).passed
        False
        """
        return self.verdict == "pass"

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain JSON: dicts, lists, strings, finite numbers and None.

        >>> import numpy as np
        >>> import fnn
        >>> report = fnn.check_gradient(lambda w: np.sum(w**2), lambda w: 2 * w, np.array([1.0]))
        >>> report.to_dict()["verdict"]
        'pass'
        """
        return _plain(self) | {"passed": self.passed}

    def __str__(self) -> str:
        return render(self)

    def _repr_html_(self) -> str:
        """Return the text for a notebook, its first line coloured by the verdict."""
        first, _, rest = html.escape(render(self)).partition("\n")
        colour = COLOURS[self.verdict]
        return f'<pre><b style="color:{colour}">{first}</b>\n{rest}</pre>'


def _plain(value: Any) -> Any:
    if hasattr(value, "_asdict"):
        fields = value._asdict()
        return {name: _plain(item) for name, item in fields.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        # JSON has neither NaN nor infinity.
        return None if math.isnan(value) else str(value)
    return value
