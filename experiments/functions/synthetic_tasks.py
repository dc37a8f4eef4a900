"""Synthetic data for three kinds of learning, with the inputs that the course names."""

import numpy as np

from fnn import data


def house_prices(n: int) -> data.Dataset:
    """Draw square metres and rooms -> price in 100,000, with a noise of a tenth."""
    rng = np.random.default_rng(0)
    area = rng.uniform(30, 200, n)
    likely_rooms = area / 30 + rng.normal(0, 1, n)
    rooms = np.clip(np.round(likely_rooms), 1, 8)
    noise = rng.normal(0, 0.1, n)
    without_noise = 0.5 + 0.025 * area + 0.15 * rooms + 0.0004 * area * rooms
    price = without_noise + noise
    return data.from_arrays(np.column_stack([area, rooms]), price)


def sportif_people(n: int) -> data.Dataset:
    """Draw body mass index and age -> does sport or not.

    Sport is likeliest near an index of 22, and when young.
    """
    rng = np.random.default_rng(0)
    bmi = rng.uniform(16, 36, n)
    age = rng.uniform(18, 80, n)
    log_odds = 4 - 0.8 * np.abs(bmi - 22) - 0.03 * (age - 40)
    probability = 1 / (1 + np.exp(-log_odds))
    sportif = rng.uniform(size=n) < probability
    return data.from_arrays(np.column_stack([bmi, age]), sportif)


def unlabelled(n: int) -> tuple[data.Dataset, np.ndarray]:
    """Draw eight numbers that come from two, around three centres, and are their own targets.

    Returns the centre of each training row too, which no network sees.
    """
    rng = np.random.default_rng(0)
    group = rng.integers(3, size=n)
    centres = 2 * np.array([[1, 0], [-0.5, 0.87], [-0.5, -0.87]])
    two = centres[group] + rng.normal(0, 0.4, (n, 2))
    eight = np.tanh(two @ rng.normal(0, 0.7, (2, 8)))
    x = eight + rng.normal(0, 0.1, (n, 8))
    scaled = data.from_arrays(x, group)
    train, validation, test = (split._replace(y=split.x) for split in scaled.splits.values())
    return data.Dataset(train, validation, test), scaled.train.y
