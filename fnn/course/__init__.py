"""What the course alone has, in the forms that its documents print.

Nothing else of fnn needs this package; the experiments do. It builds on layers, activations and
optimizers, and none of it is trained by `fnn.train`.

    constructions   networks whose weights are written down: XOR of NANDs, tents, interpolation
    descent         the path of an optimizer over a function, and its answer to given gradients
    perceptron      Rosenblatt's rule
    perturbation    learning by random changes of the weights
    printed         rules whose printed form differs from the one in use
    surfaces        functions of few variables to watch a descent on

A new construction or surface is a function in its module and a test beside its neighbours' tests. A
new printed form stands in `printed`, with the number of the claim that it belongs to.
"""

from fnn.course import constructions, descent, perceptron, perturbation, printed, surfaces

__all__ = ["constructions", "descent", "perceptron", "perturbation", "printed", "surfaces"]
