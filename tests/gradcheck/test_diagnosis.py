"""What is said of several wrong tensors."""

from types import SimpleNamespace

import pytest

from fnn.gradcheck import diagnosis
from fnn.gradcheck.records import Hypothesis

PATHS = ["W", "b"]


def evidence(reference=True):
    wrong = [SimpleNamespace(path=path) for path in PATHS]
    problem = SimpleNamespace(paths=PATHS)
    return SimpleNamespace(
        reference=reference or None,
        wrong=wrong,
        problem=problem,
        replay=None,
        observed=None,
        closeness=None,
    )


@pytest.mark.parametrize(
    ("causes", "expected"),
    [
        (["one", "one"], Hypothesis("one", "in W, part 0 in b, part 1")),
        (["one", "other"], None),
        (["one", None], None),
    ],
)
def test_tensors_that_are_put_together_with_one_cause(monkeypatch, causes, expected):
    def assembled(replay, observed, leaf, closeness):
        cause = causes[leaf]
        return Hypothesis(cause, f"part {leaf}") if cause else None

    monkeypatch.setattr(diagnosis.hypotheses, "assembled", assembled)
    assert diagnosis.assembly(evidence()) == expected
    assert diagnosis.assembly(evidence(reference=False)) is None
