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
from matplotlib.figure import Figure

import fnn
from experiments.common import Common
from fnn import data, layers, losses, optim
from fnn import plot as draw


@dataclass(frozen=True)
class Config(Common):
    """Sizes of the data sets and training."""

    seeds: int = 32
    examples: int = 1000
    epochs: int = 60
    learning_rate: float = 0.01
    """Adam's, on batches of 50."""


QUICK = Config(seeds=4, epochs=20, quick=True)


def run(config: Config) -> dict[str, np.ndarray]:
    """Test scores (seeds,) of the three tasks with what they are compared to, and what one network
    predicts.
    """
    houses, people = house_prices(config), sportif_people(config)
    inputs, groups = unlabelled(config)
    scaling = people.scaling
    assert scaling is not None
    price = trained(config, fnn.mlp((2, 16, 1), activation="tanh"), losses.squared_error, houses)
    sportif = trained(
        config, fnn.mlp((2, 16, 1), activation="tanh"), losses.sigmoid_cross_entropy, people
    )
    encoder = fnn.mlp((8, 16, 2), activation="tanh")
    autoencoder = layers.serial(encoder, fnn.mlp((2, 16, 8), activation="tanh"))
    unsupervised = trained(config, autoencoder, losses.squared_error, inputs)
    one = [sweep.run(0, 0).params for sweep in (price, sportif, unsupervised)]
    return {
        "r_squared": 1 - price.final("test_loss")[0] / houses.test.y.var(),
        "accuracy": sportif.final("test_accuracy")[0],
        "majority": np.maximum(people.test.y.mean(), 1 - people.test.y.mean()),
        "explained": 1 - unsupervised.final("test_loss")[0] / inputs.test.y.var(axis=0).sum(),
        "prices": np.column_stack(
            [houses.test.y, fnn.apply(price.net(0), one[0], houses.test.x)[:, 0]]
        ),
        "people": people.test.x * scaling.std + scaling.mean,
        "sportif": people.test.y,
        "logits": np.asarray(fnn.apply(sportif.net(0), one[1], people.test.x)[:, 0]),
        "codes": np.asarray(fnn.apply(encoder, one[2][0], inputs.train.x)),
        "groups": groups,
    }


def trained(config: Config, net: fnn.Layer, loss: fnn.Loss, dataset: data.Dataset) -> fnn.Sweep:
    """All seeds of one network."""
    optimizer = optim.adam(config.learning_rate)
    seeds = range(config.seeds)
    return fnn.sweep(
        lambda hyper: (net, loss, optimizer),
        dataset,
        epochs=config.epochs,
        batch_size=50,
        seeds=seeds,
    )


def house_prices(config: Config) -> data.Dataset:
    """Square metres and rooms -> price in 100,000, with a noise of a tenth."""
    rng = np.random.default_rng(0)
    area = rng.uniform(30, 200, config.examples)
    rooms = np.clip(np.round(area / 30 + rng.normal(0, 1, config.examples)), 1, 8)
    price = (
        0.5
        + 0.025 * area
        + 0.15 * rooms
        + 0.0004 * area * rooms
        + rng.normal(0, 0.1, config.examples)
    )
    return data.from_arrays(np.column_stack([area, rooms]), price)


def sportif_people(config: Config) -> data.Dataset:
    """Body mass index and age -> does sport or not: likeliest near an index of 22, and
    when young.
    """
    rng = np.random.default_rng(0)
    bmi, age = rng.uniform(16, 36, config.examples), rng.uniform(18, 80, config.examples)
    odds = 4 - 0.8 * np.abs(bmi - 22) - 0.03 * (age - 40)
    return data.from_arrays(
        np.column_stack([bmi, age]), rng.uniform(size=config.examples) < 1 / (1 + np.exp(-odds))
    )


def unlabelled(config: Config) -> tuple[data.Dataset, np.ndarray]:
    """Eight numbers that come from two, around three centres, and are their own targets; and the
    centre of each training row, which no network sees.
    """
    rng = np.random.default_rng(0)
    group = rng.integers(3, size=config.examples)
    hidden = 2 * np.array([[1, 0], [-0.5, 0.87], [-0.5, -0.87]])[group] + rng.normal(
        0, 0.4, (config.examples, 2)
    )
    x = np.tanh(hidden @ rng.normal(0, 0.7, (2, 8))) + rng.normal(0, 0.1, (config.examples, 8))
    scaled = data.from_arrays(x, group)
    train, validation, test = (split._replace(y=split.x) for split in scaled.splits.values())
    return data.Dataset(train, validation, test), scaled.train.y


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """Predicted against true prices; people with the label they were given; codes of the unlabelled
    rows.
    """
    figure, (price, people, code) = draw.figure(rows=3)
    price.plot(*results["prices"].T, ".", label="test houses")
    price.axline((1, 1), slope=1, color="gray", linestyle=":")
    price.set(xlabel="true price (100,000)", ylabel="predicted", title="regression: a real number")
    for label, mark, style in ((0, "o", draw.LINES[0]), (1, "^", draw.LINES[4])):
        chosen = (results["logits"] > 0) == label
        name = "predicted: sportif" if label else "predicted: not"
        people.plot(
            *results["people"][chosen].T, mark, color=style["color"], markersize=5, label=name
        )
    wrong = (results["logits"] > 0) != (results["sportif"] == 1)
    people.plot(*results["people"][wrong].T, "x", color="black", markersize=8, label="wrong")
    people.set(
        xlabel="body mass index (kg/m²)",
        ylabel="age (years)",
        ylim=(15, 108),
        title="classification: a label",
    )
    for group, mark in enumerate("o^s"):
        chosen = results["groups"] == group
        code.plot(
            *results["codes"][chosen].T, mark, markersize=3, label=f"group {group + 1}, never shown"
        )
    code.set(xlabel="code 1", ylabel="code 2", title="unsupervised: two numbers for eight")
    for axis in (price, people, code):
        axis.legend(frameon=False, fontsize=8)
    return {"tasks": figure}
