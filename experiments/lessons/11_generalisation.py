# %% [markdown]
# # 11. Generalisation
#
# A large network can learn its training examples by heart, wrong labels included. Its training
# loss then falls on and on, while the loss of examples that it has never seen rises (claims 1.31,
# 4.12, 4.23). Early stopping keeps the parameters of the epoch with the least validation loss.
#
# **Question.** Why must the epoch be chosen by validation examples, and why should the test
# examples stay out of it?

# %%
import numpy as np

import fnn
from fnn import data, losses, optim, plot
from judging import judge, show

moons = data.load("moons")
x, y = moons.train.x[:60], np.array(moons.train.y[:60])
wrong = np.random.default_rng(0).choice(60, size=9, replace=False)
y[wrong] = 1 - y[wrong]  # 15% of the labels are wrong
few = data.from_splits((x, y), moons.validation, moons.test)
run = fnn.train(
    fnn.mlp((2, 64, 64, 2)),
    losses.softmax_cross_entropy,
    optim.adam(1e-2),
    few,
    epochs=200,
    batch_size=60,
    progress=False,
)

# %% [markdown]
# ## Your cell
#
# Write early stopping. Go through the validation losses of the epochs 0, 1, 2, … in order. Training
# stops after `patience` epochs in a row that were not below the best loss before them. The best
# epoch may lie further back than the last one. Without such a stop, the last epoch is the last.


# %% your cell
def early_stopping(validation_losses, patience):
    """Return the best epoch and the last epoch that is trained."""
    return ..., ...


# %%
early_stopping = judge("11_generalisation", early_stopping)
best, last = early_stopping(run.history["validation_loss"], 30)
accuracy = run.history["test_accuracy"]
print(f"best epoch {best}, stopped after epoch {last}, of {len(accuracy)}")
print(f"test accuracy at the best epoch {accuracy[best]:.3f}, after all {accuracy[-1]:.3f}")

# %% [markdown]
# ## Figure
#
# `fnn.train(..., patience=30)` does the same, and `run.best_params` are the parameters of the best
# epoch.

# %%
figure, (axis,) = plot.figure(width=6.4, height=4.0)
epochs = np.arange(len(accuracy))
for name, text in (("train", "training loss, 60 examples"), ("validation", "validation loss")):
    axis.plot(epochs, run.history[f"{name}_loss"], color=plot.COLORS[name], label=text)
lowest = run.history["validation_loss"][best]
axis.plot(best, lowest, "*", color="black", markersize=13, label=f"best epoch: {best}")
axis.axvline(last, color="gray", linestyle="--", label=f"patience 30 ends here: {last}")
axis.set(xlabel="epoch", ylabel="mean cross-entropy", ylim=(0, None))
axis.set_title("The training loss falls on while the validation loss rises")
axis.legend(fontsize=8)
show(figure, "11_generalisation")
