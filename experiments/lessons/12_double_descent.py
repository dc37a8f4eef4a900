# %% [markdown]
# # 12. Double descent
#
# More parameters than examples need not be bad. The test error falls with the width of a network,
# rises to a peak where the network can just fit all training examples, and falls once more beyond
# it (claim 1.32). Here only the output layer is fitted, by least squares, so that no training
# procedure hides the effect.
#
# **Question.** At which number of units is the peak, and what happens to the coefficients there?

# %%
import jax
import numpy as np

import fnn
from fnn import data, plot
from judging import judge, show

digits = data.load("digits")
EXAMPLES, WIDEST = 100, 1000
hidden = fnn.mlp((64, WIDEST), output="relu")  # one hidden layer, whose weights stay random
params, _ = hidden.init(jax.random.key(0))


def features_and_targets(split):
    """Return the hidden activations (examples, WIDEST), and ±1 for the digits 5 to 9 and 0 to 4."""
    activations = fnn.apply(hidden, params, split.x)
    return np.asarray(activations, float) / np.sqrt(WIDEST), np.where(split.y >= 5, 1.0, -1.0)


train, train_targets = features_and_targets(digits.train)
test, test_targets = features_and_targets(digits.test)

# %% [markdown]
# ## Your cell
#
# Fit coefficients c so that F c is as near to y as can be. F is (examples, units). With more units
# than examples, many c fit exactly: return the shortest of them. `np.linalg.pinv` or
# `np.linalg.lstsq` do this; solving FᵀF c = Fᵀy does not, because FᵀF has no inverse then.


# %% your cell
def fit(F, y):
    """Return the shortest coefficients (units,) of least squares."""
    return ...


# %%
fit = judge("12_double_descent", fit)
widths = np.array([5, 10, 20, 40, 60, 80, 90, 100, 110, 130, 170, 250, 400, 600, 1000])
errors = np.empty((10, len(widths), 2))
for draw in range(len(errors)):
    rows = np.random.default_rng(draw).choice(len(train), EXAMPLES, replace=False)
    for i, width in enumerate(widths):
        F, y = train[rows, :width], train_targets[rows]
        c = fit(F, y)
        wrong = (F @ c) * y < 0, (test[:, :width] @ c) * test_targets < 0
        errors[draw, i] = [100 * each.mean() for each in wrong]

# %% [markdown]
# ## Figure

# %%
figure, (axis,) = plot.figure(width=6.4, height=4.0)
for column, name in enumerate(("train", "test")):
    label = f"{name} error, mean of {len(errors)} draws"
    color = plot.COLORS[name]
    axis.plot(widths, errors[..., column].mean(axis=0), "o-", color=color, label=label)
label = f"as many units as training examples: {EXAMPLES}"
axis.axvline(EXAMPLES, color="gray", linestyle="--", label=label)
axis.axhline(50, color="gray", linestyle=":", label="guessing")
axis.set(xscale="log", xlabel="hidden units", ylabel="wrong answers, %", ylim=(0, 75))
axis.set_title("The test error peaks where the network just fits, and falls beyond")
axis.legend(fontsize=8, loc="upper left")
show(figure, "12_double_descent")
