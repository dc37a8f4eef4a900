"""Who has lost: exact where it can be, and the promises counted on synthetic surfaces."""

import numpy as np
import pytest
import race as benchmark
from scipy import stats

from fnn.racing.compare import Comparison, compare, errors_of
from fnn.racing.rungs import Rung, by_epochs, by_seeds, rungs_of

VALUES = np.random.default_rng(0).normal(size=(5, 8)) + np.array([[0.0, 0.1, 2.0, 3.0, 4.0]]).T
ALL = np.ones(5, bool)


def test_the_interval_is_students_on_paired_differences():
    found = compare(VALUES, ALL, 0.05, 4, "min")
    best = int(VALUES.mean(axis=1).argmin())
    assert found.best == best
    for row in range(5):
        if row == best:
            assert found.difference[row] == found.low[row] == found.high[row] == 0.0
            continue
        test = stats.ttest_rel(VALUES[row], VALUES[best], alternative="greater")
        interval = test.confidence_interval(1 - 0.05 / 4)
        np.testing.assert_allclose(found.low[row], interval.low, rtol=1e-12)
        np.testing.assert_allclose(found.low[row] + found.high[row], 2 * found.difference[row])
        assert found.lost[row] == (test.pvalue < 0.05 / 4)


def test_the_largest_is_the_best_of_what_is_to_be_large():
    found = compare(-VALUES, ALL, 0.05, 4, "max")
    other = compare(VALUES, ALL, 0.05, 4, "min")
    assert found.best == other.best
    np.testing.assert_array_equal(found.low, other.low)
    np.testing.assert_array_equal(found.mean, -other.mean)


def test_those_that_are_not_in_are_left_out():
    is_in = np.array([False, True, True, False, True])
    found = compare(VALUES, is_in, 0.05, 2, "min")
    assert found.best in (1, 2, 4)
    assert np.isnan(found.mean[~is_in]).all()
    assert not found.lost[~is_in].any()


def test_diverged_runs_count_as_the_worst():
    values = VALUES.copy()
    values[0, 0] = np.nan
    found = compare(values, ALL, 0.05, 4, "min")
    expected = values.copy()
    expected[0, 0] = np.nanmax(values)
    np.testing.assert_allclose(found.mean, expected.mean(axis=1))
    assert found.diverged.tolist() == [1, 0, 0, 0, 0]


def test_a_setting_that_always_diverges_has_no_mean_and_is_not_the_best():
    values = np.full((3, 4), np.nan)
    found = compare(values, np.ones(3, bool), 0.05, 2, "min")
    assert np.isnan(found.mean).all()
    assert not found.lost.any()
    values[2] = 1e9
    found = compare(values, np.ones(3, bool), 0.05, 2, "min")
    assert found.best == 2
    assert np.isnan(found.mean[:2]).all()
    assert found.diverged.tolist() == [4, 4, 0]


def test_one_seed_tells_nothing():
    assert not compare(VALUES[:, :1], ALL, 0.05, 4, "min").lost.any()


@pytest.mark.parametrize(("seeds", "lost"), [(2, False), (5, False), (6, True)])
def test_equal_differences_tell_as_much_as_their_signs(seeds, lost):
    values = np.arange(3.0)[:, None] + np.zeros((3, seeds))
    found = compare(values, np.ones(3, bool), 0.05, 2, "min")
    assert found.lost.tolist() == [False, lost, lost]


def test_accuracies_of_few_examples_on_two_seeds_lose_the_best_seldom():
    rng = np.random.default_rng(0)
    rate = np.linspace(0.85, 0.9, 16)
    lost = 0
    for _ in range(400):
        values = rng.binomial(20, rate[:, None], (16, 2)) / 20
        lost += compare(values, np.ones(16, bool), 0.05, 15, "max").lost[-1]
    assert lost <= 400 * 0.05


def test_within_delta():
    values = np.arange(8.0) + np.array([[0.0], [0.01]]) * np.array([1, -1, 1, -1, 1, -1, 1, 1])
    found = compare(values, ALL[:2], 0.05, 1, "min")
    other = 1 - found.best
    assert found.low[other] < 0 < found.high[other]
    assert found.is_within(-float(found.low[other]) + 1e-9)
    assert not found.is_within(-float(found.low[other]) - 1e-9)


