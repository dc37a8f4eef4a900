"""The course's own material, in the forms that its documents print.

The rest of fnn does not need this package; the experiments do. It builds on layers, activations and
optimizers. Networks and functions flow out; `fnn.train` trains none of them.

    printed         rules whose printed form differs from the one in use
    surfaces        functions of few variables to watch a descent on
    descent         the path of an optimizer over a function, and its updates for given gradients
    constructions   networks whose weights are written down: XOR of NANDs, tents, interpolation
    perceptron      Rosenblatt's rule
    perturbation    learning by random changes of the weights

A new construction or surface is a function in its module and a test beside its neighbours' tests. A
new printed form stands in `printed`, with the number of the claim that it belongs to.
"""

from fnn.course import constructions, descent, perceptron, perturbation, printed, surfaces

__all__ = ["constructions", "descent", "perceptron", "perturbation", "printed", "surfaces"]
