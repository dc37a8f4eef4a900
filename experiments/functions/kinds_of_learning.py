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
from experiments.functions.synthetic_tasks import house_prices, sportif_people, unlabelled
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
    houses = house_prices(config.examples)
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
    people = sportif_people(config.examples)
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
    rows, groups = unlabelled(config.examples)
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
