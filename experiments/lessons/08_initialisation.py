# %% [markdown]
# # 8. Initialisation
#
# Each layer multiplies the size of its signal by some factor. In a deep network this factor counts
# once for each layer, so that 0.9 or 1.1 is far from 1 (claims 0.22, 2.32). He's rule draws the
# weights of a ReLU layer so that the factor is 1 on average (claims 1.9, 2.37).
#
# **Question.** With σ = 0.01 and 100 units a layer keeps 7% of the size. What is left after 20
# layers, and what does this mean for the gradient?

# %%
import jax
import numpy as np

import fnn
from fnn import data, diagnostics, initializers, losses, plot
from judging import judge, show

x, y = (part[:200] for part in data.load("digits").train)
DEPTH, WIDTH = 20, 100


def rms(a):
    """Return the root mean square, in float64: squares of tiny numbers are 0 in float32."""
    return np.sqrt(np.mean(np.asarray(a, float) ** 2))


def sizes(init):
    """Return the root mean square of each hidden layer's activations, in a fresh ReLU network."""
    net = fnn.mlp((64, *[WIDTH] * DEPTH, 10), activation="relu", init=init)
    params, _ = net.init(jax.random.key(0))
    signals = diagnostics.signals(net, losses.softmax_cross_entropy, params, x, y)
    return np.array([rms(a) for a in signals.outputs[1::2]])


# %% [markdown]
# ## Your cell
#
# Find He's rule. A unit adds n_in products w·a, so z has the variance n_in · var(w) · mean(a²).
# Half of the z are below zero, and ReLU makes them 0: the mean of the next a² is half the variance
# of z. Which standard deviation of w makes mean(a²) the same in each layer?


# %% your cell
def he(n_in, n_out):
    """Return the standard deviation of the weights of a layer from n_in to n_out units."""
    return ...


# %%
he = judge("08_initialisation", he)


def my_init(key, shape):
    """Draw W (out, in) by your rule."""
    n_out, n_in = shape
    return he(n_in, n_out) * jax.random.normal(key, shape)


# %% [markdown]
# ## Figure
#
# The vertical axis is logarithmic: a constant factor for each layer is a straight line.

# %%
rules = {
    "your rule (He)": my_init,
    "fnn's He, variance 2/n": initializers.he,
    "LeCun, variance 1/n": initializers.lecun,
    "normal, σ = 0.01": initializers.normal(0.01),
    "normal, σ = 0.3": initializers.normal(0.3),
}
figure, (axis,) = plot.figure(width=6.4, height=4.0)
for (name, rule), style in zip(rules.items(), ("o", "-", "-", "-", "-"), strict=True):
    size = sizes(rule)
    factor = (size[-1] / size[0]) ** (1 / (DEPTH - 1))
    print(f"{name:24} factor for each layer {factor:.3f}")
    label = f"{name}: factor {factor:.2f}"
    axis.plot(range(1, DEPTH + 1), size, style, markersize=5, label=label)
axis.set(yscale="log", xlabel="hidden layer", ylabel="root mean square of the activations")
axis.set_title("Only the right variance keeps the signal through 20 ReLU layers")
axis.set_xticks(range(2, DEPTH + 1, 2))
axis.set_ylim(1e-26, 1e15)
axis.legend(fontsize=8, loc="upper left", ncols=2)
show(figure, "08_initialisation")
