# %% [markdown]
# # 6. Optimizers
#
# In a long narrow valley the gradient points across the valley, and hardly along it. Momentum adds
# up what earlier gradients have in common (claim 1.23). Adam also divides each parameter's step by
# the size of its gradients (claim 4.30).
#
# **Question.** Why does plain gradient descent need so many steps here, and what would happen at a
# larger rate?

# %%
import jax.numpy as jnp
import numpy as np

from fnn import optim, plot
from fnn.course import descent, surfaces
from judging import judge, landscape, show

valley = surfaces.long_valley  # x²/100 + y²: a hundred times steeper across than along
start = jnp.array(valley.start)
STEPS = 60
rules = {
    "gradient descent, η = 0.9": optim.sgd(0.9),
    "momentum 0.9, η = 0.3": optim.momentum(0.3, decay=0.9),
    "Adam, η = 0.3": optim.adam(0.3),
}
paths = {
    name: descent.trajectory(valley.gradient, rule, start, steps=STEPS)
    for name, rule in rules.items()
}
for name, path in paths.items():
    print(f"{name:28} loss after {STEPS} steps {valley.value(path[-1]):.4f}")

# %% [markdown]
# ## Your cell
#
# Write one step of Adam. m is a running mean of g, and v one of g²:
# m ← β₁ m + (1 − β₁) g and v ← β₂ v + (1 − β₂) g².
# Both start at zero and are too small at first, so divide: m̂ = m/(1 − β₁ᵗ) and v̂ = v/(1 − β₂ᵗ).
# Then θ ← θ − η m̂/(√v̂ + ε). t is the number of the step, from 1 on.


# %% your cell
def adam_step(theta, m, v, g, t, rate=0.3, b1=0.9, b2=0.999, eps=1e-8):
    """Return the new theta, m and v."""
    m = ...
    v = ...
    return ..., m, v


# %%
adam_step = judge("06_optimizers", adam_step)

# %% [markdown]
# ## Figure
#
# Your Adam walks the valley too, as black crosses. They lie on the path of fnn's Adam.

# %%
theta, m, v = np.asarray(start, float), np.zeros(2), np.zeros(2)
mine = [theta]
for t in range(1, STEPS + 1):
    theta, m, v = adam_step(theta, m, v, np.asarray(valley.gradient(theta)), t)
    mine.append(theta)

figure, (axis,) = plot.figure(width=7.2, height=4.0)
landscape(
    axis, lambda x, y: np.asarray(valley.value(np.stack([x, y]))), x=(-8.5, 3.5), y=(-1.6, 1.6)
)
for name, path in paths.items():
    axis.plot(*path.T, ".-", linewidth=1.2, markersize=4, label=name)
axis.plot(*np.array(mine)[::4].T, "x", color="black", label="your Adam, each fourth step")
axis.plot(*start, "s", color="black", label="start")
axis.plot(0, 0, "*", color="red", markersize=13, label="minimum")
axis.set(xlabel="x, along the valley", ylabel="y, across the valley")
axis.set_title(f"{STEPS} steps: descent is half way, momentum and Adam have arrived")
axis.legend(fontsize=8, ncols=2, loc="lower center")
show(figure, "06_optimizers")
