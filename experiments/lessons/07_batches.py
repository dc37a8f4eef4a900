# %% [markdown]
# # 7. Batches
#
# The gradient of a few examples points nearly where the gradient of all examples points, and costs
# less. An epoch visits every example once, batch by batch, in a new order (claims 2.38, 3.7,
# 4.26). Small batches make more updates in an epoch, and noisier ones (claims 2.40, 4.27).
#
# **Question.** The noise of the gradient shrinks as 1/√B with the batch size B. How much larger
# must a batch be for half the noise?

# %%
import jax
import numpy as np

import fnn
from fnn import data, losses, optim, plot
from judging import judge, show

digits = data.load("digits").train
net = fnn.mlp((64, 16, 10))
step = fnn.train_step(net, losses.softmax_cross_entropy, optim.sgd(0.1))


def train(size, epochs, rng):
    """Return the loss of each batch, before its update."""
    state, found = step.init(jax.random.key(0)), []
    for _ in range(epochs):
        for rows in batches(len(digits.x), size, rng):
            state, metrics = step.update(state, digits.x[rows], digits.y[rows])
            found.append(metrics["loss"])
    return np.array(found)


# %% [markdown]
# ## Your cell
#
# Split the numbers 0 … n − 1 into batches, in a random order. `rng.permutation(n)` draws the order.
# Every number comes once. The last batch is shorter where n is no multiple of the size.


# %% your cell
def batches(n, size, rng):
    """Return a list of index arrays, one a batch."""
    return ...


# %%
batches = judge("07_batches", batches)
sizes = {8: 3, 64: 3, len(digits.x): 3}  # batch size -> epochs
curves = {size: train(size, epochs, np.random.default_rng(0)) for size, epochs in sizes.items()}
for size, curve in curves.items():
    print(f"batch size {size:4}: {len(curve):4} updates, last loss {curve[-1]:.3f}")

# %% [markdown]
# ## Figure
#
# All three curves see the digits three times. The small batch has learned most by then, and its
# loss jumps most from batch to batch. The last batch of each epoch has one digit only, since
# 1257 = 157 · 8 + 1: one of them makes the spike. One batch of everything makes three updates.

# %%
figure, (axis,) = plot.figure(width=6.4, height=4.0)
for (size, curve), style in zip(curves.items(), ("-", "-", "o-"), strict=True):
    epochs = np.arange(len(curve)) * sizes[size] / len(curve)
    label = f"batches of {size}: {len(curve)} updates"
    axis.plot(epochs, curve, style, linewidth=0.5 if size == 8 else 2, label=label)
axis.axhline(np.log(10), color="gray", linestyle=":", label="guessing: log 10")
axis.set(xlabel="epoch", ylabel="loss of the batch", ylim=(0, 5))
axis.set_title("Smaller batches learn more in an epoch, and are noisier")
axis.legend(fontsize=8, loc="upper right")
show(figure, "07_batches")
