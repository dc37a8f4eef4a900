# %% [markdown]
# # 10. Capacity and depth
#
# A layer of two ReLU units can fold the line [0, 1]: it goes up to 1 and down again, the tent map.
# A second layer folds what is folded already, and each further one doubles the pieces (claim 3.4).
# A network with one hidden layer gains only one piece for each unit that it has more.
#
# **Question.** Both networks can draw the same curve. What does the deep one save, and which curves
# can it save nothing on?

# %%
import numpy as np

import fnn
from fnn import diagnostics, plot
from fnn.course import constructions
from judging import judge, show

x = np.linspace(0, 1, 1025)[:, None]
curves, pieces = {}, {}
for depth in (1, 2, 3, 4):
    net, params = constructions.tent_map(depth)  # `depth` hidden layers of two ReLU units each
    curves[depth] = np.asarray(fnn.apply(net, params, x), float)[:, 0]
    bends = diagnostics.breakpoints(x[:, 0], curves[depth])
    pieces[depth] = len(bends) + 1
    print(f"{depth} hidden layers, {2 * depth} units: {pieces[depth]} straight pieces")

# %% [markdown]
# ## Your cell
#
# Look at the table that the cell above has printed, and continue it to 10 hidden layers.
# How many hidden units does a network with ONE hidden layer need at least to draw the same curve?
# (A ReLU unit adds one bend. How many bends do so many pieces have?)

# %% your cell
shallow_units = ...

# %%
shallow_units = judge("10_depth", shallow_units)
print(f"10 folds: {2 * 10} units in ten layers, or {shallow_units} in one")

# %% [markdown]
# ## Figure
#
# Left, the curve of each depth. Right, the units that a deep and a shallow network need for it.

# %%
figure, (left, right) = plot.figure(columns=2, width=4.6, height=3.8)
for depth in (1, 2, 3):
    label = f"{depth} hidden layer{'s' * (depth > 1)}: {pieces[depth]} pieces"
    left.plot(x, curves[depth], linewidth=3.5 - depth, label=label)
left.set(xlabel="input x", ylabel="output y", ylim=(0, 1.45))
left.set_title("Each layer folds the curve once more", fontsize=11)
left.legend(fontsize=8, loc="upper right")
depths = np.arange(1, 11)
right.plot(depths, 2.0**depths - 1, "o-", color="#d55e00", label="one hidden layer")
right.plot(depths, 2 * depths, "s-", color="#0072b2", label="deep: two units for each layer")
right.plot(10, shallow_units, "*", color="black", markersize=13, label="your cell")
right.set(xlabel="number of folds", ylabel="hidden units needed", yscale="log")
right.set_title("Depth saves units, exponentially many", fontsize=11)
right.legend(fontsize=8, loc="upper left")
show(figure, "10_depth")
