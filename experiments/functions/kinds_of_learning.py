"""Three kinds of task: a real number, a class label, and no ground truth at all.

Question: Do the same networks learn a house price, who does sport, and the structure of data that
          have no labels?
Source:   Piccoli (claim 4.1); he gives no data, so the sets are synthetic, with the inputs he
          names.
Command:  python -m experiments run kinds_of_learning
Expected: the price is predicted with R² above 0.9, the label about as often as the noise in it
          allows, and two numbers tell most of eight when an autoencoder, trained on the inputs
          alone, chooses them.
Cost:     about 15 s on 2 cores, quick 10 s.
"""

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes

import fnn
from experiments import drawing as draw
from experiments.common import Common, Figures, Results
from fnn import data, layers, losses, optim


@dataclass(frozen=True)
class Config(Common):
    """Sizes of the data sets and training."""

    seeds: int = 32
    examples: int = 1000
    epochs: int = 60
    learning_rate: float = 0.01
    """Adam's, on batches of 50."""


QUICK = Config(seeds=4, epochs=20, quick=True)


def run(config: Config) -> Results:
    """Return test scores (seeds,) of the three tasks, and what one network of each predicts."""
    return regression(config) | classification(config) | unsupervised(config)


def regression(config: Config) -> Results:
    """Return R² (seeds,) of the price, and true and predicted prices (houses, 2) of one network."""
    houses = house_prices(config)
    net = fnn.mlp((2, 16, 1), activation="tanh")
    sweep = trained(config, net, losses.squared_error, houses)
    x, y = houses.test
    one = sweep.run(0, 0)
    predicted = fnn.apply(net, one.params, x)[:, 0]
    return {
        "r_squared": 1 - sweep.final("test_loss")[0] / y.var(),
        "prices": np.column_stack([y, predicted]),
    }


def classification(config: Config) -> Results:
    """Return the accuracy (seeds,) of the label, and the people with the logits of one network."""
    people = sportif_people(config)
    net = fnn.mlp((2, 16, 1), activation="tanh")
    sweep = trained(config, net, losses.sigmoid_cross_entropy, people)
    scaling = people.scaling
    assert scaling is not None
    x, y = people.test
    one = sweep.run(0, 0)
    return {
        "accuracy": sweep.final("test_accuracy")[0],
        "majority": np.maximum(y.mean(), 1 - y.mean()),
        "people": x * scaling.std + scaling.mean,
        "sportif": y,
        "logits": np.asarray(fnn.apply(net, one.params, x)[:, 0]),
    }


def unsupervised(config: Config) -> Results:
    """Return the share of the variance (seeds,) that two codes tell, and the codes of one."""
    rows, groups = unlabelled(config)
    encoder = fnn.mlp((8, 16, 2), activation="tanh")
    decoder = fnn.mlp((2, 16, 8), activation="tanh")
    sweep = trained(config, layers.serial(encoder, decoder), losses.squared_error, rows)
    encoder_params, _ = sweep.run(0, 0).params
    variance = rows.test.y.var(axis=0).sum()
    return {
        "explained": 1 - sweep.final("test_loss")[0] / variance,
        "codes": np.asarray(fnn.apply(encoder, encoder_params, rows.train.x)),
        "groups": groups,
    }


def trained(config: Config, net: fnn.Layer, loss: fnn.Loss, dataset: data.Dataset) -> fnn.Sweep:
    """Train all seeds of one network."""
    optimizer = optim.adam(config.learning_rate)
    return fnn.sweep(
        lambda hyper: (net, loss, optimizer),
        dataset,
        epochs=config.epochs,
        batch_size=50,
        seeds=range(config.seeds),
    )


def house_prices(config: Config) -> data.Dataset:
    """Draw square metres and rooms -> price in 100,000, with a noise of a tenth."""
    rng = np.random.default_rng(0)
    area = rng.uniform(30, 200, config.examples)
    likely_rooms = area / 30 + rng.normal(0, 1, config.examples)
    rooms = np.clip(np.round(likely_rooms), 1, 8)
    noise = rng.normal(0, 0.1, config.examples)
    without_noise = 0.5 + 0.025 * area + 0.15 * rooms + 0.0004 * area * rooms
    price = without_noise + noise
    return data.from_arrays(np.column_stack([area, rooms]), price)


def sportif_people(config: Config) -> data.Dataset:
    """Draw body mass index and age -> does sport or not.

    Sport is likeliest near an index of 22, and when young.
    """
    rng = np.random.default_rng(0)
    bmi = rng.uniform(16, 36, config.examples)
    age = rng.uniform(18, 80, config.examples)
    log_odds = 4 - 0.8 * np.abs(bmi - 22) - 0.03 * (age - 40)
    probability = 1 / (1 + np.exp(-log_odds))
    sportif = rng.uniform(size=config.examples) < probability
    return data.from_arrays(np.column_stack([bmi, age]), sportif)


def unlabelled(config: Config) -> tuple[data.Dataset, np.ndarray]:
    """Draw eight numbers that come from two, around three centres, and are their own targets.

    Returns the centre of each training row too, which no network sees.
    """
    rng = np.random.default_rng(0)
    group = rng.integers(3, size=config.examples)
    centres = 2 * np.array([[1, 0], [-0.5, 0.87], [-0.5, -0.87]])
    two = centres[group] + rng.normal(0, 0.4, (config.examples, 2))
    eight = np.tanh(two @ rng.normal(0, 0.7, (2, 8)))
    x = eight + rng.normal(0, 0.1, (config.examples, 8))
    scaled = data.from_arrays(x, group)
    train, validation, test = (split._replace(y=split.x) for split in scaled.splits.values())
    return data.Dataset(train, validation, test), scaled.train.y


def plot(results: Results, config: Config) -> Figures:
    """Draw prices, people and codes: a real number, a label, and no ground truth."""
    figure, axes = draw.figure(rows=3)
    prices, people, codes = axes
    prices.plot(*results["prices"].T, ".", label="test houses")
    prices.axline((1, 1), slope=1, color="gray", linestyle=":")
    prices.set(xlabel="true price (100,000)", ylabel="predicted", title="regression: a real number")
    draw_people(people, results)
    for group, marker in enumerate("o^s"):
        x, y = results["codes"][results["groups"] == group].T
        codes.plot(x, y, marker, markersize=3, label=f"group {group + 1}, never shown")
    codes.set(xlabel="code 1", ylabel="code 2", title="unsupervised: two numbers for eight")
    draw.legends(axes)
    return {"tasks": figure}


def draw_people(axis: Axes, results: Results) -> None:
    """Draw people with the label that one network gives them, and its mistakes."""
    people = results["people"]
    predicted = results["logits"] > 0
    wrong = predicted != (results["sportif"] == 1)
    blue = draw.LINES[0]["color"]
    red = draw.LINES[4]["color"]
    axis.plot(*people[~predicted].T, "o", color=blue, markersize=5, label="predicted: not")
    axis.plot(*people[predicted].T, "^", color=red, markersize=5, label="predicted: sportif")
    axis.plot(*people[wrong].T, "x", color="black", markersize=8, label="wrong")
    axis.set(xlabel="body mass index (kg/m²)", ylabel="age (years)", ylim=(15, 108))
    axis.set_title("classification: a label")
