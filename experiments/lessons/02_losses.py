# %% [markdown]
# # 2. A loss says how wrong a prediction is
#
# A loss turns one prediction and its target into one number. Training lowers the mean of it over
# all N examples (claims 0.7, X4). Numbers are compared by their distance (claims 1.15, 1.16), and
# classes by the probability that the network gives to the right one (claims 1.17, 1.18).
#
# **Question.** One target in the data is a typing error, 10 instead of 1. Which of the three losses
# on the left lets it pull hardest on the network?

# %%
import numpy as np

from fnn import losses, plot
from judging import judge, show

error = np.linspace(-4, 4, 201)[:, None]
zero = np.zeros_like(error)
of_numbers = {
    "squared error": losses.squared_error.value(error, zero),
    "absolute error": losses.absolute_error.value(error, zero),
    "Huber, δ = 1": losses.huber(delta=1.0).value(error, zero),
}
logit = np.linspace(-6, 6, 201)[:, None]  # of the right class; the probability is σ(logit)
probability = 1 / (1 + np.exp(-logit))
of_classes = {
    "cross-entropy": losses.sigmoid_cross_entropy.value(logit, np.ones_like(logit)),
    "squared error of the probability": losses.squared_error.value(probability, zero + 1),
}

# %% [markdown]
# ## Your cell
#
# Compute the cross-entropy of several classes. Row i of `logits` has one number for each class.
# The probability of class c is exp(logit of c) / Σ exp(logits of the row). The loss of an example
# is −log of the probability of its label. Return the mean over the examples.
# Let it work for logits of 1000 too: subtract the largest logit of a row first, which changes no
# probability.


# %% your cell
def cross_entropy(logits, labels):
    """Return the mean loss. logits is (examples, classes), labels is (examples,) of integers."""
    return ...


# %%
cross_entropy = judge("02_losses", cross_entropy)
some_logits = np.array([[2.0, 0.0, -1.0], [0.5, 0.5, 0.5]])
some_labels = np.array([0, 2])
of_fnn = np.mean(losses.softmax_cross_entropy.value(some_logits, some_labels))
print(f"yours {cross_entropy(some_logits, some_labels):.6f}, fnn {of_fnn:.6f}")
print(f"guessing among three classes costs log 3 = {np.log(3):.6f}")

# %% [markdown]
# ## Figure
#
# The slope of a loss is the pull of one example. Left, only the squared error pulls harder and
# harder. Right, the squared error is flat where the network is sure and wrong. Cross-entropy is
# steep there.

# %%
figure, (left, right) = plot.figure(columns=2, width=4.6, height=3.8)
for name, value in of_numbers.items():
    left.plot(error, value, label=name)
left.set(xlabel="error: prediction − target", ylabel="loss of one example", ylim=(0, 8))
left.set_title("Numbers: a large error costs\nmost under the squared error", fontsize=11)
for name, value in of_classes.items():
    right.plot(logit, value, label=name)
right.set(xlabel="logit of the right class (negative: wrong)", ylabel="loss of one example")
right.set_title("Classes: cross-entropy keeps its\nslope where the network is wrong", fontsize=11)
for axis in (left, right):
    axis.legend(fontsize=8, loc="upper center" if axis is left else "upper right")
show(figure, "02_losses")
