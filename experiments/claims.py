"""Claims and their verdicts: a rule reads an experiment's results and judges the claim.

A rule stands below its claim in the file `claims.py` of a topic, beside its experiments:

    @claim("0.20", "symmetry", "Hidden units that start equal stay equal.")
    def symmetric(results):
        rank = results["rank"]
        evidence = f"rank of W₁ after 600 steps: {rank.max()}."
        return holds_if(bool((rank == 1).all()), evidence, rank=rank)

An answer is True, False, or None. None means that the interval of the evidence straddles the line.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
from scipy.stats import binomtest

from experiments.common import Results
from fnn.runs.summary import statistics

Answer: TypeAlias = bool | np.bool_ | None
Word = Literal["holds", "fails", "depends", "undecided"]


class Verdict(NamedTuple):
    """A word, the sentence that gives its reason, and the numbers in that sentence."""

    word: Word
    evidence: str
    numbers: dict[str, Any]


Rule: TypeAlias = Callable[[Results], Verdict]


class Claim(NamedTuple):
    """A statement of a document in our words, and the rule that judges it from results.

    experiment  name of the experiment whose results the rule reads
    figure      name of a drawing of the experiment's `plot`; None: the first one
    code        name of the experiment's function that computes the claim, for the report's page
    """

    id: str
    experiment: str
    statement: str
    rule: Rule
    figure: str | None = None
    code: str = "run"


def claim(
    id: str, experiment: str, statement: str, figure: str | None = None, code: str = "run"
) -> Callable[[Rule], Claim]:
    """Make a rule into a `Claim`, as a decorator.

    experiment  name of the experiment whose results the rule reads
    figure      name of a drawing of the experiment's `plot`; None: the first one
    code        name of the experiment's function that computes the claim, for the report's page
    """
    return lambda rule: Claim(id, experiment, statement, rule, figure, code)


def holds_if(answer: Answer, evidence: str, **numbers: Any) -> Verdict:
    """Return the verdict "holds" for True, "fails" for False, and "undecided" for None."""
    if answer is None:
        return Verdict("undecided", evidence, numbers)
    return Verdict("holds" if answer else "fails", evidence, numbers)


def depends_on(cases: Mapping[str, Answer], evidence: str, **numbers: Any) -> Verdict:
    """Return the verdict over several cases.

    It is "holds" if the claim holds in all cases, and "fails" if it holds in none. If it holds in
    some and fails in others, the verdict is "depends", and the evidence ends with their names.
    """
    yes: list[str] = []
    no: list[str] = []
    for name, answer in cases.items():
        if answer is None:
            continue
        if answer:
            yes.append(name)
        else:
            no.append(name)
    if yes and no:
        names = f"Holds for {', '.join(yes)}; fails for {', '.join(no)}."
        return Verdict("depends", f"{evidence} {names}", numbers)
    answers = cases.values()
    over_all = every(*answers) if yes else any_of(*answers)
    return holds_if(over_all, evidence, **numbers)


def every(*answers: Answer) -> Answer:
    """Return False if one answer is False, True if all are True, otherwise None."""
    if not all(answer or answer is None for answer in answers):
        return False
    return None if None in answers else True


def any_of(*answers: Answer) -> Answer:
    """Return True if one answer is True, False if all are False, otherwise None."""
    if any(answers):
        return True
    return None if None in answers else False


def named(numbers: Mapping[str, Any], style: str = "") -> str:
    """Return names and numbers in a row, such as "tanh 0.94; relu 1", each in a format."""
    return "; ".join(f"{name} {number:{style}}" for name, number in numbers.items())


def middles(intervals: Mapping[str, "Interval"]) -> dict[str, float]:
    """Return the middle of each interval."""
    return {name: interval.middle for name, interval in intervals.items()}


class Interval(NamedTuple):
    """An estimate with its 95% interval over seeds."""

    middle: float
    low: float
    high: float

    def above(self, line: float) -> Answer:
        """Return whether the whole interval is above a line, None if it straddles the line."""
        if self.low > line:
            return True
        return False if self.high < line else None

    def below(self, line: float) -> Answer:
        """Return whether the whole interval is below a line, None if it straddles the line."""
        if self.high < line:
            return True
        return False if self.low > line else None

    def within(self, low: float, high: float) -> Answer:
        """Return whether the whole interval lies between two lines, None if it straddles one."""
        return every(self.above(low), self.below(high))

    def __str__(self) -> str:
        return f"{self.middle:.3g} ({self.low:.3g} to {self.high:.3g})"


def mean_interval(values: np.ndarray) -> Interval:
    """Return the mean over seeds with Student's interval.

    Raises ValueError for fewer than two values, and for values that are not finite: a rule has to
    leave them out itself, and to say so.
    """
    values = np.asarray(values, float)
    if values.ndim != 1 or values.size < 2 or not np.isfinite(values).all():
        raise ValueError(
            f"mean_interval: got {values!r}, expected at least two finite values, one a seed."
        )
    numbers = statistics(values)
    return Interval(numbers["mean"], numbers["low"], numbers["high"])


def share_interval(successes: np.ndarray) -> Interval:
    """Return the share of seeds that are True, with Wilson's interval."""
    successes = np.asarray(successes, bool)
    test = binomtest(int(successes.sum()), successes.size)
    low, high = test.proportion_ci(method="wilson")
    return Interval(test.statistic, low, high)


def plain(value: Any) -> Any:
    """Return a number, interval or array as JSON has them. Infinity and NaN become their names."""
    if isinstance(value, Interval):
        return {name: plain(number) for name, number in value._asdict().items()}
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, (np.ndarray, np.generic)):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def by_name(names: Iterable[Any], values: Iterable[Any]) -> dict[str, Any]:
    """Return values with their names."""
    return dict(zip(map(str, names), values, strict=True))


def listed(values: Iterable[Any], style: str = "") -> str:
    """Return values in a row, such as "1.5, 2.0", each in a format such as ".1f"."""
    return ", ".join(format(value, style) for value in values)