def test_errors_add_up_for_the_last_epoch_and_hold_each_for_rungs():
    rungs = [Rung(10, 4), Rung(10, 8), Rung(10, 16)]
    np.testing.assert_allclose(errors_of(rungs, "final", 0.05), [0.0125, 0.0125, 0.025])
    assert errors_of(rungs, "rung", 0.05) == [0.05] * 3


def test_rungs_by_default():
    assert by_epochs(32, 16) == [(4, 8), (8, 8), (16, 16), (32, 16)]
    assert by_epochs(32, 5) == [(4, 4), (8, 4), (16, 5), (32, 5)]
    assert by_epochs(3, 2) == [(1, 2), (2, 2), (3, 2)]
    assert by_epochs(1, 5) == [(1, 5)]
    assert by_seeds(7, 20) == [(7, 4), (7, 8), (7, 16), (7, 20)]
    assert by_seeds(7, 3) == [(7, 3)]


@pytest.mark.parametrize(
    ("asked", "guarantee", "message"),
    [
        ([], "rung", "end with"),
        ([(2, 4)], "rung", r"end with \(8, 4\)"),
        ([(4, 4), (2, 4), (8, 4)], "rung", "may not fall"),
        ([(4, 4), (4, 4), (8, 4)], "rung", "must rise"),
        ([(4, 4), (8, 4)], "final", "curves cross"),
        ([3, (8, 4)], "rung", "pairs"),
        ([(0, 4), (8, 4)], "rung", "at least 1"),
    ],
)
def test_wrong_rungs_are_refused(asked, guarantee, message):
    with pytest.raises(ValueError, match=message):
        rungs_of(asked, guarantee, 8, 4)


def test_rungs_of_ones_own():
    assert rungs_of([(2, 2), (2, 4), (8, 4)], "rung", 8, 4)[1] == Rung(2, 4)


OPTIONS = benchmark.Options(surfaces=200, settings=16, seeds=16, epochs=16)
MANY = benchmark.Options(surfaces=200, settings=16, seeds=64, epochs=16)


@pytest.mark.parametrize("guarantee", ["final", "rung"])
def test_promises_are_kept_on_surfaces_that_cross(guarantee):
    """Of 200 surfaces, where differences are normal: at least 95%."""
    found = benchmark.coverage(guarantee, "normal", OPTIONS)
    assert found["kept"] >= 0.95
    assert found["share of epochs"] < 0.95


def test_the_one_that_is_named_is_within_delta():
    """Races that delta ends are shorter, and name a setting that is as good up to delta."""
    within = benchmark.coverage("final", "normal", MANY, delta=0.3)
    assert within["kept"] >= 0.95
    whole = benchmark.coverage("final", "normal", MANY)
    assert within["share of epochs"] < whole["share of epochs"] - 0.1


def test_a_delta_without_its_interval_is_not_kept(monkeypatch):
    monkeypatch.setattr(Comparison, "is_within", lambda comparison, delta: True)
    assert benchmark.coverage("final", "normal", OPTIONS, delta=0.01)["kept"] < 0.95


def test_and_where_runs_diverge():
    assert benchmark.coverage("final", "1 in 5 runs diverge", OPTIONS)["kept"] >= 0.95


@pytest.mark.parametrize("guarantee", ["final", "rung"])
def test_a_comparison_without_its_quantile_breaks_them(guarantee, monkeypatch):
    monkeypatch.setattr("scipy.special.stdtrit", lambda freedom, share: 0.0)
    assert benchmark.coverage(guarantee, "normal", OPTIONS)["kept"] < 0.97


def test_comparing_early_loses_what_is_the_best_later():
    """What "rung" says it does not promise."""
    rng = np.random.default_rng(1)
    early = 0
    for _ in range(50):
        mean, values = benchmark.surface(rng, "normal", 16, 16, 16)
        raced = benchmark.Synthetic(values, "rung").run(progress=False)
        early += raced.left[np.argmin(mean[:, -1])] >= 0
    assert early > 5
