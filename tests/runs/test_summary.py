"""Intervals of shares: inside [0, 1], and covering what they should."""

import numpy as np
import pytest
from scipy import stats

from fnn.runs.summary import interval_of_shares, is_share, statistics, summary_of

MEANS = (0.9, 0.95, 0.98, 0.99, 0.999)
DRAWS = 2000


def shares(rng, mean, n, examples, spread):
    """Shares of `examples` right ones, of seeds that differ by `spread` times the binomial σ."""
    rates = np.full((DRAWS, n), mean)
    if spread:
        variance = spread**2 * mean * (1 - mean) / examples
        size = mean * (1 - mean) / variance - 1
        rates = rng.beta(mean * size, (1 - mean) * size, (DRAWS, n))
    return rng.binomial(examples, rates) / examples


@pytest.mark.every(1)
@pytest.mark.parametrize("n", [5, 10, 20, 30])
@pytest.mark.parametrize("mean", MEANS)
def test_they_cover_the_mean(n, mean):
    """In at least 93% of cases; the bound lies three standard errors of the simulation lower."""
    rng = np.random.default_rng(0)
    for examples in (100, 360, 1000, 10_000):
        for spread in (0.0, 0.5, 1.0):
            drawn = shares(rng, mean, n, examples, spread)
            low, high = np.transpose([interval_of_shares(each, examples) for each in drawn])
            covered = np.mean((low <= mean) & (mean <= high))
            assert covered >= 0.93 - 3 * np.sqrt(0.93 * 0.07 / DRAWS), (examples, spread, covered)
            assert low.min() >= 0
            assert high.max() <= 1


def test_a_clipped_interval_of_student_does_not_cover():
    """What the test above would say of it: the check can fail."""
    drawn = shares(np.random.default_rng(0), 0.999, 5, 100, 0.0)
    middle, error = drawn.mean(axis=1), stats.sem(drawn, axis=1)
    half = stats.t.ppf(0.975, 4) * error
    covered = (middle - half <= 0.999) & (np.minimum(middle + half, 1) >= 0.999)
    assert covered.mean() < 0.5


def test_far_from_the_ends_it_is_students():
    values = 0.5 + 0.01 * np.random.default_rng(0).normal(size=20)
    t, share = statistics(values), statistics(values, share_of=1000)
    assert share["low"] == pytest.approx(t["low"], abs=1e-5)
    assert share["high"] == pytest.approx(t["high"], abs=1e-5)
    assert {k: v for k, v in share.items() if k not in ("low", "high")} == {
        k: v for k, v in t.items() if k not in ("low", "high")
    }


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_equal_shares_get_wilsons_interval(share):
    expected = stats.binomtest(round(share * 500), 500).proportion_ci(0.95, method="wilson")
    low, high = interval_of_shares(np.full(1000, share), 1)  # t of 999 is nearly normal
    wide = stats.binomtest(round(share * 1000), 1000).proportion_ci(0.95, method="wilson")
    assert low == pytest.approx(wide.low, abs=1e-4)
    assert high == pytest.approx(wide.high, abs=1e-4)
    assert expected.low <= low <= share <= high <= expected.high


def test_names_tell_shares():
    values, everyone = np.array([[0.999, 1.0, 1.0]]), np.ones((1, 3), bool)

    def row(metric, examples):
        arguments = (metric, [{}], values, everyone, ~everyone, "t", examples)
        return summary_of(*arguments).rows[0]

    assert row("test_accuracy", {"test": 1000})["high"] < 1
    assert row("test_f1", {"test": 1000})["high"] < 1
    assert row("test_loss", {"test": 1000})["high"] > 1
    assert np.isnan(statistics(np.array([1.0]), share_of=10)["low"])


def test_what_is_no_share_gets_students_interval():
    percent = statistics(np.array([90.0, 95.0, 100.0]), share_of=100)
    assert percent == statistics(np.array([90.0, 95.0, 100.0]))
    assert not is_share("f1_loss".split("_"))
    assert not is_share("test_saucer".split("_"))
    missing = statistics(np.array([np.nan, 0.9, 0.95]), share_of=100)
    assert np.isnan([missing["low"], missing["high"]]).all()
    assert np.isnan(interval_of_shares(np.full(5, 0.98), 0)).all()


def test_a_summary_shows_its_table_at_a_prompt():
    values = np.array([[1.0, 2.0]])
    sound, diverged = np.ones((1, 2), bool), np.zeros((1, 2), bool)
    found = summary_of("loss", [{"rate": 0.1}], values, sound, diverged, "t", {})
    assert repr(found) == str(found)
    assert repr(found).startswith("loss;")


def test_a_share_of_some_examples_is_not_one_of_all():
    """Recalls of 1, 1, 1 are of 5 examples, say, and not of the 100 of the split."""
    runs = np.ones((1, 3))
    sound, diverged = runs > 0, runs < 0
    for metric, has_interval in {"test_accuracy": True, "test_recall": False}.items():
        summary = summary_of(metric, [{}], runs, sound, diverged, "t", {"test": 100})
        assert np.isfinite(summary.rows[0]["low"]) == has_interval
    varying = np.array([[1.0, 0.8, 1.0]])
    summary = summary_of("test_recall", [{}], varying, sound, diverged, "t", {"test": 100})
    assert 0 < summary.rows[0]["low"] < summary.rows[0]["high"] < 1


def test_equal_shares_have_no_bootstrap_interval_of_width_0():
    accuracies = np.ones(5)
    assert statistics(accuracies, "bootstrap", 100) == statistics(accuracies, "t", 100)
    assert np.isnan(statistics(accuracies, "bootstrap", 0)["low"])


def test_unequal_shares_have_a_bootstrap_interval():
    accuracies = np.array([0.7, 0.8, 0.85, 0.9])
    by_bootstrap = statistics(accuracies, "bootstrap", 100)
    assert by_bootstrap["low"] != statistics(accuracies, "t", 100)["low"]
    assert 0.7 < by_bootstrap["low"] < np.mean(accuracies) < by_bootstrap["high"] < 0.9
