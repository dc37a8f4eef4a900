# %% [markdown]
# # 9. Batch normalisation
#
# Batch normalisation gives each unit the mean 0 and the variance 1 over the examples of a batch,
# whatever the weights are. Two learned numbers, a scale and a shift, then let the unit choose
# another mean and size. A network that is badly initialised can learn with it (claim 2.25).
#
# **Question.** The batch has a mean and a variance while the network trains. Where do they come
# from when it classifies one single digit later?

# %%
from typing import Any

import jax
import numpy as np

import fnn
from fnn import data, initializers, losses, optim, plot
from judging import judge, show

digits = data.load("digits")
too_small = initializers.normal(0.01)
SIZES = (64, 50, 50, 50, 10)
nets = {
    "without": fnn.mlp(SIZES, activation="sigmoid", init=too_small),
    "with": fnn.mlp(SIZES, activation="sigmoid", init=too_small, batch_norm="before"),
}
options: dict[str, Any] = dict(epochs=15, batch_size=64, progress=False)
runs = {
    name: fnn.train(net, losses.softmax_cross_entropy, optim.adam(3e-3), digits, **options)
    for name, net in nets.items()
}
for name, run in runs.items():
    print(f"{name:8} test accuracy {run.final('test_accuracy'):.3f}")

# %% [markdown]
# ## Your cell
#
# Normalise a batch as in training. z is (examples, units). Take mean and variance of each unit over
# the examples. Divide by the root of (variance + ε), and apply scale and shift, one a unit.


# %% your cell
def normalise(z, scale, shift, eps=1e-5):
    """Return scale · (z − mean) / √(variance + eps) + shift, of the shape of z."""
    return ...


# %%
normalise = judge("09_normalisation", normalise)
z = np.random.default_rng(0).normal(3.0, 5.0, size=(100, 4))
layer = fnn.layers.batch_norm(4)
params, state = layer.init(jax.random.key(0))
by_fnn = fnn.apply(layer, params, z, state=state, train=True)
by_hand = normalise(z, np.asarray(params.scale), np.asarray(params.shift))
print(f"largest difference from fnn: {np.abs(by_fnn - by_hand).max():.1e}")

# %% [markdown]
# ## Figure
#
# Both networks have three layers of 50 sigmoid units, and start from the same weights, which are
# too small. Their outputs hardly depend on the digit, and the gradient below vanishes.

# %%
figure, (axis,) = plot.figure(width=6.4, height=4.0)
for name, run in runs.items():
    curve = 100 * run.history["validation_accuracy"]
    axis.plot(np.arange(1, 16), curve, "o-", markersize=4, label=f"{name} batch normalisation")
axis.axhline(10, color="gray", linestyle=":", label="guessing one of ten digits")
axis.set(xlabel="epoch", ylabel="validation accuracy, %", ylim=(0, 100))
axis.set_title("From too small weights, only the normalised network learns")
axis.legend(fontsize=8, loc="center right")
show(figure, "09_normalisation")
