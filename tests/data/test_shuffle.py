"""The sort-free shuffle is a permutation for every size, and looks like a uniform one."""

from functools import partial

import jax
import numpy as np
import pytest

from fnn.data.shuffle import permutation


@partial(jax.jit, static_argnums=1)
def orders(keys, n):
    return jax.vmap(lambda key: permutation(key, n))(keys)


def draw(seed, n, draws):
    return np.asarray(orders(jax.random.split(jax.random.key(seed), draws), n)).astype(int)


@pytest.mark.every(3)
@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 7, 16, 17, 100, 257, 1257, 60_000])
def test_every_number_once(n):
    np.testing.assert_array_equal(np.sort(draw(n, n, 20), axis=1), np.tile(np.arange(n), (20, 1)))


def test_same_key_same_order_other_key_other_order():
    one, same, other = (draw(seed, 100, 1)[0] for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, same)
    assert (one != other).sum() > 80


def test_a_run_of_a_vmap_is_that_key_alone():
    together = draw(0, 100, 8)
    for key, order in zip(jax.random.split(jax.random.key(0), 8), together, strict=True):
        np.testing.assert_array_equal(order, orders(key[None], 100)[0])


@pytest.mark.parametrize("n", [4, 10, 100])
def test_each_number_is_equally_likely_at_each_place(n):
    """χ² of (place, number) counts, for each place over its n − 1 degrees of freedom: mean 1,
    standard deviation √(2/(n − 1)). The places are not independent, so their mean is held to 5
    deviations of one.
    """
    draws = 20_000
    sample = draw(1, n, draws)
    counts = np.stack([np.bincount(sample[:, place], minlength=n) for place in range(n)])
    chi2 = ((counts - draws / n) ** 2 / (draws / n)).sum(axis=1) / (n - 1)
    assert abs(chi2.mean() - 1) < 5 * np.sqrt(2 / (n - 1))
    assert chi2.max() < 1 + 6 * np.sqrt(2 / (n - 1))


def test_neighbours_are_torn_apart():
    """In a uniform order j + 1 follows j directly about once. With too few rounds (4) it is 1.8
    times.
    """
    draws = 2000
    follows = (np.diff(draw(2, 1257, draws), axis=1) == 1).sum(axis=1)
    assert abs(follows.mean() - 1) < 5 / np.sqrt(draws)


def test_all_orders_of_four_occur_evenly():
    """24 orders in 24,000 draws: each count is 1000 within 6 standard deviations."""
    codes = draw(3, 4, 24_000) @ np.array([64, 16, 4, 1])
    _, counts = np.unique(codes, return_counts=True)
    assert len(counts) == 24
    assert np.abs(counts - 1000).max() < 6 * np.sqrt(1000)
