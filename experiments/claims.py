"""Claims and their verdicts: a rule reads an experiment's results and says what became of the
claim.

A rule stands below its claim in the experiment that settles it:

    @claim("0.20", "Hidden units that start equal stay equal.")
    def symmetric(results):
        rank = results["rank"]
        return holds_if(bool((rank == 1).all()), f"rank of W₁ after 600 steps: {rank.max()}.",
        rank=rank)

An answer is True, False, or None where the interval of the evidence straddles the line.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

import numpy as np
from scipy.stats import binomtest

from fnn.runs.summary import statistics

Answer = bool | np.bool_ | None
Word = Literal["holds", "fails", "depends", "undecided"]
Results = Mapping[str, np.ndarray]


class Verdict(NamedTuple):
    """A word, the sentence that gives its reason, and the numbers in it."""

    word: Word
    evidence: str
    numbers: dict[str, Any]


class Claim(NamedTuple):
    """What a document says, in our words, and the rule that judges it from results. `figure` names
    one of `plot`'s.
    """

    id: str
    statement: str
    rule: Callable[[Results], Verdict]
    figure: str | None = None


def claim(
    id: str, statement: str, figure: str | None = None
) -> Callable[[Callable[[Results], Verdict]], Claim]:
    """Makes a rule into a `Claim`. figure: the first one of `plot` by default."""
    return lambda rule: Claim(id, statement, rule, figure)


def holds_if(answer: Answer, evidence: str, **numbers: Any) -> Verdict:
    """Holds, fails, or undecided."""
    return Verdict(
        "undecided" if answer is None else "holds" if answer else "fails", evidence, numbers
    )


def depends_on(cases: Mapping[str, Answer], evidence: str, **numbers: Any) -> Verdict:
    """Holds where it does in all cases, fails where it does in none, and depends where some decide
    for it and some against; the evidence then ends with which.
    """
    yes = [name for name, answer in cases.items() if answer]
    no = [name for name, answer in cases.items() if answer is not None and not answer]
    if yes and no:
        return Verdict(
            "depends", f"{evidence} Holds for {', '.join(yes)}; fails for {', '.join(no)}.", numbers
        )
    return holds_if(every(*cases.values()) if yes else any_of(*cases.values()), evidence, **numbers)


def every(*answers: Answer) -> Answer:
    """False if one is, True if all are, otherwise None."""
    return None if None in answers and all(a or a is None for a in answers) else all(answers)


def any_of(*answers: Answer) -> Answer:
    """True if one is, False if all are, otherwise None."""
    return True if any(answers) else None if None in answers else False


class Interval(NamedTuple):
    """An estimate with its 95% interval over seeds."""

    middle: float
    low: float
    high: float

    def above(self, line: float) -> Answer:
        """Whether the whole interval is above; None where it straddles the line."""
        return True if self.low > line else False if self.high < line else None

    def below(self, line: float) -> Answer:
        """Whether the whole interval is below; None where it straddles the line."""
        return True if self.high < line else False if self.low > line else None

    def within(self, low: float, high: float) -> Answer:
        """Whether the whole interval lies between the two; None where it reaches over one
        of them.
        """
        return every(self.above(low), self.below(high))

    def __str__(self) -> str:
        return f"{self.middle:.3g} ({self.low:.3g} to {self.high:.3g})"


def mean_interval(values: np.ndarray) -> Interval:
    """Mean over seeds with Student's interval. ValueError for fewer than two values or any that is
    not finite: what is left out is the rule's to say.
    """
    values = np.asarray(values, float)
    if values.ndim != 1 or values.size < 2 or not np.isfinite(values).all():
        raise ValueError(
            f"mean_interval: got {values!r}, expected at least two finite values, one a seed."
        )
    found = statistics(values)
    return Interval(found["mean"], found["low"], found["high"])


def share_interval(successes: np.ndarray) -> Interval:
    """The share of seeds that are true, with Wilson's interval."""
    successes = np.asarray(successes, bool)
    test = binomtest(int(successes.sum()), successes.size)
    low, high = test.proportion_ci(method="wilson")
    return Interval(test.statistic, low, high)


def plain(value: Any) -> Any:
    """A number, interval or array as JSON has them; what is not finite becomes its name."""
    if isinstance(value, Interval):
        return {name: plain(number) for name, number in value._asdict().items()}
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, (np.ndarray, np.generic)):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
